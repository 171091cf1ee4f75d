"""Sending what was planned to brokers."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from apps.core.acts import Act

from .. import rules
from .locks import terms_of
from .messages import Outgoing, queue_messages
from .planning import ALGO, Plan
from .throttles import count_strategies
from .writing import NewRoute, write_routes


def place_orders(act: Act, plans: Sequence[Plan], mids: Mapping[int, Decimal], lenders: Mapping[int, str]) -> list[int]:
    """
    Will write a route, its request and its NewOrderSingle for each plan, of whose block the caller has the lock.

    :param mids: of blocks whose price is known; :param lenders: of blocks that sell short
    :returns: the ids of the routes
    :raises RateLimit: where a session or strategy would send more than its throttle lets out
    """
    if not plans:
        return []
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
    outgoing = [
        Outgoing(
            plan.broker_ids[0],
            "D",
            name,
            rules.orders.new_order(
                name, terms_of(plan.block, lenders)._replace(tif=plan.tif), plan.qty, plan.limit_price, algo, plan.block.instructions,
                act.at,
            ),
        )
        for plan, algo, (_, name) in zip(plans, fields, names, strict=True)
    ]
    queue_messages(act, outgoing)
    return [pk for pk, _ in names]
