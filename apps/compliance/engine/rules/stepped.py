"""
Sums over what is large: of all groups, only those count that are above a floor, and then wholly.

So the sum of issuers above 5% (2009/65/EC Art. 52(2)), what falls out of the part that must be diversified (Investment
Company Act §5(b)(1), Internal Revenue Code §851(b)(3)), and positions that take longer than some days to sell (17 CFR
270.22e-4). A purchase may be small beside what is counted and still carry its whole group over the floor: what passes is
up to the floor, or up to what the limit leaves, whichever is more.

Reckoned in fractions throughout, order after order by id, with all open buys; open sells do not count.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from ..attributes import BASES, GROUPS, WORTHS, grouping, mask, namer, title_of, vague, weight
from ..columns import FIRM_CURRENCY, QTY, Instrument, Snapshot
from ..judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS, UNKNOWN, RuleVersion, Said, Verdicts
from ..params import BadRule, Param
from ..saying import cannot_tell, line, listed, money, nav_line, percent
from . import sums_through, through_said
from .against import AGAINST, percent_of, whole_of
from .through_said import looks_through

AGE = Param("minutes", 4320, "oldest price or rate that counts, in minutes")
LARGE_PARAMS = {
    "filter": Param("filter", 'asset_class != "GOVT"', "which instruments count, as a condition; empty: all"),
    "basis": Param("choice", "market_value", "how they are measured", WORTHS),
    "group": Param("group", "issuer", "what is added up", {n: g.title for n, g in GROUPS.items() if n != "all"}),
    "against": Param("choice", "nav", "what it is measured against", AGAINST),
    "floor_pct": Param("percent", "5", "a group counts, wholly, where it is above so many percent"),
    "owned_pct": Param("percent", None, "or where more than so many percent of one of its voting shares are held; empty: never"),
    "limit": Param("percent", "40", "the most that these groups may be together, in percent"),
    "max_age": AGE,
    **through_said.PARAMS,
}
ILLIQUID_PARAMS = {
    "filter": Param("filter", 'asset_class != "GOVT"', "which instruments may be illiquid, as a condition; empty: all"),
    "against": Param("choice", "nav", "what it is measured against", AGAINST),
    "days": Param("amount", "7", "a position is illiquid, wholly, where selling it takes longer than so many days"),
    "volume_pct": Param("percent", "20", "of an average day's volume that is sold in a day"),
    "limit": Param("percent", "15", "the most that illiquid positions may be together, in percent"),
    "max_age": AGE,
}


def check_illiquid(values: Mapping[str, Any]) -> None:
    """:raises BadRule:"""
    if values["days"] < 0 or not values["volume_pct"]:
        name = "days" if values["days"] < 0 else "volume_pct"
        raise BadRule("Give days from 0 and a part of the volume above 0.", field=name)


def check_large(values: Mapping[str, Any]) -> None:
    """:raises BadRule:"""
    through_said.check(values)
    if looks_through(values) and values["owned_pct"] is not None:
        raise BadRule("Of what funds hold nobody knows how many shares that is: leave this empty with look-through.", field="owned_pct")


def large(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """What is in groups above the floor is together at most so many percent."""
    if looks_through(rule.params):
        return sums_through.judge(s, rule)
    return _Stepped(s, rule, rule.params["basis"], rule.params["group"], _LargeGroups).verdicts()


def standing(s: Snapshot, rule: RuleVersion) -> Callable[[int], tuple[Fraction | None, Fraction, tuple[dict[str, Any], ...]]]:
    """Asks a rule of either kind about portfolios as they are held."""
    if looks_through(rule.params):
        return sums_through.standing(s, rule)
    if rule.kind == "illiquid":
        return _Stepped(s, rule, "market_value", "instrument", _SlowToSell).standing
    return _Stepped(s, rule, rule.params["basis"], rule.params["group"], _LargeGroups).standing


def illiquid(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """Positions that take longer than some days to sell are together at most so many percent."""
    return _Stepped(s, rule, "market_value", "instrument", _SlowToSell).verdicts()


def say_large(values: Mapping[str, Any]) -> str:
    which = f" of what meets {values['filter']}" if values["filter"] else ""
    which += through_said.words(values)
    owned = f", or of whose shares more than {values['owned_pct']:f}% are held," if values["owned_pct"] is not None else ""
    return (
        f"All that are above {values['floor_pct']:f}% of {AGAINST[values['against']]}{owned} of {title_of(values['group'])}{which},"
        f" measured at {BASES[values['basis']].title}, are together at most {values['limit']:f}% after a purchase."
    )


def say_illiquid(values: Mapping[str, Any]) -> str:
    which = f" of what meets {values['filter']}" if values["filter"] else ""
    return (
        f"Positions{which} that take more than {values['days']:f} days to sell, at {values['volume_pct']:f}% of an average day's"
        f" volume, are together at most {values['limit']:f}% of {AGAINST[values['against']]} after a purchase."
    )


@dataclass
class Worth:
    """
    A portfolio as it would be: what each group is worth, how much of each instrument there is, the groups that count and
    their sum. Money in the firm's currency times ``QTY``, quantities in ten-thousandths.
    """

    groups: dict[int, Fraction] = field(default_factory=dict)
    units: dict[int, int] = field(default_factory=dict)
    counted: set[int] = field(default_factory=set)
    total: Fraction = Fraction(0)


class _LargeGroups:
    """What keeps a group small: its value, and of its shares how many are held."""

    def __init__(self, s: Snapshot, params: Mapping[str, Any], base: Fraction):
        self.floor = Fraction(params["floor_pct"]) / 100 * base
        self.owned = params["owned_pct"]
        self.s = s

    def _counts_owned(self, i: Instrument) -> bool:
        """Shares without votes do not; of what is not known the worse is taken."""
        return self.owned is not None and i.asset_class == "EQUITY" and i.has_votes is not False

    def unknown(self, place: int) -> bool:
        i = self.s.instruments[place]
        return self._counts_owned(i) and i.shares_outstanding is None

    def room(self, place: int, units: int, value: Fraction, unit: Fraction) -> Fraction:
        """How much more of an instrument, in value, until its group counts; below zero where it does."""
        left = self.floor - value
        i = self.s.instruments[place]
        if self._counts_owned(i):
            left = min(left, (Fraction(self.owned) / 100 * Fraction(i.shares_outstanding) * QTY - units) * unit)
        return left


class _SlowToSell:
    """What keeps a position liquid: that it can be sold within the days."""

    def __init__(self, s: Snapshot, params: Mapping[str, Any], base: Fraction):
        self.part = Fraction(params["days"]) * Fraction(params["volume_pct"]) / 100
        self.s = s

    def unknown(self, place: int) -> bool:
        return self.s.instruments[place].daily_qty is None

    def room(self, place: int, units: int, value: Fraction, unit: Fraction) -> Fraction:
        return (self.part * Fraction(self.s.instruments[place].daily_qty) * QTY - units) * unit


class _Stepped:
    """One rule over one snapshot."""

    def __init__(self, s: Snapshot, rule: RuleVersion, basis: str, group: str, steps: Callable[..., Any]):
        self.s, self.rule, self.p, self.steps = s, rule, rule.params, steps
        self.group = group
        self.meant = mask(s, self.p["filter"])
        self.grouping = grouping(s, group, self.meant)
        unknown = vague(s, group, self.meant)
        self.unsure = self.meant.unsure if unknown is None else self.meant.unsure | unknown
        self.weight = weight(s, basis)
        self.minutes = self.p["max_age"]
        n = len(s.orders)
        self.outcome = np.full(n, NOT_ASKED, np.int8)
        self.max_qty = np.full(n, UNKNOWN, np.int64)
        self.now, self.after, self.room = (np.full(n, np.nan) for _ in range(3))
        self.lines: dict[int, tuple[dict[str, Any], ...]] = {}

    def verdicts(self) -> Verdicts:
        s = self.s
        asked = s.buy & (self.grouping[s.orders.instrument] >= 0) & (self.weight.column[s.orders.instrument] != 0)
        fresh = s.fresh_nav(self.minutes)
        for portfolio in np.unique(s.orders.portfolio[asked]):
            rows = [row for row in s.rows_of("orders", portfolio) if asked[row]]
            if not fresh[rows[0]] or self._unknown(portfolio):
                self.outcome[rows] = INDETERMINATE
            else:
                self._judge(int(portfolio), rows)
        limit = np.full(len(s.orders), float(self.p["limit"]))
        unit = percent_of(self.p["against"])
        return Verdicts(
            self.rule, self.outcome, self._say, self.now, self.after, limit, unit, self.room, FIRM_CURRENCY, self.max_qty
        )

    def _places(self, portfolio: int) -> list[int]:
        """What counts of a portfolio: held, to be bought, or asked for."""
        s = self.s
        held = s.positions.thing[s.rows_of("positions", portfolio)]
        others, orders = s.rows_of("others", portfolio), s.rows_of("orders", portfolio)
        found = {*held.tolist(), *s.others.instrument[others[~s.others.sell[others]]].tolist()}
        found |= set(s.orders.instrument[orders[~s.orders.sell[orders]]].tolist())
        return sorted(place for place in found if self.grouping[place] >= 0)

    def _unknown(self, portfolio: int) -> list[int]:
        steps = self.steps(self.s, self.p, Fraction(0))
        return [
            place
            for place in self._places(portfolio)
            if self.unsure[place] or np.isnan(self.weight.column[place]) or steps.unknown(place)
        ]

    def _judge(self, portfolio: int, rows: list[int]) -> None:
        s = self.s
        base = whole_of(s, self.p["against"])[1](portfolio)
        cap = Fraction(self.p["limit"]) / 100 * base * QTY
        steps = self.steps(s, self.p, base * QTY)
        fresh_price = s.fresh_price(self.minutes)
        worth = Worth()
        for row in s.rows_of("positions", portfolio):
            self._put(worth, int(s.positions.thing[row]), int(s.positions.amount[row]))
        held = self._counts(worth, steps).total
        for row in s.rows_of("others", portfolio):
            if not s.others.sell[row]:
                self._put(worth, int(s.others.instrument[row]), int(s.others.leaves[row]))
        self._counts(worth, steps)
        for row in rows:
            place, qty = int(s.orders.instrument[row]), int(s.orders.qty[row])
            group, unit = int(self.grouping[place]), self.weight.exact(place)
            value, units = worth.groups.get(group, Fraction(0)), worth.units.get(place, 0)
            others = worth.total - (value if group in worth.counted else 0)
            left = cap - others - value
            if group not in worth.counted:
                left = max(left, steps.room(place, units, value, unit))
            passes = qty * unit <= left
            self._buy(worth, steps, place, qty)
            self.outcome[row] = PASS if passes else FAIL
            self.now[row], self.after[row] = float(held / base / QTY * 100), float(worth.total / base / QTY * 100)
            self.room[row] = float(left / QTY)
            if not fresh_price[row]:
                self.outcome[row] = INDETERMINATE
            elif not passes:
                self.max_qty[row] = self._largest(place, left, unit)
                self.lines[row] = self._counted(worth)

    def _put(self, worth: Worth, place: int, qty: int) -> None:
        if (group := int(self.grouping[place])) >= 0:
            worth.groups[group] = worth.groups.get(group, Fraction(0)) + qty * self.weight.exact(place)
            worth.units[place] = worth.units.get(place, 0) + qty

    def _counts(self, worth: Worth, steps) -> Worth:
        """Finds which groups count, of all."""
        worth.counted = {
            group
            for place, units in worth.units.items()
            if steps.room(place, units, worth.groups[group := int(self.grouping[place])], self.weight.exact(place)) < 0
        }
        worth.total = sum((worth.groups[group] for group in worth.counted), Fraction(0))
        return worth

    def _buy(self, worth: Worth, steps, place: int, qty: int) -> None:
        """What one purchase changes."""
        group, unit = int(self.grouping[place]), self.weight.exact(place)
        self._put(worth, place, qty)
        if group in worth.counted:
            worth.total += qty * unit
        elif steps.room(place, worth.units[place], worth.groups[group], unit) < 0:
            worth.counted.add(group)
            worth.total += worth.groups[group]

    def _largest(self, place: int, left: Fraction, unit: Fraction) -> int:
        step = int(self.s.increment[place])
        qty = max(left // (unit * step), 0) * step
        return 0 if qty < self.s.min_piece[place] else int(qty)

    def standing(self, portfolio: int) -> tuple[Fraction | None, Fraction, tuple[dict[str, Any], ...]]:
        """
        A portfolio as it is held: what counts in percent, by how much in the firm's currency that is beyond the limit
        (below zero where it is not), and what counts. Nothing but None where that cannot be told.
        """
        s = self.s
        oldest = max(s.now_us - self.minutes * 60_000_000, 0)
        if s.nav_us[portfolio] < oldest or not np.nan_to_num(s.nav[portfolio]) > 0 or self._unknown(portfolio):
            return None, Fraction(0), ()
        base = whole_of(s, self.p["against"])[1](portfolio)
        worth = Worth()
        for row in s.rows_of("positions", portfolio):
            self._put(worth, int(s.positions.thing[row]), int(s.positions.amount[row]))
        total = self._counts(worth, self.steps(s, self.p, base * QTY)).total / QTY
        return total / base * 100, total - Fraction(self.p["limit"]) / 100 * base, self._counted(worth)

    # --- words -------------------------------------------------------------------------------------------------------
    def _counted(self, worth: Worth) -> tuple[dict[str, Any], ...]:
        names, named = {}, namer(self.s, self.group)
        for place, group in enumerate(self.grouping.tolist()):
            if group in worth.counted and place in worth.units:
                names.setdefault(group, named(self.s.instruments[place]))
        largest = sorted(worth.counted, key=lambda group: -worth.groups[group])[:12]
        return tuple(line(names[group], float(worth.groups[group] / QTY), currency=FIRM_CURRENCY) for group in largest)

    @property
    def basis(self) -> str:
        what = BASES[self.p.get("basis", "market_value")].title
        return f"{what} of what counts ÷ {AGAINST[self.p['against']]}; open buys counted, open sells not"

    def _say(self, order: int) -> Said:
        s, portfolio = self.s, int(self.s.orders.portfolio[order])
        if self.outcome[order] == INDETERMINATE:
            if missing := [s.instruments[place].symbol for place in self._unknown(portfolio)]:
                text = f"Cannot tell: something that this rule asks for is not on file for {listed(missing)}."
                return Said(text, self.basis, tuple(line(symbol, "missing") for symbol in missing[:12]), "rule")
            text, data = cannot_tell(s, order, self.minutes, whole_portfolio=True)
            return Said(text, self.basis, data, "rule")
        what = "Illiquid positions" if self.steps is _SlowToSell else f"What is above {percent(float(self.p['floor_pct']))}"
        text = (
            f"{what} would be {percent(self.after[order])} of {AGAINST[self.p['against']]} together; the limit is"
            f" {percent(float(self.p['limit']))}. "
        )
        text += f"{money(self.room[order])} of room is left." if self.room[order] > 0 else "No room is left."
        return Said(text, self.basis, (nav_line(s, portfolio), *self.lines[order]), "rule")
