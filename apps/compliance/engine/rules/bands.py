"""
Asset-class bands of the mandate. A trade is asked only about the bound it moves toward: what brings a portfolio back
toward its band passes even where the band is broken.
"""

from fractions import Fraction

import numpy as np

from ..columns import CLASS_NAMES, EQUITY, FIRM_CURRENCY, FIXED_INCOME, Snapshot
from ..judgement import INDETERMINATE, RuleVersion, Said, Verdicts, compared
from ..params import Param
from ..projection import exact_before, projected
from ..saying import cannot_tell, money, nav_line, percent

PARAMS = {"max_age": Param("minutes", 4320, "oldest price or rate that counts, in minutes")}
BOUNDS = {
    EQUITY: ("equity_min_pct", "equity_max_pct"),
    FIXED_INCOME: ("fixed_income_min_pct", "fixed_income_max_pct"),
}


def judge(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """Buys: the class is not above its maximum with all open buys. Sells: not below its minimum with all open sells."""
    minutes = rule.params["max_age"]
    grouping = np.where(np.isin(s.class_code, list(BOUNDS)), s.class_code, -1)
    group = grouping[s.orders.instrument]
    limit = np.full(len(s.orders), np.nan)
    for code, (low, high) in BOUNDS.items():
        mine = group == code
        limit = np.where(mine & s.buy, s.mandate(high), limit)
        limit = np.where(mine & s.orders.sell, s.mandate(low), limit)
    asked = (group >= 0) & ~np.isnan(limit)
    buys = projected(s, grouping, s.unit, asked & s.buy, sells=False)
    sells = projected(s, grouping, s.unit, asked & s.orders.sell, sells=True)
    before = np.where(s.buy, buys.before, sells.before)
    now = np.where(s.buy, buys.now, sells.now)
    nav = s.nav[s.orders.portfolio]
    unit = s.unit[s.orders.instrument]
    sign = np.where(s.buy, 1.0, -1.0)
    bound = limit / 100 * nav

    def exact(order: int) -> tuple[Fraction, Fraction, Fraction]:
        selling = bool(s.orders.sell[order])
        turn = -1 if selling else 1
        pct = s.exact_mandate(order, BOUNDS[group[order]][not selling])
        used = exact_before(s, order, grouping, sells=selling)
        nav = s.exact_nav(s.orders.portfolio[order])
        return turn * used, s.exact_unit(s.orders.instrument[order]), turn * pct / 100 * nav

    known = np.where(s.buy, buys.known, sells.known) & s.fresh_nav(minutes) & s.fresh_price(minutes)
    outcome, max_qty = compared(s, asked, known, sign * before, unit, sign * bound, exact)
    with np.errstate(divide="ignore", invalid="ignore"):
        now_pct, after_pct = now / nav * 100, (before + sign * s.ordered * unit) / nav * 100

    def say(order: int) -> Said:
        basis = "market value at mid ÷ net asset value; open orders of the same side counted"
        if outcome[order] == INDETERMINATE:
            text, data = cannot_tell(s, order, minutes, whole_portfolio=True)
            return Said(text, basis, data, "mandate")
        which = "minimum" if s.orders.sell[order] else "maximum"
        text = (
            f"{CLASS_NAMES[group[order]].capitalize()} would be {percent(after_pct[order])} of net asset value; the"
            f" mandate's {which} is {percent(limit[order])}."
        )
        held = {
            "what": f"Held in {CLASS_NAMES[group[order]]}", "value": f"{now[order]:.2f}", "currency": FIRM_CURRENCY,
        }  # fmt: skip
        promised = {
            "what": "With open orders and earlier ones judged with it", "value": f"{before[order]:.2f}",
            "currency": FIRM_CURRENCY,
        }  # fmt: skip
        text += f" {money(max(sign[order] * (bound[order] - before[order]), 0))} of room is left."
        return Said(text, basis, (nav_line(s, s.orders.portfolio[order]), held, promised), "mandate")

    room = sign * (bound - before)
    return Verdicts(rule, outcome, say, now_pct, after_pct, limit, "% of NAV", room, FIRM_CURRENCY, max_qty)
