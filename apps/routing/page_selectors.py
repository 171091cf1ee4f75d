"""What the pages of routing show, each in a fixed number of queries."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from apps.marketdata import selectors as marketdata
from apps.reference.models import Broker
from apps.users.models import Desk, User

from . import rules, selectors
from .models import CostEstimate, Execution, Halt, Message, Route, RouteRequest, Session
from .states import DEAD
from .states import Q as Inquiring

BP = Decimal(10_000)
LINKS_LOOKED_AT = 500
DK_REASONS = [(str(code), words) for code, words in rules.DK_WORDS.items()]
ASKED = {"F": "Cancel asked", "G": "Replace asked"}
UNIT = (
    "block__instrument__asset_class", "block__currency_id", "block__instrument__base_currency_id", "block__terms__cash_qty",
)  # fmt: skip
ROUTE_COLUMNS = (
    *UNIT, "pk", "version", "block_id", "block__side", "block__instrument__symbol", "block__instrument__name", "broker__name",
    "kind", "strategy", "qty", "cum_qty", "cum_value", "leaves_qty", "arrival_price", "status", "text", "requested_at",
    "last_fill_at", "pending_cl_ord_id",
)  # fmt: skip


def routes(user, *, status: str = "", text: str = "") -> QuerySet:
    """Routes as named tuples, those that need a person first: rejected, then pending, then working, then over."""
    rows = selectors.routes_seen_by(user)
    if status == "LIVE":
        rows = rows.exclude(status__in=DEAD)
    elif status:
        rows = rows.filter(status=status)
    if text:
        rows = rows.filter(Q(block__instrument__symbol__icontains=text) | Q(broker__name__icontains=text))
    rank = Case(
        When(status="REJECTED", then=Value(0)),
        When(status__startswith="PENDING", then=Value(1)),
        When(status__in=DEAD, then=Value(3)),
        default=Value(2),
        output_field=IntegerField(),
    )
    return rows.order_by(rank, "-qty", "-pk").values_list(*ROUTE_COLUMNS, named=True)


def slippage_bp(side: str, arrival: Decimal | None, cum_qty: Decimal, cum_value: Decimal) -> Decimal | None:
    """Cost against arrival, positive is worse: s · (average − arrival) / arrival."""
    if not arrival or not cum_qty:
        return None
    sign = 1 if side == "BUY" else -1
    return sign * (cum_value / cum_qty - arrival) / arrival * BP


def route_detail(route: Route) -> dict:
    """
    A route with its requests, its executions, and what its broker said that waits for a person; ``package``: as which alone it
    is changed and cancelled.
    """
    requests = list(RouteRequest.objects.filter(route=route).order_by("pk"))
    waiting = [r.msg_type for r in requests if r.answer == "WAITING" and r.msg_type in ASKED]
    return {
        "asked": ASKED["F" if "F" in waiting else "G"] if waiting else "",
        "held": Message.objects.filter(route=route, status="QUARANTINED").order_by("pk"),
        "requests": requests,
        "executions": Execution.objects.filter(route=route).order_by("-at", "-pk")[:200],
        "slip": slippage_bp(route.block.side, route.arrival_price, route.cum_qty, route.cum_value),
        "package": selectors.tied([route]).get(route.pk),
    }


class Compared(NamedTuple):
    """What was expected, and what it came to so far; ``slip_bp`` against the mid at arrival, None where nothing is filled."""

    estimate: CostEstimate
    slip_bp: Decimal | None = None


def costs_of_block(user, block_id: int) -> list[Compared]:
    """Its estimates in the order they were made, those of routes beside what they came to. One query."""
    rows = selectors.estimates_seen_by(user).filter(block=block_id).select_related("route__broker", "block__instrument")
    return [compared(one) for one in rows.order_by("-moment", "pk")]


def cost_of_route(user, route_id: int) -> Compared | None:
    """One query."""
    rows = selectors.estimates_seen_by(user).filter(route=route_id).select_related("route", "block__instrument")
    return next((compared(one) for one in rows), None)


def compared(one: CostEstimate) -> Compared:
    route = one.route
    if route is None or not route.cum_qty:
        return Compared(one)
    return Compared(one, slippage_bp(one.block.side, route.arrival_price, route.cum_qty, route.cum_value))


def sessions() -> QuerySet[Session]:
    return Session.objects.select_related("broker").order_by("is_up", "target_comp_id")


def traffic() -> dict[int, dict]:
    """Session id to its waiting messages and the last numbers each way."""
    rows = Message.objects.values("session_id").annotate(
        waiting=Count("pk", filter=Q(status__in=["QUEUED", "SENDING"])),
        unbooked=Count("pk", filter=Q(status="HEARD")),
        out=Count("pk", filter=Q(is_out=True)),
        heard=Count("pk", filter=Q(is_out=False)),
    )
    return {row["session_id"]: row for row in rows}


class SetAside(NamedTuple):
    """
    A message in quarantine, decoded. ``routes``: those it could be linked to, where it names none of ours; ``sent_at`` the
    broker's clock; ``may_refuse`` whether it is a trade that can be refused to the broker.
    """

    message: Message
    fields: list[tuple[int, str]]
    sent_at: datetime | None
    may_refuse: bool
    routes: list[Route]


def quarantine(limit: int = 200) -> list[SetAside]:
    """Messages that wait for a person, oldest first. Two queries."""
    rows = Message.objects.filter(status="QUARANTINED").select_related("session__broker", "route").order_by("pk")[:limit]
    read = [(m, rules.Fields(m.text) if (fields := _decoded(m.text)) else None, fields) for m in rows]
    strays = [(m, said) for m, said, _ in read if said and not m.route_id and rules.may_be_refused(m.msg_type, said)]
    routes = _routes_like(strays)
    return [
        SetAside(
            m, fields, _sent_at(said), bool(said) and rules.may_be_refused(m.msg_type, said), routes.get(m.pk, [])
        )
        for m, said, fields in read
    ]  # fmt: skip


def _routes_like(strays: Sequence[tuple[Message, rules.Fields]]) -> dict[int, list[Route]]:
    """Message id to routes at its broker, the newest first, in what it names and on its side."""
    if not strays:
        return {}
    found: dict[int, list[Route]] = {}
    brokers = {m.session.broker_id for m, _ in strays}
    near = Route.objects.filter(broker__in=brokers).exclude(kind__in=("CROSS", "HAND")).select_related("block__instrument").order_by("-pk")
    for route in near[:LINKS_LOOKED_AT]:
        instrument = route.block.instrument
        for message, said in strays:
            names = {said.find(48), said.find(55)} & {instrument.isin, instrument.symbol} - {""}
            is_its_side = rules.SIDES.get(said.find(54)) == route.block.side
            if message.session.broker_id == route.broker_id and names and is_its_side:
                found.setdefault(message.pk, []).append(route)
    return found


def _sent_at(said: rules.Fields | None) -> datetime | None:
    try:
        return said.find_time(60) if said else None
    except rules.Malformed:
        return None


def _decoded(text: str) -> list[tuple[int, str]]:
    try:
        return rules.fields_of(text)
    except rules.Malformed:
        return []


def halt_subjects() -> list[tuple[str, list[tuple[str, str]]]]:
    """What can be stopped, by scope: (heading, [(``SCOPE:subject``, its name)])."""
    traders = User.objects.filter(is_active=True, is_automated=False, desks__isnull=False).distinct().order_by("username")
    brokers = Broker.objects.filter(is_active=True).exclude(kind__in=Broker.NOT_ROUTED).order_by("name")
    return [
        ("Firm", [("FIRM:", "The whole firm")]),
        ("Desk", [(f"DESK:{desk.code}", desk.name) for desk in Desk.objects.all()]),
        ("Person", [(f"USER:{user.username}", str(user)) for user in traders]),
        ("Broker or dealer", [(f"BROKER:{broker.code}", broker.name) for broker in brokers]),
        (
            "Strategy",
            [(f"STRATEGY:{name}", name.title()) for name in sorted([*rules.STRATEGIES, rules.SMART])]
            + [(f"STRATEGY:{name}", name) for name in rules.OWN_STRATEGIES],
        ),
    ]


class InScope(NamedTuple):
    """What a halt would stop now: routes that work, their money in USD, and inquiries that would be ended."""

    routes: int
    usd: Decimal
    brokers: int
    inquiries: int


def in_scope(halt: Halt) -> InScope:
    """Of a halt that need not be set yet. Four queries."""
    found = list(selectors.live_routes_in(halt).select_related("block__instrument"))
    quotes = marketdata.quotes_of({r.block.instrument_id for r in found})
    rates = marketdata.fx_rates("USD")
    usd = Decimal(0)
    for route in found:
        block, quote = route.block, quotes.get(route.block.instrument_id)
        price = quote.mid if quote else route.arrival_price
        rate = rates.get(block.currency_id)
        amount = route.leaves_qty * price * block.instrument.price_factor if price else 0
        if "cash_qty" in block.terms:
            amount = Decimal(block.terms["cash_qty"])
        usd += amount * rate[0] if rate else 0
    asked = selectors.inquiries_in(halt).filter(status=Inquiring.COLLECTING).count()
    return InScope(len(found), usd, len({r.broker_id for r in found}), asked)
