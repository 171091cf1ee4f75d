"""Every change to blocks."""

from .crossing import cross_blocks, hold_blocks
from .gathering import drop_orders, gather_orders
from .joining import join_orders
from .notes import mark_read, write_note
from .opposing import (
    StaleOpposition,
    find_oppositions,
    mark_cross_ended,
    mark_opposition_crossed,
    mark_proposed,
    trade_apart,
)
from .owners import OwnedByAnother, refuse_others, refuse_owned_by_others
from .owning import hand_over_blocks, pick_up_blocks, take_over_queue
from .rotating import FREE, OutOfTurn, StaleRotation, Taken, end_rotation, make_rotation, reset_rotation
from .splitting import (
    BadPart,
    NothingLeft,
    NotInABlock,
    NotInTheBlock,
    regather_orders,
    split_block,
    split_block_by_broker,
    split_block_by_qty,
    split_order,
    unblock_blocks,
)
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
    "BadPart",
    "NotInABlock",
    "join_orders",
    "split_block_by_broker",
    "split_block_by_qty",
    "split_order",
    "FREE",
    "MembersChanging",
    "NotInTheBlock",
    "NotWorking",
    "NothingLeft",
    "OutOfTurn",
    "Overfilled",
    "Overplaced",
    "OwnedByAnother",
    "StaleBlock",
    "StaleOpposition",
    "StaleRotation",
    "StillWorking",
    "Taken",
    "cross_blocks",
    "drop_orders",
    "end_rotation",
    "find_oppositions",
    "finish_blocks",
    "freeze_blocks",
    "gather_orders",
    "hand_over_blocks",
    "hold_blocks",
    "make_rotation",
    "mark_allocated",
    "mark_cross_ended",
    "mark_filled",
    "mark_opposition_crossed",
    "mark_placed",
    "mark_proposed",
    "mark_read",
    "pick_up_blocks",
    "refuse_others",
    "refuse_owned_by_others",
    "regather_orders",
    "reopen_blocks",
    "reset_rotation",
    "split_block",
    "take_over_queue",
    "trade_apart",
    "unblock_blocks",
    "write_note",
]
