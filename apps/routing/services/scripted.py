"""Orders with a script of what a counterparty of the simulation is to do with them."""

from collections.abc import Sequence
from decimal import Decimal

from apps.core.acts import Act

from .. import rules
from .routes import Routed, route_with_fields


def route_by_script(
    act: Act, block_id: int, *, seen: int, broker_code: str, qty: Decimal, label: str, fields: Sequence[tuple[int, str]]
) -> Routed:
    """
    Will place a quantity of a block with a broker as one order that carries tags of its own, past every check that a route passes.

    :param label: what stands where the strategy's name does; :param fields: the tags
    :raises: as ``route_blocks``
    """
    return route_with_fields(
        act, [block_id], seen={block_id: seen}, broker_code=broker_code, strategy=label[:60],
        params={rules.orders.OWN_FIELDS: [list(one) for one in fields]}, qty=qty, out_of_turn=False,
    )  # fmt: skip
