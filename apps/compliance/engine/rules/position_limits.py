"""
Position limits of futures and of options on them (17 CFR 150.2; exchange rules; the firm's own).

Positions are netted long against short within the contract, its month and its family, options by their delta, for all
portfolios of one owner together (17 CFR 150.4); open orders count to the side they would move it. A limit holds what would
pass it; an accountability level is told and holds nothing. An order that only leads back is never held. Exact throughout.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from ..columns import QTY, Snapshot
from ..contracts import ALL, LEVEL, LIMIT, MONTHS, SINGLE, SOURCES, SPOT, Books, Bound, Contract, Key
from ..judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS, UNKNOWN, RuleVersion, Said, Verdicts
from ..params import Param
from ..saying import MOST_LINES, line, units

KIND = "position_limits"
PARAMS = {
    "needs_limits": Param("flag", True, "whether it cannot tell of a future that is of no family, or of one without limits in force"),
}
BASIS = "net contracts of the owner with open orders to that side; options by their delta"


def sentence(values: Mapping[str, Any]) -> str:
    needs = " It cannot tell of a future without a family or limits on file." if values["needs_limits"] else ""
    return (
        "No owner is net long or short beyond a position limit in the spot month, one month or all months together, open orders"
        f" counted; beyond an accountability level it is told.{needs}"
    )


class Against(NamedTuple):
    """One limit and an order: contracts net to the order's side before and after it."""

    bound: Bound
    key: Key
    net: Fraction
    used: Fraction
    after: Fraction

    @property
    def room(self) -> Fraction:
        return Fraction(self.bound.qty) - self.used


@dataclass
class Found:
    """Of one order: ``lead`` is what a person should see first."""

    outcome: int
    lead: Against | None = None
    most: int = UNKNOWN
    warned: bool = False
    lost: str = ""
    direction: int = 1


def books_of(s: Snapshot) -> Books:
    return s.once("position books", lambda: Books(s.contracts, s.stakes, s.at.date(), QTY))


def judge(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """Few orders are in futures; each is held against every limit of its family, in the order of their numbers."""
    n = len(s.orders)
    kinds = np.array([i.asset_class == "FUTURE" or i.id in s.contracts for i in s.instruments], bool)
    found: dict[int, Found] = {}
    if kinds.any():
        judged = _Judged(s, rule.params["needs_limits"])
        for order in np.flatnonzero(kinds[s.orders.instrument]):
            found[int(order)] = judged.one(int(order))
    outcome, most, warned = np.zeros(n, np.int8), np.full(n, UNKNOWN, np.int64), np.zeros(n, bool)
    now, after, limit, room = (np.full(n, np.nan) for _ in range(4))
    for order, one in found.items():
        outcome[order], most[order], warned[order] = one.outcome, one.most, one.warned
        if one.lead:
            lead = one.lead
            now[order], after[order], limit[order], room[order] = map(float, (lead.net, lead.after, lead.bound.qty, lead.room))
    return Verdicts(
        rule, outcome, lambda order: _said(s, order, found[order]), now, after, limit, "contracts", room, "contracts", most, warned
    )


class _Judged:
    """Orders one after the other: what is judged before another counts against it."""

    def __init__(self, s: Snapshot, needs_limits: bool):
        self.s, self.needs_limits, self.books = s, needs_limits, books_of(s)
        self.earlier: dict[tuple[Key, int], Fraction] = defaultdict(Fraction)
        self.bounds: dict[str, list[Bound]] = defaultdict(list)
        for bound in s.bounds:
            self.bounds[bound.family].append(bound)

    def one(self, order: int) -> Found:
        s, i = self.s, self.s.instrument_of(order)
        c, owner = s.contracts.get(i.id), s.portfolio_of(order).owner
        bounds = self.bounds[c.family] if c else []
        if c is None or not bounds:
            why = f"{i.symbol} is of no contract family" if c is None else f"no limit of {c.family} is in force"
            return Found(INDETERMINATE if self.needs_limits else NOT_ASKED, lost=f"{why}. Add it, or the rule has nothing to go by.")
        if c.weight is None:
            return Found(INDETERMINATE, lost=f"the delta of {i.symbol} needs a price, a volatility and an expiry on file.")
        weight = Fraction(c.weight)
        if not weight:
            return Found(PASS)  # An option that moves nothing.
        direction = (1 if s.buy[order] else -1) * (1 if weight > 0 else -1)
        size = Fraction(int(s.orders.qty[order]), QTY) * abs(weight)
        lost = next((_lost(c, b) for b in bounds if b.kind == LIMIT and self.books.is_unsure(b.months, owner, c)), "")
        against = [self._against(b, key, direction, size) for b in bounds if (key := self.books.key(b.months, owner, c))
                   and not self.books.is_unsure(b.months, owner, c)]  # fmt: skip
        for months in MONTHS:
            if key := self.books.key(months, owner, c):
                self.earlier[key, direction] += size
        return self._found(order, against, lost, direction, abs(weight))

    def _against(self, bound: Bound, key: Key, direction: int, size: Fraction) -> Against:
        held = self.books.of(key)
        used = held.before(direction) + self.earlier[key, direction]
        return Against(bound, key, held.net * direction, used, used + size)

    def _found(self, order: int, against: list[Against], lost: str, direction: int, weight: Fraction) -> Found:
        holding = sorted((a for a in against if a.bound.kind == LIMIT), key=lambda a: a.room)
        told = sorted((a for a in against if a.bound.kind == LEVEL and a.after > a.bound.qty), key=lambda a: a.room)
        lead = (holding or told or [None])[0]
        if holding and holding[0].after > holding[0].bound.qty:
            most = UNKNOWN if lost else self._largest(order, holding[0].room / weight)
            return Found(FAIL, holding[0], most, False, "", direction)
        if lost:
            return Found(INDETERMINATE, None, lost=lost)
        return Found(PASS, told[0] if told else lead, warned=bool(told), direction=direction)

    def _largest(self, order: int, room: Fraction) -> int:
        place = self.s.orders.instrument[order]
        step, piece = int(self.s.increment[place]), int(self.s.min_piece[place])
        qty = max(int(room * QTY // step), 0) * step
        return 0 if qty < piece else qty


def _lost(c: Contract, bound: Bound) -> str:
    what = {
        SPOT: "when the spot month of each contract starts", SINGLE: "the month of each contract", ALL: "the delta of every option",
    }[bound.months]  # fmt: skip
    return f"what is held of {c.family} in {MONTHS[bound.months]} hangs on {what}, and that is not all on file."


def _said(s: Snapshot, order: int, found: Found) -> Said:
    if found.lost:
        return Said(f"Cannot tell: {found.lost}", BASIS, (), "rule")
    lead, i = found.lead, s.instrument_of(order)
    if lead is None:
        return Said("")
    owner, bound = s.portfolio_of(order).owner, lead.bound
    who = f"Owner {owner}" if owner else "The firm"
    kind = "limit" if bound.kind == LIMIT else "accountability level"
    source = ", ".join(filter(None, (SOURCES.get(bound.source, bound.source), bound.citation)))
    where = f" of {s.contracts[i.id].month:%b %Y}" if bound.months == SINGLE else ""
    text = (
        f"{who} would be net {'long' if found.direction > 0 else 'short'} {units(float(lead.after))} {bound.family} contracts in"
        f" {MONTHS[bound.months]}{where}, open orders counted; the {kind} is {units(float(bound.qty))} ({source})."
        f" {units(float(max(lead.room, Fraction(0))))} are left."
    )
    return Said(text, BASIS, _lines(s, owner, bound, lead.key), "rule")


def _lines(s: Snapshot, owner: str, bound: Bound, key: Key) -> tuple[dict[str, Any], ...]:
    books = books_of(s)
    found = []
    for stake in s.stakes:
        c = s.contracts[stake.instrument]
        if stake.owner == owner and c.weight is not None and books.key(bound.months, owner, c) == key:
            for what, qty in (("held", stake.net), ("open to buy", stake.buys), ("open to sell", -stake.sells)):
                if qty:
                    found.append(line(f"{c.symbol}, {what}", qty / QTY, counts_for=str(c.weight)))
    return tuple(found[:MOST_LINES])
