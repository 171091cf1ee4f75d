"""FIX sessions as people run them: stopped and started with a reason, their numbers set by two; the gateway obeys."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db import transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Conflict, Invalid, NotAllowed, NotFound, Stale
from apps.users.services import require

from .. import gateway_events as events
from ..models import SequenceReset, Session, SessionGap, SessionState, SessionStop
from ..models.gateway import NUMBERS
from ..states import OPEN_RESETS, SEQUENCE_RESET_LIFE, SESSION_STOP_LIFE, Sr, Ss
from .locks import refuse_stale


class StaleStop(Stale):
    """The stop of the session changed after the person looked at it."""


class StaleNumbers(Stale):
    """What was proposed for the session's numbers changed after the person looked at it."""


class StoppedAlready(Conflict):
    """Somebody stopped the session before."""


class OwnNumbers(NotAllowed):
    """Nobody approves the sequence numbers they proposed."""


class NumbersProposedAlready(Conflict):
    """Other numbers wait for this session already."""


class SessionRuns(Conflict):
    """Numbers are set only while the session is stopped: what is under way would be lost or come twice."""


class Wanted(NamedTuple):
    """What people want of the gateway's sessions: those stopped, and approved numbers by session id."""

    stopped: frozenset[int]
    numbers: Mapping[int, SequenceReset]


class Seen(NamedTuple):
    """What the gateway sees of a session: columns of ``SessionState``."""

    session_id: int
    is_on: bool
    next_out: int
    next_in: int
    heard_at: datetime | None
    heard_type: str
    sent_at: datetime | None
    beat_at: datetime | None
    lag_ms: int | None


class Gap(NamedTuple):
    session_id: int
    at: datetime
    is_ours: bool
    first: int
    last: int


# --- people -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def stop_session(act: Act, session_id: int) -> int:
    """
    Will have the gateway log a session out and keep it so, for the reason the act gives. What is committed meanwhile waits.

    :returns: the stop's id
    :raises Invalid: without a reason; :raises NotFound:; :raises StoppedAlready: where a colleague stopped it
    """
    require(act, "routing.keep_sessions")
    session = _lock_session(session_id)
    _refuse_no_reason(act)
    before = SessionStop.objects.filter(session=session, status=Ss.STOPPED).select_related("stopped_by").first()
    if before:
        raise StoppedAlready(
            f"{session.target_comp_id} is stopped already, since {before.stopped_at:%H:%M:%S} UTC by {before.stopped_by}.", stop=before.pk
        )
    row = SessionStop.objects.create(session=session, reason=act.reason.strip(), stopped_by_id=act.by, stopped_at=act.at)
    record(act, [Fact(row.pk, 1, events.SessionStopped(session.target_comp_id))])
    return row.pk


@transaction.atomic
def start_session(act: Act, stop_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will have the gateway log a stopped session on again, within its hours, for the reason the act gives.

    :raises Invalid: without a reason; :raises NotFound, StaleStop, IllegalMove:
    """
    require(act, "routing.keep_sessions")
    _refuse_no_reason(act)
    row = _lock(SessionStop, stop_id, StaleStop, "session_stop", seen)
    event = events.SessionStarted(row.session.target_comp_id)
    row.status, row.version = SESSION_STOP_LIFE.after(row.status, type(event)), row.version + 1
    row.started_by_id, row.started_at, row.start_reason = act.by, act.at, act.reason.strip()
    row.save()
    record(act, [Fact(row.pk, row.version, event)])


@transaction.atomic
def propose_numbers(act: Act, session_id: int, *, next_out: int | None, next_in: int | None) -> int:
    """
    Will propose the next sequence numbers of a session, for the reason the act gives. Another person approves them.

    :param next_out: of our next message; :param next_in: that we expect of theirs; None leaves what is
    :returns: the proposal's id
    :raises Invalid: beside the field; :raises NotFound:; :raises NumbersProposedAlready: where others wait
    """
    require(act, "routing.keep_sessions")
    session = _lock_session(session_id)
    for name, number in (("next_out", next_out), ("next_in", next_in)):
        if number is not None and not NUMBERS[0] <= number <= NUMBERS[1]:
            raise Invalid(f"A sequence number is from {NUMBERS[0]} to {NUMBERS[1]:,}.", field=name)
    if next_out is None and next_in is None:
        raise Invalid("Give the number of our next message, or the one expected of theirs, or both.", field="next_out")
    _refuse_no_reason(act)
    waiting = SequenceReset.objects.filter(session=session, status__in=OPEN_RESETS).first()
    if waiting:
        raise NumbersProposedAlready(f"{waiting.ref} waits for {session.target_comp_id} already ({waiting.words}). Decide that first.")
    row = SequenceReset.objects.create(
        session=session, next_out=next_out, next_in=next_in, reason=act.reason.strip(), proposed_by_id=act.by, proposed_at=act.at
    )
    record(act, [Fact(row.pk, 1, events.NumbersProposed(session.target_comp_id, next_out, next_in))])
    return row.pk


@transaction.atomic
def approve_numbers(act: Act, reset_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will have the gateway set the numbers that another person proposed, once, before the session is logged on again.

    :raises OwnNumbers: for who proposed them; :raises SessionRuns: unless a person stopped the session before
    :raises NotFound, StaleNumbers, IllegalMove:
    """
    require(act, "routing.keep_sessions")
    row = _lock(SequenceReset, reset_id, StaleNumbers, "sequence_reset", seen)
    SEQUENCE_RESET_LIFE.after(row.status, events.NumbersApproved)
    if act.by == row.proposed_by_id:
        raise OwnNumbers("You proposed these numbers, so another person approves them.", reset=row.pk)
    if not SessionStop.objects.filter(session=row.session_id, status=Ss.STOPPED).exists():
        raise SessionRuns(f"Stop {row.session.target_comp_id} first: numbers are never changed under a session that runs.")
    row.decided_by_id, row.decided_at = act.by, act.at
    _happen(act, row, events.NumbersApproved())


@transaction.atomic
def decline_numbers(act: Act, reset_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will end a proposal, by whoever may keep sessions, also an approved one that no gateway began to carry out.

    :raises NotFound, StaleNumbers, IllegalMove:
    """
    require(act, "routing.keep_sessions")
    row = _lock(SequenceReset, reset_id, StaleNumbers, "sequence_reset", seen)
    if row.status == Sr.PROPOSED:
        row.decided_by_id, row.decided_at = act.by, act.at
    _happen(act, row, events.NumbersDeclined())


def _refuse_no_reason(act: Act) -> None:
    if not act.reason.strip() or len(act.reason) > 400:
        raise Invalid("Give a reason of at most 400 characters: it is kept on the record.", field="reason")


def _lock_session(session_id: int) -> Session:
    session = Session.objects.select_for_update(no_key=True, of=("self",)).filter(pk=session_id, environment=settings.ENVIRONMENT).first()
    if session is None:
        raise NotFound("There is no such session here.")
    return session


def _lock(kind: type, pk: int, stale: type[Stale], subject: str, seen: Mapping[int, int]):
    """The row after its session, so that a stop, numbers and their approval take turns."""
    session_id = kind.objects.filter(pk=pk).values_list("session_id", flat=True).first()
    if session_id is None:
        raise NotFound("There is no such thing for a session.")
    _lock_session(session_id)
    row = kind.objects.select_for_update(of=("self",)).select_related("session").get(pk=pk)
    refuse_stale(stale, {pk: row}, seen, subject)
    return row


def _happen(act: Act, row: SequenceReset, event: Event) -> None:
    """The only door to its status after it was proposed."""
    row.status = SEQUENCE_RESET_LIFE.after(row.status, type(event))
    row.version += 1
    row.save()
    record(act, [Fact(row.pk, row.version, event)])


# --- the gateway ------------------------------------------------------------------------------------------------------


def wanted_of(session_ids: Iterable[int]) -> Wanted:
    """What people want of these sessions now. Two queries."""
    ids = list(session_ids)
    stopped = SessionStop.objects.filter(session__in=ids, status=Ss.STOPPED).values_list("session_id", flat=True)
    numbers = {row.session_id: row for row in SequenceReset.objects.filter(session__in=ids, status=Sr.APPROVED)}
    return Wanted(frozenset(stopped), numbers)


@transaction.atomic
def begin_numbers(act: Act, reset_id: int, *, out_before: int, in_before: int) -> bool:
    """
    Will note that the gateway is about to set the numbers, before it does: so they are set once at most.

    :returns: whether it may; not where somebody took them back meanwhile
    """
    require(act, "routing.hear")
    row = SequenceReset.objects.select_for_update(of=("self",)).get(pk=reset_id)
    if row.status != Sr.APPROVED:
        return False
    row.out_before, row.in_before = out_before, in_before
    _happen(act, row, events.NumbersBegun(out_before, in_before))
    return True


@transaction.atomic
def mark_numbers_set(act: Act, reset_id: int) -> None:
    """Will note that the numbers are set."""
    require(act, "routing.hear")
    row = SequenceReset.objects.select_for_update(of=("self",)).get(pk=reset_id)
    row.done_at = act.at
    _happen(act, row, events.NumbersSet())


@transaction.atomic
def mark_numbers_unsure(act: Act, session_ids: Iterable[int]) -> int:
    """Will note, as a gateway starts, what the one before it had begun and not ended. :returns: how many"""
    require(act, "routing.hear")
    rows = SequenceReset.objects.select_for_update(of=("self",)).filter(session__in=list(session_ids), status=Sr.BEGUN).order_by("pk")
    for row in rows:
        _happen(act, row, events.NumbersUnsure())
    return len(rows)


def keep_states(holder: str, at: datetime, seen: Sequence[Seen]) -> None:
    """Will keep what the gateway sees of its sessions. One statement."""
    columns = ("is_on", "next_out", "next_in", "heard_at", "heard_type", "sent_at", "beat_at", "lag_ms", "holder", "looked_at")
    SessionState.objects.bulk_create(
        [SessionState(holder=holder, looked_at=at, **one._asdict()) for one in seen],
        update_conflicts=True, unique_fields=["session"], update_fields=columns,
    )  # fmt: skip


def keep_gaps(gaps: Sequence[Gap]) -> None:
    """Will keep resend requests that were seen."""
    SessionGap.objects.bulk_create([SessionGap(**gap._asdict()) for gap in gaps])
