"""
Rows that people keep on pages and in the back office alike. Their history counts as their version, so that whoever was slow
on one of the two is told what was done on the other.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Count, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from apps.core.acts import Act
from apps.core.refusals import NotFound, Stale

Row = TypeVar("Row", bound=Model)


def with_version(rows: QuerySet[Row]) -> QuerySet[Row]:
    """Each row with its ``version``: one more than its history has rows."""
    past = rows.model.history.filter(id=OuterRef("pk")).order_by().values("id").annotate(n=Count("pk")).values("n")
    return rows.annotate(version=Coalesce(Subquery(past), 0) + 1)


def locked_as_seen(rows: QuerySet[Row], seen: Mapping[int, int], told: Collection[str], stale: type[Stale]) -> list[Row]:
    """
    Rows, held against change, that are as the person saw them.

    :param seen: id to the version seen; :param told: the fields of which a difference is told
    :param stale: what is raised, with what was done since in ``rows``, where one is another; :raises NotFound: where one is gone
    """
    found = list(rows.select_for_update(no_key=True, of=("self",)).filter(pk__in=seen).order_by("pk"))
    if not found or len(found) < len(seen):
        raise NotFound("There is no such row. Reload the list.")
    past: dict[int, list] = {row.pk: [] for row in found}
    for one in rows.model.history.filter(id__in=past).select_related("history_user").order_by("history_id"):
        past[one.id].append(one)
    missed = [
        {"id": row.pk, "ref": str(row), "seen": seen[row.pk], "is": len(past[row.pk]) + 1,
         "changes": list(_changes(past[row.pk], seen[row.pk], told))}
        for row in found if len(past[row.pk]) + 1 != seen[row.pk]
    ]  # fmt: skip
    if missed:
        raise stale(f"{missed[0]['ref']} is not as you saw it. Reload the list and look again.", rows=missed[:20])
    return found


def keep_history(act: Act, rows: Sequence[Row], kind: str) -> None:
    """A row of history each, as the back office keeps them. :param kind: ``+`` of new rows, ``~`` of others"""
    if not rows:
        return
    past = type(rows[0]).history.model
    names = [field.attname for field in past.tracked_fields]
    past.objects.bulk_create(
        past(
            **{name: getattr(row, name) for name in names}, history_date=act.at, history_type=kind, history_user_id=act.by,
            history_change_reason=act.reason.strip()[:100],
        )
        for row in rows
    )  # fmt: skip


def next_nths(subject: str, rows: Sequence[Row]) -> dict[int, int]:
    """The next number of each row's life on the record; the first of those that the back office entered. One query."""
    return next_nths_of(subject, [row.pk for row in rows])


def next_nths_of(subject: str, ids: Sequence[int]) -> dict[int, int]:
    """The same by the ids of rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT u.id, count(e.id) + 1 FROM unnest(%s::bigint[]) u(id)"
            " LEFT JOIN audit_entry e ON e.subject = %s AND e.subject_id = u.id GROUP BY u.id",
            [list(ids), subject],
        )
        return dict(cursor.fetchall())


def as_told(row: Row, names: Collection[str]) -> dict[str, Any]:
    """What the record keeps of a row: numbers and days as text, nothing that is empty."""
    said = {name: getattr(row, name) for name in names}
    return {name: str(value) if isinstance(value, Decimal | date) else value for name, value in said.items() if value not in (None, "")}


def _changes(past: Sequence[Any], seen: int, told: Collection[str]) -> Iterator[dict[str, Any]]:
    """What happened after the version seen, as a refusal tells it."""
    for n, after in enumerate(past, start=2):  # Of the first row of history the version after it is 2.
        if n <= seen:
            continue
        before = past[n - 3] if n > 2 else None
        changed = [name for name in told if before is None or getattr(before, name) != getattr(after, name)]
        what = {"before": {name: _text(before, name) for name in changed}, "after": {name: _text(after, name) for name in changed}}
        subject = type(after).instance_type._meta.model_name
        yield {"event": f"{subject}.changed", "by": str(after.history_user or "the back office"), "at": after.history_date.isoformat(),
               "what": what}  # fmt: skip


def _text(row: Any, name: str) -> str | None:
    value = None if row is None else getattr(row, name)
    return None if value in (None, "") else str(value)
