"""
Trading controls: hard limits on one order or one route, by person, desk, instrument and asset class, apart from what
mandates and regulation ask (after 17 CFR 240.15c3-5(c)(1)(ii) and Delegated Regulation (EU) 2017/589, Article 15(1)).

Each limit that applies is kept; of two on the same measure the tighter binds. What fails says a code and its numbers, as
``NOTIONAL_EXCEEDS_MAX: x=30000000, max=25000000``, for people and machines alike. Exact: fractions throughout.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

QUANTITY, NOTIONAL, ADV = "QUANTITY_EXCEEDS_MAX", "NOTIONAL_EXCEEDS_MAX", "ADV_PCT_EXCEEDS_MAX"
COLLAR, WRONG_SIDE = "PRICE_OUTSIDE_COLLAR", "WRONG_SIDE"
HELD = ("EQUITY", "ETF", "CORP", "GOVT", "FUND")
"""What is held before it is sold. Other classes are opened by a sale too."""


class Limit(NamedTuple):
    """A row in force; None asks nothing, and a subject of None is any. ``max_notional`` in the firm's currency."""

    id: int
    user: int | None
    desk: int | None
    instrument: int | None
    asset_class: str
    max_qty: Decimal | None
    max_notional: Decimal | None
    max_adv_pct: Decimal | None
    collar_pct: Decimal | None
    stops_wrong_side: bool

    def is_of(self, user: int, desk: int, instrument: int, asset_class: str) -> bool:
        asked = ((self.user, user), (self.desk, desk), (self.instrument, instrument), (self.asset_class or None, asset_class))
        return all(mine is None or mine == theirs for mine, theirs in asked)


class Wish(NamedTuple):
    """
    What is to be traded.

    :param mid: of the instrument in its currency; None where there is no quote
    :param factor: value of one unit at a price of one, in the firm's currency; None where there is no rate
    :param daily: average daily volume
    :param unheld: whether it sells what is not held at all, and is not marked as a short sale
    """

    buy: bool
    qty: Fraction
    limit: Fraction | None
    mid: Fraction | None
    factor: Fraction | None
    daily: Fraction | None
    unheld: bool = False


class Reason(NamedTuple):
    """``x`` None: it cannot be told. ``limit_id`` is the row's."""

    code: str
    x: Fraction | None
    most: Fraction
    limit_id: int

    def __str__(self) -> str:
        return f"{self.code}: x={_plain(self.x)}, max={_plain(self.most)}"


def reasons(wish: Wish, limits: Iterable[Limit]) -> list[Reason]:
    """Of each code the one that binds, of the limits that are of this wish, in the order of the measures."""
    found: dict[str, Reason] = {}
    for limit in limits:
        for code, x, most in _measured(wish, limit):
            if (x is None or x > most) and (code not in found or most < found[code].most):
                found[code] = Reason(code, x, most, limit.id)
    return [found[code] for code in (QUANTITY, NOTIONAL, ADV, COLLAR, WRONG_SIDE) if code in found]


def _measured(wish: Wish, limit: Limit) -> Iterable[tuple[str, Fraction | None, Fraction]]:
    price = _price(wish)
    if limit.max_qty is not None:
        yield QUANTITY, wish.qty, Fraction(limit.max_qty)
    if limit.max_notional is not None:
        unit = None if price is None or wish.factor is None else price * wish.factor
        yield NOTIONAL, None if unit is None else wish.qty * unit, Fraction(limit.max_notional)
    if limit.max_adv_pct is not None:
        yield ADV, wish.qty / wish.daily * 100 if wish.daily else None, Fraction(limit.max_adv_pct)
    if limit.collar_pct is not None and wish.limit is not None:
        away = None if not wish.mid else (wish.limit / wish.mid - 1) * 100 * (1 if wish.buy else -1)
        yield COLLAR, away, Fraction(limit.collar_pct)
    if limit.stops_wrong_side:
        yield WRONG_SIDE, wish.qty if wish.unheld else Fraction(0), Fraction(0)


def _price(wish: Wish) -> Fraction | None:
    """The dearer of limit and mid: what is bought too dear is worth so much too."""
    return max((price for price in (wish.limit, wish.mid) if price is not None), default=None)


def largest(wish: Wish, limits: Sequence[Limit], increment: Fraction, least: Fraction) -> Fraction | None:
    """The largest quantity that passes, in whole increments; 0 where none does. None where that cannot be told."""
    room = wish.qty
    for limit in limits:
        for code, x, most in _measured(wish, limit):
            if x is None:
                return None
            if x > most:
                room = min(room, Fraction(0) if code in (COLLAR, WRONG_SIDE) else most / (x / wish.qty))
    room = room // increment * increment
    return room if room >= least else Fraction(0)


def _plain(number: Fraction | None) -> str:
    if number is None:
        return "unknown"
    text = f"{round(Decimal(number.numerator) / Decimal(number.denominator), 6):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
