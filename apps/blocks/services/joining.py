"""Parts of an order that was split, made one order again before they are routed."""

from collections.abc import Collection, Mapping
from decimal import Decimal

from django.db import connection, transaction

from apps.core.acts import Act
from apps.orders import services as orders
from apps.users.models import User

from .. import events
from ..models import Block, Member
from ..rules import plain
from .owners import refuse_owned_by_others
from .splitting import NotInABlock
from .working import happen, lock_asked, lock_members


@transaction.atomic
def join_orders(act: Act, order_ids: Collection[int], *, seen: Mapping[int, int]) -> int:
    """
    Will make parts of an order, in open blocks, one order again, in the block of the one that is left: the order as it was
    entered, or else the oldest part. A block that loses its last order is cancelled.

    :param seen: the version of each order that the person was looking at
    :returns: the order that is left
    :raises NotJoined: where they are no parts of one order, or differ in their terms by now; :raises StaleOrder: if one changed
    :raises NotInABlock: where one is in no block
    :raises OwnedByAnother, NotFound, IllegalMove, MembersChanging: as when splitting a block
    """
    ids = set(order_ids)
    found = set(Member.objects.filter(order__in=ids).values_list("block_id", flat=True))
    blocks = Block.objects.filter(pk__in=found).select_for_update(no_key=True).order_by("pk")
    versions = dict(blocks.values_list("pk", "version"))
    if not versions:
        raise NotInABlock("None of these orders is in a block of the desk.", orders=sorted(ids))
    rows = {row.id: row for row in lock_asked(act, versions, versions, events.BlockGrew)}
    refuse_owned_by_others(User.objects.get(pk=act.by), rows.values())
    with connection.cursor() as cursor:
        members, _ = lock_members(cursor, list(rows))
        home_of = {order: block for block, of in members.items() for order, *_ in of}
        if strangers := ids - home_of.keys():
            raise NotInABlock(f"O-{min(strangers):06d} is in no block; only what the desk has can be joined.", order=min(strangers))
        orders.hold_as_seen(ids, seen)
        left, given = orders.mark_joined(act, ids)
        cursor.execute("DELETE FROM blocks_member WHERE order_id = ANY(%s)", [list(given)])
        cursor.execute("UPDATE blocks_member SET qty = qty + %s WHERE order_id = %s", [sum(given.values()), left])
    home = home_of[left]
    gone: dict[int, dict[int, Decimal]] = {}
    for order, qty in given.items():
        if home_of[order] != home:
            gone.setdefault(home_of[order], {})[order] = qty
    gained = sum((qty for of in gone.values() for qty in of.values()), Decimal(0))
    if gained:
        grown = {"qty": ("numeric", [rows[home].qty + gained])}
        happen(act, [rows[home]], {home: events.BlockGrew(plain(gained), 0)}, grown)
    empty = [rows[pk] for pk, of in gone.items() if sum(of.values()) == rows[pk].qty]
    happen(act, empty, {row.id: events.BlockCancelled() for row in empty}, {"cancelled_qty": ("numeric", [r.qty for r in empty])})
    shrunk = [rows[pk] for pk in gone if rows[pk] not in empty]
    told = {row.id: events.BlockShrank(sorted(gone[row.id]), plain(sum(gone[row.id].values()))) for row in shrunk}
    happen(act, shrunk, told, {"qty": ("numeric", [row.qty - sum(gone[row.id].values()) for row in shrunk])})
    return left
