"""What the pages of inquiries show, each in a fixed number of queries."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.conf import settings
from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from apps.blocks.models import Block
from apps.blocks.selectors import blocks_seen_by, mids_of
from apps.core.refusals import NotFound
from apps.marketdata import selectors as marketdata
from apps.reference import yields
from apps.reference.accruals import Coupon
from apps.reference.models import AssetClass, Broker, Instrument

from . import rules, selectors
from .axis_selectors import Axed, axes_for
from .models import Award, Counter, DealerQuote, Inquiry, InquiryList, QuoteLevel, RoutingRule, Session
from .page_selectors import UNIT
from .states import Q as Inquiring

NO_PRICE = (DealerQuote.Result.LATE, DealerQuote.Result.COUNTER)
OLDEST_BENCHMARK = timedelta(minutes=15)
KEYS = "123456789"
INQUIRY_COLUMNS = (
    *UNIT, "pk", "version", "block_id", "block__side", "block__instrument__symbol", "block__instrument__name", "qty", "status",
    "sent_at", "due_at", "mid_at_send", "mid_at_decision", "asked", "answered",
)  # fmt: skip


def inquiries(user, *, status: str = "") -> QuerySet:
    """Inquiries as named tuples, those that collect first, then by size."""
    rows = selectors.inquiries_seen_by(user)
    if status == "OPEN":
        rows = rows.filter(status__in=[Inquiring.COLLECTING, Inquiring.AWARDED])
    elif status:
        rows = rows.filter(status=status)
    rank = Case(
        When(status="COLLECTING", then=Value(0)), When(status="FAILED", then=Value(1)),
        When(status="AWARDED", then=Value(2)), default=Value(3), output_field=IntegerField(),
    )  # fmt: skip
    return (
        rows.annotate(asked=Count("quotes"), answered=Count("quotes", filter=Q(quotes__price__isnull=False)))
        .order_by(rank, "-qty", "-pk")
        .values_list(*INQUIRY_COLUMNS, named=True)
    )


def quotes_by_inquiry(ids: Sequence[int]) -> dict[int, tuple[Decimal | None, Decimal | None]]:
    """Inquiry id to its best and its second best price that can or could be taken, as the side sees it."""
    found: dict[int, list[Decimal]] = {}
    sides = {}
    for inquiry, side, price in DealerQuote.objects.filter(inquiry__in=ids, price__isnull=False).exclude(result__in=NO_PRICE).values_list(
        "inquiry_id", "inquiry__block__side", "price"
    ):
        found.setdefault(inquiry, []).append(price)
        sides[inquiry] = side
    best = {}
    for inquiry, prices in found.items():
        prices.sort(reverse=sides[inquiry] != "BUY")
        best[inquiry] = (prices[0], prices[1] if len(prices) > 1 else None)
    return best


class Quoted(NamedTuple):
    """
    A dealer's answer as a row. ``better_bp``: how much better than mid for us, in basis points of mid; yield in percent, spread
    to the benchmark in basis points, each None where it cannot be told; ``part``: what the best parts take of it.
    """

    quote: DealerQuote
    better_bp: Decimal | None
    yield_pct: Decimal | None
    spread_bp: Decimal | None
    is_best: bool
    is_good: bool
    part: Decimal | None
    key: str
    counter: Counter | None
    award: Award | None
    axed: Axed | None

    @property
    def price(self) -> Decimal | None:
        return self.quote.price


class Against(NamedTuple):
    """The government bond that yields are compared with, now or as it was at the decision; None and why where there is none."""

    benchmark: yields.Benchmark | None
    why: str = ""
    was_then: bool = False


def coupon_of(i: Instrument) -> Coupon:
    return Coupon(i.coupon_pct, i.coupon_frequency, i.day_count, i.issue_date, i.maturity_date)


def benchmarks_for(blocks: Iterable[Block], now: datetime) -> dict[int, Against]:
    """
    Of each block in a bond the government bond of its currency whose maturity is nearest, at its mid now, settled as the block is.
    Two queries, whatever the number of blocks.
    """
    bonds = [b for b in blocks if b.instrument.asset_class in (AssetClass.CORP, AssetClass.GOVT)]
    if not bonds:
        return {}
    rows = Instrument.objects.filter(
        asset_class=AssetClass.GOVT, is_active=True, currency__in={b.currency_id for b in bonds}, maturity_date__isnull=False
    )
    rows = list(rows)
    quotes = marketdata.quotes_of(row.pk for row in rows)
    fresh = [row for row in rows if row.pk in quotes and now - quotes[row.pk].at <= OLDEST_BENCHMARK]
    rates: dict[tuple[int, date], Decimal | None] = {}

    def yielded(row: Instrument, on: date) -> Decimal | None:
        if (row.pk, on) not in rates:
            rates[row.pk, on] = yields.yield_pct(quotes[row.pk].mid, coupon_of(row), on)
        return rates[row.pk, on]

    found = {}
    for block in bonds:
        if block.instrument.asset_class == AssetClass.GOVT:
            found[block.pk] = Against(None, "it is a government bond itself")
            continue
        matures, on = block.instrument.maturity_date, block.settle_date
        known = [row for row in fresh if row.currency_id == block.currency_id] if matures else []
        known.sort(key=lambda row: yields.nearness(matures, row.maturity_date))  # noqa: B023 - sorted at once
        best = next((row for row in known if yielded(row, on) is not None), None)
        if best:
            found[block.pk] = Against(yields.Benchmark(best.symbol, best.maturity_date, yielded(best, on), best.pk))
        else:
            found[block.pk] = Against(None, f"no government bond in {block.currency_id} has a price of the last 15 minutes")
    return found


def against_of(inquiries: Sequence[Inquiry], awards: Iterable[Award], now: datetime) -> dict[int, Against]:
    """
    Inquiry id to its benchmark: of what was taken as it was then, else as it is now. Two queries.

    :param awards: of them, with their benchmarks
    """
    found = benchmarks_for([i.block for i in inquiries], now)
    made = {i.pk: found[i.block_id] for i in inquiries if i.block_id in found}
    for award in awards:
        then = award.benchmark
        if award.inquiry_id in made and not made[award.inquiry_id].was_then:
            kept = then and yields.Benchmark(then.symbol, then.maturity_date, award.benchmark_yield_pct, then.pk)
            made[award.inquiry_id] = Against(kept, "" if kept else "none had a fresh price then", was_then=True)
    return made


def inquiry_detail(inquiry: Inquiry, now: datetime) -> dict:
    """
    An inquiry with its quotes, best first, against the mid, that of the decision or now, and against its benchmark; with what was
    countered, what was taken, and the parts at the best prices. Ten queries.
    """
    block = inquiry.block
    mid = inquiry.mid_at_decision
    if mid is None:
        mid = mids_of([block]).get(block.pk) or inquiry.mid_at_send
    awards = list(Award.objects.filter(inquiry=inquiry).select_related("route", "benchmark"))
    against = against_of([inquiry], awards, now).get(inquiry.pk)
    quotes = list(DealerQuote.objects.filter(inquiry=inquiry).select_related("dealer").order_by("pk"))
    rows = quoted(inquiry, quotes, awards, mid, against, now)
    return {
        "quotes": rows,
        "mid": mid,
        "mid_yield": yield_at(block, mid),
        "against": against,
        "is_bond": against is not None,
        "seconds_left": max(0, int((inquiry.due_at - now).total_seconds())),
        "answered": sum(q.price is not None for q in quotes),
        "may_split": "cash_qty" not in block.terms and any(r.part for r in rows),
        "awards": [r for r in rows if r.award],
        "levels": QuoteLevel.objects.filter(quote__inquiry=inquiry).select_related("quote__dealer").order_by("-pk")[:100],
        "counters": Counter.objects.filter(quote__inquiry=inquiry).select_related("quote__dealer").order_by("-pk"),
    }


def quoted(
    inquiry: Inquiry, quotes: Sequence[DealerQuote], taken: Sequence[Award], mid: Decimal | None, against: Against | None,
    now: datetime,
) -> list[Quoted]:  # fmt: skip
    """The quotes as rows, the best price first, those without one last. Two queries."""
    block = inquiry.block
    priced = [q for q in quotes if q.result not in NO_PRICE]
    answers = {a.id: a for a in (_answer(q) for q in priced)}
    order = [a.id for a in rules.ranked(block.side, list(answers.values()))]
    best = next((answers[pk].price for pk in order), None)
    i = block.instrument
    parts = rules.best_parts(block.side, inquiry.qty, list(answers.values()), now, step=i.increment, least=i.min_piece)
    part_of = {part.answer.id: part.qty for part in parts}
    counters = {c.quote_id: c for c in Counter.objects.filter(quote__in=quotes).order_by("pk")}
    awards = {a.quote_id: a for a in taken}
    axed = {one.axis.dealer_id: one for one in reversed(axes_for([block], now)[block.pk])}
    place = {pk: n for n, pk in enumerate(order)}
    rows, keys = [], iter(KEYS)
    for q in sorted(quotes, key=lambda q: (place.get(q.pk, len(place)), q.pk)):
        rate = yield_at(block, q.price)
        good = q.pk in answers and rules.is_good(answers[q.pk], now)
        rows.append(
            Quoted(
                q, rules.distance_bp(block.side, q.price, mid), rate, yields.spread_bp(rate, against and against.benchmark),
                q.pk in answers and q.price is not None and q.price == best, good, part_of.get(q.pk),
                next(keys, "") if good else "", counters.get(q.pk), awards.get(q.pk), axed.get(q.dealer_id),
            )
        )  # fmt: skip
    return rows


def _answer(q: DealerQuote) -> rules.Answer:
    return rules.Answer(q.pk, q.price, q.qty, q.valid_until, q.answered_at, q.result == DealerQuote.Result.DECLINED)


def yield_at(block: Block, price: Decimal | None) -> Decimal | None:
    """Yield to maturity in percent, settled as the block is; None where it cannot be told."""
    return None if price is None else yields.yield_pct(price, coupon_of(block.instrument), block.settle_date)


class Line(NamedTuple):
    """An inquiry of a list as a row: its answers, and the best price that is good for all of it, with yield and spread."""

    inquiry: Inquiry
    asked: int
    answered: int
    best: DealerQuote | None
    cover: Decimal | None
    mid: Decimal | None
    better_bp: Decimal | None
    yield_pct: Decimal | None
    spread_bp: Decimal | None
    awards: Sequence[Award]

    @property
    def is_open(self) -> bool:
        return self.inquiry.status == Inquiring.COLLECTING


def get_list_seen_by(user, list_id: int) -> InquiryList:
    """:raises NotFound: where there is none, or none of its inquiries is on a desk of the person"""
    found = InquiryList.objects.filter(pk=list_id, inquiries__in=selectors.inquiries_seen_by(user)).first()
    if found is None:
        raise NotFound("There is no such list, or it is not of your desk.")
    return found


def lines_of(rows: QuerySet[Inquiry], now: datetime) -> list[Line]:
    """Inquiries as rows, those that wait for a decision first. Six queries, whatever their number."""
    inquiries = list(rows.select_related("block__instrument", "block__currency").order_by("pk"))
    quotes: dict[int, list[DealerQuote]] = {i.pk: [] for i in inquiries}
    for quote in DealerQuote.objects.filter(inquiry__in=quotes).select_related("dealer").order_by("pk"):
        quotes[quote.inquiry_id].append(quote)
    awards: dict[int, list[Award]] = {}
    for award in Award.objects.filter(inquiry__in=quotes).select_related("quote__dealer", "benchmark").order_by("pk"):
        awards.setdefault(award.inquiry_id, []).append(award)
    blocks = [i.block for i in inquiries]
    mids, against = mids_of(blocks), against_of(inquiries, [a for some in awards.values() for a in some], now)
    made = [_line(i, quotes[i.pk], awards.get(i.pk, []), mids.get(i.block_id), against.get(i.pk), now) for i in inquiries]
    return sorted(made, key=lambda line: (not line.is_open, line.inquiry.pk))


def _line(inquiry: Inquiry, quotes, awards, mid: Decimal | None, against: Against | None, now: datetime) -> Line:
    block = inquiry.block
    mid = inquiry.mid_at_decision or mid or inquiry.mid_at_send
    answers = [_answer(q) for q in quotes if q.result not in NO_PRICE]
    taken = {a.quote_id for a in awards}
    best = rules.best_of(block.side, inquiry.qty, answers, now) if not awards else None
    shown = next((q for q in quotes if q.pk == (awards[0].quote_id if awards else best and best.id)), None)
    cover = next((a.price for a in rules.ranked(block.side, answers) if a.id not in (taken or {best and best.id})), None)
    rate = yield_at(block, shown.price if shown else None)
    return Line(
        inquiry, len(quotes), sum(q.price is not None for q in quotes), shown, cover, mid,
        rules.distance_bp(block.side, shown.price if shown else None, mid), rate,
        yields.spread_bp(rate, against and against.benchmark), awards,
    )  # fmt: skip


class Askable(NamedTuple):
    """
    A dealer that may be asked; ``rule`` whether the firm's rules for inquiries name it, ``axed`` in how many of the blocks it
    said it would deal the other way, ``says`` that in words.
    """

    pk: int
    code: str
    name: str
    rule: bool
    axed: int
    says: str

    @property
    def is_proposed(self) -> bool:
        return self.rule or bool(self.axed)


def dealers_to_ask(blocks: Sequence[Block], now: datetime) -> list[Askable]:
    """
    Active dealers with an enabled session: those with axes in the blocks first, then those of a rule for inquiries. Three queries.
    """
    named = set(
        RoutingRule.objects.filter(action=RoutingRule.Action.INQUIRY, is_active=True).values_list("brokers", flat=True)
    )
    rows = Broker.objects.filter(
        kind=Broker.Kind.DEALER, is_active=True,
        pk__in=Session.objects.filter(purpose=Session.Purpose.ROUTING, is_enabled=True, environment=settings.ENVIRONMENT).values("broker"),
    )  # fmt: skip
    theirs: dict[int, dict[int, Axed]] = {}
    for pk, found in axes_for(blocks, now).items():
        for one in found:
            theirs.setdefault(one.axis.dealer_id, {}).setdefault(pk, one)
    made = [Askable(b.pk, b.code, b.name, b.pk in named, len(theirs.get(b.pk, ())), _says(theirs.get(b.pk, {}))) for b in rows]
    return sorted(made, key=lambda d: (-d.axed, not d.rule, d.name))


def _says(axed: Mapping[int, Axed]) -> str:
    if not axed:
        return ""
    first = next(iter(axed.values()))
    a = first.axis
    size = "" if a.qty is None else f" {a.qty:,.0f}"
    at = "" if a.price is None else f" at {a.price.normalize():f}"
    more = f" and {len(axed) - 1} more" if len(axed) > 1 else ""
    stale = ", stale" if first.is_stale else ""
    return f"{a.get_kind_display()}: {a.get_dealer_side_display()}{size} {a.instrument.symbol}{at}{more}{stale}"


def blocks_to_ask(user, ids: Iterable[int]) -> list[Block]:
    """Those of the blocks that the person sees, with their instruments."""
    return list(blocks_seen_by(user).filter(pk__in=set(ids)).select_related("instrument", "currency").order_by("pk"))


def list_of(inquiry_id: int) -> int | None:
    """The list an inquiry was asked in."""
    return Inquiry.objects.filter(pk=inquiry_id).values_list("asked_in", flat=True).first()
