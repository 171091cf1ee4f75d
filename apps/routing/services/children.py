"""Orders of our own algorithms: parts of a block at a broker, who is told no strategy, past every check that a route passes."""

from decimal import Decimal

from apps.core.acts import Act

from .planning import Child
from .routes import Routed, route_with_fields


def route_child(act: Act, block_id: int, *, seen: int, broker_code: str, qty: Decimal, child: Child) -> Routed:
    """
    Will place a quantity of a block with a broker as one order, in the name of whom the algorithm works for; the act says why.

    :param seen: the block's version, which the caller holds
    :raises: as ``route_blocks``
    """
    return route_with_fields(
        act, [block_id], seen={block_id: seen}, broker_code=broker_code, strategy=child.label, params=None, qty=qty,
        out_of_turn=False, child=child,
    )  # fmt: skip
