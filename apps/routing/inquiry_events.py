"""Facts of the negotiation with dealers after they were asked."""

from dataclasses import dataclass

from apps.core.events import Event


@dataclass(frozen=True)
class InquiryCountered(Event, code="inquiry.countered"):
    """We answered a dealer's price with one of ours; the dealer quotes anew, or passes."""

    dealer_id: int
    price: str
    qty: str
    quoted: str


@dataclass(frozen=True)
class AxisTold(Event, code="axis.told"):
    """A dealer said what it would deal in, by file or message."""

    dealer_id: int
    instrument_id: int
    kind: str
    dealer_side: str
    qty: str | None = None
    price: str | None = None
    expires_at: str = ""
    source: str = ""
    ref: str = ""


@dataclass(frozen=True)
class AxisEnded(Event, code="axis.ended"):
    """The dealer took it back, or said something else in its place."""

    why: str


@dataclass(frozen=True)
class InquiryDrifted(Event, code="inquiry.drifted"):
    """Where the mid was some minutes after the decision; None where it was not known in time."""

    mid: str | None = None
