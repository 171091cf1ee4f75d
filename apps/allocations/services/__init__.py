"""Every change to allocations."""

from .allocating import allocate_blocks, reverse_allocations
from .charging import StaleCharge, settle_charges
from .crossing import Leg, Met, Terms, book_crosses
from .telling import ask_after_fills

__all__ = [
    "Leg",
    "Met",
    "StaleCharge",
    "Terms",
    "allocate_blocks",
    "ask_after_fills",
    "book_crosses",
    "reverse_allocations",
    "settle_charges",
]
