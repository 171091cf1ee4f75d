"""What was said about orders and blocks, to whom it may be shown, and what somebody has not read yet."""

from collections.abc import Sequence
from typing import NamedTuple

from django.db import connection
from django.db.models import Q, QuerySet

from apps.orders import selectors as orders

from ..models import Member, Note, NoteRead
from .blocks import blocks_seen_by, get_block_seen_by


class Said(NamedTuple):
    """A note, and whether the reader had not read it."""

    note: Note
    is_new: bool


class Unread(NamedTuple):
    """Notes of one order or block that somebody whom they concern has not read: how many, and the last."""

    order_id: int | None
    block_id: int | None
    count: int
    by: str
    text: str
    at: object


def thread_of_order(user, order_id: int) -> list[Said]:
    """What was said about the order and about the block it is in, oldest first. :raises NotFound: where it is hidden"""
    orders.get_order_seen_by(user, order_id)
    block = Member.objects.filter(order=order_id, block__in=blocks_seen_by(user).values("pk")).values("block")
    return _said(user, Note.objects.filter(Q(order=order_id) | Q(block__in=block)))


def thread_of_block(user, block_id: int) -> list[Said]:
    """What was said about the block and about its orders that the person sees, oldest first. :raises NotFound:"""
    get_block_seen_by(user, block_id)
    mine = Member.objects.filter(block=block_id, order__in=orders.orders_seen_by(user).values("pk")).values("order")
    return _said(user, Note.objects.filter(Q(block=block_id) | Q(order__in=mine)))


def _said(user, notes: QuerySet[Note]) -> list[Said]:
    rows = list(notes.select_related("by", "order__portfolio").order_by("pk"))
    marks = NoteRead.objects.filter(user=user).filter(
        Q(order__in={n.order_id for n in rows} - {None}) | Q(block__in={n.block_id for n in rows} - {None})
    )
    read = {(mark.order_id, mark.block_id): mark.last_note for mark in marks}
    return [Said(n, n.by_id != user.pk and n.pk > read.get((n.order_id, n.block_id), 0)) for n in rows]


_UNREAD = """
SELECT n.order_id, n.block_id, count(*), (array_agg(coalesce(nullif(u.first_name, ''), u.username) ORDER BY n.id DESC))[1],
  (array_agg(n.text ORDER BY n.id DESC))[1], max(n.at)
FROM blocks_note n JOIN users_user u ON u.id = n.by_id
LEFT JOIN blocks_noteread r ON r.user_id = %(me)s AND r.order_id IS NOT DISTINCT FROM n.order_id
  AND r.block_id IS NOT DISTINCT FROM n.block_id
LEFT JOIN orders_order o ON o.id = n.order_id
LEFT JOIN blocks_member m ON m.order_id = n.order_id
LEFT JOIN blocks_block b ON b.id = coalesce(n.block_id, m.block_id)
WHERE n.by_id <> %(me)s AND n.id > coalesce(r.last_note, 0) AND n.at > now() - interval '14 days' AND (
  o.created_by_id = %(me)s OR b.owner_id = %(me)s
  OR EXISTS (SELECT 1 FROM blocks_note w WHERE w.by_id = %(me)s AND w.order_id IS NOT DISTINCT FROM n.order_id
    AND w.block_id IS NOT DISTINCT FROM n.block_id)
  OR EXISTS (SELECT 1 FROM blocks_member k JOIN orders_order p ON p.id = k.order_id
    WHERE k.block_id = n.block_id AND p.created_by_id = %(me)s))
GROUP BY 1, 2 ORDER BY 6 DESC LIMIT 50
"""


def unread_by(user) -> Sequence[Unread]:
    """
    What others said in the last two weeks about orders the person entered (or the block of one), blocks they own, and
    wherever they spoke themselves, that they have not read; as far as they still see it. Three queries.
    """
    with connection.cursor() as cursor:
        cursor.execute(_UNREAD, {"me": user.pk})
        rows = [Unread(*row) for row in cursor.fetchall()]
    asked_orders, asked_blocks = {r.order_id for r in rows} - {None}, {r.block_id for r in rows} - {None}
    seen_orders = set(orders.orders_seen_by(user).filter(pk__in=asked_orders).values_list("pk", flat=True))
    seen_blocks = set(blocks_seen_by(user).filter(pk__in=asked_blocks).values_list("pk", flat=True))
    return [row for row in rows if row.order_id in seen_orders or row.block_id in seen_blocks]
