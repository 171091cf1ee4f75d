"""
Sums over the groups of a portfolio, where they look through funds: its largest, or those above a floor.

An order in a fund adds to several groups at once. As in ``largest`` and ``stepped``, what does not make the sum larger passes,
even beyond the limit: what passes is up to the limit, or to the sum as it was. The sum never falls as a purchase grows, so the
largest quantity that passes is found by halving. Floats decide clear cases; what is near is reckoned from the beginning, exactly.
"""

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from ..attributes import BASES, title_of, weight
from ..columns import FIRM_CURRENCY, NEAR, QTY, Snapshot
from ..judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS, UNKNOWN, RuleVersion, Said, Verdicts
from ..saying import MOST_LINES, cannot_tell, line, listed, money, nav_line, percent
from .against import AGAINST, percent_of, whole_of
from .look_through import called, dark_said, of_leaves, of_rule, untold_lines

LARGEST = "largest_groups"
Part = tuple[int, int]
"""An instrument, by place, and how many ten-thousandths of it."""


def judge(s: Snapshot, rule: RuleVersion) -> Verdicts:
    return _Sums(s, rule).verdicts()


def standing(s: Snapshot, rule: RuleVersion) -> Callable[[int], tuple[Fraction | None, Fraction, tuple[dict[str, Any], ...]]]:
    """Asks the rule about portfolios as they are held: see ``largest``."""
    return _Sums(s, rule).standing


class _Sums:
    """One rule over one snapshot. Values are in the firm's currency times ``QTY``."""

    def __init__(self, s: Snapshot, rule: RuleVersion):
        self.s, self.rule, self.p = s, rule, rule.params
        self.t, self.weight = of_rule(s, rule.params), weight(s, rule.params["basis"])
        self.worth = self.t.worth(self.weight)
        self.minutes = self.p["max_age"]
        n = len(s.orders)
        self.outcome = np.full(n, NOT_ASKED, np.int8)
        self.max_qty = np.full(n, UNKNOWN, np.int64)
        self.now, self.after, self.room = (np.full(n, np.nan) for _ in range(3))

    def verdicts(self) -> Verdicts:
        s, t = self.s, self.t
        place = s.orders.instrument
        asked = s.buy & (t.start[place + 1] > t.start[place]) & (self.weight.column[place] != 0)
        fresh, fresh_price = s.fresh_nav(self.minutes), s.fresh_price(self.minutes)
        for portfolio in np.unique(s.orders.portfolio[asked]).tolist():
            rows = s.rows_of("orders", portfolio)
            rows = rows[asked[rows]]
            if not fresh[rows[0]] or self._missing(self._parts(portfolio, promised=True, before=len(s.orders))):
                self.outcome[rows] = INDETERMINATE
            else:
                self._judge(portfolio, rows.tolist())
        self.outcome[asked & ~fresh_price] = INDETERMINATE
        self.max_qty[self.outcome != FAIL] = UNKNOWN
        unit = percent_of(self.p["against"])
        limit = np.full(len(s.orders), float(self.p["limit"]))
        return Verdicts(self.rule, self.outcome, self._say, self.now, self.after, limit, unit, self.room, FIRM_CURRENCY, self.max_qty)

    def _base(self, portfolio: int) -> Fraction:
        return whole_of(self.s, self.p["against"])[1](portfolio) * QTY

    # --- what counts -------------------------------------------------------------------------------------------------
    def _parts(self, portfolio: int, *, promised: bool, before: int = 0) -> list[Part]:
        """What counts of a portfolio: held, to be bought, and ordered before an order."""
        s = self.s
        held = s.rows_of("positions", portfolio)
        found = list(zip(s.positions.thing[held].tolist(), s.positions.amount[held].tolist(), strict=True))
        if promised:
            others = s.rows_of("others", portfolio)
            others = others[~s.others.sell[others]]
            found += zip(s.others.instrument[others].tolist(), s.others.leaves[others].tolist(), strict=True)
            orders = s.rows_of("orders", portfolio)
            orders = orders[(orders < before) & ~s.orders.sell[orders]]
            found += zip(s.orders.instrument[orders].tolist(), s.orders.qty[orders].tolist(), strict=True)
        return found

    def _missing(self, parts: Iterable[Part]) -> list[int]:
        """Instruments of which it is not known what they count for, or in which group."""
        t = self.t
        places = sorted({place for place, _ in parts})
        return [place for place in places if t.cloudy[place] or np.isnan(self.worth[t.start[place] : t.start[place + 1]]).any()]

    def _add(self, values: np.ndarray, place: int, qty: int) -> np.ndarray:
        some = slice(self.t.start[place], self.t.start[place + 1])
        values[self.t.group[some]] += qty * self.worth[some]  # Of one instrument each group once.
        return values

    def _values(self, parts: Iterable[Part]) -> np.ndarray:
        values = np.zeros(self.t.size)
        for place, qty in parts:
            self._add(values, place, qty)
        return values

    def _exactly(self, parts: Iterable[Part]) -> dict[int, Fraction]:
        values: dict[int, Fraction] = {}
        for place, qty in parts:
            for group in self.t.group[self.t.start[place] : self.t.start[place + 1]].tolist():
                values[group] = values.get(group, Fraction(0)) + qty * self.weight.exact(place) * self.t.exact(place, group)
        return values

    # --- their sum ---------------------------------------------------------------------------------------------------
    def _sum(self, values: np.ndarray, base: float) -> tuple[float, bool]:
        """The sum, and whether a group is so near the floor that floats do not tell."""
        if self.rule.kind == LARGEST:
            count = min(self.p["count"], len(values))
            return float(np.maximum(np.partition(values, -count)[-count:], 0).sum()), False
        floor = float(self.p["floor_pct"]) / 100 * base
        return float(values[values > floor].sum()), bool((np.abs(values - floor) <= NEAR * (abs(floor) + np.abs(values))).any() and floor)

    def _stays_small(self, before: np.ndarray, after: np.ndarray, place: int, base: float) -> bool:
        """Whether all that an order adds to stays clearly below what is added up: then the sum stays as it was."""
        if self.rule.kind == LARGEST:
            edge = float(np.partition(before, -min(self.p["count"], len(before)))[-min(self.p["count"], len(before))])
        else:
            edge = float(self.p["floor_pct"]) / 100 * base
        touched = after[self.t.group[self.t.start[place] : self.t.start[place + 1]]]
        return bool((touched < edge * (1 - NEAR)).all())

    def _exact_sum(self, values: Mapping[int, Fraction], base: Fraction) -> Fraction:
        return sum((value for _, value in self._counted(values, base)), Fraction(0))

    def _counted(self, values: Mapping[int, Fraction], base: Fraction) -> list[tuple[int, Fraction]]:
        """The groups that are added up, the largest first."""
        ranked = sorted(values.items(), key=lambda one: -one[1])
        if self.rule.kind == LARGEST:
            return [one for one in ranked[: self.p["count"]] if one[1] > 0]
        floor = Fraction(self.p["floor_pct"]) / 100 * base
        return [one for one in ranked if one[1] > floor]

    def _judge(self, portfolio: int, rows: list[int]) -> None:
        """Order after order by id."""
        s = self.s
        base = float(self._base(portfolio))
        cap = float(self.p["limit"]) / 100 * base
        now = self._sum(self._values(self._parts(portfolio, promised=False)), base)[0]
        values = self._values(self._parts(portfolio, promised=True))
        for row in rows:
            place, qty = int(s.orders.instrument[row]), int(s.orders.qty[row])
            was, close = self._sum(values, base)
            before = values.copy()
            after, near = self._sum(self._add(values, place, qty), base)
            passes = after <= max(cap, was)
            if self._stays_small(before, values, place, base):
                passes = True
            elif close or near or abs(after - max(cap, was)) <= NEAR * (abs(after) + abs(cap) + abs(was)):
                passes = self._passes(portfolio, row)(qty)
            self.now[row], self.after[row], self.room[row] = now / base * 100, after / base * 100, (cap - was) / QTY
            self.outcome[row] = PASS if passes else FAIL
            if not passes:
                self.max_qty[row] = self._most(portfolio, row, before, max(cap, was), base)

    def _passes(self, portfolio: int, order: int) -> Callable[[int], bool]:
        """Whether so many ten-thousandths of an order pass, exactly."""
        place, base = int(self.s.orders.instrument[order]), self._base(portfolio)
        values = self._exactly(self._parts(portfolio, promised=True, before=order))
        most = max(Fraction(self.p["limit"]) / 100 * base, self._exact_sum(values, base))
        adds = self._exactly([(place, 1)])

        def passes(qty: int) -> bool:
            grown = values | {group: values.get(group, Fraction(0)) + qty * part for group, part in adds.items()}
            return self._exact_sum(grown, base) <= most

        return passes

    def _most(self, portfolio: int, order: int, values: np.ndarray, most: float, base: float) -> int:
        """The largest quantity that passes: by halves in floats, and where they do not tell from there step by step, exactly."""
        place = int(self.s.orders.instrument[order])
        step = int(self.s.increment[place])

        def told(steps: int) -> tuple[bool, bool]:
            """Whether so many steps pass in floats, and whether those do not tell."""
            total, near = self._sum(self._add(values.copy(), place, steps * step), base)
            return total <= most, near or abs(total - most) <= NEAR * (abs(total) + abs(most))

        low, high = 0, -(-int(self.s.orders.qty[order]) // step)
        end = high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if told(middle)[0] else (low, middle)
        if (low and told(low)[1]) or told(high)[1]:  # Nothing passes always.
            passes = self._passes(portfolio, order)
            while low and not passes(low * step):
                low -= 1
            while low + 1 < end and passes((low + 1) * step):
                low += 1
        qty = low * step
        return 0 if qty < self.s.min_piece[place] else qty

    # --- as they stand -----------------------------------------------------------------------------------------------
    def standing(self, portfolio: int) -> tuple[Fraction | None, Fraction, tuple[dict[str, Any], ...]]:
        """
        A portfolio as it is held: what is added up in percent, by how much in the firm's currency that is beyond the limit
        (below zero where it is not), and of what. None where that cannot be told.
        """
        s, parts = self.s, self._parts(portfolio, promised=False)
        oldest = max(s.now_us - self.minutes * 60_000_000, 0)
        if s.nav_us[portfolio] < oldest or not np.nan_to_num(s.nav[portfolio]) > 0 or self._missing(parts):
            return None, Fraction(0), ()
        base, values = self._base(portfolio), self._exactly(parts)
        total = self._exact_sum(values, base)
        return total / base * 100, (total - Fraction(self.p["limit"]) / 100 * base) / QTY, self._lines(parts, base)

    # --- words -------------------------------------------------------------------------------------------------------
    def _lines(self, parts: list[Part], base: Fraction) -> tuple[dict[str, Any], ...]:
        counted = self._counted(self._exactly(parts), base)[:MOST_LINES]
        lines = [line(called(self.t, self.p["group"], group), float(value / QTY), currency=FIRM_CURRENCY) for group, value in counted]
        return (*lines, *untold_lines(self.t, (place for place, _ in parts)))

    @property
    def basis(self) -> str:
        what = f"the {self.p['count']} largest" if self.rule.kind == LARGEST else "what counts"
        counted = "funds as what they hold; open buys counted, open sells not"
        return f"{BASES[self.p['basis']].title} of {what} ÷ {AGAINST[self.p['against']]}, {counted}"

    def _say(self, order: int) -> Said:
        s, portfolio = self.s, int(self.s.orders.portfolio[order])
        if self.outcome[order] == INDETERMINATE:
            return self._cannot_tell(order, portfolio)
        largest = self.rule.kind == LARGEST
        what = f"The {self.p['count']} largest of" if largest else f"What is above {percent(float(self.p['floor_pct']))} of"
        text = (
            f"{what} {title_of(self.p['group'])}, with what funds hold of them, would be {percent(self.after[order])} of"
            f" {AGAINST[self.p['against']]} together; the limit is {percent(float(self.p['limit']))}. "
        )
        text += f"{money(self.room[order])} of room is left." if self.room[order] > 0 else "No room is left."
        parts = self._parts(portfolio, promised=True, before=order + 1)
        return Said(text, self.basis, (nav_line(s, portfolio), *self._lines(parts, self._base(portfolio))), "rule")

    def _cannot_tell(self, order: int, portfolio: int) -> Said:
        s, t = self.s, self.t
        missing = self._missing(self._parts(portfolio, promised=True, before=len(s.orders)))
        if dark := [place for place in missing if t.dark[place]]:
            return dark_said(t, dark, self.p, self.basis)
        unknown = t.meant.unsure if t.unknown is None else t.meant.unsure | t.unknown
        if symbols := of_leaves(t, missing, unknown):
            text = f"Cannot tell: something that this rule asks for is not on file for {listed(symbols)}."
            return Said(text, self.basis, tuple(line(symbol, "missing") for symbol in symbols[:MOST_LINES]), "rule")
        text, data = cannot_tell(s, order, self.minutes, whole_portfolio=True)
        return Said(text, self.basis, data, "rule")
