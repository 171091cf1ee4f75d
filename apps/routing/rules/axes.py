"""Files of dealers' axes, a row each, and how old an axis may be."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

COLUMNS = ("dealer", "instrument", "side", "kind", "quantity", "price", "as_of", "expires_at", "text")
NEEDED = ("dealer", "instrument", "side")
SIDES = {"BUY": "BUY", "B": "BUY", "BID": "BUY", "SELL": "SELL", "S": "SELL", "OFFER": "SELL"}
KINDS = {"": "AXE", "AXE": "AXE", "INVENTORY": "INVENTORY"}
STALE_AFTER = timedelta(hours=4)
LASTS = timedelta(hours=12)
"""For how long an axis is shown that says nothing of it."""
MOST_ROWS = 20_000
LARGEST = Decimal(10) ** 16


class Unreadable(ValueError):
    """The file cannot be read as rows."""


class AxisRow(NamedTuple):
    """What a row says; ``line`` of the file."""

    line: int
    dealer: str
    instrument: str
    side: str
    kind: str
    qty: Decimal | None
    price: Decimal | None
    as_of: datetime
    expires_at: datetime
    text: str


class BadRow(NamedTuple):
    row: int
    field: str
    message: str


def read_file(text: str, now: datetime) -> tuple[list[AxisRow], list[BadRow]]:
    """
    The rows of a CSV file and what is wrong with them, every one.

    :raises Unreadable: where it is no such file: not CSV, columns missing, unknown or twice, no rows or too many
    """
    if "\x00" in text:
        raise Unreadable("There is a NUL character in the file. Save it anew as CSV.")
    reader, rows, start = csv.reader(io.StringIO(text, newline=""), strict=True), [], 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((start, [cell.strip() for cell in cells]))
            start = reader.line_num + 1
    except csv.Error as error:
        raise Unreadable(f"Line {start} cannot be read as CSV: {error}.") from None
    if len(rows) < 2:
        raise Unreadable("The file has no axes. Its first row names the columns, an axis is a row.")
    if len(rows) > MOST_ROWS + 1:
        raise Unreadable(f"At most {MOST_ROWS:,} axes are read at once. Split the file.")
    names = _headings(rows[0][1])
    found, wrong = [], []
    for line, cells in rows[1:]:
        row, problems = _read(line, dict(zip(names, cells, strict=False)), now)
        if len(cells) > len(names):
            problems.append(BadRow(line, "", "It has more cells than there are columns."))
        wrong += problems
        if row and not problems:
            found.append(row)
    return found, wrong


def _headings(cells: Sequence[str]) -> list[str]:
    names = [cell.lower().replace(" ", "_") for cell in cells]
    for said, wrong in (
        ("Unknown columns", [name for name in names if name not in COLUMNS]),
        ("Columns named twice", sorted({name for name in names if names.count(name) > 1})),
        ("Missing columns", [name for name in NEEDED if name not in names]),
    ):
        if wrong:
            raise Unreadable(f"{said}: {', '.join(wrong)}. Known are: {', '.join(COLUMNS)}.")
    return names


def _read(line: int, cells: Mapping[str, str], now: datetime) -> tuple[AxisRow | None, list[BadRow]]:
    wrong: list[BadRow] = []
    for name in NEEDED:
        if not cells.get(name):
            wrong.append(BadRow(line, name, f"Say the {name}."))
    side, kind = SIDES.get(cells.get("side", "").upper(), ""), KINDS.get(cells.get("kind", "").upper(), "")
    if cells.get("side") and not side:
        wrong.append(BadRow(line, "side", f"“{cells['side']}” is neither buy nor sell: what the dealer would do."))
    if not kind:
        wrong.append(BadRow(line, "kind", f"“{cells['kind']}” is neither axe nor inventory."))
    qty = _number(line, cells, "quantity", 4, wrong)
    price = _number(line, cells, "price", 8, wrong)
    as_of = _time(line, cells, "as_of", now, wrong)
    expires = _time(line, cells, "expires_at", min(as_of, now) + LASTS, wrong)
    if as_of > now:
        wrong.append(BadRow(line, "as_of", "It is in the future."))
    if expires <= max(as_of, now):
        wrong.append(BadRow(line, "expires_at", "It has expired."))
    if len(cells.get("text", "")) > 200:
        wrong.append(BadRow(line, "text", "At most 200 characters."))
    row = AxisRow(
        line, cells.get("dealer", ""), cells.get("instrument", ""), side, kind, qty, price, as_of, expires, cells.get("text", "")
    )
    return row, wrong


def _number(line: int, cells: Mapping[str, str], name: str, places: int, wrong: list[BadRow]) -> Decimal | None:
    text = cells.get(name, "").replace(",", "")
    if not text:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or not 0 < number < LARGEST or number != round(number, places):
        wrong.append(BadRow(line, name, f"“{cells[name]}” is no number above zero with at most {places} decimals."))
        return None
    return number


def _time(line: int, cells: Mapping[str, str], name: str, default: datetime, wrong: list[BadRow]) -> datetime:
    text = cells.get(name, "")
    if not text:
        return default
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        wrong.append(BadRow(line, name, f"“{text}” is no time; write it as 2026-01-31T14:30:00Z."))
        return default
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def is_stale(as_of: datetime, now: datetime) -> bool:
    """Whether it was said so long ago that the dealer may not stand by it."""
    return now - as_of > STALE_AFTER
