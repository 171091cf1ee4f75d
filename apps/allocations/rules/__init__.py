"""Arithmetic of allocation: pure functions, by noun."""

from apps.core.shares import quantity, units
from apps.reference.accruals import Coupon, accrued, accrued_amount

from .bookings import (
    PRICE_PLACES,
    BlockFacts,
    Booked,
    Filled,
    book,
    gross_amount,
    intended_shares,
    is_paid,
    net_amount,
    published_price,
)
from .charges import Charged, Ticket, charge, research_of
from .shares import (
    Overshared,
    Segments,
    pro_rata,
    pro_rata_columns,
    share_amounts,
    split_among_brokers,
    split_columns,
)
from .step_outs import Part, Stepped, step_out

__all__ = [
    "PRICE_PLACES",
    "Part",
    "BlockFacts",
    "Booked",
    "Charged",
    "Coupon",
    "Filled",
    "Overshared",
    "Segments",
    "Stepped",
    "Ticket",
    "accrued",
    "accrued_amount",
    "book",
    "charge",
    "gross_amount",
    "intended_shares",
    "is_paid",
    "net_amount",
    "pro_rata",
    "pro_rata_columns",
    "published_price",
    "quantity",
    "research_of",
    "share_amounts",
    "split_among_brokers",
    "split_columns",
    "step_out",
    "units",
]
