"""Pages of orders: the ticket, what is done to orders, imports."""

from .acts import amend, cancel, derive, submit
from .approvals import approval, approvals, approve_clean, decide_approval, deputy, end_deputy
from .bulk import change, clone, reverse_filled
from .defaults import defaults
from .groups import approve_group, cancel_group, group, link, submit_group
from .imports import commit_import, discard_import, import_detail, imports
from .mapping import choose_listings, map_import
from .own_fields import own
from .proposals import discard_proposals, promote_proposals, proposals
from .ticket import instruments, sketch, ticket

__all__ = [
    "amend",
    "approval",
    "approvals",
    "approve_clean",
    "approve_group",
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
    "end_deputy",
    "group",
    "import_detail",
    "imports",
    "instruments",
    "link",
    "map_import",
    "own",
    "promote_proposals",
    "proposals",
    "reverse_filled",
    "sketch",
    "submit",
    "submit_group",
    "ticket",
]
