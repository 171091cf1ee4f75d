"""What can happen to a file of orders and to a template that reads such files."""

from dataclasses import dataclass, field

from apps.core.events import Event


@dataclass(frozen=True)
class ImportUploaded(Event, code="import.uploaded"):
    file_name: str
    sha256: str


@dataclass(frozen=True)
class ImportAdvanced(Event, code="import.advanced"):
    """A part of a long file was staged; the next follows."""

    rows_read: int
    rows: int


@dataclass(frozen=True)
class ImportUnmapped(Event, code="import.unmapped"):
    """A person must say which of its columns means what."""

    why: str


@dataclass(frozen=True)
class ImportMapped(Event, code="import.mapped"):
    """What its columns, words and names mean was said; it is read anew. ``listings``: name to instrument."""

    columns: dict = field(default_factory=dict)
    words: dict = field(default_factory=dict)
    listings: dict = field(default_factory=dict)
    template_id: int | None = None


@dataclass(frozen=True)
class TemplateSaved(Event, code="template.saved"):
    """Files with these headings are understood so from now on."""

    name: str
    headings: list[str] = field(default_factory=list)
    columns: dict = field(default_factory=dict)
    words: dict = field(default_factory=dict)
    desk_id: int | None = None


@dataclass(frozen=True)
class TemplateRenamed(Event, code="template.renamed"):
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class TemplateRemoved(Event, code="template.removed"):
    """No more file is read by it."""


@dataclass(frozen=True)
class ImportStaged(Event, code="import.staged"):
    rows: int
    bad: int


@dataclass(frozen=True)
class ImportFailed(Event, code="import.failed"):
    error: str


@dataclass(frozen=True)
class ImportConfirmed(Event, code="import.confirmed"):
    """The person wants its orders entered: a worker will."""

    accept_valid: bool
    group_name: str
    submit: bool


@dataclass(frozen=True)
class ImportRefused(Event, code="import.refused"):
    """It could not be entered when its turn came; nothing of it was."""

    error: str
    bad: int


@dataclass(frozen=True)
class ImportCommitted(Event, code="import.committed"):
    orders: int
    left_out: int = 0
    group_ids: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class ImportDiscarded(Event, code="import.discarded"):
    pass
