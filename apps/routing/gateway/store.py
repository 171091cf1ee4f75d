"""
QuickFIX's file store, written from the database where another folder had the session last: so a second gateway takes it over.

The wheel knows no store but files. What a store must not lose is in the database all the same: our messages as they were
wanted, with the numbers they went out under; a number that all of ours are below (``Reserving``); and one that theirs reached.
Who takes over says its next message above all of ours, and expects of theirs what is surely not above: what lies between, each
side asks for again and is sent as a possible duplicate, or told that there is nothing.
"""

import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path

import structlog
from django.utils import timezone

from .. import rules
from .. import services as routing
from ..models import Session, SessionNumbers

log = structlog.get_logger(__name__)
AHEAD = 500
"""How many numbers are reserved at a time: of so many, at most, the other side asks in vain after a takeover."""


def store_id(folder: Path) -> str:
    """Names the store of a folder, for as long as the folder is there."""
    path = folder / "store" / "id"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file():
        part = path.with_suffix(".part")
        part.write_text(uuid.uuid4().hex, encoding="ascii")
        part.replace(path)
    return path.read_text(encoding="ascii").strip()


def take_over(folder: Path, sessions: Sequence[Session]) -> list[int]:
    """
    Will write the store of each session that another folder had last, and expect of every other what was surely kept; called by
    whoever leads, before QuickFIX opens it.

    :returns: the ids of the sessions that were another's
    """
    mine, taken = store_id(folder), []
    kept, looks = routing.numbers_of([row.pk for row in sessions]), routing.last_looks([row.pk for row in sessions])
    for row in sessions:
        numbers = kept.get(row.pk)
        if numbers is None:
            continue
        if numbers.store_id == mine:
            _expect_kept(_path(folder / "store", row), numbers.next_in)
            continue
        out, expected, since = _going_on(row, numbers, looks.get(row.pk), timezone.now())
        _write(folder / "store", row, out, expected, routing.sent_under(row.pk, since))
        routing.hold_numbers(row.pk, mine, out_ceiling=out, next_in=expected, since=since)
        log.warning("session_taken_over", counterparty=row.target_comp_id, out=out, expected=expected)
        taken.append(row.pk)
    return taken


def _going_on(row: Session, numbers: SessionNumbers, looked_at: datetime | None, now: datetime) -> tuple[int, int, datetime]:
    """
    Our next number, theirs, and since when messages count as sent under numbers in use: those of a session that was over before
    never come again, and where it was over before the other gateway ended, its numbers begin anew.
    """
    period = rules.period_at(row.schedule, now)
    opens = period.opens if period else now
    if looked_at is not None and looked_at < opens and period:
        return 1, 1, opens
    return numbers.out_ceiling, numbers.next_in, max(numbers.since, opens)


def _path(folder: Path, row: Session) -> Path:
    """Of a session's files, without their last part."""
    return folder / f"{row.begin_string}-{row.sender_comp_id}-{row.target_comp_id}"


def _numbers(next_out: int, next_in: int) -> bytes:
    return f"{next_out:010d} : {next_in:010d}".encode()


def _expect_kept(path: Path, kept: int) -> None:
    """
    QuickFIX counted messages as received that were not committed yet as the process was killed: those are to be said again. Of
    numbers that began anew since the database was told, the file's are lower.
    """
    file = path.with_name(f"{path.name}.seqnums")
    if not file.is_file():
        return
    next_out, _, next_in = file.read_text(encoding="ascii").partition(" : ")
    if int(next_in) > kept:
        log.warning("asks_again", session=path.name, first=kept, counted=int(next_in) - 1)
        part = file.with_name(f"{file.name}.part")
        part.write_bytes(_numbers(int(next_out), kept))
        part.replace(file)


def _write(folder: Path, row: Session, next_out: int, next_in: int, sent: Iterable[routing.SentUnder]) -> None:
    """In QuickFIX's own format: bodies one after another, and of each its number, where it begins and its length."""
    path = _path(folder, row)
    files = {name: open(f"{path}.{name}.part", "wb") for name in ("body", "header", "seqnums", "session")}  # noqa: SIM115
    try:
        at = 0
        for one, raw in _framed(row, sent):
            files["body"].write(raw)
            files["header"].write(f"{one},{at},{len(raw)} ".encode())
            at += len(raw)
        files["seqnums"].write(_numbers(next_out, next_in))
        files["session"].write(f"{timezone.now():%Y%m%d-%H:%M:%S}".encode())
        for file in files.values():
            file.flush()
            os.fsync(file.fileno())
    finally:
        for file in files.values():
            file.close()
    for name in files:
        os.replace(f"{path}.{name}.part", f"{path}.{name}")


def _framed(row: Session, sent: Iterable[routing.SentUnder]) -> Iterator[tuple[int, bytes]]:
    """Each message as it went out, by its number."""
    for one in sent:
        head = [(34, str(one.seq_num)), (49, row.sender_comp_id), (52, rules.utc_text(one.sent_at)), (56, row.target_comp_id)]
        yield one.seq_num, rules.frame(row.begin_string, one.msg_type, [*head, *rules.fields_of(one.text)]).encode()


class Reserving:
    """
    Keeps a number in the database that every message of ours is below, before the message leaves. It is raised while half of
    those below it are still to come, so that a message waits for a commit only where numbers begin anew or go very fast.

    :param held: session id to the ceiling in the database
    :param keep: stores (session id, ceiling, since: when numbers began anew, or None), one call after another; what it returns
        is done once that is committed
    """

    def __init__(self, held: dict[int, int], keep: Callable[[int, int, datetime | None], Future]):
        self.ceilings = held
        self.keep = keep
        self.coming: dict[int, tuple[int, Future]] = {}
        self.last: dict[int, int] = {}

    def note(self, session_id: int, seq_num: int, *, resets: bool = False) -> None:
        """Told of each number before it is sent, but of messages sent again. :param resets: it says that numbers begin anew"""
        anew = resets or seq_num < self.last.get(session_id, 0)
        ceiling = None if anew else self.ceilings.get(session_id)
        coming = None if anew else self.coming.get(session_id)
        if coming is None and (ceiling is None or seq_num >= ceiling - AHEAD // 2):
            kept = self.keep(session_id, seq_num + AHEAD, timezone.now() if anew else None)
            coming = self.coming[session_id] = seq_num + AHEAD, kept
        if coming and (ceiling is None or seq_num >= ceiling or coming[1].done()):
            coming[1].result()
            if seq_num >= coming[0]:  # It was asked for as numbers were others.
                coming = seq_num + AHEAD, self.keep(session_id, seq_num + AHEAD, None)
                coming[1].result()
            self.ceilings[session_id] = coming[0]
            self.coming.pop(session_id, None)
        self.last[session_id] = seq_num

    def forget(self, session_id: int) -> None:
        for known in (self.last, self.ceilings, self.coming):
            known.pop(session_id, None)
