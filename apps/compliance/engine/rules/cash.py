"""
Cash by currency and settlement date, and the mandate's least cash.

A buy must be paid on its settlement date out of what is then settled, less all open buys, plus the open sells that
settle by then where the rule counts them: those cleared, and those judged together with it that no other rule refused.
No later date with known flows may be short either. Estimated at the limit, else at the quote it would trade with plus
slippage; bonds with accrued interest; purchases with the fees and taxes they bear. An option pays its premium; a future
pays nothing but fees, since the clearer takes margin and its value is never paid. A trade in currencies pays the one
and brings the other on its value date, at the quote carried to that day, so both its sides are asked.
"""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

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


class Legs(NamedTuple):
    """
    What orders pay and what they bring: whether, in which currency (a place), how much a unit (NaN where unknown), and the
    ordinal of the day (-1 where unknown).
    """

    pays: np.ndarray
    paid_in: np.ndarray
    paid_unit: np.ndarray
    brings: np.ndarray
    brought_in: np.ndarray
    brought_unit: np.ndarray
    day: np.ndarray


class Flow(NamedTuple):
    """Money of one order, exactly: a currency and an instrument (places), the ordinal of its day, what it is of."""

    currency: int
    instrument: int
    day: int
    amount: Fraction
    words: str


class Estimates:
    """What orders will cost or bring: in floats by column, and exactly one by one."""

    def __init__(self, s: Snapshot, rule: RuleVersion, refused: np.ndarray):
        self.s, self.slip = s, Fraction(rule.params["slip_pct"]) / 100
        counts = rule.params["count_open_sells"]
        self.mine, self.others = self._legs(s.orders), self._legs(s.others)
        self.paying = self.mine.brings & ~refused & counts & ~np.isnan(self.mine.brought_unit)
        self.others_paying = self.others.brings & s.others.cleared & counts & ~np.isnan(self.others.brought_unit)

    @property
    def _columns(self) -> tuple[np.ndarray, ...]:
        return self.s.once("estimates", self._made)

    def _made(self) -> tuple[np.ndarray, ...]:
        def column(values):
            return np.array([np.nan if v is None else float(v) for v in values])

        i = self.s.instruments
        return (
            column(x.bid for x in i), column(x.ask for x in i), column(x.price_factor for x in i),
            column(x.accrued_pct for x in i) / 100, column(x.buy_fees_bp for x in i) / 10_000,
            np.where(self.s.is_margined, 0.0, 1.0),
        )  # fmt: skip

    @cached_property
    def _settles(self) -> np.ndarray:
        return np.array([i.settle_date.toordinal() if i.settle_date else -1 for i in self.s.instruments], np.int64)

    def _legs(self, orders: Orders) -> Legs:
        place, sell = orders.instrument, orders.sell
        pair, currency, price = self.s.is_pair[place], self.s.currency[place], self.per_unit(orders)
        base, day = self.s.base_currency[place], self._settles[place]
        day = np.where(orders.value_days > 0, orders.value_days, day)
        sold, bought = pair & sell, pair & ~sell
        return Legs(
            ~sell | pair, np.where(sold, base, currency), np.where(sold, 1.0, price),
            sell | pair, np.where(bought, base, currency), np.where(bought, 1.0, price), day,
        )  # fmt: skip

    def per_unit(self, orders: Orders) -> np.ndarray:
        """Money a unit in the instrument's currency."""
        bid, ask, factor, accrued, fees, paid = (c[orders.instrument] for c in self._columns)
        slip = float(self.slip)
        quoted = np.where(orders.sell, bid * (1 - slip), ask * (1 + slip)) * self.s.forward(orders)
        borne = np.where(orders.sell, paid, paid + fees)
        return np.where(orders.limit > 0, orders.limit / PRICE, quoted) * factor * borne + accrued

    def of(self, orders: Orders) -> np.ndarray:
        return wanted(orders) * self.per_unit(orders)

    def exact_per_unit(self, orders: Orders, row: int) -> Fraction:
        i = self.s.instruments[orders.instrument[row]]
        if orders.limit[row] > 0:
            price = Fraction(int(orders.limit[row]), PRICE)
        elif orders.sell[row]:
            price = Fraction(i.bid) * (1 - self.slip) * self.s.exact_forward(orders, row)
        else:
            price = Fraction(i.ask) * (1 + self.slip) * self.s.exact_forward(orders, row)
        paid = 0 if self.s.is_margined[orders.instrument[row]] else 1
        borne = paid if orders.sell[row] else paid + Fraction(i.buy_fees_bp) / 10_000
        return price * Fraction(i.price_factor) * borne + Fraction(i.accrued_pct) / 100

    def exact_paid(self, orders: Orders, row: int) -> Fraction:
        sold = orders.sell[row] and self.s.is_pair[orders.instrument[row]]
        return Fraction(1) if sold else self.exact_per_unit(orders, row)

    def exact_brought(self, orders: Orders, row: int) -> Fraction:
        bought = not orders.sell[row] and self.s.is_pair[orders.instrument[row]]
        return Fraction(1) if bought else self.exact_per_unit(orders, row)

    def exact_flows(self, order: int) -> Iterator[Flow]:
        """What the portfolio's other orders pay, and bring where that counts, before this one."""
        s = self.s
        portfolio = s.orders.portfolio[order]
        for row in s.rows_of("others", portfolio):
            words = f"open order {ref(s.others.id[row])}"
            yield from self._flows(s.others, self.others, row, self.others.pays[row], self.others_paying[row], words)
        for row in s.rows_of("orders", portfolio):
            pays = row < order and self.mine.pays[row]
            yield from self._flows(s.orders, self.mine, row, pays, self.paying[row], f"order {ref(s.orders.id[row])}")

    def all_flows(self) -> Iterator[Flow]:
        """What all orders, judged and other, pay, and bring where that counts."""
        for orders, legs, brings, what in (
            (self.s.orders, self.mine, self.paying, "order"), (self.s.others, self.others, self.others_paying, "open order"),
        ):  # fmt: skip
            for row in range(len(orders)):
                yield from self._flows(orders, legs, row, bool(legs.pays[row]), bool(brings[row]), f"{what} {ref(orders.id[row])}")

    def unknown(self) -> list[int]:
        """Ids of orders of which it cannot be told what they pay or when."""
        found = []
        for orders, legs in ((self.s.orders, self.mine), (self.s.others, self.others)):
            lost = (legs.pays & np.isnan(legs.paid_unit)) | (legs.brings & np.isnan(legs.brought_unit)) | (legs.day < 0)
            found += orders.id[lost].tolist()
        return sorted(found)

    def _flows(self, orders: Orders, legs: Legs, row: int, pays: bool, brings: bool, words: str) -> Iterator[Flow]:
        qty = Fraction(int((orders.leaves if hasattr(orders, "leaves") else orders.qty)[row]), QTY)
        place, day = orders.instrument[row], int(legs.day[row])
        if pays and not np.isnan(legs.paid_unit[row]):  # What is not known makes whoever leans on it indeterminate.
            yield Flow(legs.paid_in[row], place, day, -qty * self.exact_paid(orders, row), words)
        if brings:
            yield Flow(legs.brought_in[row], place, day, qty * self.exact_brought(orders, row), words)


def wanted(orders: Orders) -> np.ndarray:
    """Units that may still trade."""
    return (orders.leaves if hasattr(orders, "leaves") else orders.qty) / QTY


def by_currency(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """No balance of the currency an order pays in below zero (or the overdraft) from its settlement date on."""
    minutes = rule.params["max_age"]
    estimate = Estimates(s, rule, refused)
    mine = estimate.mine
    days = sorted({*mine.day[mine.day >= 0].tolist(), *estimate.others.day[estimate.others.day >= 0].tolist(),
                   *s.unsettled.settles.tolist()})  # fmt: skip
    asked = mine.pays & (mine.paid_unit != 0)  # What pays nothing needs no money; an unknown price does.
    have, available, unsure = _available(s, estimate, np.array(days, np.int64), asked)
    cost = mine.paid_unit
    floor = Fraction(rule.params["overdraft"])
    cap = np.full(len(s.orders), float(floor))

    def exact(order: int) -> tuple[Fraction, Fraction, Fraction]:
        least = min(amount for _, amount in _exact_balances(s, estimate, order, days))
        return -least, estimate.exact_paid(s.orders, order), floor

    dated = mine.day >= 0
    known = s.fresh_price(minutes) & dated & ~unsure
    outcome, max_qty = compared(s, asked, known, -available, cost, cap, exact)
    codes = np.array(s.currencies, object)[mine.paid_in] if len(s.orders) else np.array([], object)
    after = available - s.ordered * cost

    def say(order: int) -> Said:
        basis = "settled cash and unsettled flows by date, less open buys"
        basis += ", with sells that settle in time" if rule.params["count_open_sells"] else ", open sells not counted"
        i, paid = s.instrument_of(order), codes[order]
        if outcome[order] == INDETERMINATE:
            if not dated[order]:
                text = f"Cannot tell: no settlement calendar says when {i.symbol} settles. Add it under Reference data."
                return Said(text, basis, (), "cash")
            text, data = cannot_tell(s, order, minutes, whole_portfolio=False)
            return Said(text, basis, data, "cash")
        day = min((a, d) for d, a in _exact_balances(s, estimate, order, days))[1]
        text = f"{paid} would be {money(after[order], paid)} on {date.fromordinal(day):%d %b %Y}"
        text += " or earlier." if day != mine.day[order] else "."
        text += f" The order needs about {money(s.ordered[order] * cost[order], paid)}."
        return Said(text, basis, _cash_lines(s, estimate, order, have[order], days), "cash")

    return Verdicts(
        rule, outcome, say, available, after, -cap, codes, available + cap, codes, max_qty
    )  # fmt: skip


def _available(s: Snapshot, estimate: Estimates, days: np.ndarray, asked: np.ndarray):
    """For each order: money held now, the least balance before it from its settlement date on, whether a cost is unknown."""
    n, size = len(s.orders), len(s.currencies)
    have, least, unsure = np.zeros(n), np.full(n, np.inf), np.zeros(n, bool)
    mine, others = estimate.mine, estimate.others
    keys = s.orders.portfolio * size + mine.paid_in
    wanted_keys = np.unique(keys[asked])
    if not len(wanted_keys) or not len(days):
        return have, np.where(asked, 0.0, least), unsure
    cash = totals(wanted_keys, s.cash.portfolio * size + s.cash.thing, s.cash.amount / QTY)
    flows = np.zeros((len(wanted_keys), len(days)))
    unknown = np.zeros(len(wanted_keys))

    def place_of(keys):
        at = np.minimum(np.searchsorted(wanted_keys, keys), len(wanted_keys) - 1)
        return np.where(wanted_keys[at] == keys, at, -1)

    def flow(at, when, amounts):
        known = (at >= 0) & (when >= 0)
        np.add.at(flows, (at[known], when[known]), amounts[known])

    def bucket(legs: Legs):
        return np.where(legs.day >= 0, np.searchsorted(days, legs.day), -1)

    waiting = s.unsettled.amount / QTY
    at = place_of(s.unsettled.portfolio * size + s.unsettled.thing)
    settled = cash - binned(at[at >= 0], waiting[at >= 0], len(wanted_keys))
    flow(at, np.searchsorted(days, s.unsettled.settles), waiting)
    when, paid = bucket(others), wanted(s.others) * others.paid_unit
    at = place_of(s.others.portfolio * size + others.brought_in)
    flow(np.where(estimate.others_paying, at, -1), when, wanted(s.others) * others.brought_unit)
    at = place_of(s.others.portfolio * size + others.paid_in)
    flow(np.where(others.pays & ~np.isnan(paid), at, -1), when, -paid)
    lost = others.pays & (np.isnan(paid) | (when < 0)) & (at >= 0)
    np.add.at(unknown, at[lost], 1)

    when, paid = bucket(mine), s.ordered * mine.paid_unit
    at = place_of(s.orders.portfolio * size + mine.brought_in)
    flow(np.where(estimate.paying, at, -1), when, s.ordered * mine.brought_unit)
    at = place_of(keys)
    lost = asked & (np.isnan(paid) | (when < 0))
    np.add.at(unknown, at[lost], 1)
    balance = settled[:, None] + np.cumsum(flows, axis=1)
    rows = np.flatnonzero(asked)
    at, when, paid = at[rows], when[rows], np.nan_to_num(paid[rows])
    lowest = np.full(len(rows), np.inf)
    for day in range(len(days)):
        earlier = running(at, np.where(when <= day, paid, 0.0))
        lowest = np.where(day >= when, np.minimum(lowest, balance[at, day] - earlier), lowest)
    have[rows], least[rows], unsure[rows] = cash[at], lowest, unknown[at] > 0
    return have, least, unsure


def _exact_balances(s: Snapshot, estimate: Estimates, order: int, days: list[int]) -> list[tuple[int, Fraction]]:
    """The balance before the order on its settlement date and each later date with flows: (ordinal, amount)."""
    portfolio, currency = s.orders.portfolio[order], estimate.mine.paid_in[order]
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
    for flow in estimate.exact_flows(order):
        if flow.currency == currency and flow.day >= 0:
            flows[flow.day] = flows.get(flow.day, Fraction(0)) + flow.amount
    first = int(estimate.mine.day[order])
    return [(d, base + sum(a for when, a in flows.items() if when <= d)) for d in days if d >= first]


def _cash_lines(s: Snapshot, estimate: Estimates, order: int, have: float, days: list[int]) -> tuple:
    place = estimate.mine.paid_in[order]
    currency = s.currencies[place]
    lines = [line(f"{currency} held", f"{have:.2f}", currency=currency)]
    for day, amount in _exact_balances(s, estimate, order, days)[:4]:
        lines.append(
            line(f"Balance on {date.fromordinal(day)} before this order", f"{float(amount):.2f}", currency=currency)
        )
    counted = [flow for flow in estimate.exact_flows(order) if flow.currency == place]
    for flow in counted[:6]:
        symbol = s.instruments[flow.instrument].symbol
        lines.append(line(f"{symbol}, {flow.words}", f"{float(flow.amount):.2f}", currency=currency))
    if len(counted) > 6:
        lines.append(line(f"and {len(counted) - 6} more orders, counted too", str(len(counted) - 6)))
    return tuple(lines)


def minimum(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """
    Cash of all currencies, after open buys and the sells that count, is not below the mandate's least share. Trades in
    currencies turn cash into cash and count for nothing here.
    """
    minutes = rule.params["max_age"]
    estimate = Estimates(s, rule, refused)
    limit = s.mandate("cash_min_pct")
    pair, others_pair = s.is_pair[s.orders.instrument], s.is_pair[s.others.instrument]
    buys = s.buy & ~pair
    asked = buys & (np.nan_to_num(limit) > 0)
    size = len(s.portfolios)
    rate = s.rate[s.currency]
    cash = binned(s.cash.portfolio, s.cash.amount / QTY * s.rate[s.cash.thing], size)
    others = estimate.of(s.others) * rate[s.others.instrument]
    counted = np.where(s.others.sell, np.where(estimate.others_paying, others, 0.0), -others)
    counted = np.where(others_pair, 0.0, counted)
    flows = binned(s.others.portfolio, counted, size)
    cost = estimate.per_unit(s.orders) * rate[s.orders.instrument]
    whole = s.ordered * cost
    flows += binned(s.orders.portfolio, np.where(estimate.paying & ~pair, whole, 0.0), size)
    earlier = running(s.orders.portfolio, np.where(buys & ~np.isnan(whole), whole, 0.0))
    lost = binned(s.orders.portfolio, buys & np.isnan(whole), size) > 0
    left = (cash + flows)[s.orders.portfolio] - earlier
    nav = s.nav[s.orders.portfolio]
    cap = -limit / 100 * nav

    def exact(order: int) -> tuple[Fraction, Fraction, Fraction]:
        portfolio = s.orders.portfolio[order]
        total = Fraction(0)
        for row in s.rows_of("cash", portfolio):
            code = s.currencies[s.cash.thing[row]]
            total += Fraction(int(s.cash.amount[row]), QTY) * Fraction(s.rates[code].rate)
        for flow in estimate.exact_flows(order):
            if not s.is_pair[flow.instrument]:
                total += flow.amount * Fraction(s.rates[s.currencies[flow.currency]].rate)
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
