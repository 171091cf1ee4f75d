"""Booking messages heard: a set in one transaction, each message whole or quarantined, none lost."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog
from django.db import connection, transaction

from apps.audit.services import record
from apps.blocks import services as blocks
from apps.core.acts import Act
from apps.core.tables import update_many
from apps.users.services import require

from .. import events, rules
from ..models import Message
from .answers import book_decline, book_post_trade, book_quote, book_quote_status
from .axes import FIX, keep_axes
from .batch import Batch
from .iois import book_ioi
from .listing import book_list_status
from .package_reports import hear_refusal, hear_reject, hear_report
from .reconciling import note_answers
from .rows import Heard, Unbookable

log = structlog.get_logger(__name__)
S = Message.Status

BOOKS: dict[str, Callable[[Batch, Heard], None]] = {
    "8": hear_report,
    "9": hear_refusal,
    "j": hear_reject,
    "3": hear_reject,
    "S": book_quote,
    "AG": book_decline,
    "AI": book_quote_status,
    "AU": book_post_trade,
    "6": book_ioi,
    "N": book_list_status,
}


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
    messages = locked_messages(message_ids, S.HEARD)
    if not messages:
        return Hearing(0, 0, 0)
    batch = Batch(act, messages)
    for message in messages:
        if message.id not in batch.problems:
            problem = book_one(batch, message)
            if problem:
                batch.problems[message.id] = problem
    book_what_waited(batch)
    for message in messages:
        if message.id in batch.problems:
            _quarantine(batch, message)
    _write(act, batch)
    return Hearing(len(messages) - len(batch.problems), len(batch.repeats), len(batch.problems))


def locked_messages(message_ids: Sequence[int], status: str) -> list[Heard]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.id, m.session_id, s.broker_id, m.msg_type, m.ref, m.text, m.version, m.at, s.target_comp_id"
            " FROM routing_message m JOIN routing_session s ON s.id = m.session_id"
            " WHERE m.id = ANY(%s) AND m.status = %s AND NOT m.is_out ORDER BY m.id FOR UPDATE OF m",
            [list(message_ids), status],
        )
        return [Heard(*row) for row in cursor.fetchall()]


def book_one(batch: Batch, message: Heard) -> rules.Problem | None:
    """What kept the message from being booked; None where it was."""
    book = BOOKS.get(message.msg_type)
    if book is None:
        return rules.Problem(f"Messages of type {message.msg_type} are not understood here.")
    try:
        book(batch, message)
    except Unbookable as unbookable:
        return unbookable.problem
    except rules.Malformed as problem:
        return rules.Problem(f"It is malformed: {problem}.")
    return None


def book_what_waited(batch: Batch, *, anyhow: bool = False) -> None:
    """
    Will book reports that did not add up until what was missing was heard: of this set, and those that wait since before.
    Messages may come in any order; a broker whose totals are wrong is waited for in vain.

    :param anyhow: also where no route was changed by now
    """
    waiting = [m for m in batch.messages if m.id in batch.problems and batch.problems[m.id].waits]
    waiting = sorted((*batch.held, *waiting), key=lambda m: (batch.fields[m.id].find(60), m.id))
    if not (anyhow or any(route.is_changed for route in batch.routes.values())):
        return
    booked = True
    while waiting and booked:
        booked = {m.id for m in waiting if book_one(batch, m) is None}
        for message in waiting:
            if message.id in booked and batch.problems.pop(message.id, None) is None:
                batch.clear(message)
        waiting = [m for m in waiting if m.id not in booked]


def _quarantine(batch: Batch, message: Heard) -> None:
    fields = batch.fields.get(message.id)
    problem = batch.problems[message.id]
    name = fields.find(11)[:40] if fields else ""
    told = events.MessageQuarantined(
        reason=problem.text[:300], cl_ord_id=name, route_id=batch.route_of(message), dk_reason=problem.code
    )
    batch.message_happens(message, told)
    log.warning("message_quarantined", message=message.id, problem=problem.text)


def _write(act: Act, batch: Batch) -> None:
    batch.write()
    _write_messages(batch)
    record(act, batch.facts)
    if batch.indications.told or batch.indications.taken_back:
        keep_axes(act, batch.indications.told, FIX, taken_back=batch.indications.taken_back)
    tell_blocks(act, batch)
    note_answers(act, batch.told)


def _write_messages(batch: Batch) -> None:
    """Of most there is nothing to say but that they are booked."""
    plain = {m.id for m in batch.messages} - batch.problems.keys() - batch.repeats.keys() - batch.with_life.keys()
    rows = [m for m in batch.messages if m.id not in plain]
    kept = [batch.problems.get(m.id) for m in rows]
    with connection.cursor() as cursor:
        if plain:
            cursor.execute("UPDATE routing_message SET status = %s WHERE id = ANY(%s)", [S.BOOKED, list(plain)])
        update_many(
            cursor, "routing_message", [m.id for m in rows],
            {
                "status": ("text", [S.QUARANTINED if problem else S.BOOKED for problem in kept]),
                "problem": (
                    "text", [p.text[:300] if p else batch.repeats.get(m.id, "")[:300] for m, p in zip(rows, kept, strict=True)]
                ),
                "route_id": ("bigint", [batch.route_of(m) if p else None for m, p in zip(rows, kept, strict=True)]),
                "dk_reason": ("text", [p.code if p else "" for p in kept]),
                "waits": ("boolean", [bool(p and p.waits) for p in kept]),
                "version": ("int", [batch.with_life[m.id] for m in rows]),
            },
        )  # fmt: skip


def tell_blocks(act: Act, batch: Batch) -> None:
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
    messages = locked_messages(message_ids, S.HEARD)
    batch = Batch(act, [])
    batch.messages = messages
    for message in messages:
        batch.problems[message.id] = rules.Problem(problem)
        _quarantine(batch, message)
    if messages:
        _write(act, batch)
