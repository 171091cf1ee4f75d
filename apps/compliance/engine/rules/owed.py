"""
What one body may owe a fund beside its securities: money kept with it, and deals in currencies (2009/65/EC Art. 52(1)).

Money is asked of sales, which add to what the custodian keeps: what is there on trade date, all open sells and the earlier
orders judged with it; open buys take nothing off. A deal in currencies owes nothing as it is made and its dealer is chosen
later: that limit is told of portfolios as they stand.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from ..claims import deposits, exposures
from ..columns import FIRM_CURRENCY, QTY, Snapshot
from ..judgement import INDETERMINATE, NOT_ASKED, RuleVersion, Said, Verdicts, compared
from ..params import Param
from ..projection import exact_before, projected
from ..saying import cannot_tell, line, money, nav_line, percent

DEPOSIT_PARAMS = {
    "limit": Param("percent", "20", "the most that may be kept with one body, in percent of net asset value"),
    "max_age": Param("minutes", 4320, "oldest price or rate that counts, in minutes"),
}
DEAL_PARAMS = {
    "limit": Param("percent", "10", "the most that a credit institution may owe, in percent of net asset value"),
    "other_limit": Param("percent", "5", "the most that another may owe, in percent of net asset value"),
    "max_age": Param("minutes", 4320, "oldest price or rate that counts, in minutes"),
}
BASIS = "money on trade date by currency, overdrafts not taken off ÷ net asset value; open sells counted, open buys not"


def kept(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """No more than so many percent of net asset value is kept with the body that is the portfolio's custodian."""
    limit, minutes = rule.params["limit"], rule.params["max_age"]
    paid = paid_for(s)
    asked = s.orders.sell & (paid[s.orders.instrument] >= 0)
    found = projected(s, paid, s.unit, asked, sells=True)
    money_of = deposits(s)
    here = np.array([float(np.nan if (m := money_of.get(p, Fraction(0))) is None else m) for p in range(len(s.portfolios))])
    now = here[s.orders.portfolio]
    used = now + found.now - found.before
    cap = float(limit) / 100 * s.nav_of_orders
    known = found.known & s.fresh_nav(minutes) & s.fresh_price(minutes)

    def exact(order: int) -> tuple[Fraction, Fraction, Fraction]:
        portfolio = s.orders.portfolio[order]
        rows = [row for row in s.rows_of("positions", portfolio) if paid[s.positions.thing[row]] >= 0]
        held = sum((int(s.positions.amount[row]) * s.exact_unit(s.positions.thing[row]) for row in rows), Fraction(0)) / QTY
        promised = held - exact_before(s, order, paid, sells=True)
        nav = s.exact_nav(portfolio)
        return money_of.get(int(portfolio), Fraction(0)) + promised, s.exact_unit(s.orders.instrument[order]), Fraction(limit) / 100 * nav

    outcome, max_qty = compared(s, asked, known, used, s.unit_of_orders, cap, exact)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = now / s.nav_of_orders * 100
        after = (used + s.worth_of_orders) / s.nav_of_orders * 100

    def say(order: int) -> Said:
        if outcome[order] == INDETERMINATE:
            text, data = cannot_tell(s, order, minutes, whole_portfolio=True)
            return Said(text, BASIS, data, "rule")
        portfolio = s.portfolio_of(order)
        name = portfolio.custodian or "The custodian"
        text = f"{name} would keep {percent(after[order])} of net asset value; the limit is {percent(float(limit))}."
        lines = (
            nav_line(s, s.orders.portfolio[order]), line("Money kept", now[order], currency=FIRM_CURRENCY),
            line("Open and earlier sells", used[order] - now[order], currency=FIRM_CURRENCY),
        )  # fmt: skip
        return Said(f"{text} {money(max(cap[order] - used[order], 0))} of room is left.", BASIS, lines, "rule")

    limits = np.full(len(s.orders), float(limit))
    return Verdicts(rule, outcome, say, share, after, limits, "% of NAV", cap - used, FIRM_CURRENCY, max_qty)


def paid_for(s: Snapshot) -> np.ndarray:
    """One group of what is sold for money: neither contracts on margin nor pairs of currencies."""
    return s.once("paid for", lambda: np.where(s.is_margined | s.is_pair, -1, 0) if len(s.instruments) else np.zeros(0, np.int64))


def dealt(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """No order is asked."""
    return Verdicts(rule, np.full(len(s.orders), NOT_ASKED, np.int8), lambda order: Said(""))


def what_is_kept(s: Snapshot, rule: RuleVersion) -> list[tuple[int, str, Fraction | None, Fraction | None]]:
    """(Place of a portfolio, who keeps its money, how much in the firm's currency or None, the limit in percent)"""
    limit = Fraction(rule.params["limit"])
    return [(p, s.portfolios[p].custodian or "Custodian", amount, limit) for p, amount in deposits(s).items()]


def what_is_owed(s: Snapshot, rule: RuleVersion) -> list[tuple[int, str, Fraction | None, Fraction | None]]:
    """The same of dealers; the limit is None where it is not known whether one is a credit institution and that decides."""
    found = []
    for (portfolio, _), (amount, party) in exposures(s).items():
        lower, upper = sorted((Fraction(rule.params["limit"]), Fraction(rule.params["other_limit"])))
        limit = Fraction(rule.params["limit" if party.is_credit_institution else "other_limit"])
        if party.is_credit_institution is None and amount is not None:
            share = amount / s.exact_nav(portfolio) * 100 if np.nan_to_num(s.nav[portfolio]) > 0 else Fraction(0)
            limit = upper if share > upper else lower if share <= lower else None
        found.append((portfolio, party.name, amount, limit))
    return found


def say_kept(values: Mapping[str, Any]) -> str:
    return f"Money that one body keeps is at most {values['limit']:f}% of net asset value after a sale, and at the end of each day."


def say_dealt(values: Mapping[str, Any]) -> str:
    return (
        f"What one body owes of deals in currencies not settled yet, net and at the spot rate, is at most {values['limit']:f}% of net"
        f" asset value of a credit institution, {values['other_limit']:f}% of another, at the end of each day."
    )
