"""Trading limits before anything is sent: of the trader who sends it, of its desk, instrument and asset class."""

from collections.abc import Iterable
from decimal import Decimal

from apps.blocks.models import Block, Member
from apps.compliance.services import controls as compliance
from apps.core.acts import Act
from apps.orders.models import Side

from .planning import Plan


def refuse_plans_beyond_limits(act: Act, plans: Iterable[Plan]) -> None:
    """:raises BeyondLimit: where a part that would be placed is beyond one"""
    refuse_beyond_limits(act, [(p.block, p.qty, p.limit_price) for p in plans])


def refuse_beyond_limits(act: Act, parts: Iterable[tuple[Block, Decimal, Decimal | None]]) -> None:
    """
    :param parts: block, quantity and limit price of each part that would be placed or changed
    :raises BeyondLimit: where one is beyond a limit
    """
    parts = list(parts)
    members: dict[int, list[int]] = {}
    sells = [block.pk for block, *_ in parts if block.side == Side.SELL]
    if sells:
        for block_id, order_id in Member.objects.filter(block__in=sells).values_list("block_id", "order_id"):
            members.setdefault(block_id, []).append(order_id)
    compliance.refuse_beyond_limits(
        act,
        [
            compliance.Wanted(block.ref, block.desk_id, block.instrument, block.side == Side.BUY, qty, limit, members.get(block.pk, ()))
            for block, qty, limit in parts
        ],
    )
