"""Writing routes and our requests on them, set-wise, with their facts."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection

from apps.audit.services import record
from apps.blocks.models import Block
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.tables import copy_in, next_ids, update_many

from .. import events, rules
from ..models import Route
from ..states import Rt
from .costs import keep_arrivals

ROUTE_COLUMNS = (
    "id", "block_id", "broker_id", "kind", "strategy", "params", "trace", "qty", "limit_price", "cum_qty", "cum_value",
    "leaves_qty", "cl_ord_id", "pending_cl_ord_id", "order_id", "arrival_price", "requested_at", "reported_cum_qty",
    "text", "environment", "status", "version",
)  # fmt: skip
REQUEST_COLUMNS = (
    "id", "route_id", "cl_ord_id", "orig_cl_ord_id", "msg_type", "qty", "limit_price", "answer", "requested_at",
)  # fmt: skip


class NewRoute(NamedTuple):
    """A route to be: part of a block at one broker, and the message type that asks for it (D, or AJ for a hit)."""

    block: Block
    broker_id: int
    kind: str
    msg_type: str
    qty: Decimal
    limit_price: Decimal | None
    mid: Decimal | None
    strategy: str
    params: Mapping[str, Any]
    trace: Mapping[str, Any]


def as_json(value: Any) -> str:
    return json.dumps(value, default=str, sort_keys=True)


def write_routes(act: Act, wanted: Sequence[NewRoute], *, as_package: bool = False) -> list[tuple[int, str]]:
    """
    Will write routes, each with its first request and what it is expected to cost, and record them.

    :param as_package: they are the legs of one order, whose ClOrdID theirs have with their number
    :returns: (route id, ClOrdID) of each, in order
    """
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "routing_route", len(wanted))
        request_ids = next_ids(cursor, "routing_routerequest", len(wanted))
        names = [rules.cl_ord_id(act.at, pk) for pk in request_ids]
        if as_package:
            names = [rules.packages.leg_name(rules.packages.package_name(names[0]), n) for n in range(1, len(names) + 1)]
        copy_in(
            cursor,
            "routing_route",
            ROUTE_COLUMNS,
            (
                (pk, r.block.pk, r.broker_id, r.kind, r.strategy, as_json(r.params), as_json(r.trace), r.qty,
                 r.limit_price, 0, 0, r.qty, name, "", "", r.mid, act.at, 0, "", settings.ENVIRONMENT,
                 Rt.PENDING_SEND, 1)
                for pk, name, r in zip(ids, names, wanted, strict=True)
            ),
        )  # fmt: skip
        copy_in(
            cursor,
            "routing_routerequest",
            REQUEST_COLUMNS,
            (
                (request, pk, name, "", r.msg_type, r.qty, r.limit_price, "WAITING", act.at)
                for request, pk, name, r in zip(request_ids, ids, names, wanted, strict=True)
            ),
        )
    record(
        act,
        [
            Fact(
                pk,
                1,
                events.RouteRequested(
                    block_id=r.block.pk,
                    broker_id=r.broker_id,
                    cl_ord_id=name,
                    qty=rules.plain(r.qty),
                    strategy=r.strategy,
                    rule=str(r.trace.get("rule") or ""),
                ),
            )
            for pk, name, r in zip(ids, names, wanted, strict=True)
        ],
    )
    keep_arrivals(act, [(pk, r.block, r.broker_id, r.qty, r.strategy) for pk, r in zip(ids, wanted, strict=True)])
    return list(zip(ids, names, strict=True))


def orig_of(route: Route) -> str:
    """OrigClOrdID: the last we sent that was not rejected (FIX 4.4 vol. 4 app. D)."""
    return route.pending_cl_ord_id or route.cl_ord_id


def write_requests(
    act: Act, routes: Mapping[int, Route], msg_type: str, terms: Mapping[int, tuple[Decimal, Decimal | None]],
    *, legs: Mapping[int, int] | None = None,
) -> dict[int, str]:  # fmt: skip
    """
    Will write a request for each route; returns route id to its ClOrdID. Bumps the routes' versions.

    :param legs: of the routes of one package, by id, which leg each is: their names are the package's with that number
    """
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "routing_routerequest", len(routes))
        names = {pk: rules.cl_ord_id(act.at, request) for pk, request in zip(routes, ids, strict=True)}
        if legs:
            whole = rules.packages.package_name(next(iter(names.values())))
            names = {pk: rules.packages.leg_name(whole, legs[pk]) for pk in names}
        copy_in(
            cursor,
            "routing_routerequest",
            REQUEST_COLUMNS,
            (
                (request, pk, names[pk], orig_of(route), msg_type, *terms[pk], "WAITING", act.at)
                for request, (pk, route) in zip(ids, routes.items(), strict=True)
            ),
        )
        update_many(
            cursor, "routing_route", list(routes), {"pending_cl_ord_id": ("text", list(names.values()))}, bump=True
        )
    return names
