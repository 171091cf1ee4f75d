"""How portfolios stand by a rule that looks through funds, with no order asked."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from .attributes import clouded, weight
from .columns import FIRM_CURRENCY, NEAR, QTY, Snapshot
from .judgement import FAIL, INDETERMINATE, OUTCOMES, PASS, RuleVersion
from .rules.against import AGAINST, whole_of
from .rules.look_through import PER, called, of_leaves, of_rule, untold_lines
from .saying import MOST_LINES, line, listed, number, percent
from .stands import Standing

DARK = "What funds hold"


def measured(s: Snapshot, rule: RuleVersion) -> list[Standing]:
    """One for each portfolio and group that it has something of, through funds too; of a least also where it has nothing."""
    return list(_Stands(s, rule).found()) if len(s.portfolios) else []


def places(s: Snapshot, rule: RuleVersion) -> tuple[int, ...]:
    """The instruments of which something counts, funds too."""
    return tuple(np.unique(of_rule(s, rule.params).thing).tolist())


class _Stands:
    def __init__(self, s: Snapshot, rule: RuleVersion):
        self.s, self.p = s, rule.params
        self.through = of_rule(s, self.p)
        self.weight = weight(s, self.p["basis"])
        self.is_least = self.p["bound"] == "min"
        self.base, self.exact_base = whole_of(s, self.p["against"])
        self.unit = f"% of {AGAINST[self.p['against']]}"
        self.limit = Fraction(self.p["limit"])
        self.warning = None if self.p["warning"] is None else Fraction(self.p["warning"])

    def found(self) -> Iterator[Standing]:
        s, t = self.s, self.through
        keys, held = self._keys(), s.positions
        total, lost = t.sums(keys, held.portfolio, held.thing, held.amount, t.worth(self.weight))
        known = (s.nav_us >= max(s.now_us - self.p["max_age"] * 60_000_000, 0)) & (np.nan_to_num(s.nav) > 0)
        known &= np.nan_to_num(self.base) > 0
        if (clouds := clouded(s, t.cloudy if t.cloudy.any() else None)) is not None:
            known &= ~clouds
        for key, amount, unknown in zip(keys.tolist(), total.tolist(), lost.tolist(), strict=True):
            portfolio, group = divmod(key, t.size)
            name = DARK if group == t.nobody else called(t, self.p["group"], group)
            if unknown or not known[portfolio]:
                text = f"Cannot tell what {name} is: {self._why(portfolio)}."
                yield Standing(portfolio, name, name, OUTCOMES[INDETERMINATE], None, float(self.limit), self.unit, text=text)
            else:
                yield self._one(portfolio, group, name, amount)

    def _keys(self) -> np.ndarray:
        s, t = self.s, self.through
        found = [np.zeros(0, np.int64)]
        for some in t.pieces(s.positions.thing):
            row, entry = t.rows(s.positions.thing[some])
            found.append(np.unique(s.positions.portfolio[some][row] * t.size + t.group[entry]))
        keys = np.unique(np.concatenate(found))
        if self.is_least:
            groups = np.unique(keys % t.size)
            groups = groups[groups != t.nobody] if (groups != t.nobody).any() else np.zeros(1, np.int64)
            keys = np.union1d(keys, (np.arange(len(s.portfolios))[:, None] * t.size + groups[None, :]).ravel())
        return keys

    def _one(self, portfolio: int, group: int, name: str, total: float) -> Standing:
        turn = -1 if self.is_least else 1
        fails = turn * self._side(portfolio, group, total, self.limit) > 0
        warned = self.warning is not None and not fails and turn * self._side(portfolio, group, total, self.warning) >= 0
        base = float(self.base[portfolio])
        value, limit = total / base * PER, float(self.limit)
        text, data = "", ()
        if fails or warned:
            text = f"{name} is {percent(value)} {self.unit.removeprefix('% ')}, with what funds hold of it;"
            text += f" the {'least' if self.is_least else 'most'} is {percent(limit)}."
        if fails:
            data = self._lines(portfolio, group)
        return Standing(
            portfolio, name, name, OUTCOMES[FAIL if fails else PASS], value, limit, self.unit,
            max(turn * (total - limit / PER * base), 0.0) if fails else 0.0, warned, text, data,
            tuple(np.unique(self.through.thing[self.through.group == group]).tolist()) if fails else (), self.is_least,
        )  # fmt: skip

    def _side(self, portfolio: int, group: int, total: float, level: Fraction) -> int:
        """Whether it is above a level (1), below it (-1) or at it (0); next to it in fractions."""
        mark = float(level) / PER * float(self.base[portfolio])
        apart: float | Fraction = total - mark
        if abs(apart) <= NEAR * max(abs(mark), abs(total)):
            exact = sum((self._worth(row, group) for row in self.s.rows_of("positions", portfolio)), Fraction(0))
            apart = exact - level / PER * self.exact_base(portfolio)
        return (apart > 0) - (apart < 0)

    def _worth(self, row: int, group: int) -> Fraction:
        """What a position is worth in a group."""
        thing = int(self.s.positions.thing[row])
        part = self.through.exact(thing, group)
        return int(self.s.positions.amount[row]) * part * self.weight.exact(thing) / QTY if part else Fraction(0)

    def _lines(self, portfolio: int, group: int) -> tuple[dict[str, Any], ...]:
        s = self.s
        worth = {row: self._worth(row, group) for row in s.rows_of("positions", portfolio)}
        rows = sorted((row for row in worth if worth[row]), key=lambda row: -abs(worth[row]))[:MOST_LINES]
        lines = []
        for row in rows:
            thing = int(s.positions.thing[row])
            part, i = self.through.exact(thing, group), s.instruments[thing]
            what = i.symbol if part == 1 else f"{i.symbol}, {percent(float(part * 100))} of it"
            qty = number(Fraction(int(s.positions.amount[row]), QTY))
            lines.append(line(what, float(worth[row]), i.priced_at, qty=qty, currency=FIRM_CURRENCY))
        return (*lines, *untold_lines(self.through, s.positions.thing[rows].tolist()))

    def _why(self, portfolio: int) -> str:
        """Why nothing can be told of a portfolio, or of one of its groups."""
        t = self.through
        things = np.unique(self.s.positions.thing[self.s.rows_of("positions", portfolio)]).tolist()
        if dark := [place for place in things if t.dark[place]]:
            return f"{listed(t.why_dark(place) for place in dark)}; the rule asks for {percent(float(self.p['cover_pct']))}"
        unsure = t.meant.unsure if t.unknown is None else t.meant.unsure | t.unknown
        if missing := of_leaves(t, things, unsure):
            return f"something that the rule asks for is not on file for {listed(missing)}"
        return "a price or a rate is missing or too old"
