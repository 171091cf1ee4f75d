"""What people do about incidents: answer for them, note, give time, close."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Invalid, NotFound, Stale
from apps.core.tables import update_many
from apps.orders import selectors as orders
from apps.users.models import User
from apps.users.services import can, require

from .. import events
from ..models import Incident
from ..states import INCIDENT_LIFE, In


class StaleIncident(Stale):
    """The incident changed after the person looked at it."""


@transaction.atomic
def assign_incidents(act: Act, incident_ids: Sequence[int], owner_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will make a colleague answer for incidents.

    :raises Invalid: where the colleague may not see compliance, or is switched off
    """
    require(act, "surveillance.work")
    owner = User.objects.filter(pk=owner_id, is_active=True, is_automated=False).first()
    if owner is None or not (can(owner, "compliance.see") or can(owner, "portfolios.see")):
        raise Invalid("Choose an active colleague who may see portfolios or compliance.", field="owner")
    rows = _locked(incident_ids, seen)
    _happen(act, rows, events.IncidentAssigned(owner.pk), {"owner_id": ("bigint", owner.pk)})


@transaction.atomic
def note_incident(act: Act, incident_id: int, *, seen: Mapping[int, int]) -> None:
    """Will keep the act's reason as a note on an incident. :raises Invalid: without words"""
    require(act, "surveillance.work")
    _refuse_silence(act)
    _happen(act, _locked([incident_id], seen), events.IncidentNoted())


@transaction.atomic
def give_time(act: Act, incident_id: int, until: date, *, seen: Mapping[int, int]) -> None:
    """Will move the day by which an incident is to be cured, for a reason. :raises Invalid: for a day that is over"""
    require(act, "surveillance.work")
    _refuse_silence(act)
    if until < act.at.date():
        raise Invalid("That day is over; choose a later one.", field="cure_by")
    (row,) = _locked([incident_id], seen)
    moved = events.IncidentGivenTime(row.cure_by.isoformat(), until.isoformat())
    _happen(act, [row], moved, {"cure_by": ("date", until)})


@transaction.atomic
def close_incidents(act: Act, incident_ids: Sequence[int], *, seen: Mapping[int, int]) -> None:
    """
    Will end incidents for the reason the act gives: wrong data, a waiver, a rule that is no more. Where the rule is still
    broken at the end of the next day, that is a new incident.
    """
    require(act, "surveillance.work")
    _refuse_silence(act)
    rows = _locked(incident_ids, seen)
    after = str(INCIDENT_LIFE.after(In.OPEN, events.IncidentClosed))
    ended = max([act.at.date(), *(row.opened_on for row in rows)])
    _happen(act, rows, events.IncidentClosed(), {"status": ("text", after), "ended_on": ("date", ended)})


def _locked(incident_ids: Sequence[int], seen: Mapping[int, int]) -> list[Incident]:
    wanted = sorted(set(incident_ids))
    rows = list(Incident.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk"))
    if not rows or len(rows) < len(wanted):
        raise NotFound("There is no such incident. Reload the list.")
    stale = {row.pk: (row.ref, seen.get(row.pk), row.version) for row in rows if seen.get(row.pk) != row.version}
    if stale:
        first = next(iter(stale.values()))[0]
        raise StaleIncident(f"{first} changed since you looked, so nothing was done. Reload.", stale=orders.missed("incident", stale))
    return rows


def _happen(act: Act, rows: Sequence[Incident], event: Event, columns: Mapping[str, tuple[str, Any]] | None = None) -> None:
    for row in rows:
        INCIDENT_LIFE.after(row.status, type(event))
    with connection.cursor() as cursor:
        given = {name: (kind, [value] * len(rows)) for name, (kind, value) in (columns or {}).items()}
        given = given or {"status": ("text", [row.status for row in rows])}
        update_many(cursor, "surveillance_incident", [row.pk for row in rows], given, bump=True)
    record(act, [Fact(row.pk, row.version + 1, event) for row in rows])


def _refuse_silence(act: Act) -> None:
    if not act.reason.strip():
        raise Invalid("Say why; the reason is kept.", field="reason")


