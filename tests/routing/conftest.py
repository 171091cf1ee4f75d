"""Builders of routing: blocks through the services, and brokers who answer in FIX text."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest
from django.utils import timezone

from apps.audit import services as audit
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.core.events import Fact
from apps.orders import events as order_events
from apps.orders import services as orders
from apps.routing import rules
from apps.routing import services as routing
from apps.routing.models import DealerQuote, Message, Route, RouteRequest, Session
from tests.clearing import let_through

D = Decimal
SOH = "\x01"
_exec_ids = count(1)


@pytest.fixture
def alone(monkeypatch):
    """Nobody listens: routing by itself."""
    monkeypatch.setattr(audit, "flow", dict)


@pytest.fixture
def counterparties(firm, by):
    """Sessions with every broker and dealer, and the first rule table."""
    routing.install_sessions(by("loader"))
    routing.install_default_rules(by("loader"))
    return firm.brokers


@pytest.fixture
def a_block(firm, counterparties, alone, mira, by) -> Callable[..., Block]:
    """``a_block("AAA", "BUY", 300, 700)``: an open block of cleared orders of these quantities."""

    def make(symbol="AAA", side="BUY", *quantities, **more) -> Block:
        portfolios = list(firm.portfolios.values())
        wishes = [
            orders.Wish(portfolios[n % 3].pk, firm.instruments[symbol].pk, side, str(qty), **more)
            for n, qty in enumerate(quantities or (10_000,))
        ]
        ids = orders.create_orders(by(mira), wishes, submit=True)
        let_through(by, ids)
        blocks.gather_orders(by("worker"), [Fact(pk, 3, order_events.OrderCleared(1)) for pk in ids])
        return Block.objects.get(members__order=ids[0])

    return make


@dataclass
class Street:
    """Counterparties that answer: each ``say`` is heard and booked at once, or kept in ``unsaid`` while held back."""

    by: Callable
    start: datetime = field(default_factory=lambda: timezone.now().astimezone(UTC) - timedelta(hours=5))
    minutes: count = field(default_factory=count)

    def hear(self, broker_id: int, msg_type: str, fields: dict[int, object], **header) -> int:
        """Keeps a message as the gateway does; returns its id."""
        session = Session.objects.get(broker_id=broker_id)
        head = {8: "FIX.4.4", 35: msg_type, 34: header.get("seq", 1), 49: session.target_comp_id, 56: "OMS-SIM"}
        head |= {43: "Y"} if header.get("poss_dup") else {}
        text = SOH.join(f"{tag}={value}" for tag, value in (head | fields).items()) + SOH
        return routing.keep_heard(session.pk, text, timezone.now())

    def book(self, *ids: int) -> routing.Hearing:
        return routing.hear_messages(self.by("gateway", via="gateway"), ids or routing.heard_ids())

    def report_fields(self, route: Route, kind: str, status: str, **more) -> dict[int, object]:
        """An execution report, in the order's time a minute after the one before."""
        at = self.start + timedelta(minutes=next(self.minutes))
        fields = {
            37: f"O{route.pk}", 17: more.pop("exec_id", None) or f"E{next(_exec_ids)}", 150: kind, 39: status,
            11: more.pop("name", None) or route.cl_ord_id, 60: rules.utc_text(more.pop("at", None) or at),
            75: f"{self.start:%Y%m%d}",
        }  # fmt: skip
        if "last" in more:
            fields[32], fields[31] = more.pop("last")
        names = {"cum": 14, "leaves": 151, "qty": 38, "side": 54, "ref": 19, "orig": 41, "text": 58, "limit": 44}
        return fields | {names.get(key, key): value for key, value in more.items()}

    def report(self, route: Route, kind: str, status: str, **more) -> Route:
        """Says a report, books it, and gives the route as it is then. Further tags: ``**{"103": 6}``."""
        fields = self.report_fields(route, kind, status, **more)
        self.book(self.hear(route.broker_id, "8", {int(tag): value for tag, value in fields.items()}))
        return Route.objects.get(pk=route.pk)

    def refusal(self, route: Route, name: str, status: str, reason: str) -> Route:
        fields = {37: "O1", 11: name, 41: route.cl_ord_id, 39: status, 434: 1, 102: reason}
        self.book(self.hear(route.broker_id, "9", fields))
        return Route.objects.get(pk=route.pk)

    def quote(self, quote: DealerQuote, price: str, *, seconds=60, side="BUY") -> None:
        until = timezone.now().astimezone(UTC) + timedelta(seconds=seconds)
        price_tag, size_tag = (133, 135) if side == "BUY" else (132, 134)
        fields = {131: quote.request_ref, 117: f"QT{quote.pk}", price_tag: price, size_tag: "100000000"}
        self.book(self.hear(quote.dealer_id, "S", fields | {62: rules.utc_text(until)}))

    def decline(self, quote: DealerQuote) -> None:
        self.book(self.hear(quote.dealer_id, "AG", {131: quote.request_ref, 658: 9}))


@pytest.fixture
def street(by) -> Street:
    return Street(by)


@pytest.fixture
def a_route(a_block, tom, by) -> Callable[..., Route]:
    """``a_route(10_000)``: a route of all of a new block, and what more of the block is left unplaced."""

    def make(qty=10_000, *, unplaced=0, **more) -> Route:
        block = a_block("AAA", more.pop("side", "BUY"), qty + unplaced, **more)
        routed = routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version}, qty=D(qty))
        return Route.objects.get(pk=routed.routes[0])

    return make


@pytest.fixture
def asks(tom, by):
    """Cancels or replaces a route as Tom, and gives the new request's ClOrdID."""

    def ask(route: Route, **change) -> str:
        route.refresh_from_db()
        if change:
            routing.replace_routes(by(tom), {route.pk: change}, seen={route.pk: route.version})
        else:
            routing.cancel_routes(by(tom), [route.pk], seen={route.pk: route.version})
        return RouteRequest.objects.filter(route=route).latest("pk").cl_ord_id

    return ask


def sent(msg_type: str) -> list[dict[int, str]]:
    """What waits to be sent of a type, as tag to value."""
    rows = Message.objects.filter(is_out=True, msg_type=msg_type).order_by("pk")
    return [dict(rules.fields_of(row.text)) for row in rows]


def amounts(route: Route) -> tuple:
    """Status, quantity, cum, leaves: as the vectors of FIX 4.4 vol. 4 print them."""
    return (str(route.status), int(route.qty), int(route.cum_qty), int(route.leaves_qty))


def placed(route: Route) -> tuple[int, int]:
    """What the route's block has placed and filled."""
    block = Block.objects.get(pk=route.block_id)
    return int(block.placed_qty), int(block.filled_qty)
