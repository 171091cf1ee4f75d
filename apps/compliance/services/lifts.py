"""
Lifting what is on a list, which allows more than before. Of the restricted list one officer asks and another lifts: nobody lifts
what they asked for, neither here nor past this, by the database. The control room decides on its own lists by itself.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Conflict, Invalid, NotAllowed, NotFound, Stale
from apps.orders import selectors as order_selectors
from apps.users.services import require

from .. import events
from ..engine.lists import KINDS
from ..selectors.lists import kinds_seen_by
from ..states import ENTRY_LIFE, RESTRICTION_LIFE

LONGEST_REASON = 300


class StaleRestriction(Stale):
    """The entry changed after the officer looked."""


class OwnLift(NotAllowed):
    """Nobody lifts a restriction that they asked to lift."""


class LiftAsked(Conflict):
    """Somebody asked to lift it already; or nobody did, and a restriction is lifted by two."""


class _Row(NamedTuple):
    id: int
    kind: str
    status: str
    version: int
    asked_by: int | None

    @property
    def is_secret(self) -> bool:
        return KINDS[self.kind].is_secret


@transaction.atomic
def ask_to_lift(act: Act, restriction_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will ask another officer to take entries off the restricted list, for the reason the act gives. Until then they hold.

    :raises NotFound: where there is none, or it is for the control room and the person is not of it
    :raises StaleRestriction: if one changed since the version seen; :raises IllegalMove: if one is lifted already
    :raises LiftAsked: where somebody asked already, or one is the control room's to lift
    """
    rows = _as_seen(act, restriction_ids, seen)
    for row in rows:
        _life(row).after(row.status, type(_lifted(row)))
        if row.is_secret:
            raise LiftAsked("The control room lifts what is on its lists by itself.", restriction=row.id)
        if row.asked_by is not None:
            raise LiftAsked(f"Somebody asked to lift restriction {row.id} already; another officer has to decide.", restriction=row.id)
    _happen(act, rows, events.RestrictionLiftAsked(), {"lift_asked_by_id": act.by, "lift_reason": act.reason.strip()})


@transaction.atomic
def lift(act: Act, restriction_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will take entries off their lists, for the reason the act gives: all or none.

    :raises NotFound: where there is none, or it is for the control room and the person is not of it
    :raises StaleRestriction: if one changed since the version seen; :raises IllegalMove: if one is lifted already
    :raises LiftAsked: where nobody asked to lift a restriction yet; :raises OwnLift: where the actor did
    """
    rows = _as_seen(act, restriction_ids, seen)
    for row in rows:
        _life(row).after(row.status, type(_lifted(row)))
        if not row.is_secret and row.asked_by is None:
            raise LiftAsked(f"Restriction {row.id} is lifted by two officers: ask for it first.", restriction=row.id)
        if not row.is_secret and row.asked_by == act.by:
            raise OwnLift(f"You asked to lift restriction {row.id}, so another officer has to decide on it.", restriction=row.id)
    secret, open_ones = ([row for row in rows if row.is_secret is is_so] for is_so in (True, False))
    _happen(act, secret, events.EntryLifted(), {})
    _happen(act, open_ones, events.RestrictionLifted(), {"lifted_by_id": act.by})


@transaction.atomic
def keep_listed(act: Act, restriction_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will leave on the restricted list what somebody asked to lift, for the reason the act gives.

    :raises StaleRestriction: if one changed since the version seen; :raises IllegalMove: if one is lifted already
    :raises LiftAsked: where nobody asked to lift one
    """
    rows = _as_seen(act, restriction_ids, seen)
    if other := next((row for row in rows if row.asked_by is None), None):
        raise LiftAsked(f"Nobody asked to lift restriction {other.id}: it stays.", restriction=other.id)
    _happen(act, rows, events.RestrictionKept(), {"lift_asked_by_id": None, "lift_reason": ""})


def _as_seen(act: Act, restriction_ids: Collection[int], seen: Mapping[int, int]) -> list[_Row]:
    """The entries, held against change."""
    user = require(act, "compliance.write_rules")
    if not act.reason.strip():
        raise Invalid("Give a reason: it is kept on the record.", field="reason")
    if len(act.reason.strip()) > LONGEST_REASON:
        raise Invalid(f"The reason is longer than {LONGEST_REASON} characters. Shorten it.", field="reason")
    wanted = sorted(set(restriction_ids))
    if not wanted:
        raise Invalid("No restriction was chosen. Select at least one.", field="restrictions")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, kind, status, version, lift_asked_by_id FROM compliance_restriction WHERE id = ANY(%s) AND kind = ANY(%s)"
            " ORDER BY id FOR NO KEY UPDATE",
            [wanted, list(kinds_seen_by(user))],
        )
        rows = [_Row(*row) for row in cursor.fetchall()]
    if len(rows) < len(wanted):
        raise NotFound("There is no such restriction. Reload the list.")
    stale = {row.id: (f"Restriction {row.id}", seen.get(row.id), row.version) for row in rows if seen.get(row.id) != row.version}
    if stale:
        subject = "entry" if any(row.is_secret for row in rows if row.id in stale) else "restriction"
        raise StaleRestriction(
            "A restriction changed since you looked. Reload the list.", restrictions=order_selectors.missed(subject, stale)
        )
    return rows


def _happen(act: Act, rows: Sequence[_Row], event: Event, sets: Mapping[str, Any]) -> None:
    """The one door of an entry's life past its birth: moves rows and records it."""
    if not rows:
        return
    after = [_life(row).after(row.status, type(event)) for row in rows]
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE compliance_restriction SET status = %s, version = version + 1{''.join(f', {name} = %s' for name in sets)}"
            " WHERE id = ANY(%s)",
            [str(after[0]), *sets.values(), [row.id for row in rows]],
        )
    record(act, [Fact(row.id, row.version + 1, event) for row in rows])


def _life(row: _Row):
    return ENTRY_LIFE if row.is_secret else RESTRICTION_LIFE


def _lifted(row: _Row) -> Event:
    return events.EntryLifted() if row.is_secret else events.RestrictionLifted()
