"""Pages of orders: the ticket, what is done to orders, imports."""

from .acts import amend, cancel, derive, submit
from .approval_rules import approval_rule, retire_approval_rule
from .approvals import approval, approvals, approve_clean, decide_approval, deputy, end_deputy
from .bulk import change, clone, reverse_filled
from .defaults import defaults
from .evidence import add_document, attach_locate, document, evidence, release_locate
from .groups import approve_group, cancel_group, group, groups, link, submit_group
from .imports import commit_import, discard_import, import_detail, imports
from .mapping import choose_listings, map_import
from .own_fields import own
from .proposals import discard_proposals, promote_proposals, proposals
from .templates import remove_template, rename_template, templates
from .ticket import instruments, sketch, ticket

__all__ = [
    "add_document",
    "amend",
    "approval",
    "approval_rule",
    "approvals",
    "retire_approval_rule",
    "approve_clean",
    "approve_group",
    "attach_locate",
    "cancel",
    "cancel_group",
    "change",
    "choose_listings",
    "clone",
    "commit_import",
    "decide_approval",
    "defaults",
    "deputy",
    "derive",
    "discard_import",
    "discard_proposals",
    "document",
    "end_deputy",
    "evidence",
    "group",
    "groups",
    "import_detail",
    "imports",
    "instruments",
    "link",
    "map_import",
    "own",
    "promote_proposals",
    "proposals",
    "release_locate",
    "remove_template",
    "rename_template",
    "reverse_filled",
    "sketch",
    "submit",
    "submit_group",
    "templates",
    "ticket",
]
