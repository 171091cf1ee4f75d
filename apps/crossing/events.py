"""What can happen to a cross."""

from dataclasses import dataclass, field

from apps.core.events import Event


@dataclass(frozen=True)
class CrossProposed(Event, code="cross.proposed"):
    """``parts``: [order, quantity] of both sides."""

    opposition_id: int
    qty: str
    price: str
    source: str
    parts: list = field(default_factory=list)


@dataclass(frozen=True)
class CrossPartAccepted(Event, code="cross.part_accepted"):
    """Who runs these orders' portfolios, or the head of the desk, agreed; others are still to."""

    order_ids: list = field(default_factory=list)


@dataclass(frozen=True)
class CrossAccepted(Event, code="cross.accepted"):
    """The last of both sides agreed."""

    order_ids: list = field(default_factory=list)


@dataclass(frozen=True)
class CrossApproved(Event, code="cross.approved"):
    """A compliance officer approved it."""


@dataclass(frozen=True)
class CrossExecuted(Event, code="cross.executed"):
    """Both sides are booked, at the price of that moment."""

    qty: str
    price: str
    source: str
    quoted_at: str
    amount: str
    currency: str
    pairs: int
    bought_in_id: int
    sold_in_id: int


@dataclass(frozen=True)
class CrossDeclined(Event, code="cross.declined"):
    """One who had to agree did not, with the reason."""


@dataclass(frozen=True)
class CrossWithdrawn(Event, code="cross.withdrawn"):
    """The desk took the proposal back, with the reason."""


@dataclass(frozen=True)
class CrossExpired(Event, code="cross.expired"):
    """Nobody executed it in its time."""
