"""
What officers let stand of held orders: one override an order and rule, bound to the order's version, the rule's, the
value and the limit. It ends at a time, when the rule finds more, and when its order is another or over.

The caller holds the orders, so nobody else changes their overrides.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Conflict, Invalid
from apps.core.tables import next_ids
from apps.orders import services as orders

from .. import events, selectors
from ..engine.acceptance import counts
from ..models import Check, Override, RuleVersion
from ..states import CODES, OVERRIDE_LIFE, REVIEW_LIFE, Code, R, V

HARD = "HARD"
MOST_TOLERANCE = 10
LEAST_LEFT = timedelta(hours=1)  # Of a day: what is approved shortly before its end holds through the next.


class OverrideOver(Conflict):
    """What let an order through is over: the order has to be screened again first."""


class Terms(NamedTuple):
    """
    How far an override goes.

    :param code: why, of ``states.CODES``
    :param until: the last day on which it holds, in the firm's time; None for today
    :param tolerance_pct: by how much of the limit the value may get worse
    """

    code: str = Code.OTHER
    until: date | None = None
    tolerance_pct: Decimal = Decimal(0)


class Decided(Protocol):
    id: int
    order_id: int
    check_id: int


def last_day(at: datetime) -> date:
    """The day that an override given now holds through: today, or tomorrow where little is left of today."""
    return (at + LEAST_LEFT).astimezone(_zone()).date()


def expiry(at: datetime, terms: Terms) -> datetime:
    """When an override given now ends. :raises Invalid: beside the field that cannot be so"""
    if terms.code not in CODES:
        raise Invalid(f"Say why by one of the codes: {', '.join(CODES)}.", field="code")
    if not 0 <= terms.tolerance_pct <= MOST_TOLERANCE:
        raise Invalid(f"A tolerance is from 0 to {MOST_TOLERANCE} percent of the limit.", field="tolerance_pct")
    today = last_day(at)
    until = terms.until or today
    latest = today + timedelta(days=settings.OVERRIDE_DAYS)
    if until < at.astimezone(_zone()).date() or until > latest:
        raise Invalid(f"An override holds through a day from today to {latest:%-d %b %Y}.", field="until")
    end = datetime.combine(until + timedelta(days=1), time.min, _zone())
    if end <= at:
        raise Invalid("That day is over. Choose a later one.", field="until")
    return end.astimezone(at.tzinfo)


def _zone() -> ZoneInfo:
    return ZoneInfo(settings.FIRM_TIME_ZONE)


def let_stand(act: Act, rows: Sequence[Decided], terms: Terms, *, asked: bool) -> None:
    """
    Will keep an override of everything found against the orders of these reviews, for the reason the act gives.

    :param asked: whether they wait for a second officer
    """
    if not rows:
        return
    ends = expiry(act.at, terms)
    end(act, [row.order_id for row in rows], "a later decision")
    found = _findings([row.check_id for row in rows])
    made = [(row, one) for row in rows for one in found[row.check_id][1]]
    kind = events.OverrideAsked if asked else events.OverrideGranted
    rules = dict(RuleVersion.objects.filter(pk__in={one["version"] for _, one in made}).values_list("pk", "rule_id"))
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "compliance_override", len(made))
    kept = [
        Override(
            pk=pk, review_id=row.id, order_id=row.order_id, order_version=found[row.check_id][0],
            rule_id=rules[one["version"]], rule_version_id=one["version"], severity=one["severity"], outcome=one["outcome"],
            value=one.get("after"), limit=one.get("limit"), unit=one.get("unit") or "", limit_from=one.get("limit_from") or "",
            said=one.get("text") or "", met=one.get("met") or [], code=terms.code, reason=act.reason.strip(),
            tolerance_pct=terms.tolerance_pct, expires_at=ends, first_by_id=act.by, first_at=act.at, status=OVERRIDE_LIFE.born[kind],
        )
        for pk, (row, one) in zip(ids, made, strict=True)
    ]  # fmt: skip
    Override.objects.bulk_create(kept)
    record(act, [Fact(one.pk, 1, _told(kind, one)) for one in kept])


def _findings(check_ids: Sequence[int]) -> dict[int, tuple[int, list[dict[str, Any]]]]:
    """Check id to the version of the order it was of, and what it found that holds the order."""
    rows = Check.objects.filter(pk__in=check_ids).values_list("pk", "order_version", "results")
    return {pk: (version, [one for one in results if counts(one)]) for pk, version, results in rows}


def _told(kind: type[events.OverrideAsked] | type[events.OverrideGranted], one: Override) -> Event:
    return kind(
        one.order_id, one.rule_id, one.review_id, one.order_version, one.rule_version_id, _plain(one.value),
        _plain(one.limit), one.unit, one.code, one.expires_at.isoformat(), _plain(one.tolerance_pct),
    )  # fmt: skip


def _plain(value: Any) -> str:
    return "" if value is None else str(value)


class Request(NamedTuple):
    """What a first officer asked for of a review."""

    by: int
    expires_at: datetime


def requests_of(review_ids: Collection[int]) -> dict[int, Request]:
    """Of reviews that wait for a second officer, who asked and until when. One query."""
    rows = Override.objects.filter(review__in=review_ids, status=V.ASKED).values_list("review_id", "first_by_id", "expires_at")
    return {review: Request(by, ends) for review, by, ends in rows.distinct()}


def confirm(act: Act, review_ids: Sequence[int]) -> None:
    """Will make live what a first officer asked for of these reviews."""
    _move(
        act, events.OverrideConfirmed, "review_id = ANY(%s) AND status = %s", [list(review_ids), V.ASKED],
        sets="second_by_id = %s, second_at = %s, second_reason = %s", values=[act.by, act.at, act.reason.strip()],
    )  # fmt: skip


def end(act: Act, order_ids: Sequence[int], why: str, *, live: bool = True) -> None:
    """Will end what was asked for of these orders, and what stands unless ``live`` is False."""
    _move(act, events.OverrideDropped, "order_id = ANY(%s) AND status = %s", [list(order_ids), V.ASKED], why)
    if live:
        _move(act, events.OverrideLapsed, "order_id = ANY(%s) AND status = %s", [list(order_ids), V.LIVE], why)


def still_allowed(act: Act, checks: Mapping[int, int]) -> dict[int, str]:
    """
    Of orders that fail now, those that live overrides cover, with the severity of what was overridden. An override
    whose finding got worse, or is another, ends with that. Four queries at most.

    :param checks: order id to the check that it fails now
    """
    found = selectors.standing(checks, act.at)
    dead = [pk for one in found.values() for pk in one.dead]
    if dead:
        _move(act, events.OverrideLapsed, "id = ANY(%s) AND status = %s", [dead, V.LIVE], "the rule finds more or otherwise")
    return {pk: one.severity for pk, one in found.items() if not one.open}


@transaction.atomic
def expire_overrides(act: Act) -> int:
    """
    Will end overrides whose time is over and send the orders they let through to compliance again: one that the desk
    does not work yet leaves its block, one at a broker goes on working until somebody decides. Of a review that waits
    for a second officer, both have to decide anew. How many orders there were.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM orders_order WHERE id IN (SELECT order_id FROM compliance_override"
            " WHERE status IN (%s, %s) AND expires_at <= %s) OR split_from_id IN (SELECT order_id FROM compliance_override"
            " WHERE status = %s AND expires_at <= %s) ORDER BY id FOR NO KEY UPDATE",
            [V.ASKED, V.LIVE, act.at, V.LIVE, act.at],
        )
        ids = [pk for (pk,) in cursor.fetchall()]
        if not ids:
            return 0
        cursor.execute(
            "UPDATE compliance_review SET version = version + 1 WHERE status = %s AND id IN (SELECT review_id"
            " FROM compliance_override WHERE order_id = ANY(%s) AND status = %s AND expires_at <= %s)"
            " RETURNING id, version, order_id",
            [REVIEW_LIFE.after(R.WAITING, events.ApprovalAskEnded), ids, V.ASKED, act.at],
        )
        reviews = cursor.fetchall()
    record(act, [Fact(pk, version, events.ApprovalAskEnded(order)) for pk, version, order in reviews])
    due = "order_id = ANY(%s) AND status = %s AND expires_at <= %s"
    _move(act, events.OverrideExpired, due, [ids, V.ASKED, act.at])
    if _move(act, events.OverrideExpired, due, [ids, V.LIVE, act.at]):
        orders.check_anew(act, ids)
    return len(ids)


def refuse_over(act: Act, order_ids: Collection[int]) -> None:
    """
    Will stop orders that an override let through whose time is over, or parts of one.

    :raises OverrideOver:
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT o.id, v.expires_at FROM orders_order o JOIN compliance_override v"
            " ON v.order_id = coalesce(o.split_from_id, o.id) OR v.order_id = o.id"
            " WHERE o.id = ANY(%s) AND v.status = %s AND v.expires_at <= %s ORDER BY o.id LIMIT 20",
            [list(order_ids), V.LIVE, act.at],
        )
        over = cursor.fetchall()
    if over:
        pk, at = over[0]
        raise OverrideOver(
            f"O-{pk:06d} went to the desk by an override that ended at {at:%H:%M} UTC on {at:%-d %b}. It is checked anew within"
            " a minute; then try again.",
            orders=sorted({order for order, _ in over}),
        )


def _move(
    act: Act, kind: type[Event], where: str, values_of: Sequence[Any], why: str = "", *, sets: str = "", values: Sequence[Any] = ()
) -> int:
    """Moves overrides of one status by an event and records it; how many there were."""
    status = values_of[1]
    more = f", {sets}" if sets else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE compliance_override SET status = %s, version = version + 1{more} WHERE {where}"
            " RETURNING id, version, order_id",
            [OVERRIDE_LIFE.after(status, kind), *values, *values_of],
        )
        rows = sorted(cursor.fetchall())
    told = (kind(order, why) if why else kind(order) for _, _, order in rows)
    record(act, [Fact(pk, version, event) for (pk, version, _), event in zip(rows, told, strict=True)])
    return len(rows)
