"""
What the engine is given: orders to judge, what is held, promised and priced, each as a column.

Quantities are whole ten-thousandths of a unit and money whole ten-thousandths of a currency unit in 64-bit columns,
limit prices whole hundred-millionths, times microseconds since 1970 (UTC). Floats decide clear cases only; what lies
within ``NEAR`` of a limit is decided by the ``exact_*`` methods, in fractions.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from apps.reference.rules import MARGINED

from .claims import Deals
from .contracts import Bound, Contract, Stake
from .controls import Limit
from .firm import Firm
from .lists import Met
from .plans import Dealer, Plan
from .rows import Benchmark, Boxed, Breaker, Constituents, Instrument, Own, Portfolio, Rate, micros
from .taxes import Position, TaxLot

QTY = 10_000
PRICE = 100_000_000
NEAR = 1e-9
FIRM_CURRENCY = "USD"
EQUITY, FIXED_INCOME, OTHER = 0, 1, 2
CLASS_NAMES = ("equity", "fixed income", "other")
CLASS_OF = {"EQUITY": EQUITY, "ETF": EQUITY, "FUND": EQUITY, "CORP": FIXED_INCOME, "GOVT": FIXED_INCOME}


@dataclass
class Orders:
    """
    Orders in ascending ``id``. ``portfolio`` and ``instrument`` are places in the snapshot's lists; limit 0 is none.
    ``value_days`` is the ordinal of the settlement date that an order says itself, 0 where it says none; ``family`` the order that one
    was split from, or itself. ``own`` has what each says in fields of the firm's own, as text by code; None where no order says any.
    ``short`` are those marked as short sales, ``located`` how many ten-thousandths of each lenders gave their word for and ``borrowed``
    how many of those are borrowed already, ``exempt`` why the price test does not ask it; each None where none is sold short.
    ``user`` is each one's author and ``desk`` its desk, by id, ``checked`` which were answered for before; None where no rule asks.
    """

    id: np.ndarray
    version: np.ndarray
    portfolio: np.ndarray
    instrument: np.ndarray
    sell: np.ndarray
    qty: np.ndarray
    limit: np.ndarray
    created_us: np.ndarray
    value_days: np.ndarray
    family: np.ndarray
    own: Sequence[Mapping[str, str]] | None = None
    short: np.ndarray | None = None
    located: np.ndarray | None = None
    exempt: Sequence[str] | None = None
    borrowed: np.ndarray | None = None
    user: np.ndarray | None = None
    desk: np.ndarray | None = None
    checked: np.ndarray | None = None

    def was_checked(self) -> np.ndarray:
        """Which of them were answered for before, and amended since."""
        return np.zeros(len(self), bool) if self.checked is None else self.checked

    def shorts(self) -> np.ndarray:
        """Which of them are marked as short sales."""
        return np.zeros(len(self), bool) if self.short is None else self.short

    def lent(self) -> np.ndarray:
        return np.zeros(len(self), np.int64) if self.located is None else self.located

    def lent_already(self) -> np.ndarray:
        return np.zeros(len(self), np.int64) if self.borrowed is None else self.borrowed

    def saying(self, code: str, value: str) -> np.ndarray:
        """Which of them say this in a field of the firm's own."""
        if self.own is None:
            return np.zeros(len(self), bool)
        return np.array([said.get(code) == value for said in self.own], bool)

    def __len__(self) -> int:
        return len(self.id)


@dataclass
class OpenOrders(Orders):
    """Other unfinished orders of the same portfolios: ``leaves`` may still trade; ``cleared`` is not waiting for an officer."""

    leaves: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    cleared: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))


@dataclass
class Holdings:
    """What the portfolios hold of instruments (``thing`` a place) or of money (``thing`` a place among currencies)."""

    portfolio: np.ndarray
    thing: np.ndarray
    amount: np.ndarray
    settles: np.ndarray | None = None
    """For money still to be settled: the ordinal of its date."""
    unpaid: np.ndarray | None = None
    """Of instruments: what of them was bought without paying, in ten-thousandths of their currency; None where nothing."""


@dataclass
class Snapshot:
    """Everything a judgement may look at, as it was at ``at``. Places not in a list are never referred to."""

    at: datetime
    orders: Orders
    others: OpenOrders
    positions: Holdings
    cash: Holdings
    unsettled: Holdings
    instruments: Sequence[Instrument]
    portfolios: Sequence[Portfolio]
    currencies: Sequence[str]
    rates: Mapping[str, Rate]
    met: Sequence[Met] = ()
    """Which orders meet which entries of the firm's lists."""
    forwards: Mapping[tuple[int, int], Fraction] = field(default_factory=dict)
    """Of (place of a pair, ordinal of a value date) what its quote is multiplied with for that day."""
    limits: Sequence[Limit] = ()
    """Trading limits in force."""
    breakers: Mapping[int, Breaker | None] = field(default_factory=dict)
    """Of instruments that are sold short: those whose circuit breaker is on; None where that is not known."""
    boxed: Mapping[int, Boxed] = field(default_factory=dict)
    """Of instruments that are sold short: the earliest sale that failed and is not closed out, of any portfolio."""
    taxes: Mapping[tuple[int, str], Position] = field(default_factory=dict)
    """Of (taxpayer, word of what is substantially identical) what all their accounts bought and sold at a loss."""
    lots: Mapping[tuple[int, int], Sequence[TaxLot]] = field(default_factory=dict)
    """Of (place of a portfolio, place of an instrument) its tax lots, oldest first."""
    alike: Mapping[int, str] = field(default_factory=dict)
    """Of ids of instruments the word of what is substantially identical to them."""
    plans: Mapping[int, Plan] = field(default_factory=dict)
    """Of places of portfolios that are retirement plans what they are."""
    dealings: Mapping[int, Sequence[Dealer]] = field(default_factory=dict)
    """Of places of orders about to be sent to whom. Where a rule asks."""
    contracts: Mapping[int, Contract] = field(default_factory=dict)
    """Of ids of instruments under position limits what they are; of their families all."""
    bounds: Sequence[Bound] = ()
    stakes: Sequence[Stake] = ()
    units_owned: Mapping[tuple[str, int], int] = field(default_factory=dict)
    """Of (aggregation unit, instrument) what its portfolios outside the snapshot hold less their open sells."""
    firm_held: np.ndarray | None = None
    """Ten-thousandths of each instrument held by the whole firm; None where no rule asks."""
    firm_promised: np.ndarray | None = None
    """The same of what is still to be bought by unfinished orders other than those judged."""
    firm: Firm | None = None
    """What all portfolios have of groups that they share a limit on; None where no rule asks."""
    deals: Deals | None = None
    """What dealers owe; None where no rule asks."""
    benchmarks: Mapping[int, Benchmark] = field(default_factory=dict)
    """By id, with the newest weights there were; what is in them is among the instruments. None where no rule asks."""
    constituents: Mapping[int, Constituents] = field(default_factory=dict)
    """By id of a fund, what it held last, that in it too; what is in them is among the instruments. None where no rule asks."""
    issued: Mapping[int, Decimal] = field(default_factory=dict)
    """Of ids of shares and funds what their body has issued of their kind; without those of which it is not known. Where a rule asks."""
    own: Mapping[str, Own] = field(default_factory=dict)
    """Attributes of the firm's own that a rule asks for, by code."""
    kept: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What rules work out of its instruments and share."""

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What several rules need alike, made for the first that asks. Nobody changes what it gets."""
        if key not in self.kept:
            self.kept[key] = make()
        return self.kept[key]

    # --- Instruments -------------------------------------------------------------------------------------------------
    @cached_property
    def currency(self) -> np.ndarray:
        place = {code: i for i, code in enumerate(self.currencies)}
        return np.array([place[i.currency] for i in self.instruments], np.int64)

    @cached_property
    def base_currency(self) -> np.ndarray:
        """Place of the base currency of each pair; -1 for what is no pair of currencies."""
        place = {code: i for i, code in enumerate(self.currencies)}
        return np.array([place[i.base_currency] if i.base_currency else -1 for i in self.instruments], np.int64)

    @cached_property
    def is_pair(self) -> np.ndarray:
        """Whether each instrument is a pair of currencies, of which nobody holds any."""
        return self.base_currency >= 0

    @cached_property
    def is_fund(self) -> np.ndarray:
        """Whether each instrument is a fund, priced at its net asset value whenever an order is sent."""
        return np.array([i.asset_class == "FUND" for i in self.instruments], bool)

    @cached_property
    def is_traded(self) -> np.ndarray:
        """Whether each instrument has a market with a volume: not so currencies, and units of funds."""
        return np.array([i.asset_class not in ("FX", "FUND") for i in self.instruments], bool)

    @cached_property
    def class_code(self) -> np.ndarray:
        return np.array([CLASS_OF.get(i.asset_class, OTHER) for i in self.instruments], np.int64)

    @cached_property
    def _units(self) -> list[Fraction | None]:
        return [self._unit_value(i) for i in self.instruments]

    def _unit_value(self, i: Instrument) -> Fraction | None:
        rate = self.rates.get(i.currency)
        if i.bid is None or i.ask is None or rate is None:
            return None
        return Fraction(i.bid + i.ask) / 2 * Fraction(i.price_factor) * Fraction(rate.rate)

    @cached_property
    def unit(self) -> np.ndarray:
        """Value (of a future the notional) of one unit at mid in the firm's currency; NaN where price or rate is missing."""
        return np.array([np.nan if u is None else float(u) for u in self._units])

    def exact_unit(self, instrument: int) -> Fraction:
        return self._units[instrument]

    @cached_property
    def is_margined(self) -> np.ndarray:
        """Whether each instrument is bought without paying its value. Its ``unit`` is notional."""
        return np.array([i.asset_class in MARGINED for i in self.instruments], bool)

    @cached_property
    def priced_us(self) -> np.ndarray:
        """When each instrument's value was last known: the older of price and rate; -1 where one is missing."""
        times = []
        for i in self.instruments:
            rate = self.rates.get(i.currency)
            known = i.priced_at is not None and i.bid is not None and rate is not None
            times.append(min(micros(i.priced_at), micros(rate.at)) if known else -1)
        return np.array(times, np.int64)

    @cached_property
    def increment(self) -> np.ndarray:
        return np.array([int(i.increment * QTY) for i in self.instruments], np.int64)

    @cached_property
    def min_piece(self) -> np.ndarray:
        return np.array([int(i.min_piece * QTY) for i in self.instruments], np.int64)

    @cached_property
    def rate(self) -> np.ndarray:
        """Firm currency for one of each currency; NaN where missing."""
        return np.array([float(self.rates[c].rate) if c in self.rates else np.nan for c in self.currencies])

    # --- Portfolios --------------------------------------------------------------------------------------------------
    @cached_property
    def nav(self) -> np.ndarray:
        """Net asset value in the firm's currency at mids; NaN where something held has no price or rate."""
        size = len(self.portfolios)
        worth = self.positions.amount * self.unit[self.positions.thing]
        if self.positions.unpaid is not None:
            worth = worth - self.positions.unpaid * self.rate[self.currency[self.positions.thing]]
        held = np.bincount(self.positions.portfolio, worth, size)
        money = np.bincount(self.cash.portfolio, self.cash.amount * self.rate[self.cash.thing], size)
        return (held + money) / QTY

    @cached_property
    def total_assets(self) -> np.ndarray:
        """Net asset value without what is owed: positions sold short, losses on contracts and overdrafts count nothing."""
        size = len(self.portfolios)
        worth = self.positions.amount * self.unit[self.positions.thing]
        if self.positions.unpaid is not None:
            worth = worth - self.positions.unpaid * self.rate[self.currency[self.positions.thing]]
        held = np.bincount(self.positions.portfolio, np.maximum(worth, 0), size)  # NaN stays.
        money = np.bincount(self.cash.portfolio, np.maximum(self.cash.amount * self.rate[self.cash.thing], 0), size)
        return (held + money) / QTY

    def exact_total_assets(self, portfolio: int) -> Fraction:
        total = Fraction(0)
        for row in self.rows_of("positions", portfolio):
            worth = int(self.positions.amount[row]) * self._units[self.positions.thing[row]]
            if self.positions.unpaid is not None:
                currency = self.instruments[self.positions.thing[row]].currency
                worth -= int(self.positions.unpaid[row]) * Fraction(self.rates[currency].rate)
            total += max(worth, 0)
        for row in self.rows_of("cash", portfolio):
            code = self.currencies[self.cash.thing[row]]
            total += max(int(self.cash.amount[row]) * Fraction(self.rates[code].rate), 0)
        return total / QTY

    @cached_property
    def nav_us(self) -> np.ndarray:
        """Time of the oldest price or rate in each net asset value; -1 where one is missing."""
        oldest = np.full(len(self.portfolios), self.now_us, np.int64)
        np.minimum.at(oldest, self.positions.portfolio, self.priced_us[self.positions.thing])
        rate_us = np.array([micros(self.rates[c].at) if c in self.rates else -1 for c in self.currencies], np.int64)
        np.minimum.at(oldest, self.cash.portfolio, rate_us[self.cash.thing])
        return oldest

    @cached_property
    def _exact_navs(self) -> dict[int, Fraction]:
        return {}

    def exact_nav(self, portfolio: int) -> Fraction:
        if portfolio not in self._exact_navs:
            total = Fraction(0)
            for row in self.rows_of("positions", portfolio):
                total += int(self.positions.amount[row]) * self._units[self.positions.thing[row]]
                if self.positions.unpaid is not None:
                    currency = self.instruments[self.positions.thing[row]].currency
                    total -= int(self.positions.unpaid[row]) * Fraction(self.rates[currency].rate)
            for row in self.rows_of("cash", portfolio):
                code = self.currencies[self.cash.thing[row]]
                total += int(self.cash.amount[row]) * Fraction(self.rates[code].rate)
            self._exact_navs[portfolio] = total / QTY
        return self._exact_navs[portfolio]

    def rows_of(self, table: str, portfolio: int) -> np.ndarray:
        """The rows of a table (``orders``, ``others``, ``positions``, ``cash``, ``unsettled``) that are the portfolio's."""
        kept: dict[str, tuple[np.ndarray, np.ndarray]] = self.kept.setdefault("rows", {})
        if table not in kept:
            column = getattr(self, table).portfolio
            order = np.argsort(column, kind="stable")
            kept[table] = order, column[order]
        order, column = kept[table]
        return order[np.searchsorted(column, portfolio) : np.searchsorted(column, portfolio, side="right")]

    # --- Orders ------------------------------------------------------------------------------------------------------
    @cached_property
    def now_us(self) -> int:
        return micros(self.at)

    @cached_property
    def buy(self) -> np.ndarray:
        return ~self.orders.sell

    @cached_property
    def ordered(self) -> np.ndarray:
        """Quantity of each order in units."""
        return self.orders.qty / QTY

    @cached_property
    def unit_of_orders(self) -> np.ndarray:
        """Value of one unit of each order's instrument; NaN where it is not known."""
        return self.unit[self.orders.instrument]

    @cached_property
    def worth_of_orders(self) -> np.ndarray:
        """Value of each order at mid in the firm's currency; NaN where it is not known."""
        return self.ordered * self.unit_of_orders

    @cached_property
    def nav_of_orders(self) -> np.ndarray:
        """Net asset value of each order's portfolio; NaN where it is not known."""
        return self.nav[self.orders.portfolio]

    def forward(self, orders: Orders) -> np.ndarray:
        """What the quote is multiplied with for each order: 1 but for a forward in currencies, NaN where that is not known."""
        found = np.ones(len(orders))
        for row in np.flatnonzero(orders.value_days):
            found[row] = float(self.forwards.get((int(orders.instrument[row]), int(orders.value_days[row])), np.nan))
        return found

    def exact_forward(self, orders: Orders, row: int) -> Fraction:
        dated = int(orders.instrument[row]), int(orders.value_days[row])
        return self.forwards[dated] if dated[1] else Fraction(1)

    def mandate(self, name: str) -> np.ndarray:
        """A limit of each order's portfolio's mandate; NaN where it has none."""

        def of_orders() -> np.ndarray:
            values = [getattr(p, name) for p in self.portfolios]
            return np.array([np.nan if v is None else float(v) for v in values])[self.orders.portfolio]

        return self.once(("mandate", name), of_orders)

    def exact_mandate(self, order: int, name: str) -> Fraction:
        return Fraction(getattr(self.portfolios[self.orders.portfolio[order]], name))

    def instrument_of(self, order: int) -> Instrument:
        return self.instruments[self.orders.instrument[order]]

    def portfolio_of(self, order: int) -> Portfolio:
        return self.portfolios[self.orders.portfolio[order]]

    def fresh_price(self, minutes: int) -> np.ndarray:
        """Whether each order's instrument has a price and rate no older than so many minutes."""
        oldest = max(self.now_us - minutes * 60_000_000, 0)
        return self.once(("fresh price", minutes), lambda: self.priced_us[self.orders.instrument] >= oldest)

    def fresh_nav(self, minutes: int) -> np.ndarray:
        """Whether all prices and rates in the order's portfolio's value are that fresh, and the value is positive."""

        def known() -> np.ndarray:
            oldest = max(self.now_us - minutes * 60_000_000, 0)
            return ((self.nav_us >= oldest) & (np.nan_to_num(self.nav) > 0))[self.orders.portfolio]

        return self.once(("fresh value", minutes), known)
