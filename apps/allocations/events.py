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


@dataclass(frozen=True)
class ChargeAgreed(Event, code="charge.agreed"):
    """What a broker takes for its part of a block, as it was booked: it said what its rate card says, or said nothing."""

    block_id: int
    broker_id: int
    booked: str
    currency: str


@dataclass(frozen=True)
class ChargeDiffered(Event, code="charge.differed"):
    """A break: the broker said another commission than its rate card."""

    block_id: int
    broker_id: int
    booked: str
    currency: str
    said: str
    expected: str


@dataclass(frozen=True)
class ChargeSettled(Event, code="charge.settled"):
    """A person said how the difference ended. What is booked stays."""

    how: str


@dataclass(frozen=True)
class ChargeWithdrawn(Event, code="charge.withdrawn"):
    """The booking was taken back."""

    reason: str = ""
