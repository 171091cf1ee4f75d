"""Who sees which orders, and what happened to one since somebody looked."""

from collections.abc import Mapping

import orjson
from django.db import connection
from django.db.models import Q, QuerySet

from apps.core.refusals import NotFound
from apps.portfolios import selectors as portfolios
from apps.users.selectors import desks_of
from apps.users.services import can

from ..models import Order
from ..states import S

ON_THE_DESK = (S.CLEARED, S.WORKING, S.DONE)


def orders_seen_by(user) -> QuerySet[Order]:
    """
    Orders the person may see: all for roles that see the whole firm; those of their portfolios; and, once compliance
    has nothing against them, those of the desks they sit at.
    """
    if not can(user, "orders.see"):
        return Order.objects.none()
    if can(user, "portfolios.see_all"):
        return Order.objects.all()
    return Order.objects.filter(seen_from(portfolios.portfolios_seen_by(user).values("pk"), desks_of(user).values("pk")))


def seen_from(portfolios, desks) -> Q:
    """Orders seen by who sees these portfolios and sits at these desks, each numbers or a query of them."""
    return Q(portfolio__in=portfolios) | Q(desk__in=desks, status__in=ON_THE_DESK)


def get_order_seen_by(user, order_id: int) -> Order:
    """The order with its instrument, portfolio, group and people. :raises NotFound: where there is none for this person"""
    row = (
        orders_seen_by(user)
        .select_related("portfolio", "instrument", "instrument__venue", "group", "desk", "created_by")
        .filter(pk=order_id)
        .first()
    )
    if row is None:
        raise NotFound("There is no such order, or it is not one of yours.")
    return row


def portfolio_scope(user, portfolio_ids: set[int]) -> tuple[set[int], set[int]]:
    """Of these portfolios, those the person may see and those they run."""
    seen = portfolios.portfolios_seen_by(user).filter(pk__in=portfolio_ids).values_list("pk", flat=True)
    running = portfolios.portfolios_run_by(user).filter(pk__in=portfolio_ids).values_list("pk", flat=True)
    return set(seen), set(running)


def missed(subject: str, rows: Mapping[int, tuple[str, int | None, int]]) -> list[dict]:
    """
    What a refusal says of things that changed after somebody looked, the first twenty of them.

    :param rows: id to what it is called, the version seen, and the version now
    """
    shown = dict(list(rows.items())[:20])
    since = changes_since(subject, {pk: int(seen or 0) for pk, (_, seen, _) in shown.items()})
    return [
        {"id": pk, "ref": ref, "seen": seen, "is": now, "changes": since.get(pk, [])} for pk, (ref, seen, now) in shown.items()
    ]


def changes_since(subject: str, seen: Mapping[int, int]) -> dict[int, list[dict]]:
    """What happened to each subject after the version somebody saw: event, person, time, and what it says; one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.subject_id, e.nth, e.event, e.payload::text, a.at, coalesce(nullif(u.first_name, ''), u.username)"
            " FROM unnest(%s::bigint[], %s::int[]) AS s(id, version)"
            " JOIN audit_entry e ON e.subject = %s AND e.subject_id = s.id AND e.nth > s.version"
            " JOIN audit_act a ON a.id = e.act_id JOIN users_user u ON u.id = a.by_id ORDER BY e.subject_id, e.nth",
            [list(seen), list(seen.values()), subject],
        )
        found: dict[int, list[dict]] = {}
        for pk, nth, event, payload, at, who in cursor.fetchall():
            found.setdefault(pk, []).append(
                {"version": nth, "event": event, "by": who, "at": at.isoformat(), "what": orjson.loads(payload)}
            )
    return found
