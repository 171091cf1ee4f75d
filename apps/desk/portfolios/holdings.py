"""
One portfolio this moment, in its base currency.

What is held is what is booked plus the provisional shares of blocks that have filled but are not yet allocated, so that
a fill shows at once; the money of those shares counts as paid or received. *After* is with all open orders done at mid.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Max, Sum

from apps.allocations import selectors as allocations
from apps.blocks.models import Block
from apps.marketdata import selectors as marketdata
from apps.orders.models import Order
from apps.orders.states import OPEN, S
from apps.portfolios.models import Cash, Mandate, ModelWeight, Movement, Portfolio, Position
from apps.reference.models import Instrument, Issuer
from apps.routing.models import Execution

from .pnl import Day, Pnl, Stock, day_of
from .selectors import CASH, CLASS_OF, EQUITY, FIXED_INCOME, OTHER, ZERO

NAMES = {EQUITY: "Equity", FIXED_INCOME: "Fixed income", CASH: "Cash", OTHER: "Other"}
GLOW = timedelta(seconds=1.5)
HUNDRED = Decimal(100)


@dataclass
class Line:
    """
    A holding; ``qty`` with its provisional part, ``ordered`` the signed quantity of open orders. ``unpaid`` is what of it
    was bought without paying, in its currency: a future is worth the gain over that alone.
    """

    instrument: Instrument
    qty: Decimal = ZERO
    provisional: Decimal = ZERO
    ordered: Decimal = ZERO
    word: str = ""
    price: Decimal | None = None
    priced_at: datetime | None = None
    unit: Decimal | None = None
    weight: Decimal | None = None
    target: Decimal | None = None
    is_new: bool = False
    pnl: Pnl | None = None
    unpaid: Decimal = ZERO
    rate: Decimal | None = None

    @property
    def value(self) -> Decimal | None:
        return None if self.unit is None else self.qty * self.unit - self.unpaid * self.rate

    @property
    def after(self) -> Decimal:
        """What it is worth with its orders done at the price of now, which changes nothing for what is not paid."""
        return (self.value or ZERO) if self.instrument.is_margined else self.exposure_after

    @property
    def exposure(self) -> Decimal:
        """What limits count: the value, or the notional of a future."""
        return ZERO if self.unit is None else self.qty * self.unit

    @property
    def exposure_after(self) -> Decimal:
        return ZERO if self.unit is None else (self.qty - self.provisional + self.ordered) * self.unit

    @property
    def notional(self) -> Decimal | None:
        """Of a future, whose value is something else."""
        return self.exposure if self.instrument.is_margined and self.unit is not None else None

    @property
    def drift(self) -> Decimal | None:
        return None if self.target is None or self.weight is None else self.weight - self.target

    @property
    def filled_word(self) -> str:
        """How far its orders are, beside their quantity."""
        if self.word == S.HELD:
            return "held"
        if self.provisional:
            return "filled" if self.provisional == self.ordered else f"{abs(self.provisional).normalize():,f} filled"
        return {S.IN_REVIEW: "in review", S.CLEARED: "cleared", S.WORKING: "working"}.get(self.word, "")


class ClassLine(NamedTuple):
    name: str
    value: Decimal
    weight: Decimal
    after: Decimal
    target: Decimal | None
    drift: Decimal | None


class Band(NamedTuple):
    """A limit of the mandate in percent of net asset value; ``room`` is what is left of it with all orders done."""

    name: str
    now: Decimal
    after: Decimal
    limit: Decimal
    least: bool
    room: Decimal


class CashDay(NamedTuple):
    on: date
    amount: Decimal
    note: str


@dataclass
class Holdings:
    nav: Decimal = ZERO
    lines: list[Line] = field(default_factory=list)
    classes: list[ClassLine] = field(default_factory=list)
    bands: list[Band] = field(default_factory=list)
    cash: list[tuple[str, Decimal, Decimal | None, list[CashDay]]] = field(default_factory=list)
    cash_now: Decimal = ZERO
    lowest: tuple[date, Decimal] | None = None
    in_orders: Decimal = ZERO
    orders: int = 0
    held: int = 0
    provisional: int = 0
    day: Day = field(default_factory=Day)
    missing: list[str] = field(default_factory=list)
    oldest_price_at: datetime | None = None
    newest_price_at: datetime | None = None


def holdings(portfolio: Portfolio, now: datetime) -> Holdings:
    """The portfolio as its page shows it. A fixed number of queries."""
    made = Holdings()
    rates = {c: r for c, (r, _) in marketdata.fx_rates(portfolio.base_currency_id).items()}
    shares = allocations.provisional_shares([portfolio.pk])
    lines = _lines(portfolio, shares, made)
    _price(lines, rates, made)
    moved = defaultdict(lambda: ZERO)
    for currency, amount, _ in _moneys(shares):
        moved[currency] += amount
    _cash(portfolio, shares, moved, rates, now.date(), made)
    made.nav = made.cash_now + sum((line.value or ZERO for line in lines.values()), ZERO)
    _weigh(lines, made)
    _judge_the_day(portfolio, lines, shares, rates, now, made)
    _glow(lines, shares, now)
    rank = {EQUITY: 0, FIXED_INCOME: 1, OTHER: 2}
    made.lines = sorted(
        lines.values(),
        key=lambda x: (
            x.word != S.HELD, not x.ordered, not x.qty, rank[CLASS_OF.get(x.instrument.asset_class, OTHER)], x.instrument.symbol,
        ),
    )  # fmt: skip
    made.classes = _classes(made)
    mandate = Mandate.objects.filter(portfolio=portfolio).first()
    if mandate and made.nav:
        made.bands = _bands(mandate, made)
    return made


def _moneys(shares: list) -> Iterable[tuple[str, Decimal, int]]:
    """(currency, amount, block) of the provisional shares: a trade in currencies has two, anything else one."""
    for share in shares:
        yield share.currency, -_signed(share.side, share.amount - share.unpaid), share.block_id
        if share.base_currency:
            yield share.base_currency, _signed(share.side, share.qty), share.block_id


def _signed(side: str, qty: Decimal) -> Decimal:
    return qty if side == "BUY" else -qty


def _lines(portfolio: Portfolio, shares: list, made: Holdings) -> dict[int, Line]:
    positions = Position.objects.filter(portfolio=portfolio).exclude(qty=0, unpaid_amount=0)
    held = {pk: (qty, unpaid) for pk, qty, unpaid in positions.values_list("instrument_id", "qty", "unpaid_amount")}
    orders = list(
        Order.objects.filter(portfolio=portfolio, status__in=OPEN).values_list(
            "instrument_id", "side", "qty", "cancelled_qty", "status"
        )
    )
    made.orders, made.held = len(orders), sum(o[4] == S.HELD for o in orders)
    made.provisional = len(shares)
    targets = dict(ModelWeight.objects.filter(model=portfolio.model_id).values_list("instrument_id", "weight_pct"))
    wanted = held.keys() | {o[0] for o in orders} | targets.keys()
    wanted |= {s.instrument_id for s in shares}
    found = {i.pk: Line(i) for i in Instrument.objects.filter(pk__in=wanted, base_currency=None)}  # Nobody holds a pair.
    shares, orders = [s for s in shares if not s.base_currency], [o for o in orders if o[0] in found]
    for pk, (qty, unpaid) in held.items():
        found[pk].qty, found[pk].unpaid = qty, unpaid
    for share in shares:
        line, qty = found[share.instrument_id], _signed(share.side, share.qty)
        line.qty += qty
        line.provisional += qty
        line.unpaid += _signed(share.side, share.unpaid)
    first = (S.HELD, S.WORKING, S.CLEARED, S.TO_APPROVE, S.PARKED, S.IN_REVIEW)
    for pk, side, qty, cancelled, status in orders:
        line = found[pk]
        line.ordered += _signed(side, qty - cancelled)
        line.word = min(filter(None, (line.word, status)), key=first.index)
    for pk, line in found.items():
        line.target = targets.get(pk, ZERO) if portfolio.model_id else None
    return found


def _price(lines: dict[int, Line], rates: dict[str, Decimal], made: Holdings) -> None:
    quotes = marketdata.quotes_of(lines)
    for pk, line in lines.items():
        quote, rate = quotes.get(pk), rates.get(line.instrument.currency_id)
        if quote is None or rate is None:
            if line.qty or line.ordered:
                made.missing.append(line.instrument.symbol)
            continue
        line.price, line.priced_at = quote.mid, quote.at
        line.unit, line.rate = quote.mid * line.instrument.price_factor * rate, rate
        made.in_orders += abs(line.ordered - line.provisional) * line.unit
    ages = [line.priced_at for line in lines.values() if line.priced_at and line.qty]
    made.oldest_price_at, made.newest_price_at = min(ages, default=None), max(ages, default=None)


def _cash(portfolio, shares, moved: dict, rates: dict, today: date, made: Holdings) -> None:
    """Balances by currency: what is settled today and after each later settlement date; provisional money on its own."""
    balances = dict(Cash.objects.filter(portfolio=portfolio).values_list("currency_id", "amount"))
    later: dict[str, dict[date, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    unsettled: dict[str, Decimal] = defaultdict(lambda: ZERO)
    rows = (
        Movement.objects.filter(portfolio=portfolio, currency__isnull=False, settle_date__gt=today)
        .values_list("currency_id", "settle_date").annotate(Sum("amount"))
    )  # fmt: skip
    for currency, on, amount in rows:
        later[currency][on] += amount
        unsettled[currency] += amount
    settles = dict(Block.objects.filter(pk__in={s.block_id for s in shares}).values_list("pk", "settle_date"))
    provisional_on = defaultdict(set)
    for currency, amount, block in _moneys(shares):
        on = max(settles[block], today)
        later[currency][on] += amount
        provisional_on[currency].add(on)
    by_day: dict[date, Decimal] = defaultdict(lambda: ZERO)
    for currency in sorted(balances.keys() | later.keys(), key=lambda c: (c != portfolio.base_currency_id, c)):
        rate = rates.get(currency)
        if rate is None:
            made.missing.append(currency)
        running = balances.get(currency, ZERO) - unsettled[currency]
        days = {today: ZERO} | dict(later[currency])
        ladder = []
        for on in sorted(days):
            running += days[on]
            by_day[on] += days[on] * (rate or ZERO)
            note = "with provisional shares" if on in provisional_on[currency] else ""
            ladder.append(CashDay(on, running, note))
        by_day[today] += (balances.get(currency, ZERO) - unsettled[currency]) * (rate or ZERO)
        amount = balances.get(currency, ZERO) + moved.get(currency, ZERO)
        made.cash.append((currency, amount, rate and amount * rate, ladder))
        made.cash_now += amount * (rate or ZERO)
    running, lowest = ZERO, None
    for on in sorted(by_day):
        running += by_day[on]
        if lowest is None or running < lowest[1]:
            lowest = (on, running)
    made.lowest = lowest


def _weigh(lines: dict[int, Line], made: Holdings) -> None:
    for line in lines.values():
        if line.value is not None and made.nav:
            line.weight = line.value / made.nav * HUNDRED


def _judge_the_day(portfolio, lines: dict[int, Line], shares: list, rates: dict, now: datetime, made: Holdings) -> None:
    booked = dict(Cash.objects.filter(portfolio=portfolio).values_list("currency_id", "amount"))
    held = {pk: Stock(line.instrument, line.qty, line.unpaid) for pk, line in lines.items()}
    made.day = day_of(portfolio, held, {pk: line.price for pk, line in lines.items()}, rates, shares, booked, now)
    for pk, line in lines.items():
        line.pnl = made.day.lines.get(pk)


def _glow(lines: dict[int, Line], shares: list, now: datetime) -> None:
    """Marks the lines whose block heard of an execution this moment."""
    blocks = {s.block_id: s.instrument_id for s in shares if s.instrument_id in lines}
    if not blocks:
        return
    heard = Execution.objects.filter(block__in=blocks).values_list("block_id").annotate(Max("at"))
    for block_id, at in heard:
        lines[blocks[block_id]].is_new = now - at < GLOW


def _classes(made: Holdings) -> list[ClassLine]:
    if not made.nav:
        return []
    value, after = defaultdict(lambda: ZERO), defaultdict(lambda: ZERO)
    aimed: dict[str, Decimal] = {}
    value[CASH] = after[CASH] = made.cash_now
    for line in made.lines:
        kind = CLASS_OF.get(line.instrument.asset_class, OTHER)
        value[kind] += line.value or ZERO
        after[kind] += line.after
        if not line.instrument.is_margined:
            after[CASH] -= (line.ordered - line.provisional) * (line.unit or ZERO)
        if line.target is not None:
            aimed[kind] = aimed.get(kind, ZERO) + line.target
    if aimed:
        aimed[CASH] = HUNDRED - sum(aimed.values())
    return [
        ClassLine(
            NAMES[kind], value[kind], weight := value[kind] / made.nav * HUNDRED, after[kind] / made.nav * HUNDRED,
            aimed.get(kind), weight - aimed[kind] if kind in aimed else None,
        )
        for kind in (EQUITY, FIXED_INCOME, CASH, OTHER)
        if value[kind] or after[kind] or kind == CASH
    ]  # fmt: skip


def _bands(mandate: Mandate, made: Holdings) -> list[Band]:
    """The mandate's limits, the one with the least room first. Issuers count with their group; governments do not."""
    of = {c.name: c for c in made.classes}

    def pair(kind: str) -> tuple[Decimal, Decimal]:
        return (of[NAMES[kind]].weight, of[NAMES[kind]].after) if NAMES[kind] in of else (ZERO, ZERO)

    parents = dict(Issuer.objects.values_list("pk", "parent_id"))
    names = dict(Issuer.objects.values_list("pk", "name"))
    issuers = _largest(
        (_root(line.instrument.issuer_id, parents), line)
        for line in _private(made.lines)
        if not line.instrument.is_margined
    )
    sectors = _largest((line.instrument.sector, line) for line in _private(made.lines))
    limits = [
        ("Equity at most", *pair(EQUITY), mandate.equity_max_pct, False),
        ("Equity at least", *pair(EQUITY), mandate.equity_min_pct, True),
        ("Fixed income at most", *pair(FIXED_INCOME), mandate.fixed_income_max_pct, False),
        ("Fixed income at least", *pair(FIXED_INCOME), mandate.fixed_income_min_pct, True),
        ("Cash at least", *pair(CASH), mandate.cash_min_pct, True),
    ]
    for largest, kind, limit in (
        (issuers, "issuer", mandate.issuer_max_pct),
        (sectors, "sector", mandate.sector_max_pct),
    ):
        if largest:
            what, now, after = largest
            name = names.get(what, what) if kind == "issuer" else what
            limits.append(
                (f"Largest {kind}: {name}", now / made.nav * HUNDRED, after / made.nav * HUNDRED, limit, False)
            )
    found = [
        Band(name, now, after, limit, least, after - limit if least else limit - after)
        for name, now, after, limit, least in limits
        if not (least and limit == 0)
    ]
    return sorted(found, key=lambda band: band.room)


def _private(lines: Iterable[Line]) -> list[Line]:
    return [line for line in lines if line.instrument.asset_class != "GOVT" and line.unit is not None]


def _root(issuer: int, parents: dict[int, int | None]) -> int:
    climbed = set()
    while parents.get(issuer) and issuer not in climbed:
        climbed.add(issuer)
        issuer = parents[issuer]
    return issuer


def _largest(pairs: Iterable[tuple]) -> tuple | None:
    """The key whose lines weigh most, now or after, with both values."""
    now, after = defaultdict(lambda: ZERO), defaultdict(lambda: ZERO)
    for key, line in pairs:
        now[key] += line.exposure
        after[key] += line.exposure_after
    key = max(now, key=lambda k: max(now[k], after[k]), default=None)
    return None if key is None else (key, now[key], after[key])
