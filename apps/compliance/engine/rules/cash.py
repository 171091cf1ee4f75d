"""
Cash by currency and settlement date, and the mandate's least cash.

A buy must be paid on its settlement date out of what is then settled, less all open buys, plus the open sells that
settle by then where the rule counts them: those cleared, and those judged together with it that no other rule refused.
No later date with known flows may be short either. Estimated at the limit, else at the quote it would trade with plus
slippage; bonds with accrued interest; purchases with the fees and taxes they bear.
"""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from functools import cached_property

import numpy as np

from ..columns import FIRM_CURRENCY, PRICE, QTY, Orders, Snapshot
from ..judgement import INDETERMINATE, RuleVersion, Said, Verdicts, compared
from ..params import Param
from ..projection import binned, running, totals
from ..saying import cannot_tell, line, money, nav_line, percent, ref

COMMON = {
    "count_open_sells": Param("flag", True, "whether sells that settle in time pay for buys"),
    "slip_pct": Param("percent", "0.5", "how much worse than the quote a market order is taken to trade"),
    "max_age": Param("minutes", 4320, "oldest price or rate that counts, in minutes"),
}
CURRENCY_PARAMS = {"overdraft": Param("amount", "0", "how far below zero a balance may go, in its currency"), **COMMON}
MINIMUM_PARAMS = COMMON


class Estimates:
    """What orders will cost or bring, in the instrument's currency: in floats by column, and exactly one by one."""

    def __init__(self, s: Snapshot, rule: RuleVersion, refused: np.ndarray):
        self.s, self.slip = s, Fraction(rule.params["slip_pct"]) / 100
        pays = rule.params["count_open_sells"]
        self.paying = s.orders.sell & ~refused & pays & ~np.isnan(self.of(s.orders))
        self.others_paying = s.others.sell & s.others.cleared & pays & ~np.isnan(self.of(s.others))

    @cached_property
    def _columns(self) -> tuple[np.ndarray, ...]:
        def column(values):
            return np.array([np.nan if v is None else float(v) for v in values])

        i = self.s.instruments
        return (
            column(x.bid for x in i), column(x.ask for x in i), column(x.price_factor for x in i),
            column(x.accrued_pct for x in i) / 100, column(x.buy_fees_bp for x in i) / 10_000,
        )  # fmt: skip

    def per_unit(self, orders: Orders) -> np.ndarray:
        bid, ask, factor, accrued, fees = (c[orders.instrument] for c in self._columns)
        slip = float(self.slip)
        quoted = np.where(orders.sell, bid * (1 - slip), ask * (1 + slip))
        borne = np.where(orders.sell, 1, 1 + fees)
        return np.where(orders.limit > 0, orders.limit / PRICE, quoted) * factor * borne + accrued

    def of(self, orders: Orders) -> np.ndarray:
        qty = orders.leaves if hasattr(orders, "leaves") else orders.qty
        return qty / QTY * self.per_unit(orders)

    def exact_per_unit(self, orders: Orders, row: int) -> Fraction:
        i = self.s.instruments[orders.instrument[row]]
        if orders.limit[row] > 0:
            price = Fraction(int(orders.limit[row]), PRICE)
        elif orders.sell[row]:
            price = Fraction(i.bid) * (1 - self.slip)
        else:
            price = Fraction(i.ask) * (1 + self.slip)
        borne = 1 if orders.sell[row] else 1 + Fraction(i.buy_fees_bp) / 10_000
        return price * Fraction(i.price_factor) * borne + Fraction(i.accrued_pct) / 100

    def exact_flows(self, order: int) -> Iterator[tuple[int, Fraction, str]]:
        """(instrument, signed amount, words) of the portfolio's other orders that count against or for this one."""
        s = self.s
        portfolio = s.orders.portfolio[order]
        for row in s.rows_of("others", portfolio):
            if not s.others.sell[row] or self.others_paying[row]:
                sign = 1 if s.others.sell[row] else -1
                amount = Fraction(int(s.others.leaves[row]), QTY) * self.exact_per_unit(s.others, row)
                yield s.others.instrument[row], sign * amount, f"open order {ref(s.others.id[row])}"
        for row in s.rows_of("orders", portfolio):
            if (row < order and s.buy[row]) or self.paying[row]:
                sign = 1 if s.orders.sell[row] else -1
                amount = Fraction(int(s.orders.qty[row]), QTY) * self.exact_per_unit(s.orders, row)
                yield s.orders.instrument[row], sign * amount, f"order {ref(s.orders.id[row])}"


def by_currency(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """No balance of the order's currency below zero (or the overdraft) from its settlement date on."""
    minutes = rule.params["max_age"]
    estimate = Estimates(s, rule, refused)
    days = sorted(
        {i.settle_date.toordinal() for i in s.instruments if i.settle_date} | set(s.unsettled.settles.tolist())
    )
    settles = np.array([i.settle_date.toordinal() if i.settle_date else -1 for i in s.instruments], np.int64)
    bucket = np.where(settles >= 0, np.searchsorted(days, settles), -1)
    asked = s.buy.copy()
    have, available, unsure = _available(s, estimate, np.array(days, np.int64), bucket, asked)
    cost = estimate.per_unit(s.orders)
    floor = Fraction(rule.params["overdraft"])
    cap = np.full(len(s.orders), float(floor))

    def exact(order: int) -> tuple[Fraction, Fraction, Fraction]:
        least = min(amount for _, amount in _exact_balances(s, estimate, order, days))
        return -least, estimate.exact_per_unit(s.orders, order), floor

    dated = bucket[s.orders.instrument] >= 0
    known = s.fresh_price(minutes) & dated & ~unsure
    outcome, max_qty = compared(s, asked, known, -available, cost, cap, exact)
    codes = np.array(s.currencies, object)[s.currency[s.orders.instrument]] if len(s.orders) else np.array([], object)
    after = available - s.ordered * cost

    def say(order: int) -> Said:
        basis = "settled cash and unsettled flows by date, less open buys"
        basis += ", with sells that settle in time" if rule.params["count_open_sells"] else ", open sells not counted"
        i = s.instrument_of(order)
        if outcome[order] == INDETERMINATE:
            if not dated[order]:
                text = f"Cannot tell: no settlement calendar says when {i.symbol} settles. Add it under Reference data."
                return Said(text, basis, (), "cash")
            text, data = cannot_tell(s, order, minutes, whole_portfolio=False)
            return Said(text, basis, data, "cash")
        day = min((a, d) for d, a in _exact_balances(s, estimate, order, days))[1]
        text = f"{i.currency} would be {money(after[order], i.currency)} on {date.fromordinal(day):%d %b %Y}"
        text += " or earlier." if day != settles[s.orders.instrument[order]] else "."
        text += f" The order needs about {money(s.ordered[order] * cost[order], i.currency)}."
        return Said(text, basis, _cash_lines(s, estimate, order, have[order], days), "cash")

    return Verdicts(
        rule, outcome, say, available, after, -cap, codes, available + cap, codes, max_qty
    )  # fmt: skip


def _available(s: Snapshot, estimate: Estimates, days: np.ndarray, bucket: np.ndarray, asked: np.ndarray):
    """For each buy: money held now, the least balance before it from its settlement date on, whether a cost is unknown."""
    n, size = len(s.orders), len(s.currencies)
    have, least, unsure = np.zeros(n), np.full(n, np.inf), np.zeros(n, bool)
    keys = s.orders.portfolio * size + s.currency[s.orders.instrument]
    wanted = np.unique(keys[asked])
    if not len(wanted) or not len(days):
        return have, np.where(asked, 0.0, least), unsure
    cash = totals(wanted, s.cash.portfolio * size + s.cash.thing, s.cash.amount / QTY)
    flows = np.zeros((len(wanted), len(days)))
    unknown = np.zeros(len(wanted))

    def place_of(keys):
        at = np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)
        return np.where(wanted[at] == keys, at, -1)

    def flow(at, when, amounts):
        mine = (at >= 0) & (when >= 0)
        np.add.at(flows, (at[mine], when[mine]), amounts[mine])

    waiting = s.unsettled.amount / QTY
    at = place_of(s.unsettled.portfolio * size + s.unsettled.thing)
    settled = cash - binned(at[at >= 0], waiting[at >= 0], len(wanted))
    flow(at, np.searchsorted(days, s.unsettled.settles), waiting)
    others, when = estimate.of(s.others), bucket[s.others.instrument]
    at = place_of(s.others.portfolio * size + s.currency[s.others.instrument])
    flow(np.where(estimate.others_paying, at, -1), when, others)
    costs = ~s.others.sell
    flow(np.where(costs & ~np.isnan(others), at, -1), when, -others)
    lost = costs & (np.isnan(others) | (when < 0)) & (at >= 0)
    np.add.at(unknown, at[lost], 1)

    mine, when = estimate.of(s.orders), bucket[s.orders.instrument]
    at = place_of(keys)
    flow(np.where(estimate.paying, at, -1), when, mine)
    lost = asked & (np.isnan(mine) | (when < 0))
    np.add.at(unknown, at[lost], 1)
    balance = settled[:, None] + np.cumsum(flows, axis=1)
    rows = np.flatnonzero(asked)
    at, when, mine = at[rows], when[rows], np.nan_to_num(mine[rows])
    lowest = np.full(len(rows), np.inf)
    for day in range(len(days)):
        earlier = running(at, np.where(when <= day, mine, 0.0))
        lowest = np.where(day >= when, np.minimum(lowest, balance[at, day] - earlier), lowest)
    have[rows], least[rows], unsure[rows] = cash[at], lowest, unknown[at] > 0
    return have, least, unsure


def _exact_balances(s: Snapshot, estimate: Estimates, order: int, days: list[int]) -> list[tuple[int, Fraction]]:
    """The balance before the order on its settlement date and each later date with flows: (ordinal, amount)."""
    i, portfolio = s.instrument_of(order), s.orders.portfolio[order]
    currency = s.currency[s.orders.instrument[order]]
    base = Fraction(0)
    for row in s.rows_of("cash", portfolio):
        if s.cash.thing[row] == currency:
            base += Fraction(int(s.cash.amount[row]), QTY)
    flows: dict[int, Fraction] = {}
    for row in s.rows_of("unsettled", portfolio):
        if s.unsettled.thing[row] == currency:
            amount = Fraction(int(s.unsettled.amount[row]), QTY)
            base -= amount
            flows[int(s.unsettled.settles[row])] = flows.get(int(s.unsettled.settles[row]), Fraction(0)) + amount
    for instrument, amount, _ in estimate.exact_flows(order):
        if s.currency[instrument] == currency and s.instruments[instrument].settle_date:
            day = s.instruments[instrument].settle_date.toordinal()
            flows[day] = flows.get(day, Fraction(0)) + amount
    first = i.settle_date.toordinal()
    return [(d, base + sum(a for when, a in flows.items() if when <= d)) for d in days if d >= first]


def _cash_lines(s: Snapshot, estimate: Estimates, order: int, have: float, days: list[int]) -> tuple:
    i = s.instrument_of(order)
    lines = [line(f"{i.currency} held", f"{have:.2f}", currency=i.currency)]
    for day, amount in _exact_balances(s, estimate, order, days)[:4]:
        lines.append(
            line(f"Balance on {date.fromordinal(day)} before this order", f"{float(amount):.2f}", currency=i.currency)
        )
    currency = s.currency[s.orders.instrument[order]]
    counted = [f for f in estimate.exact_flows(order) if s.currency[f[0]] == currency]
    for instrument, amount, what in counted[:6]:
        lines.append(line(f"{s.instruments[instrument].symbol}, {what}", f"{float(amount):.2f}", currency=i.currency))
    if len(counted) > 6:
        lines.append(line(f"and {len(counted) - 6} more orders, counted too", str(len(counted) - 6)))
    return tuple(lines)


def minimum(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """Cash of all currencies, after open buys and the sells that count, is not below the mandate's least share."""
    minutes = rule.params["max_age"]
    estimate = Estimates(s, rule, refused)
    limit = s.mandate("cash_min_pct")
    asked = s.buy & (np.nan_to_num(limit) > 0)
    size = len(s.portfolios)
    rate = s.rate[s.currency]
    cash = binned(s.cash.portfolio, s.cash.amount / QTY * s.rate[s.cash.thing], size)
    others = estimate.of(s.others) * rate[s.others.instrument]
    counted = np.where(s.others.sell, np.where(estimate.others_paying, others, 0.0), -others)
    flows = binned(s.others.portfolio, counted, size)
    cost = estimate.per_unit(s.orders) * rate[s.orders.instrument]
    whole = s.ordered * cost
    flows += binned(s.orders.portfolio, np.where(estimate.paying, whole, 0.0), size)
    earlier = running(s.orders.portfolio, np.where(s.buy & ~np.isnan(whole), whole, 0.0))
    lost = binned(s.orders.portfolio, s.buy & np.isnan(whole), size) > 0
    left = (cash + flows)[s.orders.portfolio] - earlier
    nav = s.nav[s.orders.portfolio]
    cap = -limit / 100 * nav

    def exact(order: int) -> tuple[Fraction, Fraction, Fraction]:
        portfolio = s.orders.portfolio[order]
        total = Fraction(0)
        for row in s.rows_of("cash", portfolio):
            code = s.currencies[s.cash.thing[row]]
            total += Fraction(int(s.cash.amount[row]), QTY) * Fraction(s.rates[code].rate)
        for instrument, amount, _ in estimate.exact_flows(order):
            total += amount * Fraction(s.rates[s.instruments[instrument].currency].rate)
        unit = estimate.exact_per_unit(s.orders, order) * Fraction(s.rates[s.instrument_of(order).currency].rate)
        pct = s.exact_mandate(order, "cash_min_pct")
        return -total, unit, -pct / 100 * s.exact_nav(portfolio)

    known = s.fresh_nav(minutes) & s.fresh_price(minutes) & ~np.isnan(left) & ~lost[s.orders.portfolio]
    outcome, max_qty = compared(s, asked, known, -left, cost, cap, exact)
    with np.errstate(divide="ignore", invalid="ignore"):
        now, after = cash[s.orders.portfolio] / nav * 100, (left - whole) / nav * 100

    def say(order: int) -> Said:
        basis = "cash of all currencies less open buys, with the sells that count, ÷ net asset value"
        if outcome[order] == INDETERMINATE:
            text, data = cannot_tell(s, order, minutes, whole_portfolio=True)
            return Said(text, basis, data, "mandate")
        text = (
            f"Cash would be {percent(after[order])} of net asset value; the mandate's least is {percent(limit[order])}."
        )
        lines = (
            nav_line(s, s.orders.portfolio[order]),
            line("Cash before this order", f"{left[order]:.2f}", currency=FIRM_CURRENCY),
        )
        return Said(text, basis, lines, "mandate")

    return Verdicts(rule, outcome, say, now, after, limit, "% of NAV", left + cap, FIRM_CURRENCY, max_qty)
