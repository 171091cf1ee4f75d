"""
Tax lots: what was bought when and at which price, first in, first out, made from the movements alone, so that a correction
of a movement corrects them. Arithmetic only.
"""

from collections import deque
from collections.abc import Collection, Iterable
from datetime import date
from decimal import Decimal
from typing import NamedTuple


class Traded(NamedTuple):
    """One movement of units, in the order of trade dates; ``price`` None where it is not known, as of what was opened with."""

    on: date
    qty: Decimal
    price: Decimal | None


class Lot(NamedTuple):
    """What is left of a purchase; its cost a unit is the price paid, None where that is not known."""

    opened_on: date
    qty: Decimal
    price: Decimal | None


class Closed(NamedTuple):
    """A part of a lot that was sold. Commissions and fees are in neither price."""

    on: date
    opened_on: date
    qty: Decimal
    cost: Decimal | None
    price: Decimal | None

    @property
    def loss(self) -> Decimal | None:
        """A unit; zero where it was sold at a gain, None where a price is not known."""
        if self.cost is None or self.price is None:
            return None
        return max(self.cost - self.price, Decimal(0))


def lots_of(movements: Iterable[Traded]) -> tuple[list[Lot], list[Closed]]:
    """What is left, oldest first, and what was sold. What was sold before it was bought opens no lot until it is covered."""
    left: deque[Lot] = deque()
    closed: list[Closed] = []
    short = Decimal(0)
    for moved in movements:
        qty = moved.qty
        if qty > 0:
            covered = min(qty, short)
            short, qty = short - covered, qty - covered
            if qty:
                left.append(Lot(moved.on, qty, moved.price))
            continue
        sold, found = sell(list(left), -qty)
        closed += [Closed(moved.on, lot.opened_on, lot.qty, lot.price, moved.price) for lot in sold]
        left = deque(found)
        short += -qty - sum((lot.qty for lot in sold), Decimal(0))
    return list(left), closed


def sell(lots: list[Lot], qty: Decimal) -> tuple[list[Lot], list[Lot]]:
    """The parts of lots that a sale of so many takes, first in, first out, and what is left of all."""
    sold, left = [], []
    for lot in lots:
        taken = min(lot.qty, qty)
        qty -= taken
        if taken:
            sold.append(lot._replace(qty=taken))
        if lot.qty > taken:
            left.append(lot._replace(qty=lot.qty - taken))
    return sold, left


def bought(lots: Collection[Lot], closed: Collection[Closed]) -> dict[date, Decimal]:
    """Day to what was bought on it, whether it is left or sold by now."""
    days: dict[date, Decimal] = {}
    for lot in (*lots, *closed):
        days[lot.opened_on] = days.get(lot.opened_on, Decimal(0)) + lot.qty
    return days
