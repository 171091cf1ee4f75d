"""How linked orders stand: who waits for whom, which legs end which."""

from collections.abc import Collection
from typing import NamedTuple

from django.db import connection
from django.db.models import QuerySet

from apps.core.refusals import NotFound

from ..models import Order, OrderGroup
from ..rules import WAITING_ROLES
from .orders import orders_seen_by

# The leg of each order of a group; the parts that were split off an order share its leg.
LEGS = (
    "(SELECT order_id, id, group_id, role FROM orders_leg UNION ALL SELECT q.id, l.id, l.group_id, l.role"
    " FROM orders_order q JOIN orders_leg l ON l.order_id = q.split_from_id WHERE q.split_from_id IS NOT NULL)"
)
# Of orders (%s, and again), those whose group has another leg at work or filled, or among them, that they would end or
# that would end them; which roles of which kinds end each other (two arrays, and again).
BESIDE = (
    f"SELECT DISTINCT l.order_id FROM {LEGS} l JOIN orders_ordergroup g ON g.id = l.group_id"
    " JOIN unnest(%s::text[], %s::text[]) AS x(kind, role) ON x.kind = g.kind AND x.role = l.role"
    f" JOIN {LEGS} m ON m.group_id = g.id AND m.id <> l.id"
    " JOIN unnest(%s::text[], %s::text[]) AS y(kind, role) ON y.kind = g.kind AND y.role = m.role"
    " JOIN orders_order o ON o.id = m.order_id"
    " AND (o.status IN ('WORKING', 'DONE') AND o.cancelled_qty < o.qty OR o.id = ANY(%s)) WHERE l.order_id = ANY(%s)"
)
# Of orders (%s), those in one of the waiting roles (%s) whose group's parent has not filled: nothing of it, or not all parts.
WAITING_LEGS = (
    f"SELECT l.order_id FROM {LEGS} l WHERE l.order_id = ANY(%s) AND l.role = ANY(%s) AND NOT (SELECT"
    " bool_or(o.status = 'DONE' AND o.filled_qty > 0) AND bool_and(o.status IN ('DONE', 'CANCELLED', 'REJECTED'))"
    f" FROM {LEGS} p JOIN orders_order o ON o.id = p.order_id WHERE p.group_id = l.group_id AND p.role = 'PARENT')"
)


def waiting_legs(order_ids: Collection[int]) -> set[int]:
    """Those of the orders that wait for their group's parent to fill; one query."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING_LEGS, [list(order_ids), list(WAITING_ROLES)])
        return {pk for (pk,) in cursor.fetchall()}


class Kin(NamedTuple):
    """An order that something follows for, because another of its group ended: ``of_id`` with or without a fill."""

    order_id: int
    status: str
    role: str
    kind: str
    of_id: int
    of_role: str
    of_filled: bool


def kin(order_ids: Collection[int]) -> list[Kin]:
    """
    The other legs of the groups of orders that ended, by order; one query. What waits for a parent that was split waits for
    all its parts, and a leg is filled where one of its parts is.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT o.id, o.status, l.role, g.kind, e.id, m.role, whole.filled FROM {LEGS} m"
            " JOIN orders_order e ON e.id = m.order_id AND e.status IN ('DONE', 'CANCELLED', 'REJECTED')"
            " JOIN LATERAL (SELECT bool_or(p.filled_qty > 0) AS filled,"
            "  bool_and(p.status IN ('DONE', 'CANCELLED', 'REJECTED')) AS is_over"
            f"  FROM {LEGS} f JOIN orders_order p ON p.id = f.order_id WHERE f.id = m.id) whole"
            "  ON whole.is_over OR m.role <> 'PARENT'"
            f" JOIN orders_ordergroup g ON g.id = m.group_id JOIN {LEGS} l ON l.group_id = g.id AND l.id <> m.id"
            " JOIN orders_order o ON o.id = l.order_id WHERE m.order_id = ANY(%s) ORDER BY o.id, e.id",
            [list(order_ids)],
        )
        return [Kin(*row) for row in cursor.fetchall()]


def groups_seen_by(user) -> QuerySet[OrderGroup]:
    """Groups of which the person sees an order."""
    return OrderGroup.objects.filter(pk__in=orders_seen_by(user).exclude(group=None).values("group"))


def get_group_seen_by(user, group_id: int) -> OrderGroup:
    """:raises NotFound: where there is none of which this person sees an order"""
    row = groups_seen_by(user).select_related("created_by").filter(pk=group_id).first()
    if row is None:
        raise NotFound("There is no such group, or none of its orders is yours.")
    return row


def statuses_in(user, groups: Collection[OrderGroup]) -> dict[int, set[str]]:
    """Group to where its orders stand, of those that the person sees. One query."""
    found: dict[int, set[str]] = {group.pk: set() for group in groups}
    rows = orders_seen_by(user).filter(group__in=found).order_by().values_list("group", "status").distinct()
    for pk, status in rows:
        found[pk].add(status)
    return found


def members(user, group: OrderGroup) -> list[Order]:
    """The group's orders that the person sees, with their legs."""
    return list(
        orders_seen_by(user)
        .filter(group=group)
        .select_related("portfolio", "instrument", "leg")
        .order_by("pk")[:5000]
    )
