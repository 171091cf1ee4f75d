"""Dealer quotes: which is best, how the others did, how far from mid."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

ONE = Decimal(1)


@dataclass(frozen=True)
class Answer:
    """
    A dealer's answer so far.

    :param price: on our side of the market (offer where we buy, bid where we sell), percent of par; None: no price
    :param qty: the quantity it is good for; None: all that was asked
    """

    id: int
    price: Decimal | None
    qty: Decimal | None
    valid_until: datetime | None
    answered_at: datetime | None
    declined: bool = False


class Outcome(StrEnum):
    WON = "WON"
    TIED = "TIED"
    COVER = "COVER"
    LOST = "LOST"
    DECLINED = "DECLINED"
    SILENT = "SILENT"


def _rank(side: str, answer: Answer) -> tuple:
    price = answer.price if side == "BUY" else -answer.price
    return (price, answer.answered_at, answer.id)


def ranked(side: str, answers: Sequence[Answer]) -> list[Answer]:
    """Priced answers, best for us first; among equals the earlier."""
    return sorted((a for a in answers if a.price is not None), key=lambda a: _rank(side, a))


def is_good(answer: Answer, at: datetime) -> bool:
    """Whether it is a price that can still be taken."""
    return answer.price is not None and (answer.valid_until is None or answer.valid_until > at)


def best_of(side: str, qty: Decimal, answers: Sequence[Answer], at: datetime) -> Answer | None:
    """The best price that is still good, for the whole quantity; None where there is none."""
    for answer in ranked(side, answers):
        if is_good(answer, at) and (answer.qty is None or answer.qty >= qty):
            return answer
    return None


class Part(NamedTuple):
    """So much of what was asked for, at this answer's price."""

    answer: Answer
    qty: Decimal


def best_parts(
    side: str, qty: Decimal, answers: Sequence[Answer], at: datetime, *, step: Decimal = ONE, least: Decimal = ONE
) -> list[Part]:
    """
    A quantity shared among the prices that are still good, the best first, each for as much as it is good for.

    :param step: of which every part is a multiple; :param least: below which none is
    :returns: the parts, whose sum is the quantity, or less where nobody is good for the rest
    """
    parts, left = [], qty
    for answer in ranked(side, answers):
        if not left or not is_good(answer, at):
            continue
        size = left if answer.qty is None else min(left, answer.qty // step * step)
        if size >= min(least, left) and size > 0:
            parts.append(Part(answer, size))
            left -= size
    return parts


def value_of(parts: Sequence[Part]) -> Decimal:
    """Quantity by price, summed."""
    return sum((part.qty * part.answer.price for part in parts), Decimal(0))


def is_worse(side: str, value: Decimal, than: Decimal) -> bool:
    """Whether the value of a trade is worse for us than another of the same quantity."""
    return value > than if side == "BUY" else value < than


def cover_of(side: str, answers: Sequence[Answer], winners: Sequence[Answer]) -> Decimal | None:
    """The best price of those from whom nothing was taken; None where nobody else gave one."""
    won = {w.id for w in winners}
    return next((a.price for a in ranked(side, answers) if a.id not in won), None) if winners else None


def outcomes(side: str, answers: Sequence[Answer], winners: Sequence[Answer]) -> dict[int, Outcome]:
    """
    Each answer's outcome: won; tied with a price that won; cover (the best losing price, also where several share
    it); lost; declined; silent. The cover of a tied inquiry is the tied price.
    """
    found: dict[int, Outcome] = {}
    won, taken = {w.id for w in winners}, {w.price for w in winners}
    cover_price = cover_of(side, answers, winners)
    for answer in answers:
        if answer.id in won:
            found[answer.id] = Outcome.WON
        elif answer.price is None:
            found[answer.id] = Outcome.DECLINED if answer.declined else Outcome.SILENT
        elif answer.price in taken:
            found[answer.id] = Outcome.TIED
        elif answer.price == cover_price:
            found[answer.id] = Outcome.COVER
        else:
            found[answer.id] = Outcome.LOST
    return found


def distance_bp(side: str, price: Decimal | None, mid: Decimal | None) -> Decimal | None:
    """How much better than mid a price is for us, in basis points of mid; negative where it is worse."""
    if price is None or not mid:
        return None
    better = mid - price if side == "BUY" else price - mid
    return better / mid * 10_000
