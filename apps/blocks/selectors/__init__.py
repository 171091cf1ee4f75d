"""Every question about blocks."""

from .blocks import (
    blocks_seen_by,
    get_block_seen_by,
    members_seen_by,
    statement_seen_by,
    verify_statement,
    with_order_count,
)
from .notes import Unread, notes_about, thread_of_block, thread_of_order, unread_by
from .opposing import get_opposition_seen_by, open_oppositions, oppositions_seen_by
from .owners import Queue, queues_of

__all__ = [
    "Queue",
    "Unread",
    "blocks_seen_by",
    "get_block_seen_by",
    "get_opposition_seen_by",
    "members_seen_by",
    "notes_about",
    "open_oppositions",
    "oppositions_seen_by",
    "queues_of",
    "statement_seen_by",
    "thread_of_block",
    "thread_of_order",
    "unread_by",
    "verify_statement",
    "with_order_count",
]
