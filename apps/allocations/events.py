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


@dataclass(frozen=True)
class StepOutAgreed(Event, code="step_out.agreed"):
    """A part of what one broker executed of a block goes to another, which confirms and settles it."""

    block_id: int
    from_broker: str
    to_broker: str
    qty: str
    gives_commission: bool


@dataclass(frozen=True)
class StepOutBooked(Event, code="step_out.booked"):
    """So much of it was booked; less than agreed where less was executed in the end."""

    qty: str


@dataclass(frozen=True)
class StepOutWithdrawn(Event, code="step_out.withdrawn"):
    pass


@dataclass(frozen=True)
class CsaCredited(Event, code="csa.credited"):
    """The research part of a commission that was booked."""

    charge_id: int
    amount: str
    balance: str


@dataclass(frozen=True)
class CsaTakenBack(Event, code="csa.taken_back"):
    """The booking it came from was taken back."""

    charge_id: int
    amount: str
    balance: str


@dataclass(frozen=True)
class CsaPaid(Event, code="csa.paid"):
    """Research was paid out of it."""

    provider: str
    invoice: str
    amount: str
    balance: str
    overdraws: bool = False


@dataclass(frozen=True)
class CsaCorrected(Event, code="csa.corrected"):
    amount: str
    balance: str
    overdraws: bool = False
