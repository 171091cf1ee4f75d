"""Every change to allocations."""

from .allocating import allocate_blocks, reverse_allocations
from .crossing import Leg, Met, Terms, book_crosses
from .telling import ask_after_fills

__all__ = ["Leg", "Met", "Terms", "allocate_blocks", "ask_after_fills", "book_crosses", "reverse_allocations"]
