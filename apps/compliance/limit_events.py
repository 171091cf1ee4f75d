"""What can happen to a trading limit, and to what would end it."""

from dataclasses import dataclass, field

from apps.core.events import Event


@dataclass(frozen=True)
class LimitSet(Event, code="limit.set"):
    """A trading limit, as it is to hold from its first day on."""

    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class LimitEnded(Event, code="limit.ended"):
    """Two officers agreed (``end_id``): it holds through a day and no longer."""

    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)
    end_id: int | None = None


@dataclass(frozen=True)
class LimitEndProposed(Event, code="limit_end.proposed"):
    """One officer would have a limit hold through a day and no longer, for the act's reason."""

    limit_id: int
    ends_on: str


@dataclass(frozen=True)
class LimitEndApproved(Event, code="limit_end.approved"):
    """Another agreed; the limit ends with ``ends_on``, the day proposed or, where that was over, the last that was."""

    limit_id: int
    ends_on: str


@dataclass(frozen=True)
class LimitEndRefused(Event, code="limit_end.refused"):
    limit_id: int


@dataclass(frozen=True)
class LimitEndDropped(Event, code="limit_end.dropped"):
    """Who proposed it gave it up."""

    limit_id: int
