"""Arithmetic and judgement of orders: what a ticket must be, what a file says."""

from .cells import PRICE_PLACES, PRICE_UNIT, QTY_PLACES, QTY_UNIT, as_text
from .changes import Compared, compared, moved, opposite, plain, scaled, without_what_it_lost
from .classes import CLASSES, OWN_TERMS, ClassTerms, defaults_in_words, side_word, spoken, unit_of
from .defaults import FILLED, Default, mismatch, with_defaults
from .funds import by_amount
from .groups import KINDS, WAITING_ROLES, LegTerms, standing, unfit
from .handling import HANDLING
from .headless import columns_by_content, is_headless
from .intents import FROM_HOLDING, INTENTS, Derived, Known, derived
from .own_fields import OwnField, as_asked, checked, definition_problems, value_asked
from .parts import unfit_part
from .sheets import Sheet, Unreadable, lines_of, missing, read, refuse_unfit, signature, stored, unstored
from .tickets import FACTS, ORDER_TYPES, SIDES, TERMS, TIFS, TYPED, judged

__all__ = [
    "unfit_part",
    "CLASSES",
    "FACTS",
    "FILLED",
    "HANDLING",
    "FROM_HOLDING",
    "INTENTS",
    "KINDS",
    "ORDER_TYPES",
    "OWN_TERMS",
    "PRICE_PLACES",
    "PRICE_UNIT",
    "QTY_PLACES",
    "QTY_UNIT",
    "SIDES",
    "TERMS",
    "TIFS",
    "TYPED",
    "WAITING_ROLES",
    "ClassTerms",
    "Compared",
    "Default",
    "Derived",
    "Known",
    "LegTerms",
    "OwnField",
    "Sheet",
    "Unreadable",
    "as_asked",
    "value_asked",
    "as_text",
    "by_amount",
    "checked",
    "columns_by_content",
    "compared",
    "defaults_in_words",
    "definition_problems",
    "derived",
    "is_headless",
    "judged",
    "lines_of",
    "mismatch",
    "missing",
    "moved",
    "opposite",
    "plain",
    "read",
    "refuse_unfit",
    "scaled",
    "side_word",
    "signature",
    "spoken",
    "standing",
    "stored",
    "unfit",
    "unit_of",
    "unstored",
    "with_defaults",
    "without_what_it_lost",
]
