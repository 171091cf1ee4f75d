"""Every change to blocks."""

from .gathering import drop_orders, gather_orders
from .working import (
    MembersChanging,
    NotWorking,
    Overfilled,
    Overplaced,
    StaleBlock,
    StillWorking,
    finish_blocks,
    freeze_blocks,
    mark_allocated,
    mark_filled,
    mark_placed,
    reopen_blocks,
)

__all__ = [
    "MembersChanging",
    "NotWorking",
    "Overfilled",
    "Overplaced",
    "StaleBlock",
    "StillWorking",
    "drop_orders",
    "finish_blocks",
    "freeze_blocks",
    "gather_orders",
    "mark_allocated",
    "mark_filled",
    "mark_placed",
    "reopen_blocks",
]
