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
