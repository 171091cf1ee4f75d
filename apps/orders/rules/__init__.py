"""Arithmetic and judgement of orders: what a ticket must be, what a file says."""

from .changes import asks_more, moved, opposite, plain, scaled
from .sheets import Sheet, Unreadable, read, refuse_unfit, stored, unstored
from .tickets import FACTS, PRICE_PLACES, PRICE_UNIT, QTY_PLACES, QTY_UNIT, TERMS, TYPED, as_text, judged

__all__ = [
    "FACTS",
    "PRICE_PLACES",
    "PRICE_UNIT",
    "QTY_PLACES",
    "QTY_UNIT",
    "TERMS",
    "TYPED",
    "Sheet",
    "Unreadable",
    "as_text",
    "asks_more",
    "judged",
    "moved",
    "opposite",
    "plain",
    "read",
    "refuse_unfit",
    "scaled",
    "stored",
    "unstored",
]
