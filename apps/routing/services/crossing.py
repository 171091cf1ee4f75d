"""What no broker executes: one client of the firm fills another, booked as a route that went to nobody."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db import transaction

from apps.audit.services import record
from apps.blocks import services as blocks
from apps.core.acts import Act
from apps.core.events import Fact

from .. import events
from ..models import Execution, Route
from ..models.routes import CROSS
from ..states import Rt, X

OFF_BOOK = "XOFF"  # LastMkt (30) of what no market saw. LastCapacity (29) would be 2, cross as agent.


class Crossed(NamedTuple):
    """One side of a cross: its block, which is filled whole."""

    block_id: int
    qty: Decimal
    price: Decimal
    currency: str
    ref: str


@transaction.atomic
def book_crosses(act: Act, sides: Sequence[Crossed], *, broker_id: int, trade_date: date) -> None:
    """
    Will book each side as one route that is filled and one execution, without commission, and fill its block with it.
    Nothing is sent. Whoever crosses has asked the kill switch before.
    """
    facts = []
    for side in sides:
        route = Route.objects.create(
            block_id=side.block_id, broker_id=broker_id, kind=CROSS, strategy=CROSS, qty=side.qty, cum_qty=side.qty,
            cum_value=side.qty * side.price, leaves_qty=0, cl_ord_id=f"{side.ref}/{side.block_id}", arrival_price=side.price,
            requested_at=act.at, accepted_at=act.at, first_fill_at=act.at, last_fill_at=act.at, ended_at=act.at,
            reported_at=act.at, reported_cum_qty=side.qty, trace={"cross": side.ref}, status=Rt.FILLED,
        )  # fmt: skip
        execution = Execution.objects.create(
            route=route, block_id=side.block_id, broker_id=broker_id, exec_id=route.cl_ord_id, trade_date=trade_date,
            qty=side.qty, price=side.price, currency_code=side.currency, market=OFF_BOOK, at_broker=act.at, at=act.at,
            status=X.LIVE,
        )  # fmt: skip
        qty, price = f"{side.qty.normalize():f}", f"{side.price.normalize():f}"
        facts.append(Fact(route.pk, 1, events.RouteCrossed(side.block_id, qty, price, side.ref)))
        facts.append(Fact(execution.pk, 1, events.ExecutionBooked(route.pk, side.block_id, execution.exec_id, qty, price)))
    record(act, [fact for fact in facts if isinstance(fact.event, events.RouteCrossed)])
    record(act, [fact for fact in facts if not isinstance(fact.event, events.RouteCrossed)])
    blocks.mark_placed(act, {side.block_id: side.qty for side in sides})
    blocks.mark_filled(act, {side.block_id: (side.qty, side.qty * side.price) for side in sides})
