"""The settings of sessions: who is at the other end, where they are met, and what version of FIX they speak."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Conflict, Invalid, NotFound, Stale
from apps.core.tables import one_at_a_time
from apps.orders import selectors as order_selectors
from apps.users.models import User
from apps.users.services import require

from .. import events, rules
from ..models import Session
from .grants import ask_grant, confirm_grant, end_grants_of
from .setup import MixedSessions, require_setup, session_facts

IDENTITY = ("sender_comp_id", "target_comp_id", "environment")
ADDRESS = ("host", "port", "dials_in")
SPEECH = ("begin_string", "appl_ver_id")
KEPT = (*IDENTITY, *ADDRESS, "is_enabled")
HOURS = ("opens_at", "closes_at", "time_zone", "days", "open_day", "close_day", "resets_on_logon")
TRANSPORT = ("heartbeat_seconds", "reconnect_seconds", "uses_tls", "tls_name")
ROUTING_KEPT = ("sender_comp_id", "host", "port", "is_enabled", *SPEECH, *HOURS, *TRANSPORT)
COMP_ID = re.compile(r"[A-Za-z0-9_.-]{1,40}")
HOST = re.compile(r"[A-Za-z0-9.:_-]{1,120}")


class StaleSession(Stale):
    """The session changed after the person looked at it."""


class CompIdTaken(Conflict):
    """Another session knows its counterparty by this CompID."""


@transaction.atomic
def add_staging_session(
    act: Act, *, target_comp_id: str, host: str = "", port: int, sender_comp_id: str = "OMS-SIM",
    environment: str | None = None, dials_in: bool = False, is_enabled: bool = True,
) -> int:  # fmt: skip
    """
    Will keep a session over which an upstream system stages orders. It enters nothing until a grant says whose; the
    gateway takes it in when it starts next.

    :param environment: ``live`` or ``simulation``; the installation's where nothing is said
    :returns: its id
    :raises Invalid: beside the field that cannot be; :raises CompIdTaken: where the counterparty is known
    :raises MixedSessions: where a live session and a simulated one would meet
    """
    require_setup(act)
    session = Session(
        purpose=Session.Purpose.STAGING, target_comp_id=target_comp_id, sender_comp_id=sender_comp_id, host=host, port=port,
        environment=environment or settings.ENVIRONMENT, dials_in=dials_in, is_enabled=is_enabled, changed_at=act.at,
    )  # fmt: skip
    with connection.cursor() as cursor:
        one_at_a_time(cursor, "routing.staging_sessions")
    _refuse_unfit(session)
    session.save()
    record(act, [Fact(session.pk, 1, events.SessionAdded(_said(session, KEPT)))])
    return session.pk


@transaction.atomic
def change_staging_session(act: Act, session_id: int, changes: Mapping[str, Any], *, seen: Mapping[int, int]) -> int:
    """
    Will change a staging session's settings; the gateway takes them in when it starts next. Who is at the other end was
    part of what was confirmed: where that changes, the session's grants end and are asked for anew.

    :param changes: new values by field, of ``KEPT``
    :returns: how many grants ended
    :raises NotFound, StaleSession, Invalid, CompIdTaken, MixedSessions:
    """
    return _change(act, session_id, Session.Purpose.STAGING, KEPT, changes, seen)


@transaction.atomic
def change_routing_session(act: Act, session_id: int, changes: Mapping[str, Any], *, seen: Mapping[int, int]) -> None:
    """
    Will change the settings of a session with a broker or dealer; the gateway takes them in when it starts next.

    :param changes: new values by field, of ``ROUTING_KEPT``
    :raises NotFound, StaleSession, Invalid, MixedSessions:
    """
    _change(act, session_id, Session.Purpose.ROUTING, ROUTING_KEPT, changes, seen)


def _change(
    act: Act, session_id: int, purpose: str, kept: Sequence[str], changes: Mapping[str, Any], seen: Mapping[int, int]
) -> int:
    require_setup(act)
    session = Session.objects.select_for_update(no_key=True).filter(pk=session_id, purpose=purpose).first()
    if session is None:
        raise NotFound("There is no such session.")
    if seen.get(session.pk) != session.version:
        stale = {session.pk: (session.target_comp_id, seen.get(session.pk), session.version)}
        raise StaleSession(
            "The session changed since you looked. Reload and decide again.", stale=order_selectors.missed("session", stale)
        )
    before = _said(session, kept)
    for name in changes.keys() & set(kept):
        setattr(session, name, changes[name])
    after = _said(session, kept)
    changed = [name for name in kept if before[name] != after[name]]
    if not changed:
        return 0
    _refuse_unfit(session)
    return keep_change(act, session, {name: before[name] for name in changed})


def keep_change(act: Act, session: Session, before: Mapping[str, Any]) -> int:
    """
    Will save a session whose fields were changed, with the fact; the caller holds its row.

    :param before: what each changed field was
    :returns: how many grants ended
    """
    session.version += 1
    session.changed_at = act.at
    if any(name in before for name in HOURS):
        session.opened_at = None  # The numbers in use go on until it closes by its new hours.
    session.save()
    after = _said(session, list(before))
    record(act, [Fact(session.pk, session.version, events.SessionChanged({name: told(was) for name, was in before.items()}, after))])
    is_live = session.environment == Session.Environment.LIVE
    if session.purpose == Session.Purpose.STAGING and any(n in before for n in (*IDENTITY, *(ADDRESS if is_live else ()))):
        return end_grants_of(act, session, "The session leads to another system now.")
    return 0


def _said(session: Session, kept: Sequence[str]) -> dict[str, Any]:
    return {name: told(getattr(session, name)) for name in kept}


def told(value: Any) -> Any:
    """As it is kept on the record."""
    return f"{value:%H:%M:%S}" if isinstance(value, time) else value


@transaction.atomic
def mark_opened(act: Act, opened: Mapping[int, datetime]) -> None:
    """Will note when the sessions began whose numbers are in use, by session id."""
    require(act, "routing.hear")
    for pk, at in opened.items():
        Session.objects.filter(pk=pk).update(opened_at=at)


def setting_problems(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with a session's version, hours and transport: the field, and why."""
    yield from rules.speech_problems(said["purpose"], said["begin_string"], said["appl_ver_id"])
    hours = rules.Schedule(
        said["opens_at"], said["closes_at"], said["time_zone"], said["days"], said["open_day"], said["close_day"]
    )
    yield from rules.schedule_problems(hours)
    for name, least, most in (("heartbeat_seconds", 5, 3600), ("reconnect_seconds", 1, 600)):
        if not least <= said[name] <= most:
            yield name, f"Seconds from {least} to {most}."
    if bool(said["tls_name"]) != said["uses_tls"]:
        yield "tls_name", "With TLS name the folder of its certificates, and only then."


def _refuse_unfit(session: Session) -> None:
    for name in ("target_comp_id", "sender_comp_id"):
        if not COMP_ID.fullmatch(getattr(session, name)):
            raise Invalid("A CompID has 1 to 40 letters, digits, dots, dashes or underscores.", field=name)
    if not session.dials_in and not HOST.fullmatch(session.host):
        raise Invalid("Say where the other side answers: a host name or an address.", field="host")
    if not 1 <= session.port <= 65535:
        raise Invalid("A port is a number from 1 to 65535.", field="port")
    if session.environment not in Session.Environment.values:
        raise Invalid(f"The environment is {' or '.join(Session.Environment.values)}.", field="environment")
    for field, problem in setting_problems({name: getattr(session, name) for name in ("purpose", *SPEECH, *HOURS, *TRANSPORT)}):
        raise Invalid(problem, field=field)
    if Session.objects.filter(target_comp_id=session.target_comp_id).exclude(pk=session.pk).exists():
        raise CompIdTaken(f"A session with {session.target_comp_id} is kept already.", field="target_comp_id")
    mine = tuple(getattr(session, n) for n in ("environment", "sender_comp_id", "target_comp_id", "host", "port"))
    if problems := rules.session_problems(session.environment, [*session_facts(apart_from=session.pk), mine]):
        raise MixedSessions(" ".join(problems))


@transaction.atomic
def install_staging_session(
    asks: Act, confirms: Act, code: str, acts_for: User, *, port: int, host: str = "127.0.0.1", submits: bool = False,
    dials_in: bool = False,
) -> Session:  # fmt: skip
    """Will keep a simulated session that enters orders of a person in all they run: asked by one, confirmed by another."""
    pk = add_staging_session(
        asks, target_comp_id=code, host=host, port=port, environment="simulation", dials_in=dials_in
    )
    grant = ask_grant(asks, pk, acts_for.username, every=True, submits=submits)
    confirm_grant(confirms, grant, seen={grant: 1})
    return Session.objects.get(pk=pk)
