"""Who has to agree to which orders, and who may."""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import orjson
from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.audit.models import Entry
from apps.core.refusals import NotFound
from apps.users.models import User
from apps.users.services import can, groups_of

from .. import rules
from ..models import Approval, ApprovalRule, Deputy
from ..rules import WAITING_ROLES
from ..states import ApprovalStatus, ChainStatus, DeputyStatus
from .groups import WAITING_LEGS
from .orders import orders_seen_by

# What an order is worth in USD, its amount or at its decision price, or its limit; null where that is not known.
WORTH = (
    "(coalesce((o.terms ->> 'cash_qty')::numeric, o.qty * coalesce(o.decision_price, o.limit_price) * i.price_factor)"
    " * CASE WHEN o.currency_id = 'USD' THEN 1 ELSE"
    " coalesce((SELECT f.rate FROM marketdata_fxrate f WHERE f.base_id = o.currency_id AND f.quote_id = 'USD'),"
    " (SELECT 1 / f.rate FROM marketdata_fxrate f WHERE f.quote_id = o.currency_id AND f.base_id = 'USD')) END)"
)


class Needed(NamedTuple):
    """An order that somebody has to agree to; ``given`` is its last approval, where one was granted."""

    order_id: int
    rule_id: int
    rule_version: int
    steps: list
    minutes: int | None
    stands_when_less: bool
    side: str
    qty: Decimal
    limit_price: Decimal | None
    amount_usd: Decimal | None
    overridden: str
    given_id: int | None
    given_version: int | None
    given_rule_id: int | None
    given_qty: Decimal | None
    given_limit: Decimal | None
    terms: dict
    given_terms: dict


def before_the_desk(order_ids: Collection[int], overridden: Mapping[int, str]) -> tuple[list[Needed], set[int]]:
    """
    Those of the orders that an active rule sends to somebody for approval, with that rule, and those that wait for the
    parent of their group to fill; one query.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM (SELECT DISTINCT ON (o.id) o.id, r.id, r.version, r.steps, r.minutes, r.stands_when_less, o.side, o.qty,"
            f" o.limit_price, round({WORTH}, 2), coalesce(s.severity, ''), g.id, g.version, g.rule_id,"
            " CASE WHEN g.opened_at <= f.made_at THEN g.qty - (f.qty - o.qty) ELSE g.qty END, g.limit_price,"
            " jsonb_build_object('order_type', o.order_type, 'tif', o.tif) || o.terms, coalesce(g.terms, '{}')"
            " FROM orders_approvalrule r CROSS JOIN orders_order o JOIN reference_instrument i ON i.id = o.instrument_id"
            " LEFT JOIN unnest(%s::bigint[], %s::text[]) AS s(id, severity) ON s.id = o.id"
            # What was agreed to before the order was split holds for its parts, less what the others ask of it.
            " LEFT JOIN orders_family f ON f.root_id = coalesce(o.split_from_id, o.id)"
            " LEFT JOIN LATERAL (SELECT * FROM orders_approval a WHERE (a.order_id = o.id OR a.order_id = o.split_from_id"
            "  AND a.opened_at <= f.made_at) AND a.status = 'APPROVED' ORDER BY a.id DESC LIMIT 1) g ON true"
            " WHERE r.status = %s AND o.id = ANY(%s) AND (r.portfolio_id IS NULL OR r.portfolio_id = o.portfolio_id)"
            " AND r.asset_class IN ('', i.asset_class)"
            " AND (r.severity = '' OR s.severity = 'HARD' OR (r.severity = 'SOFT' AND s.severity IS NOT NULL))"
            f" AND (r.min_usd IS NULL OR coalesce({WORTH} >= r.min_usd, true))"
            " ORDER BY o.id, r.priority, r.id) needed"
            f" UNION ALL SELECT w.order_id{', NULL' * (len(Needed._fields) - 1)} FROM ({WAITING_LEGS}) w",
            [
                list(overridden), list(overridden.values()), ChainStatus.ACTIVE, list(order_ids),
                list(order_ids), list(WAITING_ROLES),
            ],
        )  # fmt: skip
        rows = cursor.fetchall()
    needed = [
        Needed(*row[:3], orjson.loads(row[3]), *row[4:-2], *map(orjson.loads, row[-2:])) for row in rows if row[1] is not None
    ]
    return needed, {row[0] for row in rows if row[1] is None}


def hands_on(order_ids: Collection[int]) -> dict[int, set[int]]:
    """Who entered or amended each order, or a part of the same family; one query over the record."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT o.id, array_agg(DISTINCT a.by_id) FROM orders_order o"
            " JOIN orders_order f ON f.id = coalesce(o.split_from_id, o.id) OR f.split_from_id = coalesce(o.split_from_id, o.id)"
            " JOIN audit_entry e ON e.subject = 'order' AND e.subject_id = f.id AND e.event IN ('order.created', 'order.amended')"
            " JOIN audit_act a ON a.id = e.act_id WHERE o.id = ANY(%s) GROUP BY 1",
            [list(order_ids)],
        )
        return {pk: set(people) for pk, people in cursor.fetchall()}


def _principals(user: User, at: datetime) -> list[User]:
    """In whose place the person may agree at a time."""
    rows = Deputy.objects.filter(deputy=user, status=DeputyStatus.NAMED, starts_at__lte=at, ends_at__gt=at)
    return [row.person for row in rows.select_related("person").order_by("pk")]


class Rights:
    """What steps a person may agree to at a time, in their own right or as somebody's deputy."""

    def __init__(self, user: User, at: datetime):
        self.user = user
        principals = _principals(user, at)
        self._people = [(None, user, groups_of(user)), *((one.pk, one, groups_of(one)) for one in principals)]

    def to(self, step: dict, makers: Collection[int]) -> tuple[bool, int | None]:
        """Whether they may agree to the step, and for whom, where not in their own right. Deputies of makers may not."""
        for behalf, person, groups in self._people:
            if behalf in makers:
                continue
            if step.get("group") in groups or (step.get("permission") and can(person, step["permission"])):
                return True, behalf
        return False, None


def approvals_seen_by(user) -> QuerySet[Approval]:
    """Approvals of the orders that the person sees, or somebody whose deputy they are now."""
    if not can(user, "orders.see_approvals"):
        return Approval.objects.none()
    rows = Approval.objects.select_related(
        "order__portfolio", "order__instrument", "order__created_by", "order__group", "rule"
    )
    seen = Q(order__in=orders_seen_by(user))
    for principal in _principals(user, timezone.now()):
        seen |= Q(order__in=orders_seen_by(principal))
    return rows.filter(seen)


def waiting_approvals(user) -> QuerySet[Approval]:
    """Late ones first, then by money, then the older."""
    return approvals_seen_by(user).filter(status=ApprovalStatus.WAITING).order_by("escalated_at", "-amount_usd", "pk")


def get_approval_seen_by(user, approval_id: int) -> Approval:
    """:raises NotFound: where there is none for this person"""
    row = approvals_seen_by(user).filter(pk=approval_id).first()
    if row is None:
        raise NotFound("There is no such approval, or its order is not one of yours.")
    return row


class Agreed(NamedTuple):
    """
    What was agreed to before an approval was opened: that approval, each term asked otherwise now, and why it does not
    stand.
    """

    given: Approval
    terms: list[rules.Compared]
    why: str


class Stood(NamedTuple):
    """A time that an approval stood although terms were changed: when, by whose act, and what was compared."""

    at: datetime
    by: str
    terms: list[rules.Compared]


def agreed_before(row: Approval) -> Agreed | None:
    """None where nothing was agreed to before. Two queries."""
    given = Approval.objects.filter(order=row.order_id, status=ApprovalStatus.APPROVED, pk__lt=row.pk).order_by("-pk").first()
    if given is None:
        return None
    opened = Entry.objects.filter(subject="approval", subject_id=row.pk, event="approval.opened").first()
    before, after = ({"qty": one.qty, "limit_price": one.limit_price, **one.terms} for one in (given, row))
    terms = rules.compared(before, after, row.order.side)
    return Agreed(given, terms, opened.payload.get("why", "") if opened else "")


def stood(row: Approval) -> list[Stood]:
    """Each time that it stood for changed terms, the newest first. One query."""
    entries = Entry.objects.filter(subject="approval", subject_id=row.pk, event="approval.stands").select_related("act__by")
    return [
        Stood(e.act.at, str(e.act.by), rules.compared(e.payload.get("before", {}), e.payload.get("after", {}), row.order.side))
        for e in entries.order_by("-nth")
    ]


def approval_rules() -> QuerySet[ApprovalRule]:
    return ApprovalRule.objects.select_related("portfolio").order_by("status", "priority", "pk")


def deputies(at: datetime) -> QuerySet[Deputy]:
    """Those named and not over."""
    return (
        Deputy.objects.filter(status=DeputyStatus.NAMED, ends_at__gt=at)
        .select_related("person", "deputy")
        .order_by("starts_at", "pk")
    )
