"""
Short sales after Regulation SHO (17 CFR 242.200, 201, 203 and 204).

A sale is long only where the seller owns all of it net of what else is to be sold, counted over the aggregation unit: the
portfolio, or all portfolios that name the same unit. Every other sale is marked short, needs a lender's word for all of it,
and, while the instrument's circuit breaker is on, a limit above the national best bid or a listed exemption. Of what failed to
be delivered and is not closed out only units that are borrowed already are sold short. Exact throughout.
"""

from decimal import Decimal
from fractions import Fraction

import numpy as np

from ..columns import PRICE, QTY, Snapshot, micros
from ..judgement import FAIL, INDETERMINATE, PASS, UNKNOWN, RuleVersion, Said, Verdicts
from ..params import Param
from ..projection import running, totals
from ..saying import line, number, price_lines, units

PARAMS = {
    "classes": Param("classes", ["EQUITY", "ETF"], "asset classes that it asks"),
    "needs_locate": Param("flag", True, "whether a lender's word is needed before a short sale passes"),
    "price_test": Param("flag", True, "whether Rule 201's test is made while an instrument's circuit breaker is on"),
    "max_age": Param("minutes", 15, "oldest bid that the price test counts, in minutes"),
}
BASIS = "net position of the aggregation unit on trade date, less its open sells"


def judge(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """Mark, then penalty box, then locate, then price test; the first that fails is said, the least of their quantities is the most."""
    kinds = np.array([i.asset_class in rule.params["classes"] for i in s.instruments], bool)
    asked = s.orders.sell & kinds[s.orders.instrument]
    short, qty, lent = s.orders.shorts(), s.orders.qty, s.orders.lent()
    left = _owned(s, asked)
    mismarked = asked & ~short & (qty > left)
    unlent = asked & short & (qty > lent) & rule.params["needs_locate"]
    boxed, borrowed = _boxed(s, asked & short), s.orders.lent_already()
    unborrowed = boxed & (qty > borrowed)
    tested = np.full(len(qty), PASS, np.int8)
    if rule.params["price_test"] and s.breakers:
        for order in np.flatnonzero(asked & short):
            tested[order] = _price_test(s, int(order), rule.params["max_age"])
    failed = mismarked | unborrowed | unlent | (asked & (tested == FAIL))
    outcome = np.where(failed, FAIL, np.where(asked, tested, 0)).astype(np.int8)
    step, piece = s.increment[s.orders.instrument], s.min_piece[s.orders.instrument]
    free = np.where(boxed, np.minimum(lent, borrowed), np.where(short, lent, left))
    most = np.where(tested == FAIL, 0, np.maximum(free, 0) // step * step)
    most = np.where(most < piece, 0, most)

    def say(order: int) -> Said:
        i, net = s.instrument_of(order), units(left[order] / QTY)
        data = [line(f"{i.symbol} owned net by {_unit_name(s, order)}", left[order] / QTY)]
        if mismarked[order]:
            text = f"{units(qty[order] / QTY)} {i.symbol} are marked SELL, but {_unit_name(s, order)} owns {net} net: the right mark"
            if most[order]:
                rest = units((qty[order] - most[order]) / QTY)
                return Said(f"{text} is SELL for {units(most[order] / QTY)} and SELL_SHORT for {rest}.", BASIS, tuple(data), "rule")
            return Said(f"{text} is SELL_SHORT.", BASIS, tuple(data), "rule")
        if unborrowed[order]:
            return _said_of_box(s, order, borrowed[order], data)
        if unlent[order]:
            data.append(line(f"{i.symbol} located", lent[order] / QTY))
            text = f"Of {units(qty[order] / QTY)} {i.symbol} sold short {units(lent[order] / QTY)} are located. Attach a locate for more."
            return Said(text, "units that lenders gave their word for, still good", tuple(data), "rule")
        return _said_of_price(s, order, outcome[order], rule.params["max_age"])

    return Verdicts(
        rule, outcome, say, left / QTY, (left - qty) / QTY, np.where(short, np.nan, 0.0), "units", left / QTY, "units",
        np.where(failed, most, UNKNOWN),
    )  # fmt: skip


def _boxed(s: Snapshot, short: np.ndarray) -> np.ndarray:
    """Which of these are of what failed to be delivered and is not closed out (17 CFR 242.204(b))."""
    return short & np.isin(s.orders.instrument, list(s.boxed)) if s.boxed else np.zeros(len(short), bool)


def _said_of_box(s: Snapshot, order: int, borrowed: int, data: list) -> Said:
    i, fail = s.instrument_of(order), s.boxed[int(s.orders.instrument[order])]
    data += [line(f"{i.symbol} borrowed", borrowed / QTY), line("Failed to be delivered", f"{fail.since:%d %b %Y} ({fail.ref})")]
    text = (
        f"Of {units(s.orders.qty[order] / QTY)} {i.symbol} sold short {units(borrowed / QTY)} are borrowed. A sale of it failed to be"
        f" delivered on {fail.since:%d %b %Y} ({fail.ref}): until that is closed out a locate is not enough, only borrowed units count."
    )
    return Said(text, "units that are borrowed already, while a failed sale is not closed out", tuple(data), "rule")


def _owned(s: Snapshot, asked: np.ndarray) -> np.ndarray:
    """
    What each order's unit owns of its instrument before it, in ten-thousandths: held less open sells, long and short, less
    sells judged before it. What is still to be bought is not owned.
    """
    size = max(len(s.instruments), 1)
    names = [p.unit or f"\0{n}" for n, p in enumerate(s.portfolios)]
    unit = np.unique(names, return_inverse=True)[1] if names else np.zeros(0, np.int64)
    keys = unit[s.orders.portfolio] * size + s.orders.instrument
    rows = np.flatnonzero(asked)
    wanted, place = np.unique(keys[rows], return_inverse=True)
    held = totals(wanted, unit[s.positions.portfolio] * size + s.positions.thing, s.positions.amount)
    sold = totals(wanted, np.where(s.others.sell, unit[s.others.portfolio] * size + s.others.instrument, -1), s.others.leaves)
    left = np.zeros(len(s.orders), np.int64)
    left[rows] = (held - sold)[place] - running(place, s.orders.qty[rows])
    for row in rows if s.units_owned else ():
        left[row] += s.units_owned.get((s.portfolio_of(row).unit, int(s.orders.instrument[row])), 0)
    return left


def _price_test(s: Snapshot, order: int, minutes: int) -> int:
    place = int(s.orders.instrument[order])
    if place not in s.breakers or (s.orders.exempt and s.orders.exempt[order]):
        return PASS
    if s.breakers[place] is None:
        return INDETERMINATE
    limit = int(s.orders.limit[order])
    if not limit:
        return FAIL
    i = s.instruments[place]
    if i.bid is None or i.priced_at is None or micros(i.priced_at) < s.now_us - minutes * 60_000_000:
        return INDETERMINATE
    return PASS if Fraction(limit, PRICE) > Fraction(i.bid) else FAIL


def _said_of_price(s: Snapshot, order: int, outcome: int, minutes: int) -> Said:
    i, place = s.instrument_of(order), int(s.orders.instrument[order])
    basis, found = "limit against the national best bid while the circuit breaker is on", s.breakers[place]
    if found is None:
        return Said(f"Cannot tell whether {i.symbol}'s circuit breaker is on: its last close is not on file.", basis, (), "rule")
    fell = f"{i.symbol} fell to {number(found.price)} on {found.on:%d %b} against a close of {number(found.close)}"
    if outcome == INDETERMINATE:
        text = f"Cannot tell: {fell}, and its bid is missing or more than {minutes} min old."
        return Said(text, basis, price_lines(s, place), "rule")
    data = (line(f"{i.symbol} bid", number(i.bid) if i.bid is not None else "missing"), line("Close before it", number(found.close)))
    until = f"until the end of {found.until:%d %b}"
    if not s.orders.limit[order]:
        text = f"{fell}: {until} it is not sold short without a limit above the national best bid."
        return Said(text, basis, data, "rule")
    limit = number(Decimal(int(s.orders.limit[order])) / PRICE)
    text = f"{fell}: {until} it is sold short above the national best bid alone; the limit is {limit}, the bid {number(i.bid)}."
    return Said(text, basis, data, "rule")


def _unit_name(s: Snapshot, order: int) -> str:
    p = s.portfolio_of(order)
    return f"unit {p.unit}" if p.unit else p.code
