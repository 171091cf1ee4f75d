"""What alerts look at, found for all rules and all blocks at once; and the alerts a person is to see."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Value, When

from apps.blocks.models import Block
from apps.blocks.selectors import forwards_of
from apps.blocks.states import B
from apps.core.refusals import NotFound
from apps.reference import selectors as reference
from apps.reference.models import AssetClass
from apps.users.services import can

from .models import Alert
from .states import DEAD

RECENT_FILLS = 20_000  # Executions looked back at, by key: what a burst is counted over never reads the whole table.


class Found(NamedTuple):
    """
    A rule that is met: by which block, or which route or algorithm of it, and the number that met it. ``since``: what was told before
    then was of something else.
    """

    rule_id: int
    kind: str
    threshold: Decimal
    block_id: int
    route_id: int | None
    value: Decimal
    side: str
    symbol: str
    broker: str
    note: str = ""
    algo_id: int | None = None
    since: datetime | None = None


_FOUND = f"""
WITH live AS (
  SELECT b.id, b.desk_id, b.side, b.status, b.limit_price, b.frozen_at, b.trade_date, b.instrument_id, i.symbol,
    c.closes_at
  FROM blocks_block b JOIN reference_instrument i ON i.id = b.instrument_id
  LEFT JOIN unnest(%(venues)s::bigint[], %(days)s::date[], %(closes)s::timestamptz[]) AS c(venue_id, day, closes_at)
    ON c.venue_id = i.venue_id AND c.day = b.trade_date
  WHERE b.status IN ('OPEN', 'WORKING') AND b.qty > b.filled_qty + b.cancelled_qty
), rule AS (SELECT id, kind, threshold, window_seconds, desk_id FROM routing_alertrule WHERE is_active
), worked AS (
  SELECT r.block_id, max(greatest(r.requested_at, r.accepted_at, r.last_fill_at)) AS last_at
  FROM live b JOIN routing_route r ON r.block_id = b.id GROUP BY 1
), recent AS (
  SELECT block_id, at FROM routing_execution WHERE id > (SELECT coalesce(max(id), 0) - {RECENT_FILLS} FROM routing_execution)
)
SELECT a.id, a.kind, a.threshold, b.id, r.id, extract(epoch FROM %(now)s - min(q.requested_at)), b.side, b.symbol, k.name, ''
  FROM rule a JOIN live b ON a.desk_id IS NULL OR a.desk_id = b.desk_id
  JOIN routing_route r ON r.block_id = b.id AND r.status <> ALL(%(dead)s)
  JOIN routing_routerequest q ON q.route_id = r.id AND (CASE WHEN q.msg_type IN ('F', 'G') THEN q.answer = 'WAITING'
    ELSE r.status = 'PENDING_SEND' END)
  JOIN reference_broker k ON k.id = r.broker_id
  WHERE a.kind = 'NO_ACK' AND q.requested_at < %(now)s - a.threshold * interval '1 second' GROUP BY 1, 2, 3, 4, 5, 7, 8, 9
UNION ALL
SELECT a.id, a.kind, a.threshold, b.id, NULL, away.bp, b.side, b.symbol, '', '' FROM rule a
  JOIN live b ON a.desk_id IS NULL OR a.desk_id = b.desk_id JOIN marketdata_quote q ON q.instrument_id = b.instrument_id,
  LATERAL (SELECT CASE WHEN b.id = ANY(%(forwards)s::bigint[])
    THEN (%(factors)s::numeric[])[array_position(%(forwards)s::bigint[], b.id)] ELSE 1 END AS carried) f,
  LATERAL (SELECT CASE b.side WHEN 'BUY' THEN q.ask * f.carried - b.limit_price ELSE b.limit_price - q.bid * f.carried END
    / nullif(b.limit_price, 0) * 10000 AS bp) away
  WHERE a.kind = 'LIMIT_AWAY' AND b.limit_price IS NOT NULL AND away.bp >= a.threshold
UNION ALL
SELECT a.id, a.kind, a.threshold, b.id, NULL, extract(epoch FROM %(now)s - greatest(w.last_at, b.frozen_at)) / 60, b.side,
  b.symbol, '', '' FROM rule a JOIN live b ON a.desk_id IS NULL OR a.desk_id = b.desk_id LEFT JOIN worked w ON w.block_id = b.id
  WHERE a.kind = 'IDLE' AND b.status = 'WORKING'
  AND greatest(w.last_at, b.frozen_at) < %(now)s - a.threshold * interval '1 minute'
UNION ALL
SELECT a.id, a.kind, a.threshold, b.id, NULL, extract(epoch FROM b.closes_at - %(now)s) / 60, b.side, b.symbol, '', ''
  FROM rule a JOIN live b ON a.desk_id IS NULL OR a.desk_id = b.desk_id
  WHERE a.kind = 'NEAR_CLOSE' AND %(now)s BETWEEN b.closes_at - a.threshold * interval '1 minute' AND b.closes_at
UNION ALL
SELECT a.id, a.kind, a.threshold, b.id, NULL, count(*), b.side, b.symbol, '', ''
  FROM rule a JOIN live b ON a.desk_id IS NULL OR a.desk_id = b.desk_id JOIN blocks_member m ON m.block_id = b.id
  JOIN orders_order o ON o.id = m.order_id AND o.status = 'WORKING'
    AND EXISTS (SELECT FROM compliance_review w WHERE w.order_id = o.id AND w.opened_at > b.frozen_at)
  JOIN LATERAL (SELECT outcome, at FROM compliance_check WHERE order_id = o.id ORDER BY id DESC LIMIT 1) c
    ON c.outcome <> 'PASS' AND c.at > b.frozen_at
  JOIN LATERAL (SELECT status FROM compliance_review WHERE order_id = o.id ORDER BY id DESC LIMIT 1) v
    ON v.status IN ('WAITING', 'REJECTED')
  WHERE a.kind = 'RECHECK' GROUP BY 1, 2, 3, 4, 7, 8 HAVING count(*) >= a.threshold
UNION ALL
SELECT a.id, a.kind, a.threshold, b.id, NULL, count(*), b.side, i.symbol, '', '' FROM rule a
  JOIN recent e ON e.at > %(now)s - a.window_seconds * interval '1 second' JOIN blocks_block b ON b.id = e.block_id
  JOIN reference_instrument i ON i.id = b.instrument_id
  WHERE a.kind = 'FILL_BURST' AND (a.desk_id IS NULL OR a.desk_id = b.desk_id)
  GROUP BY 1, 2, 3, 4, 7, 8 HAVING count(*) >= a.threshold
UNION ALL
SELECT a.id, a.kind, a.threshold, b.id, r.id, extract(epoch FROM %(now)s - r.noted_at) / 60, b.side, i.symbol, k.name, r.note
  FROM rule a JOIN routing_route r ON r.noted_at > %(now)s - a.threshold * interval '1 minute'
  JOIN blocks_block b ON b.id = r.block_id JOIN reference_instrument i ON i.id = b.instrument_id
  JOIN reference_broker k ON k.id = r.broker_id
  WHERE a.kind = 'UNASKED' AND (a.desk_id IS NULL OR a.desk_id = b.desk_id)
UNION ALL
SELECT a.id, a.kind, a.threshold, b.id, r.id, count(*), b.side, i.symbol, k.name, min(m.problem)
  FROM rule a JOIN routing_message m ON m.status = 'QUARANTINED' JOIN routing_route r ON r.id = m.route_id
  JOIN blocks_block b ON b.id = r.block_id JOIN reference_instrument i ON i.id = b.instrument_id
  JOIN reference_broker k ON k.id = r.broker_id
  WHERE a.kind = 'HELD' AND (a.desk_id IS NULL OR a.desk_id = b.desk_id)
  GROUP BY 1, 2, 3, 4, 5, 7, 8, 9 HAVING count(*) >= a.threshold
"""


def found(now: datetime) -> list[Found]:
    """
    Every rule that is met at this moment, of the kinds that are looked at here. Three queries, whatever the number of rules and
    blocks; five more where there are forwards in currencies with a limit, which is compared with the quote carried to their value date.
    """
    dated = Block.objects.filter(
        status__in=[B.OPEN, B.WORKING], instrument__asset_class=AssetClass.FX, limit_price__isnull=False, terms__has_key="value_date"
    )  # fmt: skip
    forwards = forwards_of(dated)
    closing = reference.closes_today(now)
    venues, days, closes = (list(column) for column in zip(*closing, strict=True)) if closing else ([], [], [])
    with connection.cursor() as cursor:
        given = {
            "now": now, "dead": [str(s) for s in DEAD], "venues": venues, "days": days, "closes": closes,
            "forwards": list(forwards), "factors": list(forwards.values()),
        }  # fmt: skip
        cursor.execute(_FOUND, given)
        return [Found(*row) for row in cursor.fetchall()]


def alerts_seen_by(user) -> QuerySet[Alert]:
    """Alerts of blocks on the person's desks; all for roles that see the whole firm."""
    if not can(user, "routing.see"):
        return Alert.objects.none()
    if can(user, "portfolios.see_all"):
        return Alert.objects.all()
    return Alert.objects.filter(block__desk__in=user.desks.all())


def open_alerts(user, now: datetime) -> QuerySet[Alert]:
    """Alerts that wait for somebody, one's own blocks first, then the pool's, then colleagues'; the oldest first."""
    whose = Case(
        When(block__owner=user.pk, then=Value(0)), When(block__owner=None, then=Value(1)), default=Value(2),
        output_field=IntegerField(),
    )  # fmt: skip
    rows = alerts_seen_by(user).filter(status="OPEN").filter(Q(snoozed_until=None) | Q(snoozed_until__lte=now))
    return (
        rows.annotate(whose=whose)
        .select_related("rule", "block__instrument", "block__owner", "route__broker", "acknowledged_by")
        .order_by("whose", "opened_at", "pk")
    )


def waiting_for(user, now: datetime) -> QuerySet[Alert]:
    """Those of one's own blocks and of the pool's: what a trader's badge counts."""
    return open_alerts(user, now).filter(Q(block__owner=None) | Q(block__owner=user.pk))


def get_alert_seen_by(user, alert_id: int) -> Alert:
    """:raises NotFound: where there is none for this person"""
    row = alerts_seen_by(user).select_related("rule", "block__instrument", "block__owner").filter(pk=alert_id).first()
    if row is None:
        raise NotFound("There is no such alert, or it is not of a desk of yours.")
    return row


def counts_by_rule(user, since: datetime) -> Sequence[dict]:
    """How often each rule spoke since a moment, and what came of it: too many that end by themselves tire the desk."""
    rows = alerts_seen_by(user).filter(opened_at__gte=since).values(name=F("rule__name"))
    return rows.annotate(
        raised=Count("pk"),
        acknowledged=Count("pk", filter=Q(acknowledged_at__isnull=False)),
        snoozed=Count("pk", filter=Q(snoozes__gt=0)),
        by_themselves=Count("pk", filter=Q(status="ENDED", acknowledged_at=None)),
    ).order_by("-raised", "name")
