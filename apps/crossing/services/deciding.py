"""Agreeing to a cross, approving it, or not."""

from collections.abc import Mapping

from django.db import transaction
from django.db.models import Q

from apps.blocks import services as blocks
from apps.core.acts import Act
from apps.core.events import Event
from apps.core.refusals import Invalid, NotAllowed
from apps.portfolios import selectors as portfolios
from apps.users.services import can, require

from .. import events, selectors
from ..models import Cross, Part
from ..states import LIFE, LIVE
from .proposing import happen, locked, refuse_changed, refuse_unmet


class SameHands(NotAllowed):
    """Who makes never checks."""


class NotYours(NotAllowed):
    """No part of the cross waits for this person."""


@transaction.atomic
def accept_cross(act: Act, cross_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will agree to a cross for every order whose portfolio the actor runs; the head of the desk agrees for all that is
    open. With the last it is accepted and waits for compliance.

    :raises SameHands: where the actor proposed it; :raises NotYours: where nothing of it waits for the actor
    :raises NotFound, StaleCross, IllegalMove: where it is hidden, changed (or an order in it), or no longer proposed
    """
    user = require(act, "crossing.accept")
    cross = locked(act, user, cross_id, seen)
    LIFE.after(cross.status, events.CrossAccepted)
    if cross.proposed_by_id == act.by:
        raise SameHands(f"You proposed {cross.ref} yourself, so somebody else has to agree to it.", cross=cross.pk)
    refuse_changed(cross)
    mine = selectors.open_parts(user, cross)
    if not mine:
        raise NotYours(f"No order of {cross.ref} waits for you: its portfolios are run by others, or you agreed already.")
    Part.objects.filter(pk__in=[part.pk for part in mine]).update(accepted_by=act.by, accepted_at=act.at)
    kind = events.CrossPartAccepted if cross.parts.filter(accepted_by=None).exists() else events.CrossAccepted
    happen(act, cross, kind([part.order_id for part in mine]))


@transaction.atomic
def approve_cross(act: Act, cross_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will approve a cross that both sides accepted, if it meets every condition at this moment.

    :raises SameHands: where the actor proposed it or accepted a part of it
    :raises NotCrossable: where a condition is no longer met
    :raises NotFound, StaleCross, IllegalMove: where it is hidden, changed (or an order in it), or not accepted
    """
    user = require(act, "crossing.approve")
    cross = locked(act, user, cross_id, seen)
    LIFE.after(cross.status, events.CrossApproved)
    parts = refuse_changed(cross)
    if act.by in {cross.proposed_by_id, *(part.accepted_by_id for part in parts)}:
        raise SameHands(f"You proposed or accepted {cross.ref} yourself, so another officer has to approve it.", cross=cross.pk)
    refuse_unmet(cross.ref, selectors.prospect(cross.opposition, act.at, [part.order_id for part in parts]).matched)
    cross.approved_by_id, cross.approved_at, cross.approval = act.by, act.at, act.reason.strip()[:400]
    happen(act, cross, events.CrossApproved())


@transaction.atomic
def decline_cross(act: Act, cross_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will end a cross that one of those who have to agree does not agree to: a manager of a portfolio in it, the head of
    the desk, or an officer. Both sides are then to be decided again.

    :raises Invalid: without a reason; :raises NotYours: where the actor runs none of its portfolios
    :raises NotFound, StaleCross, IllegalMove: where it is hidden, changed, or over
    """
    user = require(act, "crossing.decline")
    _refuse_silence(act)
    cross = locked(act, user, cross_id, seen)
    if not can(user, "crossing.approve") and not can(user, "blocks.supervise"):
        run = portfolios.portfolios_run_by(user)
        if not run.filter(pk__in=cross.parts.values("portfolio")).exists():
            raise NotYours(f"You run none of the portfolios in {cross.ref}.")
    _end(act, cross, events.CrossDeclined())


@transaction.atomic
def withdraw_cross(act: Act, cross_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will take a proposal back. Both sides are then to be decided again.

    :raises Invalid: without a reason; :raises NotFound, StaleCross, IllegalMove: where it is hidden, changed, or over
    """
    user = require(act, "crossing.propose")
    _refuse_silence(act)
    _end(act, locked(act, user, cross_id, seen), events.CrossWithdrawn())


@transaction.atomic
def expire_crosses(act: Act) -> int:
    """
    Will end the crosses that nobody executed in their time, or of which a side is no longer open. How many there were.
    """
    require(act, "crossing.expire")
    gone = ~Q(opposition__buy__status="OPEN") | ~Q(opposition__sell__status="OPEN")
    due = Cross.objects.filter(Q(expires_at__lte=act.at) | gone, status__in=LIVE).order_by("pk")
    rows = list(due.select_for_update(no_key=True, skip_locked=True, of=("self",)))
    for cross in rows:
        why = "Its time is over" if cross.expires_at <= act.at else "A side went to the market or ended"
        _end(act.because(why), cross, events.CrossExpired())
    return len(rows)


def _refuse_silence(act: Act) -> None:
    if not act.reason.strip():
        raise Invalid("Say why; the reason is kept.", field="reason")


def _end(act: Act, cross: Cross, event: Event) -> None:
    LIFE.after(cross.status, type(event))
    cross.ended_by_id, cross.ended_at, cross.ended_because = act.by, act.at, act.reason.strip()[:400]
    happen(act, cross, event)
    blocks.mark_cross_ended(act, {cross.opposition_id: cross.pk})
