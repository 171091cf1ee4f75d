"""Booking messages heard: a set in one transaction, each message whole or quarantined, none lost."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog
from django.db import connection, transaction

from apps.audit.services import record
from apps.blocks import services as blocks
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Conflict, Invalid, NotFound, Stale
from apps.core.tables import update_many
from apps.orders import selectors as order_selectors
from apps.users.services import require

from .. import events, rules
from ..models import Message
from ..states import MESSAGE_LIFE
from .answers import book_decline, book_post_trade, book_quote
from .batch import Batch
from .reports import book_refusal, book_reject, book_report
from .rows import Heard, Unbookable

log = structlog.get_logger(__name__)
S = Message.Status

BOOKS: dict[str, Callable[[Batch, Heard], None]] = {
    "8": book_report,
    "9": book_refusal,
    "j": book_reject,
    "3": book_reject,
    "S": book_quote,
    "AG": book_decline,
    "AU": book_post_trade,
}


class StillUnbookable(Conflict):
    """The message cannot be booked, whoever says so."""


class SettledAlready(Stale):
    """A colleague ended the message's quarantine after the person looked."""


class Hearing(NamedTuple):
    booked: int
    repeats: int
    quarantined: int


@transaction.atomic
def hear_messages(act: Act, message_ids: Sequence[int]) -> Hearing:
    """
    Will book messages that were heard, in their order: fills on routes and blocks, states, quotes, answers.

    A message that cannot be booked is quarantined with its problem and changes nothing else; one that repeats what was
    booked changes nothing. Messages booked meanwhile by somebody else are passed over. The number of statements does
    not grow with the number of messages.
    """
    require(act, "routing.hear")
    messages = _locked(message_ids, S.HEARD)
    if not messages:
        return Hearing(0, 0, 0)
    batch = Batch(act, messages)
    for message in messages:
        if message.id not in batch.problems:
            problem = _book(batch, message)
            if problem:
                batch.problems[message.id] = problem
    for message in messages:
        if message.id in batch.problems:
            _quarantine(batch, message)
    _write(act, batch)
    return Hearing(len(messages) - len(batch.problems), len(batch.repeats), len(batch.problems))


def _locked(message_ids: Sequence[int], status: str) -> list[Heard]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.id, m.session_id, s.broker_id, m.msg_type, m.ref, m.text, m.version FROM routing_message m"
            " JOIN routing_session s ON s.id = m.session_id"
            " WHERE m.id = ANY(%s) AND m.status = %s AND NOT m.is_out ORDER BY m.id FOR UPDATE OF m",
            [list(message_ids), status],
        )
        return [Heard(*row) for row in cursor.fetchall()]


def _book(batch: Batch, message: Heard) -> str:
    """What kept the message from being booked; empty where it was."""
    book = BOOKS.get(message.msg_type)
    if book is None:
        return f"Messages of type {message.msg_type} are not understood here."
    try:
        book(batch, message)
    except Unbookable as problem:
        return str(problem)
    except rules.Malformed as problem:
        return f"It is malformed: {problem}."
    return ""


def _quarantine(batch: Batch, message: Heard) -> None:
    fields = batch.fields.get(message.id)
    problem = batch.problems[message.id][:300]
    name = fields.find(11)[:40] if fields else ""
    batch.message_happens(message, events.MessageQuarantined(reason=problem, cl_ord_id=name))
    log.warning("message_quarantined", message=message.id, problem=problem)


def _write(act: Act, batch: Batch) -> None:
    batch.write()
    _write_messages(batch)
    record(act, batch.facts)
    _tell_blocks(act, batch)


def _write_messages(batch: Batch) -> None:
    rows = batch.messages
    statuses = [S.QUARANTINED if m.id in batch.problems else S.BOOKED for m in rows]
    notes = [batch.problems.get(m.id) or batch.repeats.get(m.id, "") for m in rows]
    with connection.cursor() as cursor:
        update_many(
            cursor, "routing_message", [m.id for m in rows],
            {
                "status": ("text", statuses),
                "problem": ("text", [note[:300] for note in notes]),
                "version": ("int", [int(m.id in batch.with_life) for m in rows]),
            },
        )  # fmt: skip


def _tell_blocks(act: Act, batch: Batch) -> None:
    """
    Will reopen finished blocks whose fills change, then move what is placed and filled, each block once. What is placed
    never drops below what is filled on the way: it rises first, and falls last.
    """
    rows = batch.blocks.values()
    reopened = {b.id: b.reopen_reason for b in rows if b.reopen_reason}
    if reopened:
        blocks.reopen_blocks(act, reopened)
    more = {b.id: b.placed for b in rows if b.placed > 0}
    filled = {b.id: (b.filled, b.value) for b in rows if b.filled or b.value or b.reopen_reason}
    less = {b.id: b.placed for b in rows if b.placed < 0}
    if more:
        blocks.mark_placed(act, more)
    if filled:
        blocks.mark_filled(act, filled)
    if less:
        blocks.mark_placed(act, less)


@transaction.atomic
def quarantine_messages(act: Act, message_ids: Sequence[int], problem: str) -> None:
    """Will set aside messages whose booking failed for a reason nobody foresaw; a person decides about them."""
    require(act, "routing.hear")
    messages = _locked(message_ids, S.HEARD)
    batch = Batch(act, [])
    batch.messages = messages
    for message in messages:
        batch.problems[message.id] = problem
        _quarantine(batch, message)
    if messages:
        _write(act, batch)


@transaction.atomic
def settle_message(act: Act, message_id: int, how: str) -> None:
    """
    Will end a message's quarantine by a person's decision, with their reason: ``accept`` books it although its price is
    outside the limit, or because what it named is known by now; ``dismiss`` sets it aside for good.

    :raises Invalid: without a reason, or where ``how`` is neither
    :raises NotFound: where no such message is in quarantine; :raises SettledAlready: where a colleague settled it before
    :raises StillUnbookable: where it cannot be accepted: it would overfill, or names nothing of ours
    """
    require(act, "routing.mend_messages")
    if how not in ("accept", "dismiss"):
        raise Invalid("Choose to accept or to dismiss the message.", field="how")
    if not act.reason.strip():
        raise Invalid("Say why; the reason is kept on the record.", field="reason")
    messages = _locked([message_id], S.QUARANTINED)
    if not messages:
        _refuse_settled(message_id)
        raise NotFound("This message is not in quarantine; reload the list.")
    message = messages[0]
    MESSAGE_LIFE.after(S.QUARANTINED, events.MessageSettled)
    batch = Batch(act, messages, trusting=True)
    if how == "accept":
        problem = batch.problems.get(message.id) or _book(batch, message)
        if problem:
            raise StillUnbookable(f"The message cannot be accepted. {problem} Dismiss it and call the broker.")
        if batch.with_life:
            raise StillUnbookable("A message about settlement cannot be accepted here. Dismiss it.")
    batch.facts.append(Fact(message.id, message.version + 1, events.MessageSettled(how=how)))
    batch.write()
    Message.objects.filter(pk=message.id).update(status=S.SETTLED, version=message.version + 1)
    record(act, batch.facts)
    _tell_blocks(act, batch)


def _refuse_settled(message_id: int) -> None:
    version = Message.objects.filter(pk=message_id, status=S.SETTLED).values_list("version", flat=True).first()
    if version:
        missed = order_selectors.missed("message", {message_id: (f"Message {message_id}", version - 1, version)})
        by = f" by {missed[0]['changes'][-1]['by']}" if missed[0]["changes"] else ""
        raise SettledAlready(f"This message was settled{by} before you. Reload the list.", stale=missed)
