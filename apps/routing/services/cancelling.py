"""Asking brokers to end what they work: for a trader, or because a halt says so."""

from collections.abc import Mapping

from apps.audit.services import record
from apps.blocks.models import Block
from apps.core.acts import Act
from apps.core.events import Fact

from .. import events, rules
from ..models import Route
from ..states import LIFE
from .locks import terms_of
from .messages import Outgoing, queue_messages
from .writing import orig_of, write_requests


def ask_cancels(act: Act, routes: Mapping[int, Route], found: Mapping[int, Block]) -> None:
    """
    Will queue a cancel request for each route and record it; the routes and their blocks are locked by the caller.

    :raises IllegalMove: where a route is over
    """
    if not routes:
        return
    for route in routes.values():
        LIFE.after(route.status, events.RouteCancelRequested)
    terms = {pk: (route.qty, route.limit_price) for pk, route in routes.items()}
    names = write_requests(act, routes, "F", terms)
    queue_messages(
        act,
        [
            Outgoing(
                route.broker_id,
                "F",
                names[pk],
                rules.orders.cancel(
                    names[pk], orig_of(route), route.order_id, terms_of(found[route.block_id]), route.qty, act.at
                ),
            )
            for pk, route in routes.items()
        ],
    )
    record(
        act,
        [Fact(pk, r.version + 1, events.RouteCancelRequested(cl_ord_id=names[pk])) for pk, r in routes.items()],
    )
