"""Whose orders an upstream system may enter: asked for by one person, confirmed by another, ended by any of them."""

from collections.abc import Collection, Mapping, Sequence

from django.db import transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Conflict, Invalid, NotAllowed, NotFound, Stale
from apps.portfolios.models import Portfolio
from apps.users.models import User
from apps.users.services import can, require

from .. import events
from ..models import Grant, Session
from ..states import GRANT_LIFE, G
from .locks import refuse_stale


class StaleGrant(Stale):
    """The grant changed after the person looked at it."""


class OwnGrant(NotAllowed):
    """Nobody confirms what they asked for, nor what speaks for them."""


class GrantAskedAlready(Conflict):
    """The same is asked for already."""


class SpokenFor(Conflict):
    """Another grant of the session covers these portfolios: it would not be known whose orders they are."""


@transaction.atomic
def ask_grant(
    act: Act, session_id: int, username: str, *, portfolios: Sequence[str] = (), every: bool = False, submits: bool = False
) -> int:
    """
    Will ask that a staging session may enter orders of a person; nothing changes until another person confirms it.

    :param portfolios: codes of those it may name
    :param every: any portfolio that the person runs, now and later; then none is named
    :param submits: whether orders go to compliance as they are entered, instead of waiting as drafts
    :returns: the grant's id
    :raises NotFound: where there is no such staging session
    :raises Invalid: without a reason, for who may not enter orders, for portfolios that do not exist, for none
    :raises GrantAskedAlready: where one for this person waits on the session
    """
    require(act, "routing.grant_staging")
    session = _lock_session(session_id)
    if not act.reason.strip():
        raise Invalid("Say why it may; the reason is kept on the record.", field="reason")
    person = User.objects.filter(username=username.strip(), is_active=True, is_automated=False).first()
    if person is None or not can(person, "orders.create"):
        raise Invalid(f"“{username}” is nobody who enters orders here; choose a portfolio manager.", field="person")
    found = _named(portfolios, every)
    if Grant.objects.filter(session=session, acts_for=person, status=G.ASKED).exists():
        raise GrantAskedAlready(f"A grant for {person} waits on this session already; decline it first.")
    grant = Grant.objects.create(
        session=session, acts_for=person, all_portfolios=every, submits=submits, reason=act.reason.strip()[:400],
        asked_by_id=act.by, asked_at=act.at,
    )  # fmt: skip
    grant.portfolios.set(found)
    told = events.GrantAsked(session.target_comp_id, person.pk, ",".join(p.code for p in found), submits)
    record(act, [Fact(grant.pk, 1, told)])
    return grant.pk


def _named(codes: Sequence[str], every: bool) -> list[Portfolio]:
    wanted = sorted({code.strip() for code in codes if code.strip()})
    if every == bool(wanted):
        raise Invalid("Name the portfolios, or choose all that the person runs; not both.", field="portfolios")
    found = list(Portfolio.objects.filter(code__in=wanted).order_by("code"))
    if unknown := sorted(set(wanted) - {p.code for p in found}):
        raise Invalid(f"There is no portfolio {', '.join(unknown[:5])}; check the codes.", field="portfolios")
    return found


@transaction.atomic
def confirm_grant(act: Act, grant_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will let the session enter orders of the person from now on. What the session was granted for them before ends.

    :raises OwnGrant: for who asked for it, and for the person it speaks for
    :raises SpokenFor: where another person's grant on the session covers one of its portfolios, or all
    :raises StaleGrant, IllegalMove, NotFound:
    """
    require(act, "routing.grant_staging")
    grant = _lock(grant_id, seen)
    GRANT_LIFE.after(grant.status, events.GrantConfirmed)
    if act.by == grant.asked_by_id:
        raise OwnGrant("You asked for this, so another person confirms it.", grant=grant.pk)
    if act.by == grant.acts_for_id:
        raise OwnGrant("It would speak for you, so another person confirms it.", grant=grant.pk)
    _refuse_overlap(grant)
    before = Grant.objects.filter(session=grant.session, acts_for=grant.acts_for, status=G.GRANTED).first()
    if before:
        _end(act, before, events.GrantEnded(why=f"{grant.ref} took its place."))
    grant.confirmed_by_id, grant.confirmed_at = act.by, act.at
    _happen(act, grant, events.GrantConfirmed())


def _refuse_overlap(grant: Grant) -> None:
    others = Grant.objects.filter(session=grant.session, status=G.GRANTED).exclude(acts_for=grant.acts_for)
    mine = set(grant.codes)
    for other in others.select_related("acts_for").prefetch_related("portfolios"):
        if grant.all_portfolios and other.all_portfolios:
            raise SpokenFor(f"{other.ref} speaks for all portfolios of {other.acts_for} already; name portfolios in one of them.")
        if both := sorted(mine & set(other.codes)):
            raise SpokenFor(f"{other.ref} speaks for {', '.join(both[:5])} of {other.acts_for} already; end it first.")


@transaction.atomic
def decline_grant(act: Act, grant_id: int, *, seen: Mapping[int, int]) -> None:
    """Will end what was asked for and not confirmed; who asked may take it back so. :raises StaleGrant, IllegalMove, NotFound:"""
    require(act, "routing.grant_staging")
    grant = _lock(grant_id, seen)
    grant.ended_by_id, grant.ended_at = act.by, act.at
    _happen(act, grant, events.GrantDeclined())


@transaction.atomic
def end_grant(act: Act, grant_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will let the session enter nothing more of the person, from the next message on. One person is enough for it.

    :raises StaleGrant, IllegalMove, NotFound:
    """
    require(act, "routing.grant_staging")
    _end(act, _lock(grant_id, seen), events.GrantEnded())


def end_grants_of(act: Act, session: Session, why: str) -> int:
    """Will end whatever is asked for or granted on a session that is another by now; the caller holds its row."""
    rows = Grant.objects.select_for_update(no_key=True).filter(session=session, status__in=[G.ASKED, G.GRANTED]).order_by("pk")
    count = 0
    for grant in rows:
        _end(act, grant, events.GrantEnded(why=why) if grant.status == G.GRANTED else events.GrantDeclined())
        count += 1
    return count


def _end(act: Act, grant: Grant, event: Event) -> None:
    grant.ended_by_id, grant.ended_at = act.by, act.at
    _happen(act, grant, event)


def _happen(act: Act, grant: Grant, event: Event) -> None:
    """The only door to a grant's status after it was asked for."""
    grant.status = GRANT_LIFE.after(grant.status, type(event))
    grant.version += 1
    grant.save(update_fields=["status", "version", "confirmed_by", "confirmed_at", "ended_by", "ended_at"])
    record(act, [Fact(grant.pk, grant.version, event)])


def _lock(grant_id: int, seen: Mapping[int, int]) -> Grant:
    """The grant after its session, whose grants one person at a time decides about."""
    session_id = Grant.objects.filter(pk=grant_id).values_list("session_id", flat=True).first()
    if session_id is None:
        raise NotFound("There is no such grant.")
    _lock_session(session_id)
    grant = Grant.objects.select_for_update(of=("self",), no_key=True).select_related("session", "acts_for").get(pk=grant_id)
    refuse_stale(StaleGrant, {grant.pk: grant}, seen)
    return grant


def _lock_session(session_id: int) -> Session:
    rows = Session.objects.select_for_update(no_key=True)
    session = rows.filter(pk=session_id, purpose=Session.Purpose.STAGING).first()
    if session is None:
        raise NotFound("There is no such staging session.")
    return session


def who_speaks(session: Session, codes: Collection[str]) -> dict[str, Grant]:
    """Portfolio code, in capitals, to the grant under which the session may enter its orders, if any. Two queries."""
    live = list(
        Grant.objects.filter(session=session, status=G.GRANTED).select_related("acts_for").prefetch_related("portfolios")
    )
    named = {code: grant for grant in live for code in map(str.upper, grant.codes)}
    for_all = next((grant for grant in live if grant.all_portfolios), None)
    return {code: grant for code in codes if (grant := named.get(code) or for_all)}
