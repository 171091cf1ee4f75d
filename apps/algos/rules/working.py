"""What an algorithm is to send at a moment: pure, so that a beat may ask as often as it likes."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from .schedules import Slice


class Standing(NamedTuple):
    """
    Of an algorithm's child orders.

    :param committed: filled, or still worked by a broker
    :param live: how many a broker still works
    :param rejected: how many were rejected since a person last looked at it
    :param cancelled: how many came back not filled, unasked, since then
    """

    committed: Decimal = Decimal(0)
    filled: Decimal = Decimal(0)
    live: int = 0
    rejected: int = 0
    cancelled: int = 0


def due(plan: Sequence[tuple[int, Slice]], done: int, now: datetime) -> list[int]:
    """The numbers of slices whose time has come and that were not dealt with, a slice due at this moment too."""
    return [n for n, one in plan if n > done and one.at <= now]


def quota(volume: Decimal, percent: Decimal, lot: Decimal) -> Decimal:
    """What to have traded of a market's volume by participation, in whole lots, rounded down: never above the percentage."""
    return lot * int(Fraction(volume) * Fraction(percent) / 100 / Fraction(lot))


def to_send(target: Decimal, committed: Decimal, qty: Decimal, unplaced: Decimal, lot: Decimal) -> Decimal:
    """
    Up to the target, what came back unfilled again among it, in whole lots unless it is all that is left; never above the
    quantity or what the block has left.
    """
    left = min(qty - committed, unplaced)
    want = min(target - committed, left)
    if want <= 0:
        return Decimal(0)
    return want if want == left else lot * int(Fraction(want) / Fraction(lot))


def outside(side: str, limit: Decimal | None, whole: Decimal | None) -> bool:
    """Whether a limit is worse for us than the one of the whole."""
    if whole is None:
        return False
    return limit is not None and (limit > whole if side.startswith("BUY") else limit < whole)


def is_tighter(side: str, limit: Decimal | None, than: Decimal | None) -> bool:
    """Whether a limit binds more than another."""
    if limit is None or than is None:
        return limit is not None
    return limit < than if side.startswith("BUY") else limit > than
