"""Every change to orders, groups, imports and approvals."""

from .amending import Change, Outcome, amend_orders, change_orders
from .approving import ApprovalOutcome, approve, escalate_approvals, refuse_approvals, withdraw_approvals
from .carrying import NotCheckedToday, OtherSideAtWork, carry_orders
from .chains import (
    StaleChain,
    end_deputies,
    install_default_approval_rules,
    name_deputy,
    retire_approval_rule,
    save_approval_rule,
)
from .clearing import mark_cleared, mark_working
from .copies import NothingFilled, clone_orders, reverse_orders
from .entering import STEPS, BadFile, commit_import, confirm_import, enter_imports
from .groups import (
    BadLegs,
    LegIn,
    NothingToDo,
    NotYetLinked,
    approve_group,
    cancel_group,
    follow_groups,
    link_orders,
    submit_group,
)
from .imports import (
    StaleImport,
    discard_import,
    sheet_of,
    stage_imports,
    upload_import,
)
from .mapping import BadMapping, choose_listings, map_import, sample_import, unknown_words
from .moves import (
    OrderBusy,
    StaleOrder,
    cancel_orders,
    mark_done,
    mark_held,
    mark_rejected,
    mark_reopened,
    mark_sent_back,
    submit_orders,
)
from .own_fields import set_own_fields
from .tickets import BadWishes, Wish, create_orders

__all__ = [
    "ApprovalOutcome",
    "STEPS",
    "BadFile",
    "BadLegs",
    "BadMapping",
    "BadWishes",
    "Change",
    "LegIn",
    "NotCheckedToday",
    "NotYetLinked",
    "NothingFilled",
    "NothingToDo",
    "OrderBusy",
    "OtherSideAtWork",
    "Outcome",
    "StaleChain",
    "StaleImport",
    "StaleOrder",
    "Wish",
    "amend_orders",
    "approve",
    "approve_group",
    "cancel_group",
    "cancel_orders",
    "carry_orders",
    "change_orders",
    "clone_orders",
    "choose_listings",
    "commit_import",
    "confirm_import",
    "create_orders",
    "discard_import",
    "end_deputies",
    "escalate_approvals",
    "follow_groups",
    "install_default_approval_rules",
    "link_orders",
    "enter_imports",
    "map_import",
    "mark_cleared",
    "mark_done",
    "mark_held",
    "mark_rejected",
    "mark_reopened",
    "mark_sent_back",
    "mark_working",
    "name_deputy",
    "refuse_approvals",
    "retire_approval_rule",
    "reverse_orders",
    "save_approval_rule",
    "set_own_fields",
    "sample_import",
    "sheet_of",
    "stage_imports",
    "submit_group",
    "submit_orders",
    "unknown_words",
    "upload_import",
    "withdraw_approvals",
]
