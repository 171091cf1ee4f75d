"""Broker dialects: proposed by one person, in force once another approves them."""

from collections.abc import Mapping

from django.conf import settings
from django.db import transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Conflict, Invalid, NotAllowed, NotFound, Stale
from apps.users.services import require

from .. import dialect_events as events
from .. import rules
from ..models import Dialect, Inquiry, Message, Route, Session
from ..states import DEAD, DIALECT_LIFE, Di
from .locks import refuse_stale


class StaleDialect(Stale):
    """The dialect changed after the person looked at it."""


class OwnDialect(NotAllowed):
    """Nobody approves what they proposed."""


class DialectProposedAlready(Conflict):
    """One waits for this session already."""


class DialectInUse(Conflict):
    """What is open at the broker would be read otherwise than it was said."""


@transaction.atomic
def propose_dialect(act: Act, session_id: int, said: rules.Dialect) -> int:
    """
    Will propose how a broker is spoken to, whole, for the reason the act gives. Nothing changes until another person
    approves it. An empty one is plain FIX.

    :returns: its id
    :raises NotFound: where there is no such session with a broker; :raises Invalid: beside the field, naming the line
    :raises DialectProposedAlready: where one waits
    """
    require(act, "routing.keep_dialects")
    session = _lock_session(session_id)
    for field, problem in rules.dialects.problems(said):
        raise Invalid(problem, field=field)
    if not act.reason.strip() or len(act.reason) > 400:
        raise Invalid("Give a reason of at most 400 characters: it is kept on the record.", field="reason")
    if Dialect.objects.filter(session=session, status=Di.PROPOSED).exists():
        raise DialectProposedAlready(f"A dialect for {session.party} waits already; approve or decline that one first.")
    now = Dialect.objects.filter(session=session, status=Di.IN_FORCE).first()
    if said == (now.rules if now else rules.dialects.PLAIN):
        raise Invalid("That is how it is spoken to already.", field="symbology")
    data = rules.dialects.data_of(said)
    row = Dialect.objects.create(session=session, proposed_by_id=act.by, proposed_at=act.at, reason=act.reason.strip(), **data)
    record(act, [Fact(row.pk, 1, events.DialectProposed(session.target_comp_id, data))])
    return row.pk


@transaction.atomic
def approve_dialect(act: Act, dialect_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will put a dialect in force for what is said and heard from now on; the one before ends.

    :raises OwnDialect: for who proposed it
    :raises DialectInUse: where routes, inquiries or reports are open that prices, quantities or names would be read otherwise of
    :raises StaleDialect, IllegalMove, NotFound:
    """
    row = _lock(act, dialect_id, seen)
    DIALECT_LIFE.after(row.status, events.DialectApproved)
    if act.by == row.proposed_by_id:
        raise OwnDialect("You proposed this, so another person approves it.", dialect=row.pk)
    before = Dialect.objects.select_for_update().filter(session=row.session_id, status=Di.IN_FORCE).first()
    if row.rules.moves_money(before.rules if before else rules.dialects.PLAIN):
        _refuse_in_use(row.session)
    if before:
        before.decided_at = act.at
        _happen(act, before, events.DialectEnded(by=row.ref))
    row.decided_by_id, row.decided_at = act.by, act.at
    _happen(act, row, events.DialectApproved())


@transaction.atomic
def decline_dialect(act: Act, dialect_id: int, *, seen: Mapping[int, int]) -> None:
    """Will end what was proposed; who proposed it may take it back so. :raises StaleDialect, IllegalMove, NotFound:"""
    row = _lock(act, dialect_id, seen)
    row.decided_by_id, row.decided_at = act.by, act.at
    _happen(act, row, events.DialectDeclined())


def _refuse_in_use(session: Session) -> None:
    routes = Route.objects.filter(broker=session.broker_id, environment=settings.ENVIRONMENT).exclude(status__in=DEAD).count()
    asked = Inquiry.objects.filter(quotes__dealer=session.broker_id, status__in=["COLLECTING", "AWARDED"]).distinct().count()
    unread = Message.objects.filter(session=session, status__in=["HEARD", "QUARANTINED"]).count()
    if routes or asked or unread:
        raise DialectInUse(
            f"{session.party} has {routes} open routes, {asked} open inquiries and {unread} messages not booked. Their prices,"
            " quantities or instruments would be read otherwise than they were said. Approve it once they are over.",
            routes=routes, inquiries=asked, messages=unread,
        )  # fmt: skip


def _happen(act: Act, row: Dialect, event: Event) -> None:
    """The only door to a dialect's status after it was proposed."""
    row.status = DIALECT_LIFE.after(row.status, type(event))
    row.version += 1
    row.save(update_fields=["status", "version", "decided_by", "decided_at"])
    record(act, [Fact(row.pk, row.version, event)])


def _lock(act: Act, dialect_id: int, seen: Mapping[int, int]) -> Dialect:
    """The dialect after its session, against whoever sends over it now."""
    require(act, "routing.keep_dialects")
    session_id = Dialect.objects.filter(pk=dialect_id).values_list("session_id", flat=True).first()
    if session_id is None:
        raise NotFound("There is no such dialect.")
    _lock_session(session_id)
    row = Dialect.objects.select_for_update(of=("self",)).select_related("session__broker").get(pk=dialect_id)
    refuse_stale(StaleDialect, {row.pk: row}, seen)
    return row


def _lock_session(session_id: int) -> Session:
    rows = Session.objects.select_for_update(no_key=True, of=("self",)).select_related("broker")
    session = rows.filter(pk=session_id, purpose=Session.Purpose.ROUTING).first()
    if session is None:
        raise NotFound("There is no such session with a broker or dealer.")
    return session
