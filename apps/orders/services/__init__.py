"""Every change to orders, groups and imports."""

from .imports import (
    BadFile,
    StaleImport,
    commit_import,
    discard_import,
    stage_imports,
    upload_import,
)
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
    "BadFile",
    "BadWishes",
    "OrderBusy",
    "StaleImport",
    "StaleOrder",
    "Wish",
    "amend_orders",
    "cancel_orders",
    "commit_import",
    "create_orders",
    "discard_import",
    "mark_cleared",
    "mark_done",
    "mark_held",
    "mark_rejected",
    "mark_reopened",
    "mark_sent_back",
    "mark_working",
    "stage_imports",
    "submit_orders",
    "upload_import",
]
