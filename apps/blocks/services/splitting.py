"""
Before a block's first route: some of its orders become a block of their own, or all are gathered anew.

An order goes as a whole, so the quantities of the parts sum to what was split. Once a block is routed its allocation
statement is fixed and names every order, so a part of it is released by routing a part of its quantity (its fills are
shared out by the statement), and what comes later is a new wave.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact, listens
from apps.core.refusals import Invalid
from apps.core.tables import next_ids
from apps.users.models import User

from .. import events
from ..rules import plain
from ..states import LIFE
from .gathering import gather_orders
from .owners import refuse_owned_by_others
from .working import happen, lock_asked, lock_members

COPIED = (
    "instrument_id", "side", "order_type", "limit_price", "tif", "instructions", "currency_id", "desk_id", "owner_id",
    "trade_date", "settle_date", "terms", "wave", "directed_to_id", "directed_when",
)  # fmt: skip


class NotInTheBlock(Invalid):
    """An order named is not one of the block's."""


class NothingLeft(Invalid):
    """All of a block's orders, or none, are no part of it."""


@transaction.atomic
def split_block(act: Act, block_id: int, order_ids: Collection[int], *, seen: Mapping[int, int]) -> int:
    """
    Will make some orders of an open block a block of their own, on the same terms and with the same owner. Orders that
    come later join the block they were split from.

    :returns: the new block's id
    :raises NotInTheBlock: where an order is of another block; :raises NothingLeft: for none of its orders, or all
    :raises MembersChanging: where an order of it is being cancelled or amended at this moment
    :raises OwnedByAnother, NotFound, StaleBlock, IllegalMove: as when finishing; IllegalMove once it was routed
    """
    (row,) = lock_asked(act, [block_id], seen, events.BlockSplit)
    refuse_owned_by_others(User.objects.get(pk=act.by), [row])
    leaving = set(order_ids)
    with connection.cursor() as cursor:
        members, _ = lock_members(cursor, [block_id])
        parts = {order: qty for order, _, qty in members[block_id]}
        if strangers := leaving - parts.keys():
            raise NotInTheBlock(f"Order O-{min(strangers):06d} is not in block B-{block_id:04d}; reload.", field="orders")
        if not leaving or leaving == parts.keys():
            raise NothingLeft("Choose some of the block's orders, not none and not all, to split off.", field="orders")
        qty = sum(parts[order] for order in leaving)
        (child,) = next_ids(cursor, "blocks_block", 1)
        status = LIFE.born[events.BlockOpened]
        cursor.execute(
            f"INSERT INTO blocks_block (id, {', '.join(COPIED)}, merge_key, opened_at, qty, placed_qty, filled_qty,"
            " filled_value, cancelled_qty, status, version, split_from_id)"
            f" SELECT %s, {', '.join(COPIED)}, %s, %s, %s, 0, 0, 0, 0, %s, 1, id FROM blocks_block WHERE id = %s"
            " RETURNING instrument_id, side, wave, directed_to_id",
            [child, hashlib.sha256(f"split {child}".encode()).hexdigest(), act.at, qty, str(status), block_id],
        )
        instrument, side, wave, directed = cursor.fetchone()
        cursor.execute("UPDATE blocks_member SET block_id = %s WHERE order_id = ANY(%s)", [child, list(leaving)])
    told = events.BlockSplit(into=child, order_ids=sorted(leaving), qty=plain(qty))
    happen(act, [row], {block_id: told}, {"qty": ("numeric", [row.qty - qty])})
    opened = events.BlockOpened(instrument, side, wave, plain(qty), len(leaving), split_from=block_id, directed_to_id=directed)
    record(act, [Fact(child, 1, opened)])
    return child


@transaction.atomic
def unblock_blocks(act: Act, block_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will end open blocks and have their orders gathered anew, by today's dates and with their like. The orders stay as
    compliance cleared them: nothing of their terms changes, so nothing is screened again.

    :raises MembersChanging, OwnedByAnother, NotFound, StaleBlock, IllegalMove: as when splitting
    """
    rows = lock_asked(act, block_ids, seen, events.BlockUnblocked)
    refuse_owned_by_others(User.objects.get(pk=act.by), rows)
    with connection.cursor() as cursor:
        members, _ = lock_members(cursor, [row.id for row in rows])
        cursor.execute("DELETE FROM blocks_member WHERE block_id = ANY(%s)", [[row.id for row in rows]])
    told = {row.id: events.BlockUnblocked([order for order, _, _ in members[row.id]]) for row in rows}
    happen(act, rows, told, {"cancelled_qty": ("numeric", [row.qty for row in rows])})


@listens("blocks.regather_orders")
def regather_orders(act: Act, facts: Sequence[Fact]) -> None:
    """Will gather the orders of blocks that were ended for that."""
    orders = [order for fact in facts for order in fact.event.order_ids]
    gather_orders(act, [Fact(order, 0, None) for order in orders])
