"""
A portfolio's money by currency and date, with its open orders: what there will be on each settlement date if all that may
go ahead does. Sells that wait for an officer bring nothing; buys count wherever they stand. Of one date sells pay for buys.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from .columns import QTY, Snapshot
from .judgement import RuleVersion
from .rules.cash import Estimates

CENT = Decimal("0.01")
AS_ASKED = RuleVersion(0, "", "", "cash_by_currency", 0, "WARN", {"slip_pct": Decimal("0.5"), "count_open_sells": True})


class Move(NamedTuple):
    """Money that comes (+) or goes (−), and what it is of."""

    what: str
    amount: Decimal


class Rung(NamedTuple):
    """What a date brings, and what there is after it."""

    on: date
    moves: list[Move]
    balance: Decimal


class Ladder(NamedTuple):
    """:param negative: the first date on which there is less than nothing; None where there is none"""

    currency: str
    rungs: list[Rung]
    negative: date | None


class Horizon(NamedTuple):
    """:param unknown: ids of orders of which it cannot be told what they pay or when; they are in no figure"""

    ladders: list[Ladder]
    unknown: list[int]


def horizon(s: Snapshot, today: date) -> Horizon:
    """Of a snapshot with one portfolio, by currency."""
    estimate = Estimates(s, AS_ASKED, np.zeros(len(s.orders), bool))
    settled: dict[str, Fraction] = {}
    moves: dict[str, dict[date, list[Move]]] = {}
    for thing, amount in zip(s.cash.thing, s.cash.amount, strict=True):
        settled[s.currencies[thing]] = settled.get(s.currencies[thing], Fraction(0)) + Fraction(int(amount), QTY)
    for thing, amount, day in zip(s.unsettled.thing, s.unsettled.amount, s.unsettled.settles, strict=True):
        currency, money = s.currencies[thing], Fraction(int(amount), QTY)
        settled[currency] = settled.get(currency, Fraction(0)) - money
        _add(moves, currency, date.fromordinal(int(day)), "booked, settles", money)
    for flow in estimate.all_flows():
        if flow.day >= 0 and flow.amount:
            what = f"{s.instruments[flow.instrument].symbol}, {flow.words}"
            _add(moves, s.currencies[flow.currency], max(date.fromordinal(flow.day), today), what, flow.amount)
    codes = sorted(settled.keys() | moves.keys())
    return Horizon([_ladder(code, settled.get(code, Fraction(0)), moves.get(code, {}), today) for code in codes], estimate.unknown())


def _add(moves: dict, currency: str, on: date, what: str, money: Fraction) -> None:
    moves.setdefault(currency, {}).setdefault(on, []).append(Move(what, _rounded(money)))


def _ladder(currency: str, settled: Fraction, moves: dict[date, list[Move]], today: date) -> Ladder:
    balance, rungs = _rounded(settled), []
    for on in sorted({today, *moves}):
        balance += sum((move.amount for move in moves.get(on, ())), Decimal(0))
        rungs.append(Rung(on, moves.get(on, []), balance))
    return Ladder(currency, rungs, first_negative(rungs))


def first_negative(rungs: Iterable[Rung]) -> date | None:
    return next((rung.on for rung in rungs if rung.balance < 0), None)


def _rounded(money: Fraction) -> Decimal:
    return round(Decimal(money.numerator) / Decimal(money.denominator), 4).quantize(CENT)
