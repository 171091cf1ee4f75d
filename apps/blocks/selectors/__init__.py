"""Every question about blocks."""

from .blocks import (
    blocks_seen_by,
    get_block_seen_by,
    members_seen_by,
    statement_seen_by,
    verify_statement,
    with_order_count,
)
from .owners import Queue, queues_of

__all__ = [
    "Queue",
    "blocks_seen_by",
    "get_block_seen_by",
    "members_seen_by",
    "queues_of",
    "statement_seen_by",
    "verify_statement",
    "with_order_count",
]
