"""What can happen to a mandate, to its clauses, and to what of the rules each clause is kept by."""

from dataclasses import dataclass, field

from apps.core.events import Event


@dataclass(frozen=True)
class MandateEntered(Event, code="mandate.entered"):
    """A mandate document of a portfolio, a group of portfolios or the firm."""

    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class MandateReissued(Event, code="mandate.reissued"):
    """A new edition of it: from ``effective_date`` on; ``sha256`` of its file, where one is kept."""

    number: int
    effective_date: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class MandateReworded(Event, code="mandate.reworded"):
    """How many of its clauses were entered, changed and taken out; each has a fact of its own."""

    entered: int = 0
    changed: int = 0
    removed: int = 0


@dataclass(frozen=True)
class MandateRetired(Event, code="mandate.retired"):
    pass


@dataclass(frozen=True)
class ClauseEntered(Event, code="clause.entered"):
    """It stands in the document, or does so again; ``after`` holds what it says."""

    mandate_id: int
    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class ClauseChanged(Event, code="clause.changed"):
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class ClauseRemoved(Event, code="clause.removed"):
    """The document no longer has it."""


@dataclass(frozen=True)
class MappingProposed(Event, code="mapping.proposed"):
    """An officer says which rule proves the clause, as version ``number``; without one, that none is needed."""

    clause_id: int
    rule_id: int | None = None
    number: int = 0
    text: str = ""


@dataclass(frozen=True)
class MappingApproved(Event, code="mapping.approved"):
    pass


@dataclass(frozen=True)
class MappingRefused(Event, code="mapping.refused"):
    pass


@dataclass(frozen=True)
class MappingDropped(Event, code="mapping.dropped"):
    """Its author gave it up, or it was proposed anew."""


@dataclass(frozen=True)
class MappingOutdated(Event, code="mapping.outdated"):
    """The clause or the rule is not what was mapped: ``why``."""

    why: str


@dataclass(frozen=True)
class MappingEnded(Event, code="mapping.ended"):
    why: str = ""
