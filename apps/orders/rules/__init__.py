"""Arithmetic and judgement of orders: what a ticket must be, what a file says."""

from .cells import PRICE_PLACES, PRICE_UNIT, QTY_PLACES, QTY_UNIT, as_text
from .changes import asks_more, moved, opposite, plain, scaled, without_what_it_lost
from .defaults import FILLED, Default, mismatch, with_defaults
from .groups import KINDS, WAITING_ROLES, LegTerms, standing, unfit
from .handling import HANDLING
from .own_fields import OwnField, checked, definition_problems
from .sheets import Sheet, Unreadable, missing, read, refuse_unfit, signature, stored, unstored
from .tickets import FACTS, ORDER_TYPES, SIDES, TERMS, TIFS, TYPED, judged

__all__ = [
    "ORDER_TYPES",
    "SIDES",
    "TIFS",
    "FACTS",
    "FILLED",
    "HANDLING",
    "KINDS",
    "PRICE_PLACES",
    "PRICE_UNIT",
    "QTY_PLACES",
    "QTY_UNIT",
    "TERMS",
    "TYPED",
    "WAITING_ROLES",
    "Default",
    "LegTerms",
    "OwnField",
    "Sheet",
    "Unreadable",
    "as_text",
    "asks_more",
    "checked",
    "definition_problems",
    "judged",
    "mismatch",
    "moved",
    "opposite",
    "plain",
    "read",
    "refuse_unfit",
    "missing",
    "scaled",
    "standing",
    "signature",
    "stored",
    "unfit",
    "unstored",
    "with_defaults",
    "without_what_it_lost",
]
