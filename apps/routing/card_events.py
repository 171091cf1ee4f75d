"""What happens to rate cards: what a broker may take for what it executes."""

from dataclasses import dataclass

from apps.core.events import Event


@dataclass(frozen=True)
class RateCardProposed(Event, code="rate_card.proposed"):
    """What is to be paid, whole; in force once another person approves it."""

    said: dict


@dataclass(frozen=True)
class RateCardApproved(Event, code="rate_card.approved"):
    pass


@dataclass(frozen=True)
class RateCardDeclined(Event, code="rate_card.declined"):
    pass


@dataclass(frozen=True)
class RateCardCut(Event, code="rate_card.cut"):
    """A later card takes its place from the day after ``ends_on``."""

    ends_on: str
    by: str
