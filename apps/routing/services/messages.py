"""FIX messages as rows: those wanted out, and those heard, each kept before anything is done about it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

import orjson
import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Mod
from django.utils import timezone

from apps.core.acts import Act
from apps.core.refusals import Conflict
from apps.core.tables import copy_in, next_ids

from .. import rules
from ..models import Message, Session
from ..rules.throttles import CANCEL, COUNTED
from .speech import texts_of
from .throttles import count_messages

log = structlog.get_logger(__name__)
S = Message.Status
NEW_ORDERS = ("D", "E", "AB", "AJ")
ASKS = (*NEW_ORDERS, "F", "G")
LATELY = timedelta(minutes=10)
"""What was sent longer before, and perhaps never heard, is a person's to decide about: it may be too late for it."""
STALE_UNSURE = "Whether it was sent is not known, and too long ago to send it now: its order is asked for."
MOST = 2**31 - 1  # As a number can be kept.
TOLD_IN_REJECT = (45, 371, 372, 373, 58)
COLUMNS = ("id", "session_id", "is_out", "msg_type", "ref", "text", "at", "problem", "status", "version")


class NoSession(Conflict):
    """There is no enabled FIX session with the counterparty under this environment."""


class Outgoing(NamedTuple):
    """A message that is wanted out: its fields in order, without header, and the reference that may go out once."""

    broker_id: int
    msg_type: str
    ref: str
    fields: Sequence[tuple[int, str]]


class ToSend(NamedTuple):
    id: int
    session_id: int
    msg_type: str
    text: str
    is_repeat: bool


def sessions_of(broker_ids: Iterable[int]) -> dict[int, int]:
    """Broker id to the id of its enabled session under this environment; one without is absent."""
    rows = Session.objects.filter(broker_id__in=set(broker_ids), environment=settings.ENVIRONMENT, is_enabled=True)
    return dict(rows.values_list("broker_id", "pk"))


def reachable_brokers() -> Iterator[int]:
    """Brokers and dealers with an enabled session under this environment; asked only when wanted."""
    yield from Session.objects.filter(
        broker__is_active=True, environment=settings.ENVIRONMENT, is_enabled=True
    ).order_by("broker__code").values_list("broker_id", flat=True)


@transaction.atomic
def queue_messages(act: Act, outgoing: Sequence[Outgoing]) -> list[int]:
    """
    Will commit messages to be sent by the gateway, in this order for each counterparty. The facts recorded with them
    wake it.

    A message of the same type and reference to the same counterparty goes out once, ever: repeating it is an error of
    the caller's and undoes the transaction.

    :raises NoSession: where a counterparty has no enabled session under this environment
    :raises RateLimit: where a session's throttle lets no more out
    :raises Unsayable: where a session's version or dialect has no words for one
    :raises Invalid: where a field is empty
    """
    if not outgoing:
        return []
    sessions = sessions_of(o.broker_id for o in outgoing)
    missing = sorted({o.broker_id for o in outgoing} - sessions.keys())
    if missing:
        raise NoSession(
            f"Counterparty {missing[0]} has no enabled FIX session in {settings.ENVIRONMENT}; enable one first.",
            broker_ids=missing,
        )
    count_messages(act, [(sessions[o.broker_id], o.msg_type) for o in outgoing])
    return write_messages(act, [(sessions[o.broker_id], o.msg_type, o.ref, o.fields) for o in outgoing])


def write_messages(act: Act, outgoing: Sequence[tuple[int, str, str, Sequence[tuple[int, str]]]]) -> list[int]:
    """
    The same for messages by (session id, type, reference, fields): said as each session's broker wants it and in the version it speaks.

    :raises Invalid: where a field is empty; :raises Unsayable: where a session cannot say it
    """
    texts = texts_of(outgoing)
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "routing_message", len(outgoing))
        copy_in(
            cursor,
            "routing_message",
            COLUMNS,
            (
                (pk, session_id, True, msg_type, ref, text, act.at, "", S.QUEUED, 0)
                for pk, (session_id, msg_type, ref, _), text in zip(ids, outgoing, texts, strict=True)
            ),
        )
    return ids


class Incoming(NamedTuple):
    """A message as it was heard: tag=value text with SOH."""

    session_id: int
    seq_num: int | None
    raw: str
    at: datetime


# Ids go up in the order in which they were heard. What a session's next message is expected to be goes on in the same statement.
KEEP = """
WITH kept AS (
    INSERT INTO routing_message (session_id, is_out, msg_type, seq_num, ref, text, at, problem, status, version)
    SELECT session_id, false, msg_type, seq_num, ref, text, at, '', 'HEARD', 0
    FROM ROWS FROM (json_to_recordset(%s) AS (session_id bigint, msg_type text, seq_num int, ref text, text text, at timestamptz))
        WITH ORDINALITY AS u(session_id, msg_type, seq_num, ref, text, at, nth) ORDER BY nth
    RETURNING id
), reached AS (
    UPDATE routing_sessionnumbers n SET next_in = u.next_in FROM unnest(%s::bigint[], %s::int[]) AS u(session_id, next_in)
    WHERE n.session_id = u.session_id AND n.store_id = %s
)
SELECT id FROM kept ORDER BY id
"""


def keep_all_heard(store_id: str, said: Sequence[Incoming]) -> list[int]:
    """
    Will keep messages exactly as they were heard, in their order, to be booked later, and that each session's numbers reached
    theirs. One committed statement: nothing about it can fail but the database being away.

    :param store_id: whose files have the sessions' numbers; where another's do, they are left
    """
    rows = orjson.dumps([_row_of(one) for one in said]).decode()
    reached = {one.session_id: min(one.seq_num + 1, MOST) for one in said if one.seq_num is not None}
    with connection.cursor() as cursor:
        cursor.execute(KEEP, [rows, list(reached), list(reached.values()), store_id])
        return [row[0] for row in cursor.fetchall()]


def keep_heard(session_id: int, raw: str, at: datetime) -> int:
    """The same for one message, whose number is not counted."""
    (kept,) = keep_all_heard("", [Incoming(session_id, None, raw, at)])
    return kept


def _row_of(one: Incoming) -> dict[str, Any]:
    """The columns of a message, with what it is found by: its type, sequence number and reference."""
    text = rules.shown(one.raw)
    row = {"session_id": one.session_id, "msg_type": "?", "seq_num": None, "ref": "", "text": text, "at": one.at}
    try:
        fields = rules.Fields(text)
    except rules.Malformed:
        log.warning("unreadable_message", session=one.session_id)  # Kept all the same; booking will quarantine it.
        return row
    row["msg_type"], said = fields.find(35, "?")[:2], fields.find(34)
    row["seq_num"] = int(said) if said.isdecimal() and len(said) < 10 else None
    row["ref"] = rules.report_key(fields) if row["msg_type"] in ("8", "9") else rules.request_key(fields)
    return row


def keep_refused(session_id: int, raw: str, at: datetime) -> int:
    """
    Will keep a reject (35=3) with which the session itself answers what it did not take in, so that people see that something
    was said. It has no number here: it is never sent again.
    """
    try:
        fields = [(tag, value) for tag, value in rules.fields_of(rules.shown(raw)) if tag in TOLD_IN_REJECT and value]
    except rules.Malformed:
        fields = []
    return Message.objects.create(
        session_id=session_id, is_out=True, msg_type="3", ref=f"refused/{uuid4().hex}", text=rules.text_of(fields), at=at, sent_at=at,
        status=S.SENT,
    ).pk  # fmt: skip


def heard_ids(limit: int = 2000, *, purpose: str = Session.Purpose.ROUTING, part: int = 0, parts: int = 1) -> list[int]:
    """The oldest messages heard and not yet booked, over sessions of a purpose, or of those a part."""
    rows = Message.objects.filter(
        status=S.HEARD, session__environment=settings.ENVIRONMENT, session__purpose=purpose
    ).alias(part=Mod("session_id", parts)).filter(part=part)  # fmt: skip
    return list(rows.order_by("pk").values_list("pk", flat=True)[:limit])


@transaction.atomic
def take_to_send(
    session_ids: Sequence[int], *, again: Sequence[int] = (), limit: int = 200, most: Mapping[int, int] | None = None,
    held: Collection[int] = (),
) -> list[ToSend]:
    """
    Will mark queued messages of these sessions as being sent and return them in order.

    :param again: sessions whose unsure messages (marked, but perhaps never handed over) are to be sent again too;
        they come back as repeats, to go out with PossResend
    :param most: of paced sessions, how many may be handed over now; what is more stays queued. A cancel goes at once,
        unless what it cancels is still queued itself
    :param held: sessions whose new orders wait, as their open ones are not reconciled yet; those unsure go out all the same
    """
    left = dict(most or {})
    with connection.cursor() as cursor:
        if again:
            _settle_unsure(cursor, list(again))
        beyond, kept = _beyond_pace(cursor, left)
        cursor.execute(
            "SELECT m.id, m.session_id, m.msg_type, m.text, m.status = 'SENDING', m.ref FROM routing_message m"
            " WHERE m.status IN ('QUEUED', 'SENDING') AND m.session_id = ANY(%s) AND (m.status = 'QUEUED' OR m.session_id = ANY(%s))"
            " AND NOT (m.status = 'QUEUED' AND m.session_id = ANY(%s) AND m.msg_type = ANY(%s)) AND m.id <> ALL(%s)"
            " ORDER BY m.id LIMIT %s FOR UPDATE OF m",
            [list(session_ids), list(again), list(held), list(NEW_ORDERS), beyond, limit],
        )
        rows = _within_pace(cursor.fetchall(), left, kept | _held_back(held))
        if rows:
            cursor.execute("UPDATE routing_message SET status = 'SENDING' WHERE id = ANY(%s)", [[r.id for r in rows]])
    return rows


def _beyond_pace(cursor, left: Mapping[int, int]) -> tuple[list[int], set[tuple[int, str]]]:
    """
    What of paced sessions is queued and cannot be handed over now: else it would stand before all that others have to say.

    :returns: ids, and session and reference of each, which no cancel overtakes
    """
    if not left:
        return [], set()
    cursor.execute(
        "SELECT q.id, q.session_id, q.ref, q.msg_type, CASE WHEN q.msg_type IN ('E', 'AB') THEN q.text ELSE '' END FROM"
        " (SELECT id, session_id, ref, msg_type, text, row_number() OVER (PARTITION BY session_id ORDER BY id) AS n"
        " FROM routing_message WHERE status = 'QUEUED' AND session_id = ANY(%s) AND msg_type = ANY(%s)) q"
        " JOIN unnest(%s::bigint[], %s::int[]) AS w(session, most) ON w.session = q.session_id WHERE q.n > w.most",
        [list(left), [kind for kind in COUNTED if kind != CANCEL], list(left), list(left.values())],
    )
    rows = cursor.fetchall()
    kept = {(session, name) for _, session, ref, kind, text in rows for name in (ref, *names_in_list(kind, text))}
    return [pk for pk, *_ in rows], kept


def _settle_unsure(cursor, session_ids: list[int]) -> None:
    """What was answered was surely sent; what was asked for long ago is not asked for again: its order is reconciled."""
    cursor.execute(
        "UPDATE routing_message m SET status = 'SENT' FROM routing_routerequest r WHERE m.session_id = ANY(%s)"
        " AND m.status = 'SENDING' AND r.cl_ord_id = m.ref AND r.answer <> 'WAITING'",
        [session_ids],
    )
    cursor.execute(
        "UPDATE routing_message SET status = 'SENT', problem = %s WHERE session_id = ANY(%s) AND status = 'SENDING'"
        " AND msg_type = ANY(%s) AND coalesce(sent_at, at) < %s",
        [STALE_UNSURE, session_ids, list(ASKS), timezone.now() - LATELY],
    )


def with_unsure(session_ids: Collection[int]) -> set[int]:
    """Of these sessions those of which something is marked as being sent, and perhaps never was."""
    rows = Message.objects.filter(session__in=session_ids, status=S.SENDING)
    return set(rows.values_list("session_id", flat=True).distinct())


def _held_back(session_ids: Collection[int]) -> set[tuple[int, str]]:
    """Session and reference of new orders that wait, also those in lists: a cancel of one does not overtake it."""
    if not session_ids:
        return set()
    rows = Message.objects.filter(session__in=session_ids, status=S.QUEUED, msg_type__in=NEW_ORDERS)
    found = rows.values_list("session_id", "ref", "msg_type", "text")
    return {(session, name) for session, ref, kind, text in found for name in (ref, *names_in_list(kind, text))}


def unsent_orders(session_ids: Collection[int]) -> set[str]:
    """ClOrdIDs of new orders that are committed and were never handed over. One statement."""
    return {name for _, name in _held_back(session_ids)}


def _within_pace(found: Iterable[tuple], left: dict[int, int], kept: set[tuple[int, str]]) -> list[ToSend]:
    rows = []
    for *row, ref in found:
        one = ToSend(*row)
        if one.msg_type == CANCEL and not one.is_repeat and (one.session_id, rules.Fields(one.text).find(41)) in kept:
            kept.add((one.session_id, ref))
            continue
        if one.session_id in left and one.msg_type in COUNTED and not one.is_repeat:
            if one.msg_type != CANCEL and left[one.session_id] <= 0:
                kept.update((one.session_id, name) for name in (ref, *names_in_list(one.msg_type, one.text)))
                continue
            left[one.session_id] -= 1
        rows.append(one)
    return rows


def names_in_list(msg_type: str, text: str) -> list[str]:
    """ClOrdIDs of the orders that a list of ours (35=E) brings, and of the legs of a package (35=AB); none of another message."""
    if msg_type == "AB":
        return [value for tag, value in rules.fields_of(text) if tag == 654]
    return [value for tag, value in rules.fields_of(text) if tag == 11] if msg_type == "E" else []


def orders_of_lists(list_ids: Iterable[str]) -> dict[str, list[str]]:
    """ListID to the ClOrdIDs of the lists that we sent whole. One query where any is named."""
    named = set(list_ids) - {""}
    rows = Message.objects.filter(is_out=True, msg_type="E", ref__in=named).values_list("ref", "text") if named else ()
    found: dict[str, list[str]] = {}
    for ref, text in rows:
        found.setdefault(ref, []).extend(names_in_list("E", text))
    return found


@transaction.atomic
def mark_sent(sent: Mapping[int, tuple[int | None, datetime]]) -> None:
    """Will mark messages as handed to their session. :param sent: message id to its sequence number and the moment"""
    if sent:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE routing_message m SET status = 'SENT', sent_at = u.at, seq_num = u.seq"
                " FROM unnest(%s::bigint[], %s::int[], %s::timestamptz[]) AS u(id, seq, at) WHERE m.id = u.id",
                [list(sent), *([each[n] for each in sent.values()] for n in (0, 1))],
            )


def sent_as(numbers: Sequence[tuple[int, int, int]]) -> dict[int, tuple[str, str]]:
    """
    Type and reference of the messages we sent under sequence numbers, the latest of each.

    :param numbers: (any name, session id, sequence number) :returns: by that name; what was never sent is absent
    """
    if not numbers:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (w.id) w.id, m.msg_type, m.ref"
            " FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS w(id, session, seq)"
            " JOIN routing_message m ON m.session_id = w.session AND m.is_out"
            " AND m.seq_num = w.seq ORDER BY w.id, m.id DESC",
            [list(column) for column in zip(*numbers, strict=True)],
        )
        return {pk: (msg_type, ref) for pk, msg_type, ref in cursor.fetchall()}
