"""Files from custodians: each booked once, whatever is wrong in it kept for a person."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import orjson
from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.tables import update_many
from apps.reference.models import Custodian
from apps.users.services import require

from .. import events as e
from .. import rules
from ..states import INSTRUCTION_LIFE, I
from .feeds import alone, folder

PROBLEMS_KEPT = 200


class NotYetMarked(Exception):
    """The custodian answers a file that we wrote but have not yet marked as written; it is read again shortly."""


@dataclass
class Standing:
    """Where an instruction stands while the documents of a file are booked one after another."""

    id: int
    reference: str
    status: I
    version: int
    processing: str
    inferred: str
    matching: str
    settlement: str
    reason: str
    qty: Decimal
    amount: Decimal
    currency: str
    settled_date: date | None
    settled_amount: Decimal | None
    has_file: bool

    def said(self) -> tuple:
        return (self.processing, self.inferred, self.matching, self.settlement, self.reason)


def read_statuses(new_act: Callable[[], Act]) -> int:
    """
    Will book every file in the custodians' ``out`` folders, oldest name first, and move it to ``read``; a file that is
    no batch, or comes with other content under a name that was taken before, goes to ``bad``. A file that fails for a
    reason of ours stays where it is.

    :param new_act: makes the act of each file; call this with no transaction open
    :returns: how many files were booked
    :raises NotAllowed: if the actor may not feed settlement
    """
    booked = 0
    for custodian_id, code in Custodian.objects.order_by("pk").values_list("pk", "code"):
        with alone(f"settlement.read:{code}") as mine:
            if not mine:
                continue
            for path in sorted(folder(code, "out").glob("*.xml")):
                try:
                    is_good = book_file(new_act(), custodian_id, path.name, _bytes_of(path))
                except NotYetMarked:
                    break
                path.rename(folder(code, "read" if is_good else "bad") / path.name)
                booked += is_good
    return booked


def _bytes_of(path: Path) -> bytes:
    """The file's content, but no more than just too much of it."""
    with path.open("rb") as stream:
        return stream.read(rules.LARGEST_FILE + 1)


@transaction.atomic
def book_file(act: Act, custodian_id: int, name: str, content: bytes) -> bool:
    """
    Will book a custodian's file, once by its name.

    :returns: whether it could be read; one that could not is kept with what is wrong with it
    :raises NotAllowed: if the actor may not feed settlement
    :raises NotYetMarked: if it answers what is not yet marked as written
    """
    require(act, "settlement.feed")
    digest = hashlib.sha256(content).hexdigest()
    problems: list[dict] = []
    heard: list[rules.Heard] = []
    try:
        heard = rules.read_batch(content)
        is_good = True
    except rules.Unreadable as error:
        problems, is_good = [{"place": 0, "reference": "", "problem": str(error)}], False
    with connection.cursor() as cursor:
        file_id = _take(cursor, act, custodian_id, name[:100], digest, len(heard))
        if file_id is None:
            cursor.execute(
                "SELECT sha256 = %s AND done_at IS NOT NULL FROM settlement_feedfile"
                " WHERE custodian_id = %s AND NOT is_out AND name = %s",
                [digest, custodian_id, name[:100]],
            )
            if cursor.fetchone()[0]:
                return is_good
            text = f"A file “{name[:100]}” with other content was booked before; this one was not."
            problems, heard, is_good = [{"place": 0, "reference": "", "problem": text}], [], False
            file_id = _take(cursor, act, custodian_id, f"{name[:100]}#{digest[:12]}", digest, 0)
            if file_id is None:
                return False
        if heard:
            told = _book(cursor, custodian_id, heard, problems)
            record(act, told)
        if len(problems) > PROBLEMS_KEPT:
            more = len(problems) - PROBLEMS_KEPT
            problems = [*problems[:PROBLEMS_KEPT], {"place": 0, "reference": "", "problem": f"and {more} more"}]
        cursor.execute(
            "UPDATE settlement_feedfile SET problems = %s, done_at = %s WHERE id = %s",
            [orjson.dumps(problems).decode(), act.at, file_id],
        )
    return is_good


def _take(cursor, act: Act, custodian_id: int, name: str, digest: str, messages: int) -> int | None:
    cursor.execute(
        "INSERT INTO settlement_feedfile (custodian_id, is_out, name, sha256, messages, problems, at)"
        " VALUES (%s, false, %s, %s, %s, '[]', %s) ON CONFLICT (custodian_id, is_out, name) DO NOTHING RETURNING id",
        [custodian_id, name, digest, messages, act.at],
    )
    row = cursor.fetchone()
    return row[0] if row else None


def _book(cursor, custodian_id: int, heard: Sequence[rules.Heard], problems: list[dict]) -> list[Fact]:
    """Books the documents in their order; what cannot be booked is added to ``problems``."""
    cursor.execute(
        "SELECT id, reference, status, version, processing_status, inferred_matching_status, matching_status,"
        " settlement_status, reason, qty, amount, currency_id, settled_date, settled_amount, file_id IS NOT NULL"
        " FROM settlement_instruction WHERE custodian_id = %s AND reference = ANY(%s) ORDER BY id FOR UPDATE",
        [custodian_id, sorted({one.reference for one in heard if one.reference})],
    )
    standing = {row[1]: Standing(row[0], row[1], I(row[2]), *row[3:]) for row in cursor.fetchall()}
    told, changed = [], {}
    for one in heard:
        at = standing.get(one.reference)
        if one.problem or at is None:
            problem, event = one.problem or "names no instruction of ours at this custodian", None
        else:
            problem, event = hear(at, one)
        if problem:
            problems.append({"place": one.place, "reference": one.reference, "problem": problem})
        if event is not None:
            at.status = INSTRUCTION_LIFE.after(at.status, type(event))
            at.version += 1
            changed[at.id] = at
            told.append(Fact(at.id, at.version, event))
    rows = [changed[pk] for pk in sorted(changed)]
    update_many(
        cursor,
        "settlement_instruction",
        [row.id for row in rows],
        {
            "status": ("text", [row.status.value for row in rows]),
            "version": ("int", [row.version for row in rows]),
            "processing_status": ("text", [row.processing for row in rows]),
            "inferred_matching_status": ("text", [row.inferred for row in rows]),
            "matching_status": ("text", [row.matching for row in rows]),
            "settlement_status": ("text", [row.settlement for row in rows]),
            "reason": ("text", [row.reason for row in rows]),
            "settled_date": ("date", [row.settled_date for row in rows]),
            "settled_amount": ("numeric", [row.settled_amount for row in rows]),
        },
    )
    return told


def hear(at: Standing, one: rules.Heard) -> tuple[str, Event | None]:
    """
    What one document does to an instruction: takes over what it says, and returns what is wrong with it (empty where
    nothing is) and the event it makes (None where it changes nothing).

    :raises NotYetMarked: if the instruction is in a file that is not yet marked as written
    """
    if at.status == I.READY and at.has_file:
        raise NotYetMarked(at.reference)
    if at.status in (I.READY, I.BLOCKED):
        return "answers an instruction that was never sent", None
    return _settled(at, one) if one.kind == "025" else _advised(at, one)


def _settled(at: Standing, one: rules.Heard) -> tuple[str, Event | None]:
    amount = at.amount if one.settled_amount is None else one.settled_amount
    if at.status in (I.SETTLED, I.CANCELLED) and (at.settled_date, at.settled_amount) == (one.settled_date, amount):
        return "", None
    if at.status == I.CANCELLED and at.has_file and at.settled_date is None and at.processing != "CAND":
        return _settled_in_vain(at, one, amount)
    if at.status not in (I.SENT, I.MATCHED, I.UNMATCHED, I.FAILING):
        return f"settled on {one.settled_date}, but the instruction is {at.status.lower()}", None
    differs = []
    if one.settled_qty != at.qty:
        differs.append(f"{one.settled_qty:f} of {at.qty:f}")
    if amount != at.amount or (one.currency or at.currency) != at.currency:
        differs.append(f"{one.currency} {amount:f} instead of {at.currency} {at.amount:f}")
    if differs:
        reason = f"{rules.SETTLED_DIFFERENTLY}: {', '.join(differs)}"[:200]
        if at.status == I.FAILING and at.reason == reason:
            return "", None
        at.reason = reason
        return reason, e.InstructionFailing(reason)
    at.settled_date, at.settled_amount, at.reason = one.settled_date, amount, ""
    return "", e.InstructionSettled(str(one.settled_date))


def _settled_in_vain(at: Standing, one: rules.Heard, amount: Decimal) -> tuple[str, Event | None]:
    """It settled before our request to cancel reached the custodian: kept beside the cancellation, for a person."""
    at.settled_date, at.settled_amount = one.settled_date, amount
    at.reason = f"settled on {one.settled_date}, before its cancellation was heard"
    return "", e.InstructionReported(reason=at.reason)


def _advised(at: Standing, one: rules.Heard) -> tuple[str, Event | None]:
    before = at.said()
    at.processing = one.processing or at.processing
    at.inferred = one.inferred or at.inferred
    at.matching = one.matching or at.matching
    at.settlement = one.settlement or at.settlement
    at.reason = one.reason
    if at.said() == before:
        return "", None
    event = _event_of(at, one)
    if not INSTRUCTION_LIFE.allows(at.status, type(event)):
        event = e.InstructionReported(one.processing, one.matching or one.inferred, one.settlement, one.reason)
    return "", event


def _event_of(at: Standing, one: rules.Heard) -> Event:
    """The event that says the most of what the document says; the gravest first."""
    if at.status in (I.SETTLED, I.CANCELLED, I.REJECTED):
        return e.InstructionReported(one.processing, one.matching or one.inferred, one.settlement, one.reason)
    if one.processing in ("REJT", "CAND"):
        what = "rejected" if one.processing == "REJT" else "cancelled by the custodian"
        return e.InstructionRejected(f"{what}: {one.reason}" if one.reason else what)
    if one.settlement == "PENF":
        return e.InstructionFailing(one.reason)
    matching = one.matching or one.inferred
    if matching == "NMAT":
        return e.InstructionUnmatched(one.reason)
    if matching == "MACH":
        return e.InstructionMatched()
    return e.InstructionReported(one.processing, matching, one.settlement, one.reason)
