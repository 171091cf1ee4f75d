"""
Files to custodians. Nothing outside is touched with a transaction open, and a process killed at any line is made good by
the next run: which instructions a file carries is committed first, then the file is written (the same bytes under the
same name, however often), then its instructions are marked as sent. A custodian takes a name, and a reference, once.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.tables import update_many
from apps.reference.models import Custodian
from apps.users.services import require

from .. import rules, selectors
from ..events import InstructionBlocked, InstructionCancelSent, InstructionWritten
from ..models import FeedFile
from ..states import I

BATCH = 5000


def folder(custodian_code: str, name: str) -> Path:
    """One of a custodian's folders (``in``, ``out``, ``done``, ``read``, ``bad``), made where it is missing."""
    path = Path(settings.OMS_HOME) / "custodian" / custodian_code / name
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def alone(what: str) -> Iterator[bool]:
    """Whether this process is the only one at it; held until the end of the block, or of the process."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [what])
        mine = cursor.fetchone()[0]
        try:
            yield mine
        finally:
            if mine:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [what])


def write_instructions(new_act: Callable[[], Act]) -> int:
    """
    Will write every ready instruction, and every cancellation asked for, to its custodian's folder.

    :param new_act: makes the act of each step; call this with no transaction open
    :returns: how many files were written
    :raises NotAllowed: if the actor may not feed settlement
    """
    written = 0
    for custodian_id, code in Custodian.objects.order_by("pk").values_list("pk", "code"):
        with alone(f"settlement.write:{code}") as mine:
            if not mine:
                continue
            deciding = True  # Cancellations first: what takes the place of another comes after it.
            while deciding:
                for file_id in list(_waiting(custodian_id)):
                    digest = put_file(file_id)
                    mark_written(new_act(), file_id, digest)
                    written += 1
                deciding = decide_cancellations(new_act(), custodian_id) or decide_file(new_act(), custodian_id)
    return written


def _waiting(custodian_id: int):
    rows = FeedFile.objects.filter(custodian_id=custodian_id, is_out=True, done_at=None)
    return rows.order_by("pk").values_list("pk", flat=True)


@transaction.atomic
def decide_file(act: Act, custodian_id: int) -> bool:
    """
    Will decide the next file: the oldest ready instructions, at most 5,000. What would not be valid is blocked.

    :returns: whether anything was ready
    """
    require(act, "settlement.feed")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, allocation_id, version FROM settlement_instruction"
            " WHERE custodian_id = %s AND status = 'READY' AND file_id IS NULL ORDER BY id LIMIT %s FOR UPDATE",
            [custodian_id, BATCH],
        )
        rows = cursor.fetchall()
        if not rows:
            return False
        said = selectors.instructed([row[0] for row in rows])
        bad = {pk: reason for pk, says in said.items() if (reason := "; ".join(rules.problems_of(says))[:200])}
        _block(cursor, act, [row for row in rows if row[0] in bad], bad)
        good = [row[0] for row in rows if row[0] not in bad]
        if good:
            file_id = _new_file(cursor, act, custodian_id, "instruct", len(good))
            cursor.execute("UPDATE settlement_instruction SET file_id = %s WHERE id = ANY(%s)", [file_id, good])
    return True


def _block(cursor, act: Act, rows: list[tuple], reasons: dict[int, str]) -> None:
    update_many(
        cursor,
        "settlement_instruction",
        [row[0] for row in rows],
        {
            "status": ("text", [I.BLOCKED.value] * len(rows)),
            "reason": ("text", [reasons[row[0]] for row in rows]),
        },
        bump=True,
    )
    record(act, [Fact(pk, version + 1, InstructionBlocked(of, reasons[pk])) for pk, of, version in rows])


@transaction.atomic
def decide_cancellations(act: Act, custodian_id: int) -> bool:
    """Will decide the next file of cancellations asked for (sese.020). :returns: whether there were any"""
    require(act, "settlement.feed")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM settlement_instruction WHERE custodian_id = %s AND cancel_requested_at IS NOT NULL"
            " AND cancel_file_id IS NULL ORDER BY id LIMIT %s FOR UPDATE",
            [custodian_id, BATCH],
        )
        ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return False
        file_id = _new_file(cursor, act, custodian_id, "cancel", len(ids))
        cursor.execute("UPDATE settlement_instruction SET cancel_file_id = %s WHERE id = ANY(%s)", [file_id, ids])
    return True


def _new_file(cursor, act: Act, custodian_id: int, kind: str, messages: int) -> int:
    """A file named by its own number, in which custodians take them."""
    cursor.execute(
        "INSERT INTO settlement_feedfile (custodian_id, is_out, name, sha256, messages, problems, at)"
        " SELECT %s, true, lpad(n::text, 10, '0') || %s, '', %s, '[]', %s"
        " FROM (SELECT count(*) + 1 AS n FROM settlement_feedfile WHERE custodian_id = %s AND is_out) f"
        " RETURNING id",
        [custodian_id, f"-{kind}.xml", messages, act.at, custodian_id],
    )
    return cursor.fetchone()[0]


def put_file(file_id: int) -> str:
    """
    Writes the decided file for its custodian, unless it is there or was taken already: under another name first, made
    durable, then renamed, so that nobody reads half of it. :returns: the SHA-256 of its content
    """
    file = FeedFile.objects.select_related("custodian").get(pk=file_id)
    content = _content(file_id)
    digest = hashlib.sha256(content).hexdigest()
    code = file.custodian.code
    target = folder(code, "in") / file.name
    if not target.exists() and not (folder(code, "done") / file.name).exists():
        part = target.with_name(f"{file.name}.part")
        with part.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.rename(target)
        directory = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    return digest


def _content(file_id: int) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, file_id = %s FROM settlement_instruction WHERE file_id = %s OR cancel_file_id = %s",
            [file_id, file_id, file_id],
        )
        carried = dict(cursor.fetchall())
    said = selectors.instructed(carried)
    return rules.batch(rules.instruct(s) if carried[pk] else rules.ask_to_cancel(s) for pk, s in said.items())


@transaction.atomic
def mark_written(act: Act, file_id: int, digest: str) -> None:
    """Will mark the file as done and what it carries as sent, once; what was cancelled meanwhile stays so."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE settlement_feedfile SET sha256 = %s, done_at = %s WHERE id = %s AND done_at IS NULL RETURNING name",
            [digest, act.at, file_id],
        )
        row = cursor.fetchone()
        if row is None:
            return
        name = row[0]
        cursor.execute(
            "UPDATE settlement_instruction n SET status = 'SENT', version = version + 1 FROM ("
            "  SELECT id FROM settlement_instruction WHERE file_id = %s AND status = 'READY' ORDER BY id FOR UPDATE) w"
            " WHERE n.id = w.id RETURNING n.id, n.version",
            [file_id],
        )
        sent = sorted(cursor.fetchall())
        cursor.execute(
            "UPDATE settlement_instruction n SET version = version + 1 FROM ("
            "  SELECT id FROM settlement_instruction WHERE cancel_file_id = %s ORDER BY id FOR UPDATE) w"
            " WHERE n.id = w.id RETURNING n.id, n.version",
            [file_id],
        )
        cancelled = sorted(cursor.fetchall())
    written, asked = InstructionWritten(name), InstructionCancelSent(name)
    record(act, [Fact(*row, written) for row in sent] + [Fact(*row, asked) for row in cancelled])
