"""Position limits: what officers enter, by hand or by file, and end. A limit is never changed: it is ended, and another begins."""

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Invalid, NotFound, Stale
from apps.core.tables import copy_in, next_ids
from apps.orders import selectors as order_selectors
from apps.reference.models import ContractFamily
from apps.users.services import require

from .. import events
from ..engine.contracts import KINDS, MONTHS, SOURCES
from ..models import PositionLimit
from ..states import POSITION_LIMIT_LIFE, InForce
from .listing_files import BadFile, BadRows

MAX_BYTES = 1024 * 1024
MAX_ROWS = 10_000
LARGEST = Decimal(10) ** 12
COLUMNS = ("family", "months", "kind", "contracts", "source", "citation", "from", "to", "reason")
NEEDED = ("family", "months", "contracts", "source", "citation", "from")
FIELDS = {"family_id": "family", "qty": "contracts", "starts_on": "from", "ends_on": "to"}
"""Fields of a limit to the columns of a file that say them, where they differ."""


class StalePositionLimit(Stale):
    """A limit changed after the officer looked."""


class NewLimit(NamedTuple):
    """
    :param months, kind, source: keys of ``engine.contracts.MONTHS``, ``KINDS`` and ``SOURCES``
    :param qty: contracts, net long or short; :param ends_on: last day, inclusive; None for no end
    """

    family_id: int | None
    months: str
    qty: Decimal | None
    source: str
    citation: str
    starts_on: date | None
    ends_on: date | None = None
    kind: str = "LIMIT"
    reason: str = ""


@transaction.atomic
def add_position_limits(act: Act, limits: Sequence[NewLimit]) -> list[int]:
    """
    Will put limits in force from their first day on: all or none. Orders screened from now on are held against them.

    :returns: their ids, in the order given
    :raises Invalid: naming the field and ``index`` of the first that is malformed
    """
    require(act, "compliance.write_rules")
    if not limits:
        raise Invalid("No limit was given.", field="limits")
    for index, limit in enumerate(limits):
        if problem := next(iter(problems_of(limit).items()), None):
            raise Invalid(problem[1], field=problem[0], index=index)
    known = set(ContractFamily.objects.filter(pk__in={one.family_id for one in limits}).values_list("pk", flat=True))
    for index, limit in enumerate(limits):
        if limit.family_id not in known:
            raise Invalid("There is no such contract family. Choose one from the list.", field="family", index=index)
    born = POSITION_LIMIT_LIFE.born[events.PositionLimitAdded]
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "compliance_positionlimit", len(limits))
        copy_in(
            cursor, "compliance_positionlimit",
            ("id", "family_id", "months", "kind", "qty", "source", "citation", "starts_on", "ends_on", "reason", "status", "version"),
            (
                (pk, one.family_id, one.months, one.kind, one.qty, one.source, one.citation.strip(), one.starts_on, one.ends_on,
                 one.reason.strip(), born, 1)
                for pk, one in zip(ids, limits, strict=True)
            ),
        )  # fmt: skip
    told = [events.PositionLimitAdded(one.family_id, one.months, one.kind, str(one.qty)) for one in limits]
    record(act, [Fact(pk, 1, event) for pk, event in zip(ids, told, strict=True)])
    return ids


@transaction.atomic
def end_position_limits(act: Act, limit_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will take limits out of force, for the reason the act gives.

    :raises NotFound: where there is none
    :raises StalePositionLimit: if one changed since the version seen
    :raises IllegalMove: if one is ended already
    """
    require(act, "compliance.write_rules")
    if not act.reason.strip():
        raise Invalid("Give a reason: it is kept on the record.", field="reason")
    wanted = sorted(set(limit_ids))
    if not wanted:
        raise Invalid("No limit was chosen. Select at least one.", field="limits")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, status, version FROM compliance_positionlimit WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [wanted]
        )
        rows = cursor.fetchall()
        if len(rows) < len(wanted):
            raise NotFound("There is no such position limit. Reload the list.")
        stale = {pk: (f"Position limit {pk}", seen.get(pk), version) for pk, _, version in rows if seen.get(pk) != version}
        if stale:
            raise StalePositionLimit(
                "A position limit changed since you looked. Reload the list.",
                position_limits=order_selectors.missed("position_limit", stale),
            )
        for _, status, _ in rows:
            after = POSITION_LIMIT_LIFE.after(status, events.PositionLimitEnded)
        cursor.execute(
            "UPDATE compliance_positionlimit SET status = %s, version = version + 1 WHERE id = ANY(%s)", [after, wanted]
        )
    record(act, [Fact(pk, version + 1, events.PositionLimitEnded()) for pk, _, version in rows])


def problems_of(limit: NewLimit) -> dict[str, str]:
    """Field to what is wrong with it."""
    found = {}
    if limit.family_id is None:
        found["family"] = "Name the contract family."
    for field, words in (("months", MONTHS), ("kind", KINDS), ("source", SOURCES)):
        if getattr(limit, field) not in words:
            found[field] = f"This is one of {', '.join(words)}."
    if limit.qty is None or not limit.qty.is_finite() or not 0 < limit.qty < LARGEST:
        found["qty"] = "A limit is a number of contracts above zero."
    elif limit.qty != limit.qty.quantize(Decimal("0.0001")):
        found["qty"] = "A limit has at most four decimals."
    if not limit.citation.strip():
        found["citation"] = "Say where it is set: the rule of the exchange or regulator, or the firm's policy."
    for field, most in (("citation", 120), ("reason", 200)):
        if len(getattr(limit, field)) > most:
            found[field] = f"This is longer than {most} characters. Shorten it."
    if limit.starts_on is None:
        found["starts_on"] = "Give the first day."
    elif limit.ends_on is not None and limit.ends_on < limit.starts_on:
        found["ends_on"] = "The last day is before the first. Correct one of them."
    return found


# --- by file ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def import_position_limits(act: Act, content: bytes) -> list[int]:
    """
    Will put the limits of a CSV file in force: all or none. Its first row names the columns, of ``COLUMNS``.

    :raises BadFile: where it cannot be read as a whole
    :raises BadRows: naming every bad row
    """
    require(act, "compliance.write_rules")
    lines = _lines(content)
    families = dict(ContractFamily.objects.values_list("code", "pk"))
    limits, problems = [], []
    for number, cells in lines:
        limit, wrong = _read(cells, families)
        for field, message in problems_of(limit).items():
            wrong.setdefault(FIELDS.get(field, field), message)
        problems += [{"row": number, "field": field, "message": message} for field, message in wrong.items()]
        limits.append(limit)
    problems += _twice([number for number, _ in lines], limits) if not problems else []
    if problems:
        rows = len({one["row"] for one in problems})
        raise BadRows(f"{rows} of {len(lines)} rows are wrong. Nothing was put in force.", field="file", rows=problems)
    return add_position_limits(act, limits)


def _lines(content: bytes) -> list[tuple[int, dict[str, str]]]:
    if len(content) > MAX_BYTES:
        raise BadFile(f"At most {MAX_BYTES // 1024**2} MB are read. Split the file.", field="file")
    try:
        text = content.decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(cell.strip() for cell in row)]
    except UnicodeDecodeError:
        raise BadFile("This is not a CSV file in UTF-8. Export the limits as one.", field="file") from None
    except csv.Error as error:
        raise BadFile(f"This cannot be read as CSV: {error}.", field="file") from None
    if len(rows) < 2:
        raise BadFile("The file has no limits. Its first row names the columns, a limit is a row.", field="file")
    if len(rows) > MAX_ROWS + 1:
        raise BadFile(f"At most {MAX_ROWS:,} limits are read at once. Split the file.", field="file")
    names = [cell.lower().replace(" ", "_") for cell in rows[0][1]]
    for said, wrong in (
        ("Unknown columns", [name for name in names if name not in COLUMNS]),
        ("Columns named twice", sorted({name for name in names if names.count(name) > 1})),
        ("Missing columns", [name for name in NEEDED if name not in names]),
    ):
        if wrong:
            raise BadFile(f"{said}: {', '.join(wrong)}. Known are: {', '.join(COLUMNS)}.", field="file")
    return [(number, dict(zip(names, cells, strict=False))) for number, cells in rows[1:]]


def _read(cells: Mapping[str, str], families: Mapping[str, int]) -> tuple[NewLimit, dict[str, str]]:
    """What a row says, and what is wrong with it by column."""
    wrong: dict[str, str] = {}
    said: dict[str, Any] = {"family_id": families.get(cells.get("family", ""))}
    if cells.get("family") and said["family_id"] is None:
        wrong["family"] = f"There is no contract family “{cells['family']}”."
    try:
        said["qty"] = Decimal(cells.get("contracts", "").replace(",", "")) if cells.get("contracts") else None
    except InvalidOperation:
        said["qty"] = None
        wrong["contracts"] = f"“{cells['contracts']}” is no number."
    for column, field in (("from", "starts_on"), ("to", "ends_on")):
        try:
            said[field] = date.fromisoformat(cells[column]) if cells.get(column) else None
        except ValueError:
            said[field] = None
            wrong[column] = f"“{cells[column]}” is no date; write it as 2026-01-31."
    for name, given in (("months", ""), ("kind", "LIMIT"), ("source", "")):
        said[name] = (cells.get(name) or given).upper()
    return NewLimit(**said, citation=cells.get("citation", ""), reason=cells.get("reason", "")), wrong


def _twice(numbers: Sequence[int], limits: Sequence[NewLimit]) -> list[dict[str, Any]]:
    """Rows that say what another row, or a limit in force, says already."""
    scope = ("family_id", "months", "kind", "source", "starts_on")
    in_force = {row[:-1]: row[-1] for row in PositionLimit.objects.filter(status=InForce.ACTIVE).values_list(*scope, "pk")}
    first: dict[tuple, int] = {}
    found = []
    for number, one in zip(numbers, limits, strict=True):
        key = tuple(getattr(one, name) for name in scope)
        if key in in_force:
            message = f"It is in force already, as PL-{in_force[key]:04d}. End that first."
            found.append({"row": number, "field": "family", "message": message})
        elif key in first:
            found.append({"row": number, "field": "family", "message": f"Row {first[key]} says the same."})
        first.setdefault(key, number)
    return found
