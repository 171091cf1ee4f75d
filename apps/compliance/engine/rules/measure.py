"""
The rule that officers write as data: what counts, in which part of the portfolio, measured against what, and how much of
it is allowed.

``limit`` from above asks purchases, on the worst case: what is held, all open buys and the earlier orders judged with it;
``limit`` from below asks sales, less all open sells. What an order does not make worse passes, even beyond the limit. The
sum is taken for each group apart; what the filter leaves out is not asked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from .. import claims
from ..attributes import BASES, Weight, clouded, grouping, issuer_of, mask, namer, title_of, vague, weight
from ..benchmarks import Weights
from ..columns import FIRM_CURRENCY, NEAR, QTY, Snapshot
from ..judgement import INDETERMINATE, PASS, RuleVersion, Said, Verdicts, compared, constant
from ..projection import exact_before, projected, running
from ..saying import cannot_tell, line, listed, money, nav_line, part_lines, percent, units
from . import look_through, measure_firm
from .against import whole_of
from .measure_firm import of_instrument
from .measure_said import AGAINST, OF_INSTRUMENT, per, worded
from .through_said import looks_through

WORTHS = ("nav", "total_assets", "part")


def judge(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    return look_through.judge(s, rule) if looks_through(rule.params) else _Judged(s, rule).verdicts()


@dataclass
class Measured:
    """What a limit is measured against, for each order: in floats, whether it is known, and one order's as a fraction."""

    column: np.ndarray
    known: np.ndarray
    exact: Any


class Whole(NamedTuple):
    """
    What rules with other limits on the same look at alike, of each order: see ``compared``, and ``now`` and ``after`` as they are
    shown. ``before`` and ``base`` are as the portfolio has them, ``used`` as it is compared: less than nothing for a limit from below.
    """

    asked: np.ndarray
    known: np.ndarray
    unit: np.ndarray
    before: np.ndarray
    used: np.ndarray
    base: Measured
    now: np.ndarray
    after: np.ndarray
    earlier: np.ndarray | None


def of_portfolios(s: Snapshot, values: Mapping[str, Any]) -> tuple[np.ndarray, Callable[[int], Fraction]]:
    """What a rule is measured against in each portfolio: net asset value, total assets, or the part that is meant."""
    if values["against"] != "part":
        return whole_of(s, values["against"])
    part, held = mask(s, values["of"]), s.positions
    worth = np.where(part.unsure, np.nan, np.where(part.chosen, s.unit, 0.0))
    column = np.bincount(held.portfolio, held.amount * worth[held.thing], len(s.portfolios)) / QTY

    def exact(portfolio: int) -> Fraction:
        rows = [row for row in s.rows_of("positions", portfolio) if part.chosen[held.thing[row]]]
        return sum((int(held.amount[row]) * s.exact_unit(held.thing[row]) for row in rows), Fraction(0)) / QTY

    return column, exact


def in_benchmarks(s: Snapshot, values: Mapping[str, Any]) -> Weights:
    """What the groups of a rule weigh in the benchmarks that are followed. Kept with the snapshot."""
    meant, days = mask(s, values["filter"]), values["benchmark_days"]

    def made() -> Weights:
        return Weights(s, grouping(s, values["group"], meant), meant.unsure, vague(s, values["group"], meant), days)

    return s.once(("benchmarks", values["filter"], values["group"], days), made)


class _Judged:
    """One rule over one snapshot."""

    def __init__(self, s: Snapshot, rule: RuleVersion):
        self.s, self.rule, self.p = s, rule, rule.params
        self.selling = self.p["bound"] == "min"
        self.meant = mask(s, self.p["filter"])
        self.grouping = grouping(s, self.p["group"], self.meant)
        self.vague = vague(s, self.p["group"], self.meant)
        worth = weight(s, self.p["basis"])
        self.same = self.p["filter"], self.p["group"], self.p["basis"]
        # What may or may not be meant cannot be added up.
        column = s.once(("sure", *self.same), lambda: np.where(self.meant.unsure, np.nan, worth.column))
        self.weight = Weight(column, worth.exact)
        self.place = s.orders.instrument
        self.minutes = self.p["max_age"]
        self.per = per(self.p)
        self.fraction = Fraction(self.p["limit"]) / self.per
        self.firm = self.p["across"] == "firm"
        self.shared = measure_firm.shared(s, self.p) if measure_firm.is_by_group(self.p) else None
        self.claims = claims.claims(s, self.p["claims"])
        self.relative = self.p["relative_to"] == "benchmark"
        asked = "across", "against", "of", "max_age", "claims"
        self.key = "measured whole", *self.same, self.selling, *(self.p[name] for name in asked)

    def verdicts(self) -> Verdicts:
        s, turn = self.s, -1.0 if self.selling else 1.0
        whole = s.once(self.key, self._whole)
        self.before, self.after, self.earlier = whole.before, whole.after, whole.earlier
        part, known = float(self.fraction), whole.known
        if self.relative:
            self.leaning = in_benchmarks(s, self.p)
            weights = self.leaning.column(s.orders.portfolio, self.grouping[self.place])
            known, part = known & ~np.isnan(weights), weights + turn * part
        self.cap = part * whole.base.column

        def exact(order: int) -> tuple[Fraction, Fraction, Fraction]:
            cap = self._part(order) * whole.base.exact(order)
            return int(turn) * self._exact_used(order), self.weight.exact(self.place[order]), int(turn) * cap

        cap, same = -self.cap if self.selling else self.cap, None if self.relative else self.key
        self.outcome, max_qty = compared(s, whole.asked, known, whole.used, whole.unit, cap, exact, same)
        self.limits = part * 100 if self.relative else constant(float(self.p["limit"]), len(s.orders))
        return Verdicts(
            self.rule, self.outcome, self._say, whole.now, whole.after, self.limits, self._unit, cap - whole.used, self._room_unit,
            max_qty, warned=self._warned(whole.base, turn),
        )  # fmt: skip

    def _whole(self) -> Whole:
        s, turn = self.s, -1.0 if self.selling else 1.0
        unit, ordered, asked = s.once(("measured", *self.same, self.selling), self._orders)
        now, before, known, earlier = self._used(asked)
        base = self._against()
        known = known & base.known & ~np.isnan(unit)
        if self.shared is None and (clouds := clouded(s, self.vague)) is not None:
            known = known & ~clouds[s.orders.portfolio]
        if self.p["basis"] not in ("units", "par"):
            known = known & s.fresh_price(self.minutes)
        percent_of = base.column / self.per
        with np.errstate(divide="ignore", invalid="ignore"):
            now, after = now / percent_of, (before + turn * ordered) / percent_of
        return Whole(asked, known, unit, before, -before if self.selling else before, base, now, after, earlier)

    def _part(self, order: int, fraction: Fraction | None = None) -> Fraction:
        """What the limit, or another number like it, is of what is measured against, exactly."""
        fraction = self.fraction if fraction is None else fraction
        if not self.relative:
            return fraction
        weight = self.leaning.exact(int(self.s.orders.portfolio[order]), int(self.grouping[self.place[order]]))
        return weight - fraction if self.selling else weight + fraction

    def _orders(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of each order what one unit and all of it count for, and whether it is asked: what adds nothing passes."""
        s = self.s
        unit = self.weight.column[self.place]
        asked = (s.orders.sell == self.selling) & (self.grouping[self.place] >= 0) & (unit != 0)
        return unit, s.ordered * unit, asked

    # --- what is used ------------------------------------------------------------------------------------------------
    def _used(self, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
        """What is held now and before each order, whether that is known, and of the firm's the earlier orders."""
        s = self.s
        if self.shared is not None:
            return *self.shared.used, None
        if not self.firm:
            found = projected(s, self.grouping, self.weight.column, asked, sells=self.selling)
            if self.p["claims"] == "none":
                return found.now, found.before, found.known, None
            owed = self.claims.of_groups(s.orders.portfolio, [issuer_of(i) for i in s.instruments], self.place)
            sure = ~np.isin(s.orders.portfolio, list(self.claims.unsure))
            return found.now + owed, found.before + owed, found.known & sure, None
        plain = self.weight.column / QTY
        earlier = np.zeros(len(s.orders), np.int64)
        rows = np.flatnonzero(s.buy)
        earlier[rows] = running(self.place[rows], s.orders.qty[rows])
        now = (s.firm_held * plain)[self.place]
        before = ((s.firm_held + s.firm_promised)[self.place] + earlier) * plain[self.place]
        return now, before, ~np.isnan(before), earlier

    def _exact_used(self, order: int) -> Fraction:
        if self.shared is not None:
            return self.shared.exact(order)
        if not self.firm:
            return exact_before(self.s, order, self.grouping, sells=self.selling, unit=self.weight.exact) + self._owed(order)
        place = self.place[order]
        whole = int(self.s.firm_held[place] + self.s.firm_promised[place] + self.earlier[order])
        return Fraction(whole, QTY) * self.weight.exact(place)

    def _owed(self, order: int) -> Fraction:
        """What the issuer's group of an order owes its portfolio beside securities."""
        group = issuer_of(self.s.instrument_of(order))
        return self.claims.of.get((int(self.s.orders.portfolio[order]), group), Fraction(0))

    # --- what it is measured against ---------------------------------------------------------------------------------
    def _against(self) -> Measured:
        s, against = self.s, self.p["against"]
        n = len(s.orders)
        if against == "nothing":
            return Measured(np.ones(n), np.ones(n, bool), lambda order: Fraction(1))
        if against in OF_INSTRUMENT:
            values = [of_instrument(s, i, against) for i in s.instruments]
            column = np.array([np.nan if v is None else float(v) for v in values])[self.place]
            return Measured(column, ~np.isnan(column), lambda order: values[self.place[order]])
        if self.firm:
            worth = measure_firm.against_worth(s, against, self.minutes)
            value = np.nan if worth is None else float(worth)
            return Measured(np.full(n, value), np.full(n, worth is not None), lambda order: worth)
        fresh, mine = s.fresh_nav(self.minutes), s.orders.portfolio
        column, exact = of_portfolios(s, self.p)
        known = fresh if against != "part" else fresh & (np.nan_to_num(column) > 0)[mine]
        of_orders = s.once(("against", against, self.p["of"]), lambda: column[mine])
        return Measured(of_orders, known, lambda order: exact(mine[order]))

    # --- words -------------------------------------------------------------------------------------------------------
    def _warned(self, base: Measured, turn: float) -> np.ndarray | None:
        """Which pass at the warning or beyond it; what lies next to it in fractions."""
        if self.p["warning"] is None:
            return None
        level = self.p["warning"]
        at = float(level) if not self.relative else self.limits + (float(self.p["limit"] - level) * (1 if self.selling else -1))
        rows = np.flatnonzero(self.outcome == PASS)
        after, mark = self.after[rows], np.broadcast_to(at, len(self.outcome))[rows]
        reached = after <= mark if self.selling else after >= mark
        for k in np.flatnonzero(np.abs(after - mark) <= NEAR * np.maximum(np.abs(after), np.abs(mark))):
            order, qty = rows[k], Fraction(int(self.s.orders.qty[rows[k]]), QTY)
            used = int(turn) * self._exact_used(order) + qty * self.weight.exact(self.place[order])
            reached[k] = used >= int(turn) * self._part(order, Fraction(level) / self.per) * base.exact(order)
        warned = np.zeros(len(self.outcome), bool)
        warned[rows] = reached
        return warned

    @property
    def _unit(self) -> str:
        against = self.p["against"]
        if against == "nothing":
            return self._room_unit
        if self.p["basis"] == "duration":
            return "years"
        short = {
            "nav": "NAV", "total_assets": "total assets", "part": "the part", "shares_outstanding": "shares", "debt_outstanding": "debt",
            "money_market_outstanding": "money market instruments", "issued_by_body": "what is issued",
        }  # fmt: skip
        whose = "the firm's " if self.firm and against in ("nav", "total_assets") else ""
        return f"% of {whose}{short.get(against, 'a day')}"

    @property
    def _room_unit(self) -> str:
        return {"units": "units", "duration": f"{FIRM_CURRENCY} × years"}.get(self.p["basis"], FIRM_CURRENCY)

    def _shown(self, value: float) -> str:
        if self.p["basis"] == "duration":
            return f"{units(value)} years of {worded(self.p)}"
        if self.p["against"] != "nothing":
            return f"{percent(value)} of {'the part it is measured against' if self.p['of'] else worded(self.p)}"
        return units(value) if self.p["basis"] == "units" else money(value)

    def _say(self, order: int) -> Said:
        s, basis = self.s, self.basis
        if self.outcome[order] == INDETERMINATE:
            return self._cannot_tell(order, basis)
        name = namer(s, self.p["group"])(s.instrument_of(order))
        left = (self.cap[order] - self.before[order]) * (-1 if self.selling else 1)
        name += " across the firm" if self.shared is not None else ""
        text = f"{name} would be {self._shown(self.after[order])}; the limit is {self._limit_of(order)}. "
        room = f"{units(left)} {self._room_unit}" if self.p["basis"] in ("units", "duration") else money(left)
        text += f"{room} of room is left." if left > 0 else "No room is left."
        return Said(text, basis, self._lines(order), "rule")

    def _limit_of(self, order: int) -> str:
        if not self.relative:
            return self._limit
        portfolio = int(self.s.orders.portfolio[order])
        weight = float(self.leaning.exact(portfolio, int(self.grouping[self.place[order]]))) * 100
        side = "below" if self.selling else "above"
        return (
            f"{percent(float(self.limits[order]))}, {float(self.p['limit']):g} percentage points {side} its {percent(weight)} in"
            f" {self.leaning.code(portfolio)}"
        )

    @property
    def _limit(self) -> str:
        if self.p["basis"] == "duration":
            return f"{units(float(self.p['limit']))} years"
        if self.p["against"] != "nothing":
            return percent(float(self.p["limit"]))
        return self._shown(float(self.p["limit"]))

    @property
    def basis(self) -> str:
        counted = "open sells counted, open buys not" if self.selling else "open buys counted, open sells not"
        against = "" if self.p["against"] == "nothing" else f" ÷ {worded(self.p) if self.firm else AGAINST[self.p['against']]}"
        owed = "" if self.p["claims"] == "none" else f", with {claims.KINDS[self.p['claims']]}"
        return f"{BASES[self.p['basis']].title}{owed}{against}; {counted}"

    def _lines(self, order: int) -> tuple[dict[str, Any], ...]:
        s = self.s
        if self.shared is not None:
            return self.shared.lines(order)
        if self.firm:
            place = self.place[order]
            return (
                line("Held by the firm", s.firm_held[place] / QTY),
                line("Open buys of the firm", s.firm_promised[place] / QTY),
                line("Earlier orders judged with this one", self.earlier[order] / QTY),
            )
        parts = part_lines(s, order, self.grouping, sells=self.selling, unit=self.weight.column)
        if owed := self._owed(order):
            name = self.claims.names[issuer_of(s.instrument_of(order))]
            parts = (line(f"{name}: {claims.KINDS[self.p['claims']]}", float(owed), currency=FIRM_CURRENCY), *parts)
        return (nav_line(s, s.orders.portfolio[order]), *parts) if self.p["against"] == "nav" else parts

    def _cannot_tell(self, order: int, basis: str) -> Said:
        s, place = self.s, self.place[order]
        i = s.instrument_of(order)
        if self.p["against"] in OF_INSTRUMENT and of_instrument(s, i, self.p["against"]) is None:
            what = f"{i.symbol} {AGAINST[self.p['against']].removeprefix('the instrument’s ')}"
            return Said(f"Cannot tell: {what} is not on file. Add it under Reference data.", basis, (line(what, "missing"),), "rule")
        if why := self.claims.unsure.get(int(s.orders.portfolio[order])):
            text = f"Cannot tell what is owed to the portfolio: {why}. Add it under Reference data."
            return Said(text, basis, (), "rule")
        unsure = self._unsure(order)
        if unsure:
            text = f"Cannot tell: something that {self.p['filter']} asks for is not on file for {listed(unsure)}."
            return Said(text, basis, tuple(line(symbol, "missing") for symbol in unsure[:12]), "rule")
        if groupless := self._groupless(order):
            text = f"Cannot tell: {title_of(self.p['group'])} is measured, and that of {listed(groupless)} is not on file."
            return Said(text, basis, tuple(line(symbol, "missing") for symbol in groupless[:12]), "rule")
        if self.shared is not None and (why := self._firm_unknown(order)):
            return Said(f"Cannot tell: {why}.", basis, (), "rule")
        portfolio = int(s.orders.portfolio[order])
        if self.relative and np.isnan(self.leaning.column(np.array([portfolio]), np.array([self.grouping[place]]))[0]):
            return Said(f"Cannot tell: {self.leaning.unknown(portfolio)}.", basis, (), "rule")
        if np.isnan(self.weight.column[place]) and not np.isnan(s.unit[place]):
            text = f"Cannot tell: what one {i.symbol} counts for, as {BASES[self.p['basis']].title}, is not known."
            return Said(text, basis, (line(i.symbol, "missing"),), "rule")
        text, data = cannot_tell(s, order, self.minutes, whole_portfolio=self.shared is None and self.p["against"] in WORTHS)
        return Said(text, basis, data, "rule")

    def _firm_unknown(self, order: int) -> str:
        if measure_firm.measures_worth(self.p) and (why := measure_firm.no_worth(self.s, self.minutes)):
            return why
        return self.shared.unpriced(int(self.grouping[self.place[order]]))

    def _unsure(self, order: int) -> list[str]:
        """What counts in the order's group and may or may not be meant."""
        mine = self.grouping[self.place[order]]
        return [self.s.instruments[p].symbol for p in self._beside(order) if self.meant.unsure[p] and self.grouping[p] == mine]

    def _groupless(self, order: int) -> list[str]:
        """What the portfolio, or the firm, has of which nobody knows the group."""
        if self.shared is not None:
            return self.shared.vague(self.vague)
        return [] if self.vague is None else [self.s.instruments[p].symbol for p in self._beside(order) if self.vague[p]]

    def _beside(self, order: int) -> list[int]:
        """The order's instrument, and those that its portfolio, or the firm, holds or has orders in."""
        if self.shared is not None:
            return self.shared.beside(int(self.grouping[self.place[order]]))
        s, portfolio = self.s, self.s.orders.portfolio[order]
        held = s.positions.thing[s.rows_of("positions", portfolio)]
        others, orders = s.others.instrument[s.rows_of("others", portfolio)], self.place[s.rows_of("orders", portfolio)]
        return sorted({int(self.place[order]), *map(int, held), *map(int, others), *map(int, orders)})
