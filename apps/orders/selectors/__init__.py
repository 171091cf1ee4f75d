"""Every question about orders, groups and imports."""

from .orders import changes_since, get_order_seen_by, orders_seen_by, portfolio_scope
from .tickets import desk_facts, instrument_facts, mids, portfolio_facts, references_in_use

__all__ = [
    "changes_since",
    "desk_facts",
    "get_order_seen_by",
    "instrument_facts",
    "mids",
    "orders_seen_by",
    "portfolio_facts",
    "portfolio_scope",
    "references_in_use",
]
