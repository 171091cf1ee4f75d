"""Every question about orders, groups and imports."""

from .approvals import (
    Needed,
    Rights,
    approval_rules,
    approvals_seen_by,
    before_the_desk,
    deputies,
    get_approval_seen_by,
    hands_on,
    waiting_approvals,
)
from .classes import Words, words_of
from .defaults import Tried, defaults_on, dry_run, kinds_of
from .evidence import documents_of, get_document_seen_by, lenders_of, locates_of, unlocated
from .groups import BESIDE, get_group_seen_by, groups_seen_by, kin, members, waiting_legs
from .imports import (
    ambiguous_names,
    get_import_seen_by,
    import_rows,
    imports_seen_by,
    instruments_named,
    portfolio_codes,
    template_for,
    templates_seen_by,
)
from .intents import known_of
from .orders import changes_since, get_order_seen_by, orders_seen_by, portfolio_scope
from .own_fields import own_fields, own_in_words
from .proposals import open_proposals, proposal_of, proposals_seen_by
from .tickets import (
    brokers_taking,
    desk_facts,
    funds_among,
    instrument_facts,
    mids,
    pairs_known,
    portfolio_facts,
    references_in_use,
)

__all__ = [
    "BESIDE",
    "Needed",
    "Rights",
    "Tried",
    "Words",
    "ambiguous_names",
    "approval_rules",
    "approvals_seen_by",
    "before_the_desk",
    "brokers_taking",
    "changes_since",
    "defaults_on",
    "deputies",
    "desk_facts",
    "documents_of",
    "dry_run",
    "funds_among",
    "get_approval_seen_by",
    "get_document_seen_by",
    "get_group_seen_by",
    "get_import_seen_by",
    "get_order_seen_by",
    "groups_seen_by",
    "hands_on",
    "import_rows",
    "imports_seen_by",
    "instrument_facts",
    "instruments_named",
    "kin",
    "kinds_of",
    "known_of",
    "lenders_of",
    "locates_of",
    "members",
    "mids",
    "open_proposals",
    "orders_seen_by",
    "own_fields",
    "own_in_words",
    "pairs_known",
    "portfolio_codes",
    "portfolio_facts",
    "portfolio_scope",
    "proposal_of",
    "proposals_seen_by",
    "references_in_use",
    "template_for",
    "templates_seen_by",
    "unlocated",
    "waiting_approvals",
    "waiting_legs",
    "words_of",
]
