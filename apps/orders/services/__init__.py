"""Every change to orders, groups, imports and approvals."""

from .amending import Change, Outcome, amend_orders, change_orders
from .approving import ApprovalOutcome, approve, escalate_approvals, refuse_approvals, withdraw_approvals
from .carrying import NotCheckedToday, OtherSideAtWork, carry_orders, mark_failing
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
from .documents import LARGEST, add_document
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
from .locates import NoLocate, attach_locate, refuse_unlocated, release_locate
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
from .proposals import (
    NoProposals,
    StaleProposal,
    discard_proposals,
    promote_proposals,
    propose_orders,
    wish_of,
)
from .templates import StaleTemplate, TemplateNameTaken, remove_template, rename_template
from .tickets import BadWishes, Wish, create_orders

__all__ = [
    "LARGEST",
    "STEPS",
    "ApprovalOutcome",
    "BadFile",
    "BadLegs",
    "BadMapping",
    "BadWishes",
    "Change",
    "LegIn",
    "NoLocate",
    "NoProposals",
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
    "StaleProposal",
    "StaleTemplate",
    "TemplateNameTaken",
    "Wish",
    "add_document",
    "amend_orders",
    "approve",
    "approve_group",
    "attach_locate",
    "cancel_group",
    "cancel_orders",
    "carry_orders",
    "change_orders",
    "choose_listings",
    "clone_orders",
    "commit_import",
    "confirm_import",
    "create_orders",
    "discard_import",
    "discard_proposals",
    "end_deputies",
    "enter_imports",
    "escalate_approvals",
    "follow_groups",
    "install_default_approval_rules",
    "link_orders",
    "map_import",
    "mark_cleared",
    "mark_done",
    "mark_failing",
    "mark_held",
    "mark_rejected",
    "mark_reopened",
    "mark_sent_back",
    "mark_working",
    "name_deputy",
    "promote_proposals",
    "propose_orders",
    "refuse_approvals",
    "refuse_unlocated",
    "release_locate",
    "remove_template",
    "rename_template",
    "retire_approval_rule",
    "reverse_orders",
    "sample_import",
    "save_approval_rule",
    "set_own_fields",
    "sheet_of",
    "stage_imports",
    "submit_group",
    "submit_orders",
    "unknown_words",
    "upload_import",
    "wish_of",
    "withdraw_approvals",
]
