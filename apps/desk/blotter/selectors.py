"""What the blotter asks: blocks in order of attention with what became of them at brokers and dealers."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from django.db.models import (
    Case,
    Count,
    DecimalField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from apps.blocks import selectors as blocks
from apps.blocks.models import Block, Member
from apps.blocks.states import B
from apps.marketdata import selectors as marketdata
from apps.marketdata.models import Quote
from apps.reference.models import BONDS, SHARES
from apps.routing.models import Route
from apps.routing.states import DEAD, Rt

MONEY = DecimalField(max_digits=38, decimal_places=8)
STATUSES: dict[str, tuple[str, Q]] = {
    "YOURS": ("Needs you", Q(rank__lte=3)),
    "OPEN": ("Ready", Q(status=B.OPEN)),
    "WORKING": ("Working", Q(status=B.WORKING)),
    "DONE": ("Done", Q(status__in=[B.DONE, B.ALLOCATED])),
    "CANCELLED": ("Cancelled", Q(status=B.CANCELLED)),
}
ASSETS = {
    "equity": ("Equity", Q(instrument__asset_class__in=SHARES)),
    "bonds": ("Fixed income", Q(instrument__asset_class__in=BONDS)),
    "others": ("Other classes", ~Q(instrument__asset_class__in=(*SHARES, *BONDS))),
}
COLUMNS = (
    "pk", "version", "status", "side", "qty", "placed_qty", "filled_qty", "filled_value", "cancelled_qty",
    "arrival_price", "limit_price", "opened_at", "frozen_at", "instrument__symbol", "instrument__name",
    "instrument__asset_class", "instrument__venue__mic", "currency_id", "wave", "usd", "rank", "directed_to__code",
)  # fmt: skip
ORDER = ("rank", F("usd").desc(nulls_last=True), "pk")


class Asked(NamedTuple):
    """Which blocks a list shows, as its address says."""

    status: str = ""
    asset: str = ""
    text: str = ""


class Row(NamedTuple):
    """A block as the blotter shows it. ``slip_bp`` is a cost: what was paid beyond, or received below, arrival."""

    pk: int
    version: int
    status: str
    side: str
    qty: Decimal
    filled_qty: Decimal
    unplaced_qty: Decimal
    average_price: Decimal | None
    arrival_price: Decimal | None
    slip_bp: Decimal | None
    symbol: str
    name: str
    mic: str
    currency: str
    is_bond: bool
    wave: int
    usd: Decimal | None
    rank: int
    since: datetime
    orders: int
    routes: int
    strategy: str
    word: str
    look: str
    due_at: datetime | None
    directed_to: str | None


class Listing(NamedTuple):
    """Rows of one page lazily, how many there are, and how many by each filter."""

    found: QuerySet
    count: int
    by_status: Mapping[str, int]
    by_asset: Mapping[str, int]
    usd: Mapping[str, Decimal]


def slippage_bp(side: str, average: Decimal | None, arrival: Decimal | None) -> Decimal | None:
    """Basis points of arrival that the average cost beyond it: above for a buy, below for a sale; less is a gain."""
    if not average or not arrival:
        return None
    return (average - arrival) / arrival * 10_000 * (1 if side == "BUY" else -1)


def listing(user, asked: Asked) -> Listing:
    """Blocks in order of attention: rejected, idle and ready ones first, then by size. One query, and four for a page."""
    found = _searched(_ranked(blocks.blocks_seen_by(user)), asked.text)
    counts = {f"s_{code}": Count("pk", filter=where) for code, (_, where) in STATUSES.items()}
    counts |= {f"a_{code}": Count("pk", filter=where) for code, (_, where) in ASSETS.items()}
    wanted = _wanted(asked)
    sides = {
        "count": Count("pk", filter=wanted),
        "buy": Sum("usd", filter=wanted & Q(side="BUY")),
        "sell": Sum("usd", filter=wanted & ~Q(side="BUY")),
    }
    told = found.aggregate(all=Count("pk"), **counts, **sides)
    return Listing(
        found.filter(wanted).order_by(*ORDER),
        told["count"],
        {"": told["all"]} | {code: told[f"s_{code}"] for code in STATUSES},
        {code: told[f"a_{code}"] for code in ASSETS},
        {side: told[side] or Decimal(0) for side in ("buy", "sell")},
    )


def rows_of(user, found: QuerySet | Collection[int], asked: Asked | None = None, *, routed: bool = True) -> list[Row]:
    """
    The rows to show. Four queries whatever their number.

    :param found: a slice of ``listing(…).found``, or block ids, of which those that belong to the list come back
    :param routed: whether the person may see routes and inquiries
    """
    if not isinstance(found, QuerySet):
        mine = _searched(_ranked(blocks.blocks_seen_by(user).filter(pk__in=found)), (asked or Asked()).text)
        found = mine.filter(_wanted(asked or Asked())).order_by(*ORDER)
    taken = list(found.values_list(*COLUMNS, named=True))
    ids = [row.pk for row in taken]
    members = dict(Member.objects.filter(block__in=ids).order_by().values_list("block_id").annotate(n=Count("pk")))
    routes, inquiries = (_routes(ids), _inquiries(ids)) if routed and ids else ({}, {})
    return [_row(row, members.get(row.pk, 0), routes.get(row.pk), inquiries.get(row.pk)) for row in taken]


def _wanted(asked: Asked) -> Q:
    wanted = Q()
    if asked.status in STATUSES:
        wanted &= STATUSES[asked.status][1]
    if asked.asset in ASSETS:
        wanted &= ASSETS[asked.asset][1]
    return wanted


def with_money(rows: QuerySet[Block]) -> QuerySet[Block]:
    """Adds ``usd``: the block's quantity at the mid now (else arrival, else limit) in USD; null where none is known."""
    rates = marketdata.fx_rates("USD")
    rate = Case(*(When(currency=code, then=Value(r, MONEY)) for code, (r, _) in rates.items()), output_field=MONEY)
    mid = Quote.objects.filter(pk=OuterRef("instrument")).annotate(
        mid=ExpressionWrapper((F("bid") + F("ask")) / 2, MONEY)
    )
    price = Coalesce(Subquery(mid.values("mid")), "arrival_price", "limit_price", output_field=MONEY)
    return rows.annotate(usd=ExpressionWrapper(F("qty") * price * F("instrument__price_factor") * rate, MONEY))


def _ranked(rows: QuerySet[Block]) -> QuerySet[Block]:
    """Adds ``rank``: 0 rejected by a broker, 1 nothing works, 2 a part is not placed, 3 ready, 4 working, 5 and on over."""
    idle = Q(status=B.WORKING, placed_qty=F("filled_qty"))
    rejected = Exists(Route.objects.filter(block=OuterRef("pk"), status=Rt.REJECTED))
    return with_money(rows).annotate(
        rank=Case(
            When(idle & Q(rejected), then=0),
            When(idle, then=1),
            When(status=B.WORKING, placed_qty__lt=F("qty") - F("cancelled_qty"), then=2),
            When(status=B.OPEN, then=3),
            When(status=B.WORKING, then=4),
            When(status=B.DONE, then=5),
            When(status=B.ALLOCATED, then=6),
            default=7,
            output_field=IntegerField(),
        )
    )


def _searched(rows: QuerySet[Block], text: str) -> QuerySet[Block]:
    text = text.strip()
    if not text:
        return rows
    number = text.upper().removeprefix("B-").lstrip("0")
    if number.isdigit() and len(number) < 18:
        return rows.filter(pk=number)
    return rows.filter(
        Q(instrument__symbol__istartswith=text)
        | Q(instrument__isin__iexact=text)
        | Q(instrument__name__icontains=text)
        | Q(instructions__icontains=text)
    )


class Routes(NamedTuple):
    """What a block's routes are together."""

    count: int
    live: int
    strategies: str
    brokers: str
    text: str
    pending_cancel: int


def _routes(ids: Sequence[int]) -> dict[int, Routes]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.block_id, count(*), count(*) FILTER (WHERE r.status <> ALL(%s)),"
            " string_agg(DISTINCT nullif(r.strategy, ''), ', '), string_agg(DISTINCT b.name, ', '),"
            " (array_agg(r.text ORDER BY r.id DESC) FILTER (WHERE r.status = 'REJECTED'))[1],"
            " count(*) FILTER (WHERE r.status = 'PENDING_CANCEL')"
            " FROM routing_route r JOIN reference_broker b ON b.id = r.broker_id WHERE r.block_id = ANY(%s) GROUP BY 1",
            [list(map(str, DEAD)), list(ids)],
        )
        return {
            block: Routes(n, live, s or "", b or "", t or "", p) for block, n, live, s, b, t, p in cursor.fetchall()
        }


class Asking(NamedTuple):
    """A block's last inquiry."""

    status: str
    due_at: datetime
    dealers: int
    quotes: int


def _inquiries(ids: Sequence[int]) -> dict[int, Asking]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (q.block_id) q.block_id, q.status, q.due_at, d.dealers, d.quotes FROM routing_inquiry q,"
            " LATERAL (SELECT count(*) AS dealers, count(price) AS quotes FROM routing_dealerquote WHERE inquiry_id = q.id) d"
            " WHERE q.block_id = ANY(%s) ORDER BY q.block_id, q.id DESC",
            [list(ids)],
        )
        return {block: Asking(*facts) for block, *facts in cursor.fetchall()}


def _row(b, orders: int, routes: Routes | None, asking: Asking | None) -> Row:
    average = b.filled_value / b.filled_qty if b.filled_qty else None
    word, look = _word(b, routes, asking)
    return Row(
        b.pk, b.version, b.status, b.side, b.qty, b.filled_qty, b.qty - b.cancelled_qty - b.placed_qty, average,
        b.arrival_price, slippage_bp(b.side, average, b.arrival_price), b.instrument__symbol, b.instrument__name,
        b.instrument__venue__mic, b.currency_id, b.instrument__asset_class in BONDS, b.wave, b.usd, b.rank,
        b.frozen_at or b.opened_at, orders, routes.count if routes else 0, _strategy(routes, asking), word, look,
        asking.due_at if asking and asking.status == "COLLECTING" else None, b.directed_to__code,
    )  # fmt: skip


def _strategy(routes: Routes | None, asking: Asking | None) -> str:
    if asking:
        return f"Inquiry · {asking.quotes} of {asking.dealers} quoted"
    if routes:
        return f"{routes.strategies or 'Order'} · {routes.brokers}"
    return "–"


def _word(b, routes: Routes | None, asking: Asking | None) -> tuple[str, str]:
    """The state in a word, and its look: what a trader must act on beats the block's own status."""
    if b.status == B.OPEN:
        return "Ready", "idle"
    if b.status != B.WORKING:
        return {B.DONE: "Done", B.ALLOCATED: "Allocated"}.get(b.status, "Cancelled"), (
            "idle" if b.status == B.CANCELLED else "done"
        )
    if b.rank == 0:
        return f"Rejected: {routes.text[:40]}" if routes and routes.text else "Rejected", "bad"
    if b.rank == 1:
        return "Nothing works", "hold"
    if asking and asking.status == "COLLECTING":
        return "Quoting", "work"
    if routes and routes.pending_cancel:
        return "Pending cancel", "hold"
    return ("Part unplaced", "hold") if b.rank == 2 else ("Working", "work")


class Figures(NamedTuple):
    """What tops the blotter, of the blocks the person sees."""

    working: int
    total: int
    traded_usd: Decimal
    wanted_usd: Decimal
    equity_filled_pct: Decimal | None
    slip_bp: Decimal | None
    slip_usd: Decimal
    inquiries: int
    dealers: int
    held: int
    held_since: datetime | None

    @property
    def saved_usd(self) -> Decimal:
        return -self.slip_usd


def figures(user) -> Figures:
    """The strip: what works, what traded, fill rate of shares, slippage weighted by money. Five queries."""
    mine = with_money(blocks.blocks_seen_by(user)).exclude(status=B.CANCELLED)
    working = total = 0
    traded = wanted = equity_wanted = equity_traded = slip_usd = priced = Decimal(0)
    for status, side, qty, filled, value, arrival, usd, asset in mine.values_list(
        "status", "side", "qty", "filled_qty", "filled_value", "arrival_price", "usd", "instrument__asset_class"
    ):
        total += 1
        working += status == B.WORKING
        worth = usd or Decimal(0)
        done = worth * filled / qty
        wanted, traded = wanted + worth, traded + done
        if asset in SHARES:
            equity_wanted, equity_traded = equity_wanted + worth, equity_traded + done
        slip = slippage_bp(side, value / filled if filled else None, arrival)
        if slip is not None:
            slip_usd, priced = slip_usd + slip * done / 10_000, priced + done
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT q.id), count(d.id) FROM routing_inquiry q"
            " LEFT JOIN routing_dealerquote d ON d.inquiry_id = q.id WHERE q.status IN ('COLLECTING', 'AWARDED')"
        )
        asking, dealers = cursor.fetchone()
        cursor.execute("SELECT count(*), min(opened_at) FROM compliance_review WHERE status = 'WAITING'")
        held, oldest = cursor.fetchone()
    return Figures(
        working, total, traded, wanted, equity_traded / equity_wanted * 100 if equity_wanted else None,
        slip_usd / priced * 10_000 if priced else None, slip_usd, asking, dealers, held,
        oldest,
    )  # fmt: skip


def worth(parts: Sequence[tuple[Block, Decimal]]) -> tuple[Decimal, int]:
    """
    What quantities of blocks come to in USD at mids now, and how many portfolios they are for. Three queries.

    :param parts: blocks with their instruments, and how much of each
    """
    quotes = marketdata.quotes_of(block.instrument_id for block, _ in parts)
    rates = marketdata.fx_rates("USD")
    usd = Decimal(0)
    for block, qty in parts:
        quote, rate = quotes.get(block.instrument_id), rates.get(block.currency_id)
        if quote and rate:
            usd += qty * quote.mid * block.instrument.price_factor * rate[0]
    homes = Member.objects.filter(block__in=[block.pk for block, _ in parts]).values("order__portfolio").distinct()
    return usd, homes.count()


def blocks_of(followed: Mapping[str, Sequence[int]]) -> set[int]:
    """The blocks that these routes, executions and inquiries belong to. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT block_id FROM routing_route WHERE id = ANY(%s) UNION SELECT block_id FROM routing_execution"
            " WHERE id = ANY(%s) UNION SELECT block_id FROM routing_inquiry WHERE id = ANY(%s)",
            [list(followed.get(name, ())) for name in ("route", "execution", "inquiry")],
        )
        return {pk for (pk,) in cursor.fetchall()}
