"""What people keep on the desk: their views of lists, and what they carried out of the house in files."""

from dataclasses import dataclass, field

from apps.core.events import Event


@dataclass(frozen=True)
class ViewSaved(Event, code="view.saved"):
    """
    A view of a list was made or changed; ``desk`` is the code of the desk it is shared with, empty for nobody. ``before``
    and ``after`` hold each part that was another.
    """

    list: str
    name: str
    desk: str
    spec: dict
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class ViewRemoved(Event, code="view.removed"):
    """Its owner threw a view away; ``before`` is what it was."""

    list: str
    name: str
    before: dict = field(default_factory=dict)


@dataclass(frozen=True)
class ListExported(Event, code="export.made"):
    """Rows of a list left the house as a file: which columns, under which filters, how many rows as of when."""

    list: str
    format: str
    view: str
    columns: list
    filters: list
    rows: int
