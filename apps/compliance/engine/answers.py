"""
The nearest orders that would pass where one fails: the same one smaller, within the collar, or paid on a later day.

Each is screened as a whole beside the others before it is said, so what is said passes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from .columns import PRICE, QTY, Snapshot
from .judgement import FAIL, INDETERMINATE, LETS_GO, PASS, UNKNOWN, RuleVersion
from .screening import Screening, screen

SMALLER, LIMIT, LATER = "SMALLER", "LIMIT", "LATER"
COLLAR, CASH = "price_collar", "cash_by_currency"
LEAST_PLACES = 2
MOST_DAYS = 10
"""Days with flows that are tried for one that pays."""


class Answer(NamedTuple):
    """
    An order that passes: ``qty`` in ten-thousandths, ``limit`` in hundred-millionths (0 for none), ``settles`` the ordinal
    of the day on which it would be paid (0 where that stays), ``binds`` the rule that allows no more.
    """

    kind: str
    qty: int
    limit: int
    settles: int
    binds: str


def nearest(s: Snapshot, rules: Sequence[RuleVersion], order: int) -> list[Answer]:
    """Of an order that fails, by its place; nothing of one that passes, or of which a rule cannot tell."""
    found = screen(s, rules)
    if found.outcome[order] != FAIL or found.unsure[order]:
        return []
    wished = [_smaller(s, found, order), _within_the_collar(s, rules, found, order), _paid_later(s, rules, found, order)]
    return [one for one in wished if one and screen(applied(s, order, one), rules).outcome[order] == PASS]


def applied(s: Snapshot, order: int, one: Answer) -> Snapshot:
    """The same book with that order in place of the one that fails."""
    qty, limit, days = s.orders.qty.copy(), s.orders.limit.copy(), s.orders.value_days.copy()
    qty[order], limit[order] = one.qty, one.limit
    forwards = dict(s.forwards)
    if one.settles:
        days[order] = one.settles
        forwards[int(s.orders.instrument[order]), one.settles] = Fraction(1)
    return replace(s, orders=replace(s.orders, qty=qty, limit=limit, value_days=days), forwards=forwards)


def _smaller(s: Snapshot, found: Screening, order: int) -> Answer | None:
    most = int(found.max_qty[order])
    if most in (UNKNOWN, 0):
        return None
    return Answer(SMALLER, most, int(s.orders.limit[order]), 0, _code(found, int(found.binding[order])))


def _within_the_collar(s: Snapshot, rules: Sequence[RuleVersion], found: Screening, order: int) -> Answer | None:
    """At the nearest limit that no collar refuses, in the quote's own decimals; smaller where another rule asks for that."""
    collars = [rules[place] for place in _failing(found, order) if rules[place].kind == COLLAR]
    if not collars:
        return None
    tightest = min(collars, key=lambda rule: rule.params["max_pct"])
    limit = _edge(s, order, tightest)
    if limit <= 0:
        return None
    one = Answer(LIMIT, int(s.orders.qty[order]), limit, 0, tightest.code)
    again = screen(applied(s, order, one), rules)
    most = int(again.max_qty[order])
    if again.outcome[order] != PASS and most not in (UNKNOWN, 0):
        return one._replace(qty=most, binds=_code(again, int(again.binding[order])))
    return one


def _edge(s: Snapshot, order: int, rule: RuleVersion) -> int:
    i, buys = s.instrument_of(order), bool(s.buy[order])
    quote, far = i.ask if buys else i.bid, Fraction(rule.params["max_pct"]) / 100
    if quote is None:
        return 0
    edge = Fraction(quote) * s.exact_forward(s.orders, order) * (1 + far if buys else 1 - far)
    step = PRICE // 10 ** min(_places(quote), 8)
    whole = edge * PRICE / step
    return int(whole if buys else -(-whole // 1)) * step


def _places(quote: Decimal) -> int:
    return max(LEAST_PLACES, -int(quote.normalize().as_tuple().exponent))


def _paid_later(s: Snapshot, rules: Sequence[RuleVersion], found: Screening, order: int) -> Answer | None:
    """On the next day with money coming or going on which it could be paid, where nothing but that is against it."""
    place = s.orders.instrument[order]
    failing = [rules[n] for n in _failing(found, order)]
    if any(rule.kind != CASH for rule in failing) or s.is_pair[place] or s.orders.value_days[order]:
        return None
    for day in _days(s, order):
        one = Answer(LATER, int(s.orders.qty[order]), int(s.orders.limit[order]), day, failing[0].code)
        if screen(applied(s, order, one), rules).outcome[order] == PASS:
            return one
    return None


def _days(s: Snapshot, order: int) -> Iterator[int]:
    """Days after its settlement on which the portfolio's money moves."""
    own = s.instrument_of(order).settle_date
    if own is None:
        return
    portfolio = s.orders.portfolio[order]
    settles = np.array([i.settle_date.toordinal() if i.settle_date else 0 for i in s.instruments], np.int64)
    days = set(s.unsettled.settles[s.rows_of("unsettled", portfolio)].tolist())
    for name, table in (("others", s.others), ("orders", s.orders)):
        rows = s.rows_of(name, portfolio)
        days |= set(np.where(table.value_days[rows] > 0, table.value_days[rows], settles[table.instrument[rows]]).tolist())
    yield from sorted(day for day in days if day > own.toordinal())[:MOST_DAYS]


def _failing(found: Screening, order: int) -> list[int]:
    """Places of the rules that hold it."""
    return [
        n for n, v in enumerate(found.verdicts)
        if (said := int(v.outcome[order])) >= INDETERMINATE and v.rule.severity_of(said) not in LETS_GO
    ]  # fmt: skip


def _code(found: Screening, place: int) -> str:
    return found.rules[place].code if place >= 0 else ""


def plain_qty(one: Answer) -> Decimal:
    return Decimal(one.qty) / QTY


def plain_limit(one: Answer) -> Decimal | None:
    return Decimal(one.limit) / PRICE if one.limit else None
