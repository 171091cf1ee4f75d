"""Alerts: raised and ended by a periodic look at everything at once, snoozed and acknowledged by people."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q
from simple_history.utils import bulk_create_with_history

from apps.audit.services import record
from apps.blocks.states import B
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Invalid, NotFound, Stale
from apps.core.tables import copy_in, next_ids, one_at_a_time, update_many
from apps.orders import selectors as order_selectors
from apps.users.models import User
from apps.users.services import require

from .. import alert_selectors, events, rules
from ..models import Alert, AlertRule
from ..states import ALERT_LIFE, Al
from .setup import require_setup

COLUMNS = ("id", "rule_id", "block_id", "route_id", "algo_id", "value", "text", "opened_at", "snoozes", "status", "version")
LONGEST_SNOOZE = 480
TOLD = (AlertRule.Kind.STILL,)  # By apps above, which alone know whether their rules are met.
BURST_STANDS = timedelta(minutes=5)  # A burst is over in seconds; nobody would see it.


class StaleAlert(Stale):
    """An alert changed after the person looked at it."""


@transaction.atomic
def raise_alerts(act: Act) -> tuple[int, int]:
    """
    Will open an alert for each rule that is met and has none open for that block or route, end those that are met no
    longer, and wake those whose snooze is over. A burst of fills stands for some minutes. What is snoozed ends when its
    snooze does, unless its block is finished: a market that goes to and fro does not bring it back before.

    Two looks at once take turns: the second finds what the first has opened. What apps above tell of (TOLD) is left to them.

    :returns: how many were opened and how many ended
    """
    _begin(act)
    return _look(act, alert_selectors.found(act.at), ~Q(rule__kind__in=TOLD))


@transaction.atomic
def tell_alerts(
    act: Act, kind: AlertRule.Kind, find: Callable[[Sequence[AlertRule]], Sequence[alert_selectors.Found]]
) -> tuple[int, int]:
    """
    Will do the same for rules of a kind that an app above looks at.

    :param find: from the active rules of the kind all that meets one now
    :returns: how many were opened and how many ended
    """
    _begin(act)
    asked = list(AlertRule.objects.filter(kind=kind, is_active=True).order_by("pk"))
    return _look(act, find(asked) if asked else [], Q(rule__kind=kind))


def _begin(act: Act) -> None:
    require(act, "routing.hear")
    with connection.cursor() as cursor:
        one_at_a_time(cursor, "routing.alerts")


def _look(act: Act, found: Sequence[alert_selectors.Found], which: Q) -> tuple[int, int]:
    """Opens, ends and wakes those alerts that are looked at here, by what is met now."""
    met = {(one.rule_id, one.block_id, one.route_id, one.algo_id): one for one in found}
    standing = {
        (alert.rule_id, alert.block_id, alert.route_id, alert.algo_id): alert
        for alert in Alert.objects.filter(which, status__in=[Al.OPEN, Al.ACKNOWLEDGED])
        .select_related("rule", "block")
        .select_for_update(of=("self",), no_key=True)
        .order_by("pk")
    }
    over = [alert for key, alert in standing.items() if _is_over(alert, met.get(key), act.at)]
    _happen(act, over, events.AlertEnded(), {"ended_at": ("timestamptz", [act.at] * len(over))})
    ended = {alert.pk for alert in over}
    opened = _open(act, [one for key, one in met.items() if key not in standing or standing[key].pk in ended])
    awake = [a for a in standing.values() if a.pk not in ended and a.snoozed_until and a.snoozed_until <= act.at]
    _happen(act, awake, events.AlertWoke(), {"snoozed_until": ("timestamptz", [None] * len(awake))})
    return opened, len(over)


def _is_over(alert: Alert, now_met: alert_selectors.Found | None, now: datetime) -> bool:
    """Whether an alert is met no longer, or something else has happened meanwhile."""
    if now_met is None:
        return not _stands(alert, now)
    if now_met.since and alert.opened_at < now_met.since:
        return True
    return alert.rule.kind == AlertRule.Kind.UNASKED and _words(now_met) != alert.text


def _words(one: alert_selectors.Found) -> str:
    return rules.alert_words(one.kind, one.side, one.symbol, one.broker, one.threshold, one.value, one.note)[:200]


def _stands(alert: Alert, now: datetime) -> bool:
    """Whether an open alert is kept although its rule is met no longer."""
    if alert.status != Al.OPEN:
        return False
    if alert.rule.kind == AlertRule.Kind.FILL_BURST and alert.opened_at > now - BURST_STANDS:
        return True
    return bool(alert.snoozed_until and alert.snoozed_until > now and alert.block.status in (B.OPEN, B.WORKING))


def _open(act: Act, new: Sequence[alert_selectors.Found]) -> int:
    if not new:
        return 0
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "routing_alert", len(new))
        texts = [_words(one) for one in new]
        copy_in(
            cursor, "routing_alert", COLUMNS,
            ((pk, one.rule_id, one.block_id, one.route_id, one.algo_id, round(one.value, 4), text, act.at, 0, str(Al.OPEN), 1)
             for pk, one, text in zip(ids, new, texts, strict=True)),
        )  # fmt: skip
    told = [
        Fact(pk, 1, events.AlertRaised(one.rule_id, one.block_id, one.route_id, text, one.algo_id))
        for pk, one, text in zip(ids, new, texts, strict=True)
    ]
    record(act, told)
    return len(new)


@transaction.atomic
def acknowledge_alerts(act: Act, alert_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will note that a person has seen to the alerts. They end once they are met no longer, and are not raised again before.

    :raises NotFound, StaleAlert, IllegalMove: where one is hidden, changed or no longer open; none is then touched
    """
    rows = _asked(act, alert_ids, seen)
    columns = {
        "acknowledged_by_id": ("bigint", [act.by] * len(rows)),
        "acknowledged_at": ("timestamptz", [act.at] * len(rows)),
    }
    _happen(act, rows, events.AlertAcknowledged(), columns)


@transaction.atomic
def snooze_alerts(act: Act, alert_ids: Collection[int], *, minutes: int, seen: Mapping[int, int]) -> None:
    """
    Will hide the alerts for some minutes, unless they end before.

    :raises Invalid: for less than a minute or more than eight hours
    :raises NotFound, StaleAlert, IllegalMove: as when acknowledging
    """
    if not 1 <= minutes <= LONGEST_SNOOZE:
        raise Invalid(f"Snooze for 1 to {LONGEST_SNOOZE} minutes; got {minutes}.", field="minutes")
    rows = _asked(act, alert_ids, seen)
    until = act.at + timedelta(minutes=minutes)
    columns = {
        "snoozed_until": ("timestamptz", [until] * len(rows)),
        "snoozes": ("int", [row.snoozes + 1 for row in rows]),
    }
    _happen(act, rows, events.AlertSnoozed(until=until.isoformat()), columns)


def _asked(act: Act, alert_ids: Collection[int], seen: Mapping[int, int]) -> list[Alert]:
    user = require(act, "blocks.work")
    wanted = set(alert_ids)
    visible = alert_selectors.alerts_seen_by(user).filter(pk__in=wanted).values("pk")
    rows = list(Alert.objects.filter(pk__in=visible).select_for_update(no_key=True).order_by("pk"))
    if not wanted or len(rows) < len(wanted):
        raise NotFound("One of these alerts does not exist or is not of your desk. Reload the list.")
    stale = [row for row in rows if seen.get(row.pk) != row.version]
    if stale:
        raise StaleAlert(
            f"“{stale[0].text}” is {stale[0].status.lower()} by now: somebody saw to it, or it is over. Reload.",
            stale=order_selectors.missed("alert", {row.pk: (row.ref, seen.get(row.pk), row.version) for row in stale}),
        )
    return rows


def _happen(act: Act, rows: Sequence[Alert], event: Event, columns: dict[str, tuple[str, list]]) -> None:
    """The only door to an alert's status."""
    if not rows:
        return
    statuses = [str(ALERT_LIFE.after(row.status, type(event))) for row in rows]
    with connection.cursor() as cursor:
        update_many(
            cursor, "routing_alert", [r.pk for r in rows], {"status": ("text", statuses)} | columns, bump=True
        )
    record(act, [Fact(row.pk, row.version + 1, event) for row in rows])


@transaction.atomic
def install_default_alerts(act: Act) -> int:
    """Will fill an empty table of alert rules. :returns: how many were added; none where there are rules already"""
    require_setup(act)
    if AlertRule.objects.exists():
        return 0
    kind = AlertRule.Kind
    table = [
        ("Broker does not answer", kind.NO_ACK, 30, None),
        ("Market is away from the limit", kind.LIMIT_AWAY, 100, None),
        ("Working but idle", kind.IDLE, 15, None),
        ("Unfilled near the close", kind.NEAR_CLOSE, 30, None),
        ("Carried order fails the day's check", kind.RECHECK, 1, None),
        ("Broker acted unasked", kind.UNASKED, 60, None),
        ("Report held for a person", kind.HELD, 1, None),
        ("Own algorithm stands still", kind.STILL, 2, None),
        ("Burst of fills", kind.FILL_BURST, 500, 10),
    ]
    bulk_create_with_history(
        [AlertRule(name=name, kind=what, threshold=limit, window_seconds=seconds) for name, what, limit, seconds in table],
        AlertRule, default_user=User.objects.get(pk=act.by), default_change_reason=act.reason[:100] or None,
    )  # fmt: skip
    return len(table)
