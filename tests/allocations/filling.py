"""From wishes to filled blocks by the services a desk uses, for tests of what comes after. Brokers speak FIX here."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

from django.utils import timezone

from apps.audit import deliveries
from apps.audit.models import Delivery
from apps.blocks import services as blocks
from apps.blocks.models import Block, Member
from apps.orders import services as orders
from apps.orders.models import Order
from apps.orders.states import S
from apps.routing import services as routing
from apps.routing.models import RateCard, Route, Session
from tests.clearing import let_through

NUMBERS = count(1)


def keep_promises(prefix: str = "") -> int:
    """What a worker does for the listeners whose name begins so, until none is open; a failure rises."""
    kept = 0
    while ids := list(
        Delivery.objects.filter(status="OPEN", listener__startswith=prefix).order_by("pk").values_list("pk", flat=True)
    ):
        for pk in ids:
            assert deliveries.deliver(pk), Delivery.objects.get(pk=pk).error
            kept += 1
    return kept


def holds_already(card_id: int) -> None:
    """Also on a trade date in New York that is the day before ours."""
    RateCard.objects.filter(pk=card_id).update(starts_on=timezone.localdate() - timedelta(days=1))


class Street:
    """Orders into blocks, blocks to brokers, fills back."""

    def __init__(self, firm, by, mira, tom):
        self.firm, self.by, self.mira, self.tom = firm, by, mira, tom
        routing.install_sessions(by("loader"))
        self.sessions = dict(Session.objects.values_list("broker__code", "pk"))

    def block(self, symbol: str, side: str, shares: dict[str, int], **terms) -> Block:
        """One open block of an order for each portfolio, at market unless they say otherwise."""
        terms = {"order_type": "" if "limit_price" in terms else "MARKET"} | terms
        ids = orders.create_orders(
            self.by(self.mira),
            [
                orders.Wish(
                    portfolio_id=self.firm.portfolios[code].pk, instrument_id=self.firm.instruments[symbol].pk, side=side,
                    qty=Decimal(qty), **terms,
                )
                for code, qty in shares.items()
            ],
            submit=True,
        )  # fmt: skip
        unjudged = Order.objects.filter(pk__in=ids, status=S.IN_REVIEW)
        let_through(self.by, unjudged.values_list("pk", flat=True))
        keep_promises("blocks.")
        return Block.objects.get(pk=Member.objects.filter(order__in=ids).values("block").distinct().get()["block"])

    def route(self, block: Block, broker: str = "NORTHGATE", qty: int | None = None) -> Route:
        """All that is unplaced of the block, or so much of it, to a broker."""
        block.refresh_from_db()
        done = routing.route_blocks(
            self.by(self.tom, "chosen by the test"), [block.pk], seen={block.pk: block.version}, broker_code=broker,
            strategy="VWAP", qty=None if qty is None else Decimal(qty),
        )  # fmt: skip
        route = Route.objects.get(pk=done.routes[0])
        self._report(route, "0", "0")
        return route

    def fill(self, route: Route, qty: int | str, price: str, commission: str = "0") -> str:
        """One execution. :returns: its ExecID"""
        route.refresh_from_db()
        qty = Decimal(qty)
        whole = route.cum_qty + qty == route.qty
        return self._report(route, "F", "2" if whole else "1", (qty, Decimal(price)), commission=commission)

    def end(self, route: Route) -> None:
        """The broker gives back what it has not filled."""
        route.refresh_from_db()
        self._report(route, "4", "4")

    def bust(self, route: Route, exec_id: str, qty: int | str, price: str) -> None:
        """The broker takes an execution back."""
        route.refresh_from_db()
        self._report(route, "H", "1", bust=(exec_id, Decimal(qty), Decimal(price)))

    def finish(self, block: Block) -> None:
        """The trader gives up what is unfilled."""
        block.refresh_from_db()
        blocks.finish_blocks(self.by(self.tom, "given up"), [block.pk], seen={block.pk: block.version})

    def done(self, symbol: str, side: str, shares: dict[str, int], fills: Sequence[tuple], broker="NORTHGATE") -> Block:
        """A block that is done with these (quantity, price) or (quantity, price, commission) fills."""
        block = self.block(symbol, side, shares)
        route = self.route(block, broker)
        for one in fills:
            self.fill(route, *one)
        route.refresh_from_db()
        if route.leaves_qty:
            self.end(route)
            self.finish(block)
        block.refresh_from_db()
        return block

    def allocated(self, *args, **kwargs) -> Block:
        """The same, and shared out."""
        block = self.done(*args, **kwargs)
        keep_promises("allocations.")
        block.refresh_from_db()
        return block

    def _report(self, route: Route, kind: str, status: str, last=None, commission="0", bust=None) -> str:
        qty, px = last or (Decimal(0), Decimal(0))
        busted = bust[1] if bust else Decimal(0)
        cum = route.cum_qty + qty - busted
        leaves = Decimal(0) if kind == "4" else route.qty - cum
        now = datetime.now(UTC)
        exec_id = f"E{next(NUMBERS)}"
        fields = [
            ("35", "8"), ("37", f"B{route.pk}"), ("17", exec_id), ("11", route.cl_ord_id), ("150", kind), ("39", status),
            ("54", {"BUY": "1", "SELL": "2", "SELL_SHORT": "5"}[route.block.side]), ("55", route.block.instrument.symbol),
            ("38", route.qty), ("14", cum), ("151", leaves), ("6", 0), ("60", f"{now:%Y%m%d-%H:%M:%S}.000"),
            ("75", f"{route.block.trade_date:%Y%m%d}"), ("15", route.block.currency_id),
        ]  # fmt: skip
        if last:
            fields += [("32", qty), ("31", px), ("30", "XNAS"), ("12", commission), ("13", "3")]
        if bust:
            fields += [("19", bust[0]), ("32", bust[1]), ("31", bust[2])]
        raw = "".join(f"{tag}={value}\x01" for tag, value in fields)
        message = routing.keep_heard(self.sessions[route.broker.code], raw, timezone.now())
        routing.hear_messages(self.by("gateway", via="gateway"), [message])
        return exec_id
