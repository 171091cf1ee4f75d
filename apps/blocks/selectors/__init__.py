"""Every question about blocks."""

from .blocks import (
    blocks_seen_by,
    get_block_seen_by,
    members_seen_by,
    seen_from,
    statement_seen_by,
    verify_statement,
    with_order_count,
)
from .mids import forwards_of, mids_of
from .notes import Unread, thread_of_block, thread_of_order, unread_by
from .opposing import get_opposition_seen_by, open_oppositions, oppositions_seen_by
from .owners import Queue, queues_of
from .parts import Share, shares_of_parts
from .rotating import Due, evidence, get_rotation_seen_by, rotations_seen_by, turns_of

__all__ = [
    "Share",
    "shares_of_parts",
    "Due",
    "Queue",
    "Unread",
    "blocks_seen_by",
    "seen_from",
    "evidence",
    "forwards_of",
    "get_block_seen_by",
    "get_opposition_seen_by",
    "get_rotation_seen_by",
    "members_seen_by",
    "mids_of",
    "open_oppositions",
    "oppositions_seen_by",
    "queues_of",
    "rotations_seen_by",
    "statement_seen_by",
    "thread_of_block",
    "thread_of_order",
    "turns_of",
    "unread_by",
    "verify_statement",
    "with_order_count",
]
