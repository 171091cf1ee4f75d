"""What the engine is told of a taxpayer: what is held in lots, bought and sold at a loss in all accounts together."""

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from apps.portfolios.lots import Closed, Lot, bought

WINDOW = 30
"""Days before and after a sale; with its own day sixty-one (26 USC 1091(a))."""


class Account(NamedTuple):
    """A portfolio of the taxpayer's."""

    id: int
    code: str
    is_ira: bool


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
    """What one of the accounts sold on a day below its cost; ``loss`` in the instrument's currency, None where its cost is not known."""

    code: str
    on: date
    qty: Decimal
    loss: Decimal | None


class Position(NamedTuple):
    """Of one taxpayer all that is substantially identical."""

    bought: list[Bought]
    losses: list[LossSale]


def is_within(one: date, other: date) -> bool:
    return abs((one - other).days) <= WINDOW


def count_lots(of: Position, mine: Account, left: Collection[Lot], closed: Collection[Closed], factor: Decimal) -> None:
    """
    Adds what an account bought of an instrument, and sold at a loss or at what may be one. What left without a price was not sold.

    :param factor: the instrument's price factor
    """
    of.bought.extend(Bought(mine.id, mine.code, on, qty, mine.is_ira) for on, qty in sorted(bought(left, closed).items()))
    of.losses.extend(
        LossSale(mine.code, one.on, one.qty, None if one.loss is None else one.loss * one.qty * factor)
        for one in closed
        if one.price is not None and one.loss != 0
    )
