"""
Ending trading limits, which allows more than before: one officer proposes the last day, another agrees. Nobody agrees to an
end that they proposed, neither here nor past this, by the database.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Conflict, IllegalMove, Invalid, NotAllowed, NotFound, Stale
from apps.core.tables import copy_in, next_ids
from apps.orders import selectors as order_selectors
from apps.reference import kept
from apps.users.services import require

from .. import limit_events as events
from ..models import LimitEnd, TradingLimit
from ..states import LE, LIMIT_END_LIFE
from .limits import TOLD, StaleLimit, refuse_no_reason

COLUMNS = ("id", "limit_id", "ends_on", "reason", "written_by_id", "written_at", "answer", "status", "version")


class StaleLimitEnd(Stale):
    """Somebody decided on the end of the limit after the officer looked."""


class OwnLimitEnd(NotAllowed):
    """Nobody decides on the end of a limit that they proposed."""


class OthersLimitEnd(NotAllowed):
    """What is proposed is its author's to drop."""


class EndsAlready(Conflict):
    """An end of the limit waits for another officer."""


@transaction.atomic
def propose_limit_ends(act: Act, last_day: date, *, seen: Mapping[int, int]) -> list[int]:
    """
    Will ask another officer to agree that limits hold through a day and no longer, for the reason the act gives. Until then
    they hold as they did. One that was in force yesterday may end with that day, which is at once.

    :param seen: the version of each limit that the person looked at (``selectors.limits_seen_by``)
    :returns: ids of what was proposed, in the order of the limits
    :raises StaleLimit: if one changed since; :raises IllegalMove: if one is over, or ends by then already
    :raises EndsAlready: where an end of one is proposed
    """
    require(act, "compliance.keep_limits")
    refuse_no_reason(act)
    rows = kept.locked_as_seen(TradingLimit.objects.all(), seen, TOLD, StaleLimit)
    for row in rows:
        _refuse_end(row, last_day, act.at.date())
        if last_day < _earliest(row, act.at.date()):
            earliest = _earliest(row, act.at.date())
            raise Invalid(f"{row.ref} can end with {earliest} at the earliest: what held on a day stays so.", field="ends_on")
    if waits := LimitEnd.objects.filter(limit__in=seen, status=LE.PROPOSED).order_by("pk").first():
        raise EndsAlready(f"An end of TL-{waits.limit_id:04d} waits for another officer already: {waits.ref}.", limit=waits.limit_id)
    born, why = LIMIT_END_LIFE.born[events.LimitEndProposed], act.reason.strip()
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "compliance_limitend", len(rows))
        copy_in(
            cursor, "compliance_limitend", COLUMNS,
            ((pk, row.pk, last_day, why, act.by, act.at, "", str(born), 1) for pk, row in zip(ids, rows, strict=True)),
        )  # fmt: skip
    told = [events.LimitEndProposed(row.pk, last_day.isoformat()) for row in rows]
    record(act, [Fact(pk, 1, event) for pk, event in zip(ids, told, strict=True)])
    return ids


@transaction.atomic
def approve_limit_ends(act: Act, end_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will agree that limits end as another officer proposed: all or none. A day that is over by now counts as yesterday.

    :raises StaleLimitEnd: if one changed since the version seen; :raises OwnLimitEnd: where the actor proposed one
    :raises IllegalMove: if a limit ends by then already
    """
    require(act, "compliance.keep_limits")
    rows = _as_seen(end_ids, seen)
    _refuse_own(act, rows)
    limits = {row.limit_id: row.limit for row in rows}
    before = {pk: limit.ends_on and limit.ends_on.isoformat() for pk, limit in limits.items()}
    for row in rows:
        last_day = max(row.ends_on, _earliest(row.limit, act.at.date()))
        _refuse_end(row.limit, last_day, act.at.date())
        row.limit.ends_on = last_day
    told = {row.pk: events.LimitEndApproved(row.limit_id, row.limit.ends_on.isoformat()) for row in rows}
    _happen(act, rows, told, {"decided_by_id": act.by, "decided_at": act.at, "answer": act.reason.strip()})
    TradingLimit.objects.bulk_update(limits.values(), ["ends_on"])
    kept.keep_history(act, list(limits.values()), "~")
    nths = kept.next_nths("limit", list(limits.values()))
    record(
        act,
        [
            Fact(pk, nths[pk], events.LimitEnded({"ends_on": before[pk]}, {"ends_on": limits[pk].ends_on.isoformat()}, row.pk))
            for row in rows for pk in [row.limit_id]
        ],
    )  # fmt: skip


@transaction.atomic
def refuse_limit_ends(act: Act, end_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will refuse what another officer proposed, for the reason the act gives: the limits hold on.

    :raises StaleLimitEnd: if one changed since the version seen; :raises OwnLimitEnd: where the actor proposed one
    """
    require(act, "compliance.keep_limits")
    refuse_no_reason(act)
    rows = _as_seen(end_ids, seen)
    _refuse_own(act, rows)
    told = {row.pk: events.LimitEndRefused(row.limit_id) for row in rows}
    _happen(act, rows, told, {"decided_by_id": act.by, "decided_at": act.at, "answer": act.reason.strip()})


@transaction.atomic
def drop_limit_ends(act: Act, end_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will give up what the actor proposed.

    :raises StaleLimitEnd: if one changed since the version seen; :raises OthersLimitEnd: where somebody else proposed one
    """
    require(act, "compliance.keep_limits")
    rows = _as_seen(end_ids, seen)
    if other := next((row for row in rows if row.written_by_id != act.by), None):
        raise OthersLimitEnd(f"{other.ref} is a colleague's, who alone drops it. You may refuse it.", limit_end=other.pk)
    _happen(act, rows, {row.pk: events.LimitEndDropped(row.limit_id) for row in rows}, {"answer": act.reason.strip()[:200]})


def _earliest(limit: TradingLimit, today: date) -> date:
    """The first day that may be a limit's last: what held on a day stays so."""
    return max(limit.starts_on, today - timedelta(days=1))


def _refuse_end(limit: TradingLimit, last_day: date, today: date) -> None:
    if limit.ends_on is not None and limit.ends_on <= max(last_day, today - timedelta(days=1)):
        raise IllegalMove(f"{limit.ref} ends with {limit.ends_on} already. End it earlier, or leave it.", limit=limit.pk)


def _as_seen(end_ids: Collection[int], seen: Mapping[int, int]) -> list[LimitEnd]:
    """What is proposed, held against change, after its limits."""
    wanted = set(end_ids)
    limits = LimitEnd.objects.filter(pk__in=wanted).values("limit")
    held = {row.pk: row for row in TradingLimit.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=limits).order_by("pk")}
    rows = list(LimitEnd.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=wanted).order_by("pk"))
    if not rows or len(rows) < len(wanted):
        raise NotFound("There is no such end of a limit. Reload the list.")
    stale = {row.pk: (row.ref, seen.get(row.pk), row.version) for row in rows if seen.get(row.pk) != row.version}
    if stale:
        raise StaleLimitEnd(
            f"{next(iter(stale.values()))[0]} is not as you saw it. Reload the list and look again.",
            limit_ends=order_selectors.missed("limit_end", stale),
        )
    for row in rows:
        row.limit = held[row.limit_id]
    return rows


def _happen(act: Act, rows: Sequence[LimitEnd], told: Mapping[int, Event], sets: Mapping) -> None:
    """The one door of its life: moves rows and records it."""
    for row in rows:
        row.status = LIMIT_END_LIFE.after(row.status, type(told[row.pk]))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE compliance_limitend SET status = %s, version = version + 1, {', '.join(f'{name} = %s' for name in sets)}"
            " WHERE id = ANY(%s)",
            [str(rows[0].status), *sets.values(), [row.pk for row in rows]],
        )
    record(act, [Fact(row.pk, row.version + 1, told[row.pk]) for row in rows])


def _refuse_own(act: Act, rows: Sequence[LimitEnd]) -> None:
    if own := next((row for row in rows if row.written_by_id == act.by), None):
        raise OwnLimitEnd(f"You proposed {own.ref}, so another officer has to decide on it.", limit_end=own.pk)
