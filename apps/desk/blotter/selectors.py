"""What the blotter asks: blocks in order of attention with what became of them at brokers and dealers."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import (
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, NullIf

from apps.blocks import selectors as blocks
from apps.blocks.models import Block, CrossMember, Member
from apps.blocks.states import B
from apps.marketdata import selectors as marketdata
from apps.orders.page_selectors import ASSETS as CLASSES
from apps.orders.page_selectors import amount_or
from apps.reference.models import SHARES
from apps.routing.models import Route
from apps.routing.states import DEAD, Rt

from ..lists import listing, queries
from ..lists.columns import Sheet
from ..lists.specs import Spec
from .sheet import MONEY, SLIP
from .sheet import STATUSES as STATUS_WORDS

NOTHING = Value(Decimal(0), MONEY)
STATUSES: dict[str, tuple[str, Q]] = {
    "YOURS": ("Needs you", Q(rank__lte=3)),
    "OPEN": ("Ready", Q(status=B.OPEN)),
    "WORKING": ("Working", Q(status=B.WORKING)),
    "DONE": ("Done", Q(status__in=[B.DONE, B.ALLOCATED])),
    "CANCELLED": ("Cancelled", Q(status=B.CANCELLED)),
}
ASSETS = {code: (label, Q(instrument__asset_class__in=kinds)) for code, (label, kinds) in CLASSES.items()}


class Asked(NamedTuple):
    """Which blocks a list shows, as its address says."""

    status: str = ""
    asset: str = ""
    text: str = ""


class Counts(NamedTuple):
    """How many blocks by each filter, and the money of those asked; None where there are too many to count for a page."""

    by_status: Mapping[str, int]
    by_asset: Mapping[str, int]
    money: Mapping[str, Decimal] | None


class Listing(NamedTuple):
    """One page of rows and where the next begins, with what stands around them."""

    rows: Sequence[Mapping[str, Any]]
    more: str
    counts: Counts
    totals: Mapping[str, Any]
    groups: Mapping[Any, Mapping]


def slippage_bp(side: str, average: Decimal | None, arrival: Decimal | None) -> Decimal | None:
    """Basis points of arrival that the average cost beyond it: above for a buy, below for a sale; less is a gain."""
    if not average or not arrival:
        return None
    return (average - arrival) / arrival * 10_000 * (1 if side == "BUY" else -1)


def listed(user, asked: Asked, sheet: Sheet, spec: Spec, now: datetime, size: int = 0) -> Listing:
    """
    Blocks in the view's order, else rejected, idle and ready ones first, then by size. Five queries, and one more where
    the view has groups or totals, whatever the number of rows.
    """
    found = matching(user, asked, sheet, spec, now)
    counts = _counted(found, asked, whole=False)
    found = found.filter(_wanted(asked))
    rows, more = listing.page(found, sheet, spec, size=size)
    groups = queries.groups(found, sheet, spec, "usd")
    sums = queries.totals(found, sheet, spec.totals, groups)
    return Listing(with_routes(rows, sheet), more, counts, sums, groups)


def counts(user, asked: Asked, sheet: Sheet, spec: Spec, now: datetime) -> Counts:
    """Of all the blocks, however many. One query."""
    return _counted(matching(user, asked, sheet, spec, now), asked, whole=True)


def sums(user, asked: Asked, sheet: Sheet, spec: Spec, now: datetime) -> tuple[Mapping, Mapping]:
    """The totals of the whole list, and its groups. One query where the view has either."""
    found = matching(user, asked, sheet, spec, now).filter(_wanted(asked))
    groups = queries.groups(found, sheet, spec, "usd")
    return queries.totals(found, sheet, spec.totals, groups), groups


def rows_after(user, asked: Asked, sheet: Sheet, spec: Spec, now: datetime, after: str) -> tuple[list, str, Mapping]:
    """The page after a mark, the next mark, and the groups. Five queries at most."""
    found = matching(user, asked, sheet, spec, now).filter(_wanted(asked))
    rows, more = listing.page(found, sheet, spec, after)
    return with_routes(rows, sheet), more, queries.groups(found, sheet, spec, "usd")


def rows_of(
    user, ids: Collection[int], asked: Asked, sheet: Sheet, spec: Spec, now: datetime, upto: str = ""
) -> list[Mapping]:
    """Those of these blocks that belong to the list, as far as a mark. Four queries."""
    found = belonging(blocks.blocks_seen_by(user), asked, sheet, spec, now)
    return with_routes(listing.some(found, sheet, spec, ids, upto), sheet)


def belonging(found: QuerySet[Block], asked: Asked, sheet: Sheet, spec: Spec, now: datetime) -> QuerySet[Block]:
    """Those of these blocks that the list shows."""
    return of_list(found, asked, sheet, spec, now).filter(_wanted(asked))


def all_rows(user, asked: Asked, sheet: Sheet, spec: Spec, now: datetime) -> tuple[int, Iterable[Mapping]]:
    """How many rows the whole list has, and all of them a few at a time."""
    found = matching(user, asked, sheet, spec, now).filter(_wanted(asked))
    return found.count(), (row for chunk in listing.chunks(found, sheet, spec) for row in with_routes(chunk, sheet))


def matching(user, asked: Asked, sheet: Sheet, spec: Spec, now: datetime) -> QuerySet[Block]:
    """The blocks of the list, whatever their status and asset class."""
    return of_list(blocks.blocks_seen_by(user), asked, sheet, spec, now)


def of_list(found: QuerySet[Block], asked: Asked, sheet: Sheet, spec: Spec, now: datetime) -> QuerySet[Block]:
    """Those of these blocks that belong to the list, whatever their status and asset class."""
    found = queries.annotated(_searched(_ranked(found), asked.text), sheet, spec)
    return queries.narrowed(found, sheet, spec.filters, now)


def _counted(found: QuerySet[Block], asked: Asked, whole: bool) -> Counts:
    wanted = _wanted(asked)
    told = listing.capped(found, whole).aggregate(
        all=Count("pk"), count=Count("pk", filter=wanted),
        buy=Sum("usd", filter=wanted & Q(side="BUY")), sell=Sum("usd", filter=wanted & ~Q(side="BUY")),
        **{f"s_{code}": Count("pk", filter=where) for code, (_, where) in STATUSES.items()},
        **{f"a_{code}": Count("pk", filter=where) for code, (_, where) in ASSETS.items()},
    )  # fmt: skip
    if not whole and told["all"] > listing.COUNTED:
        return Counts({}, {}, None)
    money = {"blocks": told["count"], "buy": told["buy"] or Decimal(0), "sell": told["sell"] or Decimal(0)}
    by_status = {"": told["all"]} | {code: told[f"s_{code}"] for code in STATUSES}
    return Counts(by_status, {code: told[f"a_{code}"] for code in ASSETS}, money)


def with_routes(rows: Sequence[Mapping], sheet: Sheet) -> list[dict]:
    """The rows with their orders and what became of them at brokers. Three queries; one for who may not see routes."""
    ids = [row["pk"] for row in rows]
    members = dict(Member.objects.filter(block__in=ids).order_by().values_list("block_id").annotate(n=Count("pk")))
    if without := [pk for pk in ids if pk not in members]:  # Cancelled, or crossed inside the firm.
        crossed = CrossMember.objects.filter(block__in=without).order_by().values_list("block_id")
        members |= dict(crossed.annotate(n=Count("pk")))
    sees = "strategy" in sheet.columns
    routes, inquiries = (_routes(ids), _inquiries(ids)) if sees and ids else ({}, {})
    return [
        {**row, **_became(row, members.get(row["pk"], 0), routes.get(row["pk"]), inquiries.get(row["pk"]))}
        for row in rows
    ]


def _wanted(asked: Asked) -> Q:
    wanted = Q()
    if asked.status in STATUSES:
        wanted &= STATUSES[asked.status][1]
    if asked.asset in ASSETS:
        wanted &= ASSETS[asked.asset][1]
    return wanted


def with_money(rows: QuerySet[Block]) -> QuerySet[Block]:
    """Adds ``usd``: the block's quantity at the mid now (else arrival, else limit) in USD, or its amount; null where none is known."""
    rates = marketdata.fx_rates("USD")
    rate = Case(*(When(currency=code, then=Value(r, MONEY)) for code, (r, _) in rates.items()), output_field=MONEY)
    mid = ExpressionWrapper((F("instrument__quote__bid") + F("instrument__quote__ask")) / 2, MONEY)
    worth = F("qty") * Coalesce(mid, "arrival_price", "limit_price", output_field=MONEY) * F("instrument__price_factor")
    return rows.annotate(usd=ExpressionWrapper(amount_or(worth) * rate, MONEY))


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


def _became(b: Mapping, orders: int, routes: Routes | None, asking: Asking | None) -> dict[str, Any]:
    word, look = _word(b, routes, asking)
    return {
        "orders": orders,
        "routes": routes.count if routes else 0,
        "strategy": _strategy(routes, asking),
        "brokers": routes.brokers if routes else "",
        "word": word,
        "look": look,
        "due_at": asking.due_at if asking and asking.status == "COLLECTING" else None,
    }


def _strategy(routes: Routes | None, asking: Asking | None) -> str:
    if asking:
        return f"Inquiry · {asking.quotes} of {asking.dealers} quoted"
    if routes:
        return f"{routes.strategies or 'Order'} · {routes.brokers}"
    return "–"


def _word(b: Mapping, routes: Routes | None, asking: Asking | None) -> tuple[str, str]:
    """The state in a word, and its look: what a trader must act on beats the block's own status."""
    if b["status"] == B.OPEN:
        return "Ready", "idle"
    if b["status"] != B.WORKING:
        return STATUS_WORDS[b["status"]], "idle" if b["status"] == B.CANCELLED else "done"
    if b["rank"] == 0:
        return f"Rejected: {routes.text[:40]}" if routes and routes.text else "Rejected", "bad"
    if b["rank"] == 1:
        return "Nothing works", "hold"
    if asking and asking.status == "COLLECTING":
        return "Quoting", "work"
    if routes and routes.pending_cancel:
        return "Pending cancel", "hold"
    return ("Part unplaced", "hold") if b["rank"] == 2 else ("Working", "work")


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
    """The strip: what works, what traded, fill rate of shares, slippage weighted by money. Three queries."""
    mine = with_money(blocks.blocks_seen_by(user)).exclude(status=B.CANCELLED)
    # Of an amount, the units that it did not come to are no part of what is to be done.
    whole = Case(When(terms__has_key="cash_qty", then=F("qty") - F("cancelled_qty")), default=F("qty"), output_field=MONEY)
    done = ExpressionWrapper(Coalesce(F("usd"), NOTHING) * F("filled_qty") / NullIf(whole, NOTHING), MONEY)
    shares, slipped = Q(instrument__asset_class__in=SHARES), Q(slip_bp__isnull=False)
    told = mine.annotate(done=done, slip_bp=SLIP).aggregate(
        total=Count("pk"), working=Count("pk", filter=Q(status=B.WORKING)),
        traded=Sum("done"), wanted=Sum("usd"), equity_wanted=Sum("usd", filter=shares),
        equity_traded=Sum("done", filter=shares), priced=Sum("done", filter=slipped),
        slip=Sum(F("slip_bp") * F("done") / 10_000, filter=slipped, output_field=MONEY),
    )  # fmt: skip
    none = Decimal(0)
    equity, priced, slip = told["equity_wanted"], told["priced"], told["slip"] or none
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT q.id), count(d.id) FROM routing_inquiry q"
            " LEFT JOIN routing_dealerquote d ON d.inquiry_id = q.id WHERE q.status IN ('COLLECTING', 'AWARDED')"
        )
        asking, dealers = cursor.fetchone()
        cursor.execute("SELECT count(*), min(opened_at) FROM compliance_review WHERE status = 'WAITING'")
        held, oldest = cursor.fetchone()
    return Figures(
        told["working"], told["total"], told["traded"] or none, told["wanted"] or none,
        (told["equity_traded"] or none) / equity * 100 if equity else None,
        slip / priced * 10_000 if priced else None, slip, asking, dealers, held, oldest,
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
        if "cash_qty" in block.terms and rate:
            usd += Decimal(block.terms["cash_qty"]) * rate[0]
        elif quote and rate:
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
