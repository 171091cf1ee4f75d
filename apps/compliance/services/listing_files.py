"""Entries of the lists from a file: every bad row is named, and none is listed until all are good."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.db import transaction

from apps.core.acts import Act
from apps.core.refusals import Invalid
from apps.portfolios.models import Portfolio, PortfolioGroup
from apps.reference.models import Broker, Custodian, Instrument, Issuer
from apps.users.models import Desk, User
from apps.users.services import require

from ..models import Restriction
from ..selectors.lists import kinds_seen_by
from ..states import InForce
from .lists import Listing, problem_of, restrict

MAX_BYTES = 5 * 1024 * 1024
MAX_ROWS = 20_000
COLUMNS = (
    "list", "issuer", "reach", "instrument", "broker", "custodian", "portfolio", "group", "desk", "person", "direction",
    "look_through", "from", "to", "reason", "source", "authorised_by",
)  # fmt: skip
NEEDED = ("from", "reason")
NAMED = {
    "issuer": (Issuer, "code"), "instrument": (Instrument, "symbol"), "broker": (Broker, "code"), "custodian": (Custodian, "code"),
    "portfolio": (Portfolio, "code"), "group": (PortfolioGroup, "code"),
    "desk": (Desk, "code"), "person": (User, "username"),
}  # fmt: skip
FIELDS = {"kind": "list", "effective_from": "from", "effective_to": "to"}


class BadFile(Invalid):
    """The file cannot be read as entries of a list."""


class BadRows(BadFile):
    """Rows of the file are wrong: ``rows`` names each with its line, the column and what is wrong."""


@transaction.atomic
def import_listings(act: Act, content: bytes) -> list[int]:
    """
    Will put the entries of a CSV file on their lists: all or none. Its first row names the columns, of ``COLUMNS``.

    :returns: their ids, in the order of the file
    :raises BadFile: where it cannot be read as a whole
    :raises BadRows: naming every bad row
    """
    user = require(act, "compliance.write_rules")
    lines = _lines(content)
    known = {column: _known(column, lines) for column in NAMED}
    allowed, listings, problems = kinds_seen_by(user), [], []
    for number, cells in lines:
        listing, wrong = _read(cells, known)
        if not wrong and listing.kind not in allowed:
            wrong = {"list": f"There is no list “{listing.kind}” for you to write on."}
        if not wrong and (problem := problem_of(listing)):
            wrong = {FIELDS.get(problem[0], problem[0]): problem[1]}
        problems += [{"row": number, "field": field, "message": message} for field, message in wrong.items()]
        listings.append(listing)
    problems += _twice([number for number, _ in lines], listings) if not problems else []
    if problems:
        rows = len({one["row"] for one in problems})
        raise BadRows(f"{rows} of {len(lines)} rows are wrong. Nothing was listed.", field="file", rows=problems)
    return restrict(act, listings)


def _lines(content: bytes) -> list[tuple[int, dict[str, str]]]:
    """The rows that say anything: the line in the file and its cells by column."""
    if len(content) > MAX_BYTES:
        raise BadFile(f"At most {MAX_BYTES // 1024**2} MB are read. Split the file.", field="file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadFile("This is not a CSV file in UTF-8. Export the entries as one.", field="file") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[int, list[str]]] = []
    start = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((start, [cell.strip() for cell in row]))
            start = reader.line_num + 1
    except csv.Error as error:
        raise BadFile(f"Line {start} cannot be read as CSV: {error}.", field="file") from None
    if len(rows) < 2:
        raise BadFile("The file has no entries. Its first row names the columns, an entry is a row.", field="file")
    if len(rows) > MAX_ROWS + 1:
        raise BadFile(f"At most {MAX_ROWS:,} entries are read at once. Split the file.", field="file")
    return [(number, dict(zip(_headings(rows[0][1]), cells, strict=False))) for number, cells in rows[1:]]


def _headings(cells: Sequence[str]) -> list[str]:
    names = [cell.lower().replace(" ", "_") for cell in cells]
    for said, wrong in (
        ("Unknown columns", [name for name in names if name not in COLUMNS]),
        ("Columns named twice", sorted({name for name in names if names.count(name) > 1})),
        ("Missing columns", [name for name in NEEDED if name not in names]),
    ):
        if wrong:
            raise BadFile(f"{said}: {', '.join(wrong)}. Known are: {', '.join(COLUMNS)}.", field="file")
    return names


def _known(column: str, lines: Sequence[tuple[int, Mapping[str, str]]]) -> dict[str, int]:
    model, field = NAMED[column]
    codes = {cells[column] for _, cells in lines if cells.get(column)}
    return dict(model.objects.filter(**{f"{field}__in": codes}).values_list(field, "pk")) if codes else {}


def _read(cells: Mapping[str, str], known: Mapping[str, Mapping[str, int]]) -> tuple[Listing, dict[str, str]]:
    """What a row says, and what is wrong with it by column."""
    wrong: dict[str, str] = {}
    said: dict[str, Any] = {}
    for column, ids in known.items():
        code = cells.get(column, "")
        if code and code not in ids:
            wrong[column] = f"There is no {column} “{code}”."
        said[f"{column}_id"] = ids.get(code)
    for column, field in (("from", "effective_from"), ("to", "effective_to")):
        try:
            said[field] = date.fromisoformat(cells[column]) if cells.get(column) else None
        except ValueError:
            wrong[column] = f"“{cells[column]}” is no date; write it as 2026-01-31."
            said[field] = None
    if said["effective_from"] is None and "from" not in wrong:
        wrong["from"] = "Give the first day."
    for column, field, given in (("list", "kind", "RESTRICTED"), ("reach", "reach", "GROUP"), ("direction", "direction", "ALL")):
        said[field] = (cells.get(column) or given).upper()
    look = (cells.get("look_through") or "no").lower()
    if look not in ("yes", "no"):
        wrong["look_through"] = "Write yes or no."
    said["look_through"] = look == "yes"
    return Listing(**said, **{name: cells.get(name, "") for name in ("reason", "source", "authorised_by")}), wrong


def _twice(numbers: Sequence[int], listings: Sequence[Listing]) -> list[dict[str, Any]]:
    """Rows that say what another row, or an entry in force, says already."""
    scope = (
        "kind", "issuer_id", "instrument_id", "broker_id", "custodian_id", "portfolio_id", "group_id", "desk_id", "person_id", "direction",
        "effective_from",
    )  # fmt: skip
    in_force = {row[:-1]: row[-1] for row in Restriction.objects.filter(status=InForce.ACTIVE).values_list(*scope, "pk")}
    first: dict[tuple, int] = {}
    found = []
    for number, one in zip(numbers, listings, strict=True):
        key = tuple(getattr(one, name) for name in scope)
        if key in in_force:
            found.append({"row": number, "field": "list", "message": f"It is listed already, as entry {in_force[key]}."})
        elif key in first:
            found.append({"row": number, "field": "list", "message": f"Row {first[key]} says the same."})
        first.setdefault(key, number)
    return found
