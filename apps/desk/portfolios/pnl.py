"""
Profit and loss of the day, in a portfolio's base currency.

What was held at the last closes counts from them, what was traded today from its own prices, both up to the mids of this
moment; provisional shares count as traded. What rates did to yesterday's value stands apart as FX. Accrued interest is
in none of it, as it is not in net asset value.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from apps.allocations.models import Allocation
from apps.allocations.states import A
from apps.marketdata import rules as market
from apps.marketdata import selectors as marketdata
from apps.portfolios.models import Movement, Portfolio
from apps.reference import selectors as reference
from apps.reference.models import Instrument

ZERO = Decimal(0)
HUNDRED = Decimal(100)


class Deal(NamedTuple):
    """Something traded today: signed quantity (sales are negative) and its price."""

    qty: Decimal
    price: Decimal


class Marks(NamedTuple):
    """An instrument's prices now and at the last close, its factor, and its currency's rates into the base."""

    price: Decimal | None
    close: Decimal | None
    factor: Decimal
    rate: Decimal | None
    closing_rate: Decimal | None
    unpaid: Decimal = ZERO  # What of the holding at the close was not paid for: rates move only the gain over it.

    def opening_value(self, opening: Decimal) -> Decimal:
        """What was held at the close was worth then, in its currency."""
        return opening * (self.close or ZERO) * self.factor - self.unpaid


class Stock(NamedTuple):
    """What is held now, provisional shares included; ``unpaid`` as `portfolios.Position` has it."""

    instrument: Instrument
    qty: Decimal
    unpaid: Decimal = ZERO


class Pnl(NamedTuple):
    """
    ``price`` and ``fx`` are what prices and rates did, ``costs`` commission, fees and taxes of today's trades. Of
    ``price``, ``realised`` is what today's sales made against the average of what was held at its close and bought.
    """

    price: Decimal = ZERO
    fx: Decimal = ZERO
    costs: Decimal = ZERO
    realised: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        return self.price + self.fx - self.costs

    def plus(self, other: "Pnl") -> "Pnl":
        return Pnl(*(mine + its for mine, its in zip(self, other, strict=True)))


@dataclass
class Day:
    """A portfolio's: by instrument, of cash in other currencies, together; ``missing`` cannot be told and is in none."""

    lines: dict[int, Pnl] = field(default_factory=dict)
    cash: Decimal = ZERO
    total: Pnl = Pnl()
    opening_nav: Decimal = ZERO
    since: date | None = None
    missing: list[str] = field(default_factory=list)

    @property
    def percent(self) -> Decimal | None:
        """Of the net asset value at the closes; None where something of it cannot be told."""
        return self.total.total / self.opening_nav * HUNDRED if self.opening_nav and not self.missing else None


# --- Arithmetic -----------------------------------------------------------------------------------------------------
def pnl_of(qty: Decimal, deals: Sequence[Deal], marks: Marks, costs: Decimal = ZERO) -> Pnl | None:
    """
    Of one instrument: ``qty`` is what is held now, deals included; ``costs`` in its currency.

    :returns: None where it cannot be told, for want of a price, a rate, or a close of what was held
    """
    opening = qty - sum((d.qty for d in deals), ZERO)
    if not opening and not deals:
        return Pnl()
    if marks.price is None or marks.rate is None or (opening and None in (marks.close, marks.closing_rate)):
        return None
    close, closing_rate = marks.close or ZERO, marks.closing_rate or ZERO
    into_base = marks.factor * marks.rate
    moved = opening * (marks.price - close) + sum((d.qty * (marks.price - d.price) for d in deals), ZERO)
    return Pnl(
        moved * into_base,
        marks.opening_value(opening) * (marks.rate - closing_rate),
        costs * marks.rate,
        _realised(opening, close, deals) * into_base,
    )


def _realised(opening: Decimal, close: Decimal, deals: Sequence[Deal]) -> Decimal:
    """What was both bought (or held) and sold (or short): the matched quantity by the two averages' difference."""
    legs = [*deals, Deal(opening, close)]
    bought, sold = ([d for d in legs if d.qty * sign > 0] for sign in (1, -1))
    into, out = (abs(sum((d.qty for d in side), ZERO)) for side in (bought, sold))
    if not into or not out:
        return ZERO
    paid, got = (abs(sum((d.qty * d.price for d in side), ZERO)) for side in (bought, sold))
    return min(into, out) * (got / out - paid / into)


# --- A portfolio's day ----------------------------------------------------------------------------------------------
def day_of(
    portfolio: Portfolio,
    held: Mapping[int, Stock],
    prices: Mapping[int, Decimal | None],
    rates: Mapping[str, Decimal],
    shares: Iterable,
    cash: Mapping[str, Decimal],
    now: datetime,
) -> Day:
    """
    :param held: by instrument id
    :param shares: the provisional shares (allocations.selectors)
    :param cash: booked balances by currency

    What trades in currencies made since the last closes counts as FX.
    """
    days = reference.trade_dates({stock.instrument.venue_id for stock in held.values()}, now)
    rate_day = market.rate_day(now)
    booked = _booked_today(portfolio, min([*days.values(), rate_day]))
    closes = marketdata.closes_before({pk: days[stock.instrument.venue_id] for pk, stock in held.items()})
    closing = marketdata.closing_rates_before(rate_day, portfolio.base_currency_id)
    deals: dict[int, list[Deal]] = defaultdict(list)
    costs: dict[int, Decimal] = defaultdict(lambda: ZERO)
    opening_cash = dict(cash)
    for pk, side, qty, price, currency, net, paid, on in booked:
        if pk in held and on >= days[held[pk].instrument.venue_id]:
            deals[pk].append(Deal(_signed(side, qty), price))
            costs[pk] += paid
            opening_cash[currency] = opening_cash.get(currency, ZERO) + _signed(side, net)
    exchanged = _exchanged_today(portfolio, rate_day)
    for currency, amount in exchanged.items():
        opening_cash[currency] = opening_cash.get(currency, ZERO) - amount
    for share in shares:
        if share.base_currency:
            continue
        deals[share.instrument_id].append(Deal(_signed(share.side, share.qty), share.price))
    day = Day(since=min((on for on, _ in closes.values()), default=None))
    for pk, (instrument, qty, unpaid) in held.items():
        currency, factor = instrument.currency_id, instrument.price_factor
        close = closes[pk][1] if pk in closes else None
        if instrument.is_margined:
            unpaid -= sum((d.qty * d.price * factor for d in deals[pk]), ZERO)
        marks = Marks(prices.get(pk), close, factor, rates.get(currency), closing.get(currency), unpaid)
        line = pnl_of(qty, deals[pk], marks, costs[pk])
        if line is None:
            day.missing.append(instrument.symbol)
            continue
        day.lines[pk] = line
        day.total = day.total.plus(line)
        opening = qty - sum((d.qty for d in deals[pk]), ZERO)
        if opening:
            day.opening_nav += marks.opening_value(opening) * closing[currency]
    _cash_of_the_day(day, opening_cash, rates, closing)
    made = sum((amount * rates.get(currency, ZERO) for currency, amount in exchanged.items()), ZERO)
    day.cash, day.total = day.cash + made, day.total.plus(Pnl(fx=made))
    return day


def _cash_of_the_day(day: Day, opening: Mapping[str, Decimal], rates: Mapping, closing: Mapping) -> None:
    for currency, amount in opening.items():
        if not amount:
            continue
        if currency not in rates or currency not in closing:
            day.missing.append(currency)
            continue
        day.cash += amount * (rates[currency] - closing[currency])
        day.opening_nav += amount * closing[currency]
    day.total = day.total.plus(Pnl(fx=day.cash))


def _booked_today(portfolio: Portfolio, since: date) -> list[tuple]:
    """Live allocations traded from a date on. Found by their movements, which are indexed by portfolio and date."""
    sources = (
        Movement.objects.filter(portfolio=portfolio, trade_date__gte=since, kind=Movement.Kind.TRADE)
        .filter(instrument__isnull=False, source__startswith="allocation:").values_list("source", flat=True)
    )  # fmt: skip
    found = Allocation.objects.filter(pk__in=[int(s.partition(":")[2]) for s in sources], status=A.BOOKED).order_by("pk")
    return [
        (pk, side, qty, price, currency, net, commission + fees, on)
        for pk, side, qty, price, currency, net, commission, fees, on in found.values_list(
            "instrument_id", "side", "qty", "price", "currency_id", "net_amount", "commission_amount", "fees_amount",
            "trade_date",
        )
    ]  # fmt: skip


def _exchanged_today(portfolio: Portfolio, since: date) -> dict[str, Decimal]:
    """Money that trades in currencies brought (and, below zero, took) from a date on: they leave no holding. One query."""
    found: dict[str, Decimal] = defaultdict(lambda: ZERO)
    rows = Allocation.objects.filter(
        portfolio=portfolio, trade_date__gte=since, status=A.BOOKED, instrument__base_currency__isnull=False
    )
    for side, base, qty, currency, net in rows.values_list(
        "side", "instrument__base_currency_id", "qty", "currency_id", "net_amount"
    ):
        found[base] += _signed(side, qty)
        found[currency] -= _signed(side, net)
    return found


def _signed(side: str, amount: Decimal) -> Decimal:
    return amount if side == "BUY" else -amount
