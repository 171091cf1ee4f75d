"""What people keep on the desk: their views of lists, and what they carried out of the house in files."""

from dataclasses import dataclass

from apps.core.events import Event


@dataclass(frozen=True)
class ViewSaved(Event, code="view.saved"):
    """A view of a list was made or changed; ``desk`` is the code of the desk it is shared with, empty for nobody."""

    list: str
    name: str
    desk: str
    spec: dict


@dataclass(frozen=True)
class ViewRemoved(Event, code="view.removed"):
    """Its owner threw a view away."""

    list: str
    name: str


@dataclass(frozen=True)
class ListExported(Event, code="export.made"):
    """Rows of a list left the house as a file: which columns, under which filters, how many rows as of when."""

    list: str
    format: str
    view: str
    columns: list
    filters: list
    rows: int
