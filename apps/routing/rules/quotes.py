"""Dealer quotes: which is best, how the others did, how far from mid."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


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


def best_of(side: str, qty: Decimal, answers: Sequence[Answer], at: datetime) -> Answer | None:
    """The best price that is still good, for the whole quantity; None where there is none."""
    for answer in ranked(side, answers):
        whole = answer.qty is None or answer.qty >= qty
        if whole and (answer.valid_until is None or answer.valid_until > at):
            return answer
    return None


def outcomes(side: str, answers: Sequence[Answer], winner: Answer | None) -> dict[int, Outcome]:
    """
    Each answer's outcome: won; tied with the winner's price; cover (the best losing price, also where several share
    it); lost; declined; silent. The cover of a tied inquiry is the tied price.
    """
    found: dict[int, Outcome] = {}
    losing = [a for a in ranked(side, answers) if winner is None or a.id != winner.id]
    cover_price = losing[0].price if losing and winner is not None else None
    for answer in answers:
        if winner is not None and answer.id == winner.id:
            found[answer.id] = Outcome.WON
        elif answer.price is None:
            found[answer.id] = Outcome.DECLINED if answer.declined else Outcome.SILENT
        elif winner is not None and answer.price == winner.price:
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
