"""Sending what was planned to brokers."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from apps.core.acts import Act

from .. import rules
from ..rules import lists
from ..rules.lists import ListRef
from ..rules.packages import PackageRef
from ..rules.wire import FramePart
from .locks import terms_of
from .messages import Outgoing, queue_messages
from .packages import place_package
from .planning import ALGO, Plan
from .throttles import count_strategies
from .writing import NewRoute, write_routes


def place_orders(
    act: Act, plans: Sequence[Plan], mids: Mapping[int, Decimal], lenders: Mapping[int, str],
    together: ListRef | PackageRef | None = None,
) -> list[int]:  # fmt: skip
    """
    Will write a route, its request and its NewOrderSingle (35=D) for each plan, of whose block the caller has the lock; of a list
    whose broker takes it whole, one NewOrderList (35=E). An order that says what a list has no place for goes beside it. Of a
    package one NewOrderMultileg (35=AB).

    :param mids: of blocks whose price is known; :param lenders: of blocks that sell short
    :returns: the ids of the routes
    :raises RateLimit: where a session or strategy would send more than its throttle lets out
    """
    if not plans:
        return []
    if isinstance(together, PackageRef) and together.reports:
        return place_package(act, plans, mids, lenders, together)
    count_strategies(act, [(plan.strategy, plan.block) for plan in plans])
    fields = [() if plan.child else rules.strategy_fields(plan.strategy, plan.params) for plan in plans]
    names = write_routes(
        act,
        [
            NewRoute(
                p.block, p.broker_ids[0], ALGO, "D", p.qty, p.limit_price, mids.get(p.block.pk), p.strategy, p.params, p.trace
            )
            for p in plans
        ],
    )
    orders = [
        (
            plan.broker_ids[0],
            name,
            rules.orders.new_order(
                name, terms_of(plan.block, lenders)._replace(tif=plan.tif), plan.qty, plan.limit_price, algo, plan.block.instructions,
                act.at,
            ),
        )
        for plan, algo, (_, name) in zip(plans, fields, names, strict=True)
    ]
    queue_messages(act, _messages(orders, together))
    return [pk for pk, _ in names]


def _messages(orders: Sequence[tuple[int, str, Sequence[FramePart]]], ref: ListRef | PackageRef | None) -> list[Outgoing]:
    if ref is None:
        return [Outgoing(broker, "D", name, fields) for broker, name, fields in orders]
    if isinstance(ref, PackageRef):
        return [Outgoing(broker, "D", name, lists.linked(fields, ref.link)) for broker, name, fields in orders]
    whole: dict[int, list[Sequence[FramePart]]] = {}
    outgoing = []
    for broker, name, fields in orders:
        if broker in ref.as_one and lists.fits_in_list(fields):
            whole.setdefault(broker, []).append(fields)
        else:
            outgoing.append(Outgoing(broker, "D", name, lists.of_list(fields, ref)))
    return [*outgoing, *(Outgoing(broker, "E", ref.list_id, lists.new_list(rows, ref)) for broker, rows in whole.items())]
