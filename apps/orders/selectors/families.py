"""What an order that was split became, and what its parts go by."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from ..models import Family, Order
from .orders import orders_seen_by


class Kinship(NamedTuple):
    """A family as a person sees it: what it asks for, and its parts of theirs, the order as it was entered first."""

    qty: Decimal
    parts: Sequence[Order]


def parts_with(order_id: int) -> QuerySet[Order]:
    """The order, what it was split from, and all else split from that."""
    roots = Order.objects.filter(pk=order_id).annotate(top=Coalesce("split_from_id", F("pk"))).values("top")
    return Order.objects.filter(Q(pk__in=roots) | Q(split_from__in=roots))


def family_of(user, order: Order) -> Kinship | None:
    """The family of an order, or None where it was never split. Two queries."""
    family = Family.objects.filter(root=order.root_id).first()
    if family is None:
        return None
    parts = orders_seen_by(user).filter(Q(pk=family.root_id) | Q(split_from=family.root_id)).order_by("pk")
    return Kinship(family.qty, list(parts))


def checks_behind(order_ids: Collection[int]) -> dict[int, int]:
    """Order id to the last check by which it, or what it was split from, went to the desk; one query over the record."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (e.subject_id) e.subject_id, (e.payload ->> 'check_id')::bigint FROM audit_entry e"
            " WHERE e.subject = 'order' AND e.subject_id = ANY(%s) AND e.payload ->> 'check_id' IS NOT NULL"
            " AND e.event IN ('order.cleared', 'order.awaits_approval', 'order.parked', 'order.split_off')"
            " ORDER BY e.subject_id, e.nth DESC",
            [list(order_ids)],
        )
        return dict(cursor.fetchall())


def check_it_was_split_by(order_id: int) -> int | None:
    """The check that what a part was split from had passed; None for an order that was entered."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (e.payload ->> 'check_id')::bigint FROM audit_entry e WHERE e.subject = 'order' AND e.subject_id = %s"
            " AND e.nth = 1 AND e.event = 'order.split_off'",
            [order_id],
        )
        row = cursor.fetchone()
    return row and row[0]
