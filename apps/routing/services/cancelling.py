"""Asking brokers to end what they work: for a trader, or because a halt says so."""

from collections.abc import Mapping, Sequence

from apps.audit.services import record
from apps.blocks.models import Block
from apps.core.acts import Act
from apps.core.events import Fact

from .. import events, rules
from ..models import PackageLeg, Route
from ..states import LIFE
from .locks import terms_of
from .messages import Outgoing, queue_messages
from .packages import cancelling, legs_at
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
    legs = legs_at(list(routes)) if any(rules.packages.package_of(route.cl_ord_id) for route in routes.values()) else {}
    alone = {pk: route for pk, route in routes.items() if pk not in legs}
    names = _ask_alone(act, alone, found) if alone else {}
    by_package: dict[int, list[PackageLeg]] = {}
    for leg in legs.values():
        by_package.setdefault(leg.package_id, []).append(leg)
    for rows in by_package.values():
        names |= _ask_whole(act, {leg.route_id: routes[leg.route_id] for leg in rows}, rows)
    record(
        act,
        [Fact(pk, r.version + 1, events.RouteCancelRequested(cl_ord_id=names[pk])) for pk, r in routes.items()],
    )


def _ask_alone(act: Act, routes: Mapping[int, Route], found: Mapping[int, Block]) -> dict[int, str]:
    names = write_requests(act, routes, "F", {pk: (route.qty, route.limit_price) for pk, route in routes.items()})
    terms = {pk: terms_of(found[pk]) for pk in {route.block_id for route in routes.values()}}
    queue_messages(
        act,
        [
            Outgoing(
                route.broker_id,
                "F",
                names[pk],
                rules.orders.cancel(
                    names[pk], orig_of(route), route.order_id, terms[route.block_id], route.qty, act.at
                ),
            )
            for pk, route in routes.items()
        ],
    )
    return names


def _ask_whole(act: Act, routes: Mapping[int, Route], legs: Sequence[PackageLeg]) -> dict[int, str]:
    """One cancel for the package; a leg that is not among these, as a halt does not reach it, ends with it all the same."""
    terms = {pk: (route.qty, route.limit_price) for pk, route in routes.items()}
    names = write_requests(act, routes, "F", terms, legs={leg.route_id: leg.nth for leg in legs})
    name = next(iter(names.values()))
    queue_messages(act, [cancelling(act, list(routes.values()), name, legs[0].package.qty)])
    return names
