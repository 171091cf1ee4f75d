"""
States, their local authorities and public international bodies: how much of a fund may be in securities of one of them.

Up to a limit in any (2009/65/EC Art. 52(3)). Beyond it only of issuers for which the authority allowed it and which the fund's rules
and prospectus name (Art. 54(1) and (3)): then the fund holds at least so many issues of that issuer, and none above a limit of its
own. Purchases count on the worst case: what is held with all open buys, while of issues only those that are held for certain, and
the one that is bought. A sale is asked where it ends a holding while the fund stays beyond the limit.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from ..attributes import grouping, mask, weight
from ..columns import FIRM_CURRENCY, QTY, Snapshot
from ..judgement import FAIL, INDETERMINATE, PASS, UNKNOWN, RuleVersion, Said, Verdicts, compared
from ..params import Param
from ..projection import exact_before, projected
from ..saying import cannot_tell, money, nav_line, part_lines, percent

PARAMS = {
    "filter": Param("filter", 'asset_class == "GOVT"', "which instruments count, as a condition; empty: all"),
    "limit": Param("percent", "35", "the most in one issuer, in percent of net asset value, that is not named for the portfolio"),
    "issues": Param("count", "6", "of one that is named and beyond the limit: the least number of issues that are held"),
    "issue_limit": Param("percent", "30", "and the most in one issue, in percent of net asset value"),
    "max_age": Param("minutes", 4320, "oldest price or rate that counts, in minutes"),
}
BASIS = "market value at mid ÷ net asset value; open buys counted, open sells not; issues that are held for certain"
UNNAMED, FEW, LARGE = "UNNAMED", "FEW", "LARGE"


def sentence(values: Mapping[str, Any]) -> str:
    which = f" that meets {values['filter']}" if values["filter"] else ""
    return (
        f"What one issuer has issued{which} is at most {values['limit']:f}% of net asset value after a purchase. It is more of an issuer"
        f" alone that is named for the portfolio, while at least {values['issues']} issues of it are held and none is above"
        f" {values['issue_limit']:f}%."
    )


def judge(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    return _Judged(s, rule).verdicts()


def groups_of(s: Snapshot, text: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Of each instrument the number of its issuer, -1 for what does not count, and what one unit is worth, NaN where not known."""
    meant = mask(s, text)
    worth = weight(s, "market_value").column
    column = s.once(("sure", text, "issuer", "market_value"), lambda: np.where(meant.unsure, np.nan, worth))
    return grouping(s, "issuer", meant), column


def issues_of(s: Snapshot) -> list[int]:
    """Of each instrument the place of the first that is of the same issue."""
    first: dict[str, int] = {}
    return [first.setdefault(i.isin, place) if i.isin else place for place, i in enumerate(s.instruments)]


class _Judged:
    """One rule over one snapshot. An issue is what has one ISIN, wherever it is listed; of what has none each instrument."""

    def __init__(self, s: Snapshot, rule: RuleVersion):
        self.s, self.rule, self.p = s, rule, rule.params
        self.issue = issues_of(s)
        self.grouping, self.column = groups_of(s, self.p["filter"])
        self.minutes = self.p["max_age"]
        self.limit = Fraction(self.p["limit"]) / 100
        self.why: dict[int, tuple[str, int]] = {}
        """Of an order that fails what it fails, and how many issues would be held."""

    def verdicts(self) -> Verdicts:
        s, place = self.s, self.s.orders.instrument
        unit, nav = self.column[place], s.nav_of_orders
        bought = s.buy & (self.grouping[place] >= 0) & (unit != 0)
        self.before = projected(s, self.grouping, self.column, bought, sells=False)
        self.fresh = s.fresh_nav(self.minutes) & s.fresh_price(self.minutes)
        known = self.before.known & ~np.isnan(unit) & self.fresh
        self.cap = float(self.limit) * nav
        self.outcome, self.most = compared(s, bought, known, self.before.before, unit, self.cap, self._exact)
        self.limits = np.full(len(s.orders), float(self.p["limit"]))
        with np.errstate(divide="ignore", invalid="ignore"):
            self.now, self.after = self.before.now / nav * 100, (self.before.before + s.ordered * unit) / nav * 100
        for order in np.flatnonzero(self.outcome == FAIL).tolist():
            self._bought(order)
        if any(home.named for home in s.portfolios):
            for order in np.flatnonzero(s.orders.sell & (self.grouping[place] >= 0)).tolist():
                if self._is_named(order):
                    self._sold(order)
        return Verdicts(
            self.rule, self.outcome, self._say, self.now, self.after, self.limits, "% of NAV", self.cap - self.before.before,
            FIRM_CURRENCY, self.most,
        )  # fmt: skip

    def _is_named(self, order: int) -> bool:
        return self.s.instrument_of(order).issuer_group in self.s.portfolio_of(order).named

    def _exact(self, order: int) -> tuple[Fraction, Fraction, Fraction]:
        s = self.s
        used = exact_before(s, order, self.grouping, sells=False)
        return used, s.exact_unit(s.orders.instrument[order]), self.limit * s.exact_nav(s.orders.portfolio[order])

    # --- what is beyond the limit ------------------------------------------------------------------------------------
    def _bought(self, order: int) -> None:
        """A purchase beyond the limit: it passes where the issuer is named, the issues are enough and its own is not too large."""
        if not self._is_named(order):
            self.why[order] = UNNAMED, 0
            return
        s, place = self.s, int(self.s.orders.instrument[order])
        issues = len({one for one, left in self._left(order).items() if left > 0} | {self.issue[place]})
        if issues < self.p["issues"]:
            self.why[order] = FEW, issues
            return
        unit, nav = s.exact_unit(place), s.exact_nav(s.orders.portfolio[order])
        used, cap = self._of_issue(self._promised(order), place), Fraction(self.p["issue_limit"]) / 100 * nav
        qty = Fraction(int(s.orders.qty[order]), QTY)
        if used + qty * unit <= cap:
            self.outcome[order], self.most[order] = PASS, UNKNOWN
            return
        self.why[order] = LARGE, issues
        step = int(s.increment[place])
        most = int(max((cap - used) * QTY // (unit * step), 0)) * step
        self.most[order] = max(int(self.most[order]), most if most >= s.min_piece[place] else 0)
        self.limits[order] = float(self.p["issue_limit"])
        held = self._of_issue(self._rows_of(order, "positions", None), place)
        self.now[order], self.after[order] = float(held / nav * 100), float((used + qty * unit) / nav * 100)

    def _sold(self, order: int) -> None:
        """A sale that ends the holding of an issue: it passes where enough are left, or the fund is within the limit by then."""
        s, place = self.s, int(self.s.orders.instrument[order])
        left, qty = self._left(order), int(s.orders.qty[order])
        mine = left.get(self.issue[place], 0)
        if mine <= 0 or mine > qty:
            return
        rest = [one for one, units in left.items() if units > 0 and one != self.issue[place]]
        if len(rest) >= self.p["issues"]:
            self.outcome[order] = PASS
            return
        promised = self._promised(order)
        if not self.fresh[order] or any(np.isnan(self.column[one]) for one, _ in promised):
            self.outcome[order] = INDETERMINATE
            return
        nav = s.exact_nav(s.orders.portfolio[order])
        before = sum((units * s.exact_unit(one) for one, units in promised), Fraction(0)) / QTY
        after = before - Fraction(qty, QTY) * s.exact_unit(place)
        self.now[order], self.after[order] = float(before / nav * 100), float(after / nav * 100)
        if after <= self.limit * nav:
            self.outcome[order] = PASS
            return
        step = int(s.increment[place])
        most = (mine - 1) // step * step
        self.outcome[order], self.why[order] = FAIL, (FEW, len(rest))
        self.most[order] = most if most >= s.min_piece[place] else 0

    # --- what is held ------------------------------------------------------------------------------------------------
    def _rows_of(self, order: int, name: str, sells: bool | None) -> list[tuple[int, int]]:
        """
        (place, ten-thousandths) of what is held, promised or judged before the order, of its portfolio and issuer.

        :param sells: which side of orders; None for what is held
        """
        s, (thing, amount) = self.s, self._columns[name]
        group, sold = self.grouping[s.orders.instrument[order]], getattr(getattr(s, name), "sell", None)
        return [
            (int(thing[row]), int(amount[row]))
            for row in s.rows_of(name, s.orders.portfolio[order])
            if self.grouping[thing[row]] == group and (sells is None or sold[row] == sells) and (name != "orders" or row < order)
        ]

    @property
    def _columns(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        s = self.s
        return {
            "positions": (s.positions.thing, s.positions.amount), "others": (s.others.instrument, s.others.leaves),
            "orders": (s.orders.instrument, s.orders.qty),
        }  # fmt: skip

    def _left(self, order: int) -> dict[int, int]:
        """What of each issue is held for certain, in ten-thousandths: less all that is to be sold of it before."""
        left: dict[int, int] = {}
        for place, units in self._rows_of(order, "positions", None):
            left[self.issue[place]] = left.get(self.issue[place], 0) + units
        for name in ("others", "orders"):
            for place, units in self._rows_of(order, name, True):
                left[self.issue[place]] = left.get(self.issue[place], 0) - units
        return left

    def _promised(self, order: int) -> list[tuple[int, int]]:
        """What is held or to be bought before the order."""
        bought = [one for name in ("others", "orders") for one in self._rows_of(order, name, False)]
        return self._rows_of(order, "positions", None) + bought

    def _of_issue(self, rows: list[tuple[int, int]], place: int) -> Fraction:
        """What of the rows is of the instrument's issue, in the firm's currency."""
        mine = [(one, units) for one, units in rows if self.issue[one] == self.issue[place]]
        return sum((units * self.s.exact_unit(one) for one, units in mine), Fraction(0)) / QTY

    # --- words -------------------------------------------------------------------------------------------------------
    def _say(self, order: int) -> Said:
        s, portfolio = self.s, int(self.s.orders.portfolio[order])
        if self.outcome[order] == INDETERMINATE:
            text, data = cannot_tell(s, order, self.minutes, whole_portfolio=True)
            return Said(text, BASIS, data, "rule")
        i, (why, issues) = s.instrument_of(order), self.why[order]
        limit, after = percent(float(self.p["limit"])), percent(self.after[order])
        if why == UNNAMED:
            left = self.cap[order] - self.before.before[order]
            text = (
                f"{i.issuer_name} would be {after} of net asset value; the limit is {limit}, for it is not named for"
                f" {s.portfolio_of(order).code}. {money(left) + ' of room is' if left > 0 else 'No room is'} left."
            )
        elif why == FEW:
            text = (
                f"{i.issuer_name} would be {after} of net asset value with {issues} issue{'' if issues == 1 else 's'} of it held;"
                f" above {limit} there are at least {self.p['issues']}."
            )
        else:
            text = (
                f"{i.symbol} would be {after} of net asset value; while {i.issuer_name} is above {limit} one issue is at most"
                f" {percent(self.limits[order])}."
            )
        return Said(text, BASIS, (nav_line(s, portfolio), *part_lines(s, order, self.grouping, sells=False)), "rule")
