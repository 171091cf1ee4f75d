"""What the order pages ask: which orders need a person first, the money of a selection, what a ticket would come to."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db.models import (
    Case,
    Count,
    DecimalField,
    ExpressionWrapper,
    F,
    IntegerField,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from apps.core.refusals import in_words
from apps.marketdata import selectors as marketdata
from apps.marketdata.cost_selectors import Trade, costs_of
from apps.marketdata.costs import Cost
from apps.marketdata.selectors import Price
from apps.portfolios import selectors as portfolios
from apps.portfolios.models import Cash, Portfolio, Position
from apps.reference import selectors as reference
from apps.reference.models import BONDS, AssetClass, Instrument
from apps.reference.rules import NoSettlementCalendar
from apps.reference.selectors import Dealing

from . import rules, selectors
from .models import Order, Proposal, Side
from .states import OPEN, S

CAN_BE_LENT = (AssetClass.EQUITY, AssetClass.ETF, *BONDS)  # What is sold beyond what has settled is a short sale.
FRESH = timedelta(days=1)  # How long a rejection asks for attention.
MONEY = DecimalField(max_digits=38, decimal_places=8)
STATUSES: dict[str, tuple[str, Collection[str]]] = {
    "HELD": ("Held", [S.HELD]),
    "DRAFT": ("Drafts", [S.DRAFT]),
    "OPEN": ("Open", OPEN),
    "WORKING": ("Working", [S.WORKING]),
    "DONE": ("Done", [S.DONE]),
    "REJECTED": ("Rejected", [S.REJECTED]),
    "CANCELLED": ("Cancelled", [S.CANCELLED]),
}
ASSETS: dict[str, tuple[str, Collection[str]]] = {
    "equity": ("Equity", [AssetClass.EQUITY, AssetClass.ETF]),
    "bonds": ("Fixed income", BONDS),
    "derivatives": ("Derivatives", [AssetClass.OPTION, AssetClass.FUTURE]),
    "currencies": ("Currencies", [AssetClass.FX]),
    "funds": ("Funds", [AssetClass.FUND]),
}


class Asked(NamedTuple):
    """Which orders a list shows, as its address says."""

    status: str = ""
    text: str = ""
    group: int | None = None
    batch: int | None = None
    asset: str = ""


class Money(NamedTuple):
    """What some orders come to, in USD at their decision prices; ``unpriced`` of them have none."""

    orders: int = 0
    portfolios: int = 0
    buy: Decimal = Decimal(0)
    sell: Decimal = Decimal(0)
    unpriced: int = 0


def statuses(status: str) -> Collection[str] | None:
    """The statuses behind a filter; None for all."""
    return STATUSES[status][1] if status in STATUSES else None


def of_status(rows: QuerySet[Order], status: str) -> QuerySet[Order]:
    wanted = statuses(status)
    return rows if wanted is None else rows.filter(status__in=wanted)


def asked_for(rows: QuerySet[Order], asked: Asked) -> QuerySet[Order]:
    """The orders of a list, whatever their status."""
    if asked.group:
        rows = rows.filter(group=asked.group)
    if asked.batch:
        rows = rows.filter(batch=asked.batch)
    if asked.asset in ASSETS:
        rows = rows.filter(instrument__asset_class__in=ASSETS[asked.asset][1])
    text = asked.text.strip()
    if not text:
        return rows
    number = text.upper().removeprefix("O-").lstrip("0")
    if number.isdigit() and len(number) < 18:
        return rows.filter(pk=number)
    return rows.filter(
        Q(instrument__symbol__istartswith=text)
        | Q(instrument__isin__iexact=text)
        | Q(instrument__name__icontains=text)
        | Q(portfolio__code__iexact=text)
        | Q(portfolio__name__icontains=text)
        | Q(group__name__icontains=text)
        | Q(client_ref__iexact=text)
    )


def with_money(rows: QuerySet[Order]) -> QuerySet[Order]:
    """Adds ``usd``: quantity at the decision price (else the limit) in USD, null where one of them is not known; or the amount."""
    rates = marketdata.fx_rates("USD")
    rate = Case(
        *(When(currency=code, then=Value(rate, MONEY)) for code, (rate, _) in sorted(rates.items(), key=_not_usd)),
        output_field=MONEY,
    )
    worth = F("qty") * Coalesce("decision_price", "limit_price") * F("instrument__price_factor")
    return rows.annotate(usd=ExpressionWrapper(amount_or(worth) * rate, MONEY))


def amount_or(worth) -> Case:
    """The money of orders or blocks: the amount where that binds (of funds alone), else what their quantity comes to."""
    cash = Cast(KeyTextTransform("cash_qty", "terms"), MONEY)
    whole = ExpressionWrapper(worth, MONEY)
    return Case(When(instrument__asset_class=AssetClass.FUND, then=Coalesce(cash, whole)), default=whole, output_field=MONEY)


def _not_usd(rate: tuple[str, object]) -> bool:
    """The currency of most orders is compared first."""
    return rate[0] != "USD"


def ranked(rows: QuerySet[Order], now: datetime) -> QuerySet[Order]:
    """Adds ``rank``: who needs a person first. 0 held, 1 freshly rejected, 2 drafts, and so on along their life."""
    return rows.annotate(
        rank=Case(
            When(status=S.HELD, then=0),
            When(status=S.REJECTED, created_at__gte=now - FRESH, then=1),
            When(status=S.DRAFT, then=2),
            When(status__in=[S.IN_REVIEW, S.TO_APPROVE, S.PARKED], then=3),
            When(status=S.CLEARED, then=4),
            When(status=S.WORKING, then=5),
            default=6,
            output_field=IntegerField(),
        )
    )


class Chosen(NamedTuple):
    """Of orders somebody ticked: those that can be acted on, what they come to, and how many cannot."""

    seen: Mapping[int, int]
    money: Money
    others: int


def chosen(user, seen: Mapping[int, int], statuses: Collection[str], *, filled: bool = False) -> Chosen:
    """
    The orders ticked that stand in one of ``statuses``, with the versions the person saw. One query.

    :param seen: order id to the version seen; ids the person may not see count as others
    :param filled: only those of which something is filled
    """
    found = selectors.orders_seen_by(user).filter(pk__in=seen, status__in=statuses)
    rows = (
        with_money(found.filter(filled_qty__gt=0) if filled else found)
        .values_list("pk", "side", "portfolio_id", "usd")
    )  # fmt: skip
    buy = sell = Decimal(0)
    taken, homes, unpriced = {}, set(), 0
    for pk, side, portfolio, usd in rows:
        taken[pk] = seen[pk]
        homes.add(portfolio)
        unpriced += usd is None
        if side == "BUY":
            buy += usd or 0
        else:
            sell += usd or 0
    return Chosen(taken, Money(len(taken), len(homes), buy, sell, unpriced), len(seen) - len(taken))


def worth_of_proposals(rows: Collection[Proposal]) -> Money:
    """What proposals come to at mids now, else at their limits. Two queries."""
    quotes = marketdata.quotes_of(row.instrument_id for row in rows)
    rates = marketdata.fx_rates("USD")
    sides, unpriced = {True: Decimal(0), False: Decimal(0)}, 0
    for row in rows:
        quote, rate = quotes.get(row.instrument_id), rates.get(row.instrument.currency_id)
        price = quote.mid if quote else row.limit_price
        if price is None or rate is None:
            unpriced += 1
        else:
            sides[row.side == "BUY"] += row.qty * price * row.instrument.price_factor * rate[0]
    return Money(len(rows), len({row.portfolio_id for row in rows}), sides[True], sides[False], unpriced)


def statuses_of(ids: Collection[int]) -> dict[str, int]:
    """How many of these orders stand in which status."""
    return dict(
        Order.objects.filter(pk__in=ids).order_by().values_list("status").annotate(n=Count("pk"))
    )  # fmt: skip


class Sketch(NamedTuple):
    """
    What a ticket would come to: side and units, the mid now, its time, the money in the instrument's currency and in
    USD. ``intent`` says what the units were derived from, ``problem`` why they could not be. ``short_of``: what has
    settled, where a sale is of more than that.

    :param spot: of a pair of currencies, when it settles if traded now; None where no calendar says
    :param dealing: of a fund, the valuation point of what is released now
    :param forward: of a pair for a later day than spot, its price for that day; None where it is not known
    :param moneys: of a pair, (currency, what the portfolio has of it, what it would have)
    :param cost: what trading it is expected to cost, before a broker is chosen
    :param words: what quantity, price and money are called in its asset class, which fields and choices it has
    """

    instrument: Instrument
    quote: Price | None
    side: str
    qty: Decimal | None
    amount: Decimal | None
    usd: Decimal | None
    held_qty: Decimal | None
    after_qty: Decimal | None
    intent: str = ""
    problem: str = ""
    short_of: Decimal | None = None
    spot: date | None = None
    dealing: Dealing | None = None
    moneys: Sequence[tuple[str, Decimal, Decimal | None]] = ()
    forward: Decimal | None = None
    words: selectors.Words | None = None
    cost: Cost | None = None

    @property
    def points(self) -> Decimal | None:
        """What the forward price is above spot, in ten-thousandths."""
        return (self.forward - self.quote.mid) * 10_000 if self.forward and self.quote else None


def sketch(
    instrument: Instrument,
    portfolio: Portfolio | None,
    side: str,
    qty: Decimal | None,
    limit: Decimal | None,
    intent: str = "",
    value_date: date | None = None,
) -> Sketch:
    """
    Prices a ticket before it is entered, at its limit or else at the mid now. As many queries whatever is held.

    :param portfolio: one the person runs; what it holds is told and what it would hold after
    :param intent: what ``qty`` counts, where it is no units
    :param value_date: of a forward in currencies
    """
    problem = ""
    if intent:
        side, qty, problem = _derived(instrument, portfolio, side, qty, intent, value_date)
    quote = marketdata.quotes_of([instrument.pk]).get(instrument.pk)
    market = quote.mid if quote else None
    if value_date and instrument.is_pair:
        dated = instrument.pk, value_date
        market = selectors.forward_mids([dated], timezone.now()).get(dated)
    price = limit or market
    amount = qty * price * instrument.price_factor if qty and price else None
    rate = marketdata.fx_rates("USD").get(instrument.currency_id)
    held = after = short_of = None
    if portfolio is not None:
        held = Position.objects.filter(portfolio=portfolio, instrument=instrument).values_list(
            "qty", flat=True
        ).first() or Decimal(0)
        after = held + (qty if side == "BUY" else -qty) if qty else None
        if side == Side.SELL and qty and instrument.asset_class in CAN_BE_LENT:
            settled = portfolios.settled_qty(portfolio, instrument.pk, timezone.now().date())
            short_of = max(settled, Decimal(0)) if qty > settled else None
    usd = amount * rate[0] if amount and rate else None
    said = rules.INTENTS.get(intent, "")
    found = Sketch(
        instrument, quote, side, qty, amount, usd, held, after, said, problem, short_of,
        words=selectors.words_of(instrument, intent), forward=market if value_date and instrument.is_pair else None,
    )  # fmt: skip
    if qty and qty > 0:
        found = found._replace(cost=costs_of([Trade(instrument, side, qty, timezone.now().date())], timezone.now())[0])
    if instrument.cutoff_at:
        terms = instrument.venue_id, instrument.cutoff_at
        found = found._replace(dealing=reference.dealings([terms], timezone.now())[terms])
    return found._replace(spot=_spot(instrument), moneys=_moneys(found, portfolio)) if instrument.is_pair else found


def _derived(
    instrument: Instrument, portfolio: Portfolio | None, side: str, value: Decimal | None, intent: str, on: date | None
) -> tuple[str, Decimal | None, str]:
    """Side and units that an intent comes to now, and why there are none. Nothing typed yet is no problem."""
    if portfolio is None:
        return side, None, "Choose a portfolio: what is derived depends on it."
    if value is None and intent != "CLOSE":
        return side, None, ""
    pair = (portfolio.pk, instrument.pk)
    asked = "" if intent in rules.FROM_HOLDING else side
    known = selectors.known_of([pair])[pair]
    forwards = selectors.forward_mids([(instrument.pk, on)], timezone.now()) if on else {}
    found = rules.derived(intent, rules.plain(value) or "", asked, known._replace(price=forwards.get((instrument.pk, on), known.price)))
    return found.side, Decimal(found.qty) if found.qty else None, found.problem or ""


def _spot(pair: Instrument) -> date | None:
    try:
        return reference.spot_dates([pair.pk], timezone.now())[pair.pk]
    except NoSettlementCalendar:
        return None


def _moneys(sketch: Sketch, portfolio: Portfolio | None) -> list[tuple[str, Decimal, Decimal | None]]:
    """What the portfolio has of both currencies of a pair, and would have after the trade."""
    if portfolio is None:
        return []
    pair, sign = sketch.instrument, 1 if sketch.side == "BUY" else -1
    has = dict(Cash.objects.filter(portfolio=portfolio).values_list("currency_id", "amount"))
    both = ((pair.base_currency_id, sketch.qty and sign * sketch.qty), (pair.currency_id, sketch.amount and -sign * sketch.amount))
    return [
        (currency, now := has.get(currency, Decimal(0)), None if change is None else now + change)
        for currency, change in both
    ]


def instruments_like(text: str, asset: str = "", limit: int = 12) -> list[Instrument]:
    """
    Instruments for the ticket's search, by the beginning of the symbol, a part of the name, ISIN or CUSIP. One query.

    :param asset: a key of ``ASSETS`` that they are of; those of it by symbol where no text was typed
    """
    classes = ASSETS[asset][1] if asset in ASSETS else ()
    return list(reference.find_instruments(text, limit, classes)) if text.strip() or classes else []


def run_by(user) -> QuerySet[Portfolio]:
    """The open portfolios the person may enter orders for."""
    return portfolios.portfolios_run_by(user).filter(is_open=True).order_by("code")


def runs(user, order: Order) -> bool:
    """Whether the person runs the order's portfolio."""
    return portfolios.portfolios_run_by(user).filter(pk=order.portfolio_id).exists()


def worth_of(order: Order) -> tuple[Decimal | None, Decimal | None]:
    """An order's money in its currency and in USD, at its decision price or else its limit."""
    price = order.decision_price or order.limit_price
    if price is None:
        return None, None
    amount = order.qty * price * order.instrument.price_factor
    if "cash_qty" in order.terms:
        amount = Decimal(order.terms["cash_qty"])
    rate = marketdata.fx_rates("USD").get(order.currency_id)
    return amount, amount * rate[0] if rate else None


def differences(refused: Collection[Mapping], ref: str = "O-{:06d}") -> dict[str, str]:
    """
    What happened to each order since the person looked, as a sentence: the facts of ``StaleOrder`` for a reader.

    :param refused: ``{id, seen, version, changes: [{event, by, at, what}]}`` each
    :param ref: how such a thing is named; a block's refusal has facts of the same form
    """
    return {ref.format(one["id"]): "; ".join(map(in_words, one["changes"])) or "changed" for one in refused}


def derived_now(order: Order) -> rules.Derived:
    """What the intent of an order comes to at the prices of now."""
    known = selectors.known_of({(order.portfolio_id, order.instrument_id)})[order.portfolio_id, order.instrument_id]
    return rules.derived(order.intent["kind"], order.intent["value"], order.side, known)
