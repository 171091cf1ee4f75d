"""What can happen to the terms on which a portfolio trades."""

from dataclasses import dataclass, field

from apps.core.events import Event


@dataclass(frozen=True)
class TermSet(Event, code="term.set"):
    """With whom a portfolio may trade, from a day on."""

    portfolio_id: int
    broker_id: int
    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class TermEnded(Event, code="term.ended"):
    portfolio_id: int
    broker_id: int
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)
