"""
Entering a staged file: its orders are judged again and written as a whole, or not at all.

A short file is entered while the person waits. A long one is promised to a worker, who acts for the person: it ends
entered, or staged again with what is wrong.
"""

from collections.abc import Callable, Mapping, Sequence

import polars as pl
from django.db import connection, transaction

from apps.audit import wires
from apps.core.acts import Act
from apps.core.events import Fact, listens
from apps.core.refusals import Invalid, Refusal
from apps.users.models import User
from apps.users.services import require

from .. import events
from ..models import Import
from ..states import IMPORT_LIFE
from .imports import (
    WHOLE_UP_TO,
    asked_of,
    import_happens,
    judged_lines,
    own_import,
    problems_by_row,
    sheet_of,
)
from .tickets import hold_references, write_orders

PROBLEMS_NAMED = 1000
STEPS = ("Judging the lines as things stand now", "Writing the orders and asking compliance", "Recording it as entered")


class BadFile(Invalid):
    """Some of the file's lines cannot be orders, and only whole files were asked for; none was entered."""

    problems: pl.DataFrame


@transaction.atomic
def commit_import(
    act: Act,
    import_id: int,
    *,
    seen: Mapping[int, int],
    accept_valid: bool = False,
    group_name: str = "",
    submit: bool = True,
) -> list[int]:
    """
    Will enter a staged file's orders, judged again as things stand now: all of them, or none; or, where the person
    chose so, those that are valid. Lines with the same word in their group column are one group; the others are the
    file's group.

    :param seen: the import's id to the version the person was looking at
    :param accept_valid: whether lines that cannot be orders are left out, instead of refusing the whole file
    :param group_name: the name of the file's group; the file's where empty
    :param submit: sends the orders to compliance in the same act
    :returns: the orders' ids, in the file's order
    :raises NotFound: if the import is somebody else's
    :raises StaleImport: if it changed since the person looked
    :raises IllegalMove: if it is not staged: still being read, being entered, entered before, or discarded
    :raises BadFile: naming each bad line and what is wrong with it; nothing is then entered
    """
    user = require(act, "orders.import")
    batch = own_import(act, import_id, seen, events.ImportCommitted)
    return _enter(act, user, batch, accept_valid, group_name, submit)


@transaction.atomic
def confirm_import(
    act: Act,
    import_id: int,
    *,
    seen: Mapping[int, int],
    accept_valid: bool = False,
    group_name: str = "",
    submit: bool = True,
) -> list[int] | None:
    """
    Will enter a short file at once, as ``commit_import`` does, or promise a long one to a worker.

    :returns: the orders' ids; None where a worker will enter them
    :raises: what ``commit_import`` raises; of a long file, what its lines lack is said when the worker finds it
    """
    require(act, "orders.import")
    batch = own_import(act, import_id, seen, events.ImportConfirmed)
    if batch.rows <= WHOLE_UP_TO:
        return commit_import(
            act, import_id, seen=seen, accept_valid=accept_valid, group_name=group_name, submit=submit
        )
    if submit:
        require(act, "orders.submit")
    import_happens(act, batch, events.ImportConfirmed(accept_valid, group_name.strip()[:120], submit), error="")
    return None


@listens("orders.enter_import")
@transaction.atomic
def enter_imports(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will enter each confirmed file on behalf of the person who confirmed it. What was entered before is left alone. A
    file that cannot be entered goes back to its person with the reason, and nothing of it is entered.
    """
    for fact in facts:
        batch = Import.objects.select_for_update(no_key=True).get(pk=fact.subject_id)
        if not IMPORT_LIFE.allows(batch.status, events.ImportRefused) or batch.version != fact.nth:
            continue
        said: events.ImportConfirmed = fact.event
        for_person = Act(by=batch.created_by_id, at=act.at, via=act.via, cause=act.cause)

        def tell(step: int, pk=batch.pk) -> None:
            wires.tell_progress("import", pk, step)

        tell(0)
        try:
            with transaction.atomic():
                user = require(for_person, "orders.import")
                _enter(for_person, user, batch, said.accept_valid, said.group_name, said.submit, tell)
        except Refusal as refusal:
            _send_back(for_person, batch, refusal)


def _enter(
    act: Act, user: User, batch: Import, accept_valid: bool, group_name: str, submit: bool,
    tell: Callable[[int], None] = lambda step: None,
) -> list[int]:  # fmt: skip
    asked = asked_of(user, batch, sheet_of(batch))
    hold_references(user, asked)
    terms, problems = judged_lines(user, asked, act)
    bad = problems["row"].n_unique()
    if bad and (not accept_valid or not len(terms)):
        raise _bad_file(batch, problems, bad)
    if bad:
        _restage(batch, problems)
    tell(1)
    name = group_name.strip() or batch.file_name.rsplit(".", 1)[0][:120]
    words = terms.select("row").join(asked.select("row", "group"), on="row", how="left", maintain_order="left")
    names = words.select(pl.col("group").str.strip_chars().replace("", name)).to_series().to_list()
    ids, groups = write_orders(act, terms, group_names=names, batch_id=batch.pk, submit=submit)
    tell(2)
    only = groups[0] if len(groups) == 1 else None
    import_happens(
        act, batch, events.ImportCommitted(len(ids), bad, groups), group_id=only, bad_rows=bad, error=""
    )
    return ids


def _send_back(act: Act, batch: Import, refusal: Refusal) -> None:
    """The file is staged again, with what is wrong as a whole and beside each line that is bad now."""
    bad = batch.bad_rows
    if isinstance(refusal, BadFile):
        _restage(batch, refusal.problems)
        bad = refusal.facts["bad"]
    import_happens(act, batch, events.ImportRefused(refusal.message, bad), error=refusal.message, bad_rows=bad)


def _bad_file(batch: Import, problems: pl.DataFrame, bad: int) -> BadFile:
    rows = [
        {"line": line, "field": field, "message": message}
        for line, field, message in problems.head(PROBLEMS_NAMED).rows()
    ]
    if bad == batch.rows:
        message = f"None of the {batch.rows} lines of {batch.file_name} can be an order. Correct it and import it again."
    else:
        message = (
            f"{bad} of {batch.rows} lines of {batch.file_name} cannot be orders, so none was entered."
            f" Correct the file, or choose to enter the {batch.rows - bad} valid lines."
        )
    refusal = BadFile(message, rows=rows, bad=bad, lines=batch.rows)
    refusal.problems = problems
    return refusal


def _restage(batch: Import, problems: pl.DataFrame) -> None:
    """Puts what is wrong now beside lines that were good when the file was staged, so that it shows who was left out."""
    wrong = problems_by_row(problems)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_importrow r SET problems = u.problems::jsonb, parsed = NULL"
            " FROM unnest(%s::int[], %s::text[]) AS u(line, problems)"
            " WHERE r.batch_id = %s AND r.line = u.line AND r.problems = '[]'::jsonb",
            [wrong["row"].to_list(), wrong["problems"].to_list(), batch.pk],
        )
