"""
The rule that officers write as data, where it looks through funds: what a portfolio holds of a fund counts in the groups of
what the fund holds.

An order in a fund adds to each of these groups, and each must hold its limit: the answer is that of the group that allows the
least. A share adds to its own group on top of what is held through funds. Else as ``measure``: the same worst case, order
after order by id, decided in fractions next to the limit.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from ..attributes import BASES, clouded, namer, title_of, weight
from ..columns import FIRM_CURRENCY, NEAR, QTY, Orders, Snapshot
from ..funds import Through, through
from ..judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS, UNKNOWN, RuleVersion, Said, Verdicts, compared
from ..projection import running
from ..saying import MOST_LINES, cannot_tell, line, listed, money, nav_line, number, percent, ref
from .against import AGAINST, percent_of, whole_of

PER = 100
SHARED = ("_units", "unit", "priced_us", "nav", "nav_us", "total_assets", "_exact_navs", "currency", "increment", "min_piece", "now_us")
"""What is worked out of instruments and portfolios, whatever is ordered."""


def of_rule(s: Snapshot, p: dict[str, Any]) -> Through:
    return through(s, p["filter"], p["group"], p["constituent_days"], Fraction(p["cover_pct"]) / 100)


def judge(s: Snapshot, rule: RuleVersion) -> Verdicts:
    return _Judged(s, rule).verdicts()


@dataclass
class _Asked:
    """
    What rules with other limits on the same look at alike: a row for each order and each group that it adds to.

    :param order, entry: of each row; :param lines: the snapshot with a line for each row in place of its order
    :param unit: what one unit adds to the row's group, :param now, before: what is in that, in the firm's currency
    """

    order: np.ndarray
    entry: np.ndarray
    lines: Snapshot
    unit: np.ndarray
    now: np.ndarray
    before: np.ndarray
    asked: np.ndarray
    known: np.ndarray


class _Judged:
    """One rule over one snapshot."""

    def __init__(self, s: Snapshot, rule: RuleVersion):
        self.s, self.rule, self.p = s, rule, rule.params
        self.through = of_rule(s, self.p)
        self.weight = weight(s, self.p["basis"])
        self.selling = self.p["bound"] == "min"
        self.turn = -1 if self.selling else 1
        self.fraction = Fraction(self.p["limit"]) / PER
        self.key = "looked through", self.selling, *(
            self.p[name] for name in ("filter", "group", "basis", "against", "max_age", "constituent_days", "cover_pct")
        )  # fmt: skip

    def verdicts(self) -> Verdicts:
        s, turn = self.s, self.turn
        self.asked = found = s.once(self.key, self._asked)
        base = self._base()[s.orders.portfolio[found.order]]
        cap, used = turn * float(self.fraction) * base, turn * found.before
        outcome, most = compared(found.lines, found.asked, found.known, used, found.unit, cap, self._exact, self.key)
        with np.errstate(divide="ignore", invalid="ignore"):
            self.now = found.now / base * PER
            self.after = (found.before + turn * s.ordered[found.order] * found.unit) / base * PER
        self.outcome, self.row, max_qty = self._folded(outcome, most)
        warned = self._warned(outcome, base)
        told = self.row >= 0

        def shown(column: np.ndarray) -> np.ndarray:
            return np.where(told, column[self.row] if len(column) else np.nan, np.nan)

        return Verdicts(
            self.rule, self.outcome, self._say, shown(self.now), shown(self.after), np.full(len(s.orders), float(self.p["limit"])),
            percent_of(self.p["against"]), shown(cap - used), FIRM_CURRENCY, max_qty, warned=warned,
        )  # fmt: skip

    def _base(self) -> np.ndarray:
        return whole_of(self.s, self.p["against"])[0]

    def _exact_base(self, portfolio: int) -> Fraction:
        return whole_of(self.s, self.p["against"])[1](portfolio)

    # --- what is used ------------------------------------------------------------------------------------------------
    def _asked(self) -> _Asked:
        s, t = self.s, self.through
        mine = np.flatnonzero(s.orders.sell == self.selling)
        row, entry = t.rows(s.orders.instrument[mine])
        order = mine[row]
        worth = t.worth(self.weight)
        portfolio, group, unit = s.orders.portfolio[order], t.group[entry], worth[entry]
        keys = portfolio * t.size + group
        wanted, at = np.unique(keys, return_inverse=True)
        held, no_sum = t.sums(wanted, s.positions.portfolio, s.positions.thing, s.positions.amount, worth)
        others = s.others.sell == self.selling
        promised, no_promise = t.sums(
            wanted, s.others.portfolio[others], s.others.instrument[others], s.others.leaves[others], worth
        )  # fmt: skip
        missing = np.isnan(unit)
        lost = no_sum | no_promise | (np.bincount(at, missing.astype(float), len(wanted)) > 0)
        earlier = running(at, s.ordered[order] * np.where(missing, 0.0, unit))
        now = held[at]
        before = now + self.turn * (promised[at] + earlier)
        fresh = s.fresh_nav(self.p["max_age"]) & s.fresh_price(self.p["max_age"])
        if (clouds := clouded(s, t.cloudy if t.cloudy.any() else None)) is not None:
            fresh = fresh & ~clouds[s.orders.portfolio]
        return _Asked(order, entry, self._lines_of(order), unit, now, before, unit != 0, fresh[order] & ~lost[at])

    def _lines_of(self, order: np.ndarray) -> Snapshot:
        o = self.s.orders
        found = replace(self.s, orders=Orders(**{
            name: getattr(o, name)[order]
            for name in ("id", "version", "portfolio", "instrument", "sell", "qty", "limit", "created_us", "value_days", "family")
        }))  # fmt: skip
        found.__dict__.update({name: getattr(self.s, name) for name in SHARED})
        return found

    def _exact(self, row: int) -> tuple[Fraction, Fraction, Fraction]:
        order = int(self.asked.order[row])
        used, unit = self._exact_used(row), self._exact_unit(row)
        return self.turn * used, unit, self.turn * self.fraction * self._exact_base(int(self.s.orders.portfolio[order]))

    def _exact_unit(self, row: int) -> Fraction:
        thing, group = self.through.thing[self.asked.entry[row]], self.through.group[self.asked.entry[row]]
        return self.weight.exact(int(thing)) * self.through.exact(int(thing), int(group))

    def _exact_used(self, row: int) -> Fraction:
        group, total = int(self.through.group[self.asked.entry[row]]), Fraction(0)
        for part in self._parts(int(self.asked.order[row])):
            if share := self.through.exact(part[1], group):
                total += part[3] * part[2] * share * self.weight.exact(part[1])
        return total / QTY

    def _parts(self, order: int) -> list[tuple[str, int, int, int]]:
        """What the portfolio has before an order: how, in which instrument, how many ten-thousandths, and whether that adds."""
        s, portfolio, sells = self.s, int(self.s.orders.portfolio[order]), self.selling
        found = [("held", int(s.positions.thing[row]), int(s.positions.amount[row]), 1) for row in s.rows_of("positions", portfolio)]
        for row in s.rows_of("others", portfolio):
            if s.others.sell[row] == sells:
                open_order = f"open order {ref(s.others.id[row])}"
                found.append((open_order, int(s.others.instrument[row]), int(s.others.leaves[row]), self.turn))
        for row in s.rows_of("orders", portfolio):
            if row < order and s.orders.sell[row] == sells:
                found.append((f"order {ref(s.orders.id[row])}", int(s.orders.instrument[row]), int(s.orders.qty[row]), self.turn))
        return found

    # --- of the groups, the order ------------------------------------------------------------------------------------
    def _folded(self, outcome: np.ndarray, most: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """
        Of each order the worst outcome of its groups, the row of the group that allows the least, -1 where it adds to none,
        and the largest quantity that passes in all of them: not known where of one nobody can tell.
        """
        n, order = len(self.s.orders), self.asked.order
        folded, row, max_qty = np.full(n, NOT_ASKED, np.int8), np.full(n, -1, np.int64), np.full(n, UNKNOWN, np.int64)
        if not len(order):
            return folded, row, max_qty
        first = np.flatnonzero(np.diff(order, prepend=-1))  # The rows of an order stand together.
        mine = np.repeat(np.arange(len(first)), np.diff(first, append=len(order)))
        worst = np.maximum.reduceat(outcome, first)
        best = outcome == worst[mine]
        for column in (np.where(outcome == FAIL, most, np.iinfo(np.int64).max), -self.turn * np.nan_to_num(self.after)):
            least = np.minimum.reduceat(np.where(best, column, column.max()), first)
            best &= column == least[mine]
        picked = np.minimum.reduceat(np.where(best, np.arange(len(order)), len(order)), first)
        of, told = order[first], worst != NOT_ASKED
        folded[of], row[of[told]] = worst, picked[told]
        unsure = np.logical_or.reduceat(outcome == INDETERMINATE, first)
        sure = (worst == FAIL) & ~unsure
        max_qty[of[sure]] = most[picked[sure]]
        return folded, row, max_qty

    def _warned(self, outcome: np.ndarray, base: np.ndarray) -> np.ndarray | None:
        """Which pass with a group at the warning or beyond it; what lies next to it in fractions."""
        if self.p["warning"] is None:
            return None
        s, level = self.s, self.p["warning"]
        rows = np.flatnonzero(outcome == PASS)
        after, mark = self.turn * self.after[rows], self.turn * float(level)
        reached = after >= mark
        for k in np.flatnonzero(np.abs(after - mark) <= NEAR * np.maximum(np.abs(after), abs(mark))):
            order = int(self.asked.order[rows[k]])
            used, unit, _ = self._exact(int(rows[k]))
            whole = used + Fraction(int(s.orders.qty[order]), QTY) * unit
            reached[k] = whole >= self.turn * Fraction(level) / PER * self._exact_base(int(s.orders.portfolio[order]))
        warned = np.zeros(len(s.orders), bool)
        warned[self.asked.order[rows[reached]]] = True
        return warned & (self.outcome == PASS)

    # --- words -------------------------------------------------------------------------------------------------------
    @property
    def basis(self) -> str:
        counted = "open sells counted, open buys not" if self.selling else "open buys counted, open sells not"
        return f"{BASES[self.p['basis']].title}, funds as what they hold ÷ {AGAINST[self.p['against']]}; {counted}"

    def _say(self, order: int) -> Said:
        if self.outcome[order] == INDETERMINATE:
            return self._cannot_tell(order)
        s, row = self.s, int(self.row[order])
        group, place = int(self.through.group[self.asked.entry[row]]), int(s.orders.instrument[order])
        name = called(self.through, self.p["group"], group)
        against = AGAINST[self.p["against"]]
        text = f"{name} would be {percent(self.after[row])} of {against}"
        if funds := self._funds_in(order, group):
            text += f", with what {listed(funds)} {'holds' if len(funds) == 1 else 'hold'} of it"
        text += f"; the limit is {percent(float(self.p['limit']))}. "
        if self.through.funds.is_fund[place]:
            text += self._in_fund(order, place, group, name)
        base = float(self._base()[s.orders.portfolio[order]])
        left = self.turn * (float(self.fraction) * base - self.asked.before[row])
        text += f"{money(left)} of room is left." if left > 0 else "No room is left."
        untold = untold_lines(self.through, (part[1] for part in (*self._parts(order), ("", place, 0, 1))))
        if untold:
            text += f" Not told, and counted as the fund itself: {listed(one['value'] + ' of ' + one['fund'] for one in untold)}."
        return Said(text, self.basis, (*self._lines(order, group), *untold), "rule")

    def _in_fund(self, order: int, place: int, group: int, name: str) -> str:
        """How much of the fund that is ordered is in the group, and how many others it adds to."""
        look, part = self.through.funds.looks[place], percent(float(self.through.exact(place, group) * 100))
        as_of = f" as of {look.as_of}" if look.as_of else ""
        many = int(np.count_nonzero(self.asked.order == order))
        least = f"; of the {many} groups that it adds to this one allows the least" if many > 1 else ""
        return f"{self.s.instruments[place].symbol} has {part} in {name}{as_of}{least}. "

    def _funds_in(self, order: int, group: int) -> list[str]:
        """The funds through which the portfolio, or the order, has some of a group, by symbol."""
        is_fund, s = self.through.funds.is_fund, self.s
        things = {part[1] for part in self._parts(order)} | {int(s.orders.instrument[order])}
        return sorted(s.instruments[place].symbol for place in things if is_fund[place] and self.through.exact(place, group))

    def _lines(self, order: int, group: int) -> tuple[dict[str, Any], ...]:
        """What the number is made of, each with the part of it that is in the group."""
        s = self.s
        this = "this order", int(s.orders.instrument[order]), int(s.orders.qty[order]), self.turn
        parts = [part for part in (*self._parts(order), this) if self.through.exact(part[1], group)]
        shown = parts if len(parts) <= MOST_LINES else parts[: MOST_LINES - 1] + parts[-1:]
        lines = [self._line(*part, group) for part in shown]
        if left_out := len(parts) - len(shown):
            lines.append(line(f"and {left_out} more, counted too", left_out))
        return (nav_line(s, int(s.orders.portfolio[order])), *lines)

    def _line(self, how: str, place: int, qty: int, turn: int, group: int) -> dict[str, Any]:
        i, part = self.s.instruments[place], self.through.exact(place, group)
        value = turn * Fraction(qty, QTY) * part * self.weight.exact(place)
        what = f"{i.symbol}, {how}" if part == 1 else f"{i.symbol}, {how}, {percent(float(part * 100))} of it"
        return line(what, f"{float(value):.2f}", i.priced_at, qty=number(Fraction(qty, QTY)), currency=FIRM_CURRENCY)

    def _cannot_tell(self, order: int) -> Said:
        s, t = self.s, self.through
        beside = self._beside(order)
        if dark := [place for place in beside if t.dark[place]]:
            return dark_said(t, dark, self.p, self.basis)
        text, missing = "", []
        if unsure := self._unsure(order, beside):
            text, missing = f"something that {self.p['filter']} asks for is not on file for {listed(unsure)}", unsure
        elif groupless := self._groupless(beside):
            text, missing = f"{title_of(self.p['group'])} is measured, and that of {listed(groupless)} is not on file", groupless
        if text:
            return Said(f"Cannot tell: {text}.", self.basis, tuple(line(one, "missing") for one in missing[:MOST_LINES]), "rule")
        text, data = cannot_tell(s, order, self.p["max_age"], whole_portfolio=True)
        return Said(text, self.basis, data, "rule")

    def _beside(self, order: int) -> list[int]:
        """The order's instrument, and those that its portfolio holds or has orders in."""
        s, portfolio = self.s, int(self.s.orders.portfolio[order])
        held, others = s.positions.thing[s.rows_of("positions", portfolio)], s.others.instrument[s.rows_of("others", portfolio)]
        return np.unique(np.concatenate([held, others, s.orders.instrument[s.rows_of("orders", portfolio)]])).tolist()

    def _unsure(self, order: int, beside: list[int]) -> list[str]:
        """What counts in one of the order's groups, through funds too, and may or may not be meant."""
        row = self.asked.order == order
        mine = np.isin(self.through.groups, self.through.group[self.asked.entry[row]])
        return of_leaves(self.through, beside, self.through.meant.unsure & mine)

    def _groupless(self, beside: list[int]) -> list[str]:
        return [] if self.through.unknown is None else of_leaves(self.through, beside, self.through.unknown)


def of_leaves(t: Through, things: list[int], which: np.ndarray) -> list[str]:
    """Those of the instruments, and of what funds among them hold, that are marked: by symbol."""
    looks = t.funds.looks
    leaves = {leaf for place in things for leaf in (looks[place].parts if place in looks else (place,))}
    return [t.s.instruments[leaf].symbol for leaf in sorted(leaves) if which[leaf]]


def dark_said(t: Through, dark: list[int], p: dict[str, Any], basis: str) -> Said:
    """That nothing can be told for want of what funds hold."""
    need = f"the rule asks for {percent(float(p['cover_pct']))}"
    text = f"Cannot tell: {listed(t.why_dark(place) for place in dark)}; {need}. Add it under Reference data."
    return Said(text, basis, tuple(line(t.s.instruments[place].symbol, t.why_dark(place)) for place in dark[:MOST_LINES]), "rule")


def called(t: Through, group: str, code: int) -> str:
    """A group by its name."""
    member = t.member(code)
    return "Together" if member is None else namer(t.s, group)(member) or "What is not on file"


def untold_lines(t: Through, things: Iterable[int]) -> list[dict[str, Any]]:
    """What is not told of funds, which counts as the funds themselves."""
    looks = t.funds.looks
    funds = [(place, 1 - looks[place].told) for place in sorted(set(things)) if place in looks and looks[place].told < 1]
    return [
        line(
            f"{t.s.instruments[place].symbol}, not told of what it holds", percent(float(rest * 100)), fund=t.s.instruments[place].symbol,
            **({"why": "; ".join(looks[place].why)} if looks[place].why else {}),
        )
        for place, rest in funds[:MOST_LINES]
    ]  # fmt: skip
