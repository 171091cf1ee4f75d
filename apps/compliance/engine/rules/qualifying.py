"""
Whether what a plan under ERISA buys of its employer is a *qualifying* employer security (29 USC 1107(a)(1), (d)(5), (e), (f)(1)).

Stock and marketable obligations are; options, futures and whatever else are none. Immediately after the purchase the plan holds at most a
part of the class or issue, and at least a part of it is held by persons independent of the issuer; of stock that is not asked of a plan of
individual accounts. Obligations of the employer's group are together at most a part of the plan's assets. Shares of investment companies
are left out (29 USC 1002(21)(B)). That an obligation was bought at the market's price (1107(e)(1)) is for the collar to see. Exact
throughout: few orders are of the employer.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from apps.reference.rules import HOLDERS

from ..columns import QTY, Snapshot
from ..judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS, UNKNOWN, RuleVersion, Said, Verdicts
from ..params import Param
from ..plans import ERISA
from ..saying import cannot_tell, line, percent
from .concentration import AGE
from .plans import belongs_to

PARAMS = {
    "limit": Param("percent", "25", "the most that the plan holds of a class of stock or an issue of obligations, in percent"),
    "independent": Param("percent", "50", "the least of it that persons independent of the issuer hold, in percent"),
    "debt_limit": Param("percent", "25", "the most of the plan's assets in obligations of the employer's group, in percent"),
    "max_age": AGE,
}
STOCK, OBLIGATION = "EQUITY", "CORP"
BASIS = "held and to be bought by the plan ÷ what is outstanding of the class or issue; obligations at mid ÷ the plan's assets"


def sentence(values: Mapping[str, Any]) -> str:
    return (
        f"A plan under ERISA buys of its employer's group only stock and marketable obligations, after which it holds at most"
        f" {values['limit']:f}% of the class or issue, independent persons hold at least {values['independent']:f}% of it, and"
        f" obligations are at most {values['debt_limit']:f}% of its assets; of stock a plan of individual accounts is not asked."
    )


def judge(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    return _Judged(s, rule).verdicts()


class _Judged:
    """One rule over one snapshot."""

    def __init__(self, s: Snapshot, rule: RuleVersion):
        self.s, self.rule, self.p = s, rule, rule.params
        n = len(s.orders)
        self.outcome, self.most = np.full(n, NOT_ASKED, np.int8), np.full(n, UNKNOWN, np.int64)
        self.texts: dict[int, str] = {}

    def verdicts(self) -> Verdicts:
        s = self.s
        if s.plans:
            fresh = s.fresh_nav(self.p["max_age"]) & s.fresh_price(self.p["max_age"])
            bound = np.isin(s.orders.portfolio, [place for place, plan in s.plans.items() if plan.kind == ERISA])
            for order in np.flatnonzero(s.buy & bound).tolist():
                self._ask(order, bool(fresh[order]))
        return Verdicts(self.rule, self.outcome, self._say, max_qty=self.most)

    def _ask(self, order: int, fresh: bool) -> None:
        i, plan = self.s.instrument_of(order), self.s.plans[int(self.s.orders.portfolio[order])]
        if i.base_currency or i.asset_class in HOLDERS or (plan.employer is not None and belongs_to(i) != plan.employer):
            return
        if plan.employer is None:
            who = self.s.portfolio_of(order).code
            self._cannot(order, f"{who} is a plan under ERISA and its employer is not on file. Add it under Reference data, Plans.")
        elif i.asset_class not in (STOCK, OBLIGATION):
            self._fail(order, 0, f"{i.symbol} is of {plan.employer_name}, the employer, and neither its stock nor an obligation.")
        elif i.asset_class == STOCK and plan.allows_employer:
            self.outcome[order] = PASS
        elif i.shares_outstanding is None or i.independent_pct is None:
            missing = "how much of it is outstanding" if i.shares_outstanding is None else "how much of it independent persons hold"
            self._cannot(order, f"of {i.symbol}, a security of the employer, it is not on file {missing}. Add it under Reference data.")
        elif i.asset_class == OBLIGATION and not (fresh and self._is_priced(order)):
            self._cannot(order, cannot_tell(self.s, order, self.p["max_age"], whole_portfolio=True)[0].removeprefix("Cannot tell: "))
        else:
            self._measure(order)

    def _measure(self, order: int) -> None:
        s, i, who = self.s, self.s.instrument_of(order), self.s.portfolio_of(order).code
        place, qty = int(s.orders.instrument[order]), int(s.orders.qty[order])
        if Fraction(i.independent_pct) < Fraction(self.p["independent"]):
            text = f"Of {i.symbol} persons independent of the employer hold {percent(float(i.independent_pct))}; the least is"
            self._fail(order, 0, f"{text} {percent(float(self.p['independent']))}.")
            return
        held = sum(units for one, units in self._rows(order) if one == place)
        room = Fraction(self.p["limit"]) / 100 * Fraction(i.shares_outstanding) * QTY - held
        after = float(Fraction(held + qty, QTY) / Fraction(i.shares_outstanding) * 100)
        text = f"{who} would hold {percent(after)} of {i.symbol}; the most of a class or issue is {percent(float(self.p['limit']))}."
        if i.asset_class == OBLIGATION:
            assets = s.exact_total_assets(s.orders.portfolio[order])
            owed = sum((units * s.exact_unit(one) for one, units in self._debts(order)), Fraction(0)) / QTY
            left = (Fraction(self.p["debt_limit"]) / 100 * assets - owed) * QTY / s.exact_unit(place)
            if left < room:
                after = float((owed + Fraction(qty, QTY) * s.exact_unit(place)) / assets * 100)
                text = f"{who} would have {percent(after)} of its assets in obligations of its employer; the most is"
                room, text = left, f"{text} {percent(float(self.p['debt_limit']))}."
        if qty <= room:
            self.outcome[order] = PASS
        else:
            self._fail(order, room, text)

    def _fail(self, order: int, room: Fraction | int, text: str) -> None:
        place = self.s.orders.instrument[order]
        step = int(self.s.increment[place])
        most = int(max(room, 0) // step) * step
        self.outcome[order], self.texts[order] = FAIL, text
        self.most[order] = most if most >= self.s.min_piece[place] else 0

    def _cannot(self, order: int, why: str) -> None:
        self.outcome[order], self.texts[order] = INDETERMINATE, f"Cannot tell: {why}"

    # --- what is held ------------------------------------------------------------------------------------------------
    def _rows(self, order: int) -> list[tuple[int, int]]:
        """(place, ten-thousandths) of what the plan holds and has to buy before the order."""
        s, home = self.s, self.s.orders.portfolio[order]
        found = [(int(s.positions.thing[row]), int(s.positions.amount[row])) for row in s.rows_of("positions", home)]
        found += [
            (int(s.others.instrument[row]), int(s.others.leaves[row])) for row in s.rows_of("others", home) if not s.others.sell[row]
        ]
        earlier = [row for row in s.rows_of("orders", home) if row < order and not s.orders.sell[row]]
        return found + [(int(s.orders.instrument[row]), int(s.orders.qty[row])) for row in earlier]

    def _debts(self, order: int) -> list[tuple[int, int]]:
        """Those of them that are obligations of the employer's group."""
        employer, things = self.s.plans[int(self.s.orders.portfolio[order])].employer, self.s.instruments
        return [
            (place, units)
            for place, units in self._rows(order)
            if things[place].asset_class == OBLIGATION and belongs_to(things[place]) == employer
        ]

    def _is_priced(self, order: int) -> bool:
        place = int(self.s.orders.instrument[order])
        return not any(np.isnan(self.s.unit[one]) for one, _ in [*self._debts(order), (place, 0)])

    def _say(self, order: int) -> Said:
        i, plan = self.s.instrument_of(order), self.s.plans[int(self.s.orders.portfolio[order])]
        told = ("Outstanding", i.shares_outstanding), ("Held by independent persons, %", i.independent_pct)
        lines = tuple(line(what, "missing" if value is None else value) for what, value in told)
        return Said(self.texts[order], BASIS, (line("Employer", plan.employer_name or "not on file"), *lines), "rule")
