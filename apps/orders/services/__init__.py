"""Every change to orders, groups and imports."""

from .moves import (
    OrderBusy,
    StaleOrder,
    amend_orders,
    cancel_orders,
    mark_cleared,
    mark_done,
    mark_held,
    mark_rejected,
    mark_reopened,
    mark_sent_back,
    mark_working,
    submit_orders,
)
from .tickets import BadWishes, Wish, create_orders

__all__ = [
    "BadWishes",
    "OrderBusy",
    "StaleOrder",
    "Wish",
    "amend_orders",
    "cancel_orders",
    "create_orders",
    "mark_cleared",
    "mark_done",
    "mark_held",
    "mark_rejected",
    "mark_reopened",
    "mark_sent_back",
    "mark_working",
    "submit_orders",
]
