"""Every change to allocations."""

from .allocating import allocate_blocks, reverse_allocations
from .crossing import Leg, Met, Terms, book_crosses

__all__ = ["Leg", "Met", "Terms", "allocate_blocks", "book_crosses", "reverse_allocations"]
