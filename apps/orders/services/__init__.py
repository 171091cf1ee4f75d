"""Every change to orders, groups and imports."""

from .amending import Change, Outcome, amend_orders, change_orders
from .copies import NothingFilled, clone_orders, reverse_orders
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
from .own_fields import set_own_fields
from .tickets import BadWishes, Wish, create_orders

__all__ = [
    "BadFile",
    "BadWishes",
    "Change",
    "NothingFilled",
    "OrderBusy",
    "Outcome",
    "StaleImport",
    "StaleOrder",
    "Wish",
    "amend_orders",
    "cancel_orders",
    "change_orders",
    "clone_orders",
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
    "reverse_orders",
    "set_own_fields",
    "stage_imports",
    "submit_orders",
    "upload_import",
]
