"""What the engine is told of a taxpayer: what is held in lots, bought and sold at a loss in all accounts together."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

WINDOW = 30
"""Days before and after a sale; with its own day sixty-one (26 USC 1091(a))."""


class TaxLot(NamedTuple):
    """A lot of one portfolio, oldest first; ``price`` None where its cost is not known."""

    opened_on: date
    qty: Decimal
    price: Decimal | None


class Bought(NamedTuple):
    """What one of the accounts bought on a day, or has an open order to buy."""

    portfolio: int
    code: str
    on: date
    qty: Decimal
    is_ira: bool
    is_open: bool = False


class LossSale(NamedTuple):
    """What one of the accounts sold on a day below its cost; ``loss`` in the instrument's currency."""

    code: str
    on: date
    qty: Decimal
    loss: Decimal


class Position(NamedTuple):
    """Of one taxpayer all that is substantially identical."""

    bought: list[Bought]
    losses: list[LossSale]


def is_within(one: date, other: date) -> bool:
    return abs((one - other).days) <= WINDOW
