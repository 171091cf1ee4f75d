"""
The sum of the largest groups of a portfolio, such as its ten largest issuers, at most so many percent.

On the worst case for a purchase: what is held, all open buys and the earlier orders judged with it; open sells do not
count. A group that is worth less than nothing counts nothing. What a purchase adds to a group that stays smaller than the
largest passes, and so does what does not make the sum larger, even beyond the limit: what passes is up to the smallest of
the largest, or up to what the limit leaves, whichever is more. So a smaller purchase passes wherever a larger one does.

Floats decide clear cases; what is near a limit is decided in fractions.
"""

from bisect import bisect_left, insort
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from ..attributes import BASES, GROUPS, WORTHS, grouping, mask, namer, title_of, vague, weight
from ..columns import FIRM_CURRENCY, NEAR, QTY, Snapshot
from ..judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS, UNKNOWN, RuleVersion, Said, Verdicts
from ..params import Param
from ..saying import cannot_tell, line, listed, money, nav_line, percent
from . import sums_through, through_said
from .against import AGAINST, percent_of, whole_of
from .through_said import looks_through

PARAMS = {
    "filter": Param("filter", 'asset_class != "GOVT"', "which instruments count, as a condition; empty: all"),
    "basis": Param("choice", "market_value", "how they are measured", WORTHS),
    "group": Param("group", "issuer", "of what the largest are added up", {n: g.title for n, g in GROUPS.items() if n != "all"}),
    "against": Param("choice", "nav", "what it is measured against", AGAINST),
    "count": Param("count", "10", "how many of the largest are added up"),
    "limit": Param("percent", "40", "the most that these may be together, in percent"),
    "max_age": Param("minutes", 4320, "oldest price or rate that counts, in minutes"),
    **through_said.PARAMS,
}


def sentence(values: Mapping[str, Any]) -> str:
    which = f" of what meets {values['filter']}" if values["filter"] else ""
    which += through_said.words(values)
    return (
        f"The {values['count']} largest of {title_of(values['group'])}{which}, measured at {BASES[values['basis']].title}, are"
        f" together at most {values['limit']:f}% of {AGAINST[values['against']]} after a purchase."
    )


def judge(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    return sums_through.judge(s, rule) if looks_through(rule.params) else _Judged(s, rule).verdicts()


class _Judged:
    """One rule over one snapshot. Values are in the firm's currency times ``QTY``."""

    def __init__(self, s: Snapshot, rule: RuleVersion):
        self.s, self.rule, self.p = s, rule, rule.params
        self.meant = mask(s, self.p["filter"])
        self.grouping = grouping(s, self.p["group"], self.meant)
        unknown = vague(s, self.p["group"], self.meant)
        self.weight = weight(s, self.p["basis"])
        unsure = self.meant.unsure if unknown is None else self.meant.unsure | unknown
        self.missing = (self.grouping >= 0) & (unsure | np.isnan(self.weight.column))
        self.count, self.minutes = self.p["count"], self.p["max_age"]
        n = len(s.orders)
        self.outcome = np.full(n, NOT_ASKED, np.int8)
        self.max_qty = np.full(n, UNKNOWN, np.int64)
        self.now, self.after, self.room = (np.full(n, np.nan) for _ in range(3))

    def verdicts(self) -> Verdicts:
        s = self.s
        place = s.orders.instrument
        asked = s.buy & (self.grouping[place] >= 0) & (self.weight.column[place] != 0)
        fresh, fresh_price = s.fresh_nav(self.minutes), s.fresh_price(self.minutes)
        for portfolio in np.unique(s.orders.portfolio[asked]):
            rows = s.rows_of("orders", portfolio)
            rows = rows[asked[rows]]
            if not fresh[rows[0]] or self._missing_of(portfolio):
                self.outcome[rows] = INDETERMINATE
            else:
                self._judge(int(portfolio), rows.tolist())
        self.outcome[asked & ~fresh_price] = INDETERMINATE
        self.max_qty[self.outcome != FAIL] = UNKNOWN
        limit = np.full(len(s.orders), float(self.p["limit"]))
        unit = percent_of(self.p["against"])
        return Verdicts(
            self.rule, self.outcome, self._say, self.now, self.after, limit, unit, self.room, FIRM_CURRENCY, self.max_qty
        )  # fmt: skip

    def _base(self, portfolio: int) -> tuple[float, Fraction]:
        column, exact = whole_of(self.s, self.p["against"])
        return float(column[portfolio]), exact(portfolio)

    def _rows(self, portfolio: int, *, promised: bool, before: int = 0) -> list[tuple[int, int]]:
        """What counts of a portfolio as (instrument, ten-thousandths): held, to be bought, and ordered before an order."""
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
        return [one for one in found if self.grouping[one[0]] >= 0]

    def _missing_of(self, portfolio: int) -> list[int]:
        """Instruments that count, though what they count for or in which group is not known."""
        if not self.missing.any():
            return []
        whole = self._rows(portfolio, promised=True, before=len(self.s.orders))
        return sorted({place for place, _ in whole if self.missing[place]})

    def _sums(self, rows: list[tuple[int, int]]) -> dict[int, float]:
        sums: dict[int, float] = {}
        for place, qty in rows:
            group = int(self.grouping[place])
            sums[group] = sums.get(group, 0.0) + qty * float(self.weight.column[place])
        return sums

    def _judge(self, portfolio: int, rows: list[int]) -> None:
        """Order after order by id, in floats; what is near is reckoned again from the beginning, exactly."""
        s = self.s
        base = self._base(portfolio)[0] * QTY
        cap = float(self.p["limit"]) / 100 * base
        now = sum(sorted((v for v in self._sums(self._rows(portfolio, promised=False)).values() if v > 0), reverse=True)[: self.count])
        sums = self._sums(self._rows(portfolio, promised=True))
        ranked = sorted(-v for v in sums.values() if v > 0)
        for row in rows:
            place, qty = int(s.orders.instrument[row]), int(s.orders.qty[row])
            group, unit = int(self.grouping[place]), float(self.weight.column[place])
            value = sums.get(group, 0.0)
            if value > 0:
                del ranked[bisect_left(ranked, -value)]
            first, next_one = _beside(ranked, self.count)
            left = max(cap, first + max(value, next_one)) - first - value
            spends = qty * unit
            passes = spends <= left
            if abs(left - spends) <= NEAR * (abs(cap) + abs(first) + abs(value) + spends):
                left_exactly, unit_exactly = self._exact(portfolio, row, place)
                passes = qty * unit_exactly <= left_exactly
            after = first + max(value + spends, next_one)
            sums[group] = value + spends
            if sums[group] > 0:
                insort(ranked, -sums[group])
            self.now[row], self.after[row], self.room[row] = now / base * 100, after / base * 100, left / QTY
            self.outcome[row] = PASS if passes else FAIL
            if not passes:
                self.max_qty[row] = self._largest(portfolio, row, place)

    def _exact(self, portfolio: int, order: int, place: int) -> tuple[Fraction, Fraction]:
        """What an order may spend, and what one unit of its instrument is worth."""
        sums: dict[int, Fraction] = {}
        for thing, qty in self._rows(portfolio, promised=True, before=order):
            at = int(self.grouping[thing])
            sums[at] = sums.get(at, Fraction(0)) + qty * self.weight.exact(thing)
        value = sums.pop(int(self.grouping[place]), Fraction(0))
        ranked = sorted(-v for v in sums.values() if v > 0)
        first, next_one = _beside(ranked, self.count)
        cap = Fraction(self.p["limit"]) / 100 * self._base(portfolio)[1] * QTY
        return max(cap, first + max(value, next_one)) - first - value, self.weight.exact(place)

    def _largest(self, portfolio: int, order: int, place: int) -> int:
        left, unit = self._exact(portfolio, order, place)
        step = int(self.s.increment[place])
        qty = max(left // (unit * step), 0) * step
        return 0 if qty < self.s.min_piece[place] else int(qty)

    # --- as they stand -----------------------------------------------------------------------------------------------
    def standing(self, portfolio: int) -> tuple[Fraction | None, Fraction, tuple[dict[str, Any], ...]]:
        """
        A portfolio as it is held: its largest groups together in percent, by how much in the firm's currency that is beyond
        the limit (below zero where it is not), and which they are. None where that cannot be told.
        """
        s = self.s
        oldest = max(s.now_us - self.minutes * 60_000_000, 0)
        rows = self._rows(portfolio, promised=False)
        if s.nav_us[portfolio] < oldest or not np.nan_to_num(s.nav[portfolio]) > 0 or any(self.missing[place] for place, _ in rows):
            return None, Fraction(0), ()
        sums: dict[int, Fraction] = {}
        for place, qty in rows:
            group = int(self.grouping[place])
            sums[group] = sums.get(group, Fraction(0)) + qty * self.weight.exact(place)
        base = self._base(portfolio)[1]
        total = sum(sorted((v for v in sums.values() if v > 0), reverse=True)[: self.count], Fraction(0)) / QTY
        lines = self._lines({group: float(value) for group, value in sums.items()})
        return total / base * 100, total - Fraction(self.p["limit"]) / 100 * base, lines

    # --- words -------------------------------------------------------------------------------------------------------
    def _lines(self, sums: Mapping[int, float]) -> tuple[dict[str, Any], ...]:
        named, names = namer(self.s, self.p["group"]), {}
        for place, group in enumerate(self.grouping.tolist()):
            if group in sums:
                names.setdefault(group, named(self.s.instruments[place]))
        largest = sorted((group for group in sums if sums[group] > 0), key=lambda group: (-sums[group], names[group]))
        return tuple(line(names[group], sums[group] / QTY, currency=FIRM_CURRENCY) for group in largest[: min(self.count, 12)])

    @property
    def basis(self) -> str:
        what = BASES[self.p["basis"]].title
        return f"{what} of the {self.count} largest ÷ {AGAINST[self.p['against']]}; open buys counted, open sells not"

    def _say(self, order: int) -> Said:
        s, portfolio = self.s, int(self.s.orders.portfolio[order])
        if self.outcome[order] == INDETERMINATE:
            if missing := [s.instruments[place].symbol for place in self._missing_of(portfolio)]:
                text = f"Cannot tell: something that this rule asks for is not on file for {listed(missing)}."
                return Said(text, self.basis, tuple(line(symbol, "missing") for symbol in missing[:12]), "rule")
            text, data = cannot_tell(s, order, self.minutes, whole_portfolio=True)
            return Said(text, self.basis, data, "rule")
        text = (
            f"The {self.count} largest of {title_of(self.p['group'])} would be {percent(self.after[order])} of"
            f" {AGAINST[self.p['against']]} together; the limit is {percent(float(self.p['limit']))}. "
        )
        text += f"{money(self.room[order])} of room is left." if self.room[order] > 0 else "No room is left."
        sums = self._sums(self._rows(portfolio, promised=True, before=order + 1))
        return Said(text, self.basis, (nav_line(s, portfolio), *self._lines(sums)), "rule")


def _beside(ranked: list, count: int) -> tuple[Any, Any]:
    """Of values by size, each with a minus before it: the sum of all but the last of the largest, and that last one."""
    first = -sum(ranked[: count - 1])
    return first, -ranked[count - 1] if len(ranked) >= count else 0


def standing(s: Snapshot, rule: RuleVersion):
    """Asks the rule about portfolios as they are held; see ``_Judged.standing``."""
    return sums_through.standing(s, rule) if looks_through(rule.params) else _Judged(s, rule).standing
