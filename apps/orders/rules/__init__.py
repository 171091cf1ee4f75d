"""Arithmetic and judgement of orders: what a ticket must be, what a file says."""

from .cells import PRICE_PLACES, PRICE_UNIT, QTY_PLACES, QTY_UNIT, as_text
from .changes import asks_more, moved, opposite, plain, scaled, without_what_it_lost
from .defaults import FILLED, Default, mismatch, with_defaults
from .handling import HANDLING
from .own_fields import OwnField, checked, definition_problems
from .sheets import Sheet, Unreadable, read, refuse_unfit, stored, unstored
from .tickets import FACTS, TERMS, TYPED, judged

__all__ = [
    "FACTS",
    "HANDLING",
    "FILLED",
    "PRICE_PLACES",
    "PRICE_UNIT",
    "QTY_PLACES",
    "QTY_UNIT",
    "TERMS",
    "TYPED",
    "Default",
    "OwnField",
    "Sheet",
    "Unreadable",
    "as_text",
    "checked",
    "definition_problems",
    "asks_more",
    "judged",
    "moved",
    "opposite",
    "plain",
    "mismatch",
    "read",
    "refuse_unfit",
    "scaled",
    "stored",
    "unstored",
    "without_what_it_lost",
    "with_defaults",
]
