"""What can happen to an allocation."""

from dataclasses import dataclass

from apps.core.events import Event


@dataclass(frozen=True)
class AllocationBooked(Event, code="allocation.booked"):
    block_id: int
    order_id: int
    portfolio_id: int
    qty: str
    price: str
    net_amount: str


@dataclass(frozen=True)
class AllocationReversed(Event, code="allocation.reversed"):
    block_id: int
    reason: str = ""
