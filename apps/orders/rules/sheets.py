"""
Reads a file of orders, CSV or XLSX, into text cells by line and column. What the cells mean is not asked here.

A file is a stranger's: its size, its rows, and what a spreadsheet unpacks to are bounded before anything is read, and a
formula is never computed, only quoted.
"""

import csv
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

import openpyxl
import polars as pl

from apps.core.refusals import Invalid

from .headless import is_an_order

MAX_BYTES = 50 * 1024 * 1024
MAX_ROWS = 200_000
MAX_COLUMNS = 60
MAX_CELL = 1_000
MAX_UNPACKED = 400 * 1024 * 1024
MAX_RATIO = 200
LINE, PROBLEM = "#line", "#problem"

HEADINGS = {
    "portfolio": ("portfolio", "portfoliocode", "account", "accountcode", "acct", "fund", "client"),
    "symbol": ("symbol", "ticker"),
    "isin": ("isin", "isincode"),
    "cusip": ("cusip",),
    "sedol": ("sedol",),
    "figi": ("figi", "bbgid"),
    "identifier": ("instrument", "security", "securityid", "instrumentid", "identifier"),
    "side": ("side", "buysell", "bs", "direction", "transaction", "transactiontype", "action"),
    "qty": ("quantity", "qty", "orderqty", "shares", "units", "face", "faceamount", "facevalue", "nominal"),
    "order_type": ("ordertype", "ordtype", "type", "pricetype"),
    "limit_price": ("limitprice", "limit", "price", "limitpx", "px"),
    "tif": ("tif", "timeinforce"),
    "instructions": ("instructions", "instruction", "specialinstructions", "handling"),
    "rationale": ("rationale", "reason", "comment", "comments", "notes", "note"),
    "client_ref": ("ref", "reference", "clientref", "clientreference", "clientorderid", "clordid", "orderref", "orderid"),
    "stop_price": ("stopprice", "stop", "stoppx", "trigger", "triggerprice"),
    "peg": ("peg", "pegto", "pegtype"),
    "peg_offset": ("pegoffset", "offset", "pegdifference"),
    "expire_date": ("expiredate", "expirydate", "goodtill", "gtddate", "gooduntil"),
    "min_qty": ("minqty", "minimumquantity", "minquantity", "minimum"),
    "display_qty": ("displayqty", "displayquantity", "maxfloor", "displaysize", "iceberg"),
    "value_date": ("valuedate", "fxvaluedate"),
    "position_effect": ("positioneffect", "openclose", "effect"),
    "short_exempt": ("shortexempt", "shortsaleexemptionreason", "exemption"),
    "flags": ("flags", "execinst", "executioninstructions"),
    "intent": ("intent", "quantitytype", "qtytype"),
    "intent_value": ("intentvalue", "targetweight", "amount"),
    "currency": ("currency", "ccy"),
    "desk": ("desk", "tradingdesk"),
    "group": ("group", "groupname", "program", "basket"),
}  # fmt: skip
IDENTIFIERS = ("symbol", "isin", "cusip", "sedol", "figi", "identifier")
FIELD_OF = {heading: field for field, headings in HEADINGS.items() for heading in headings}

BAD_WORKBOOK = (
    zipfile.BadZipFile, zlib.error, SyntaxError, KeyError, ValueError, TypeError, IndexError, AttributeError, OSError,
    EOFError, NotImplementedError,
)  # fmt: skip


class Unreadable(Invalid):
    """The file cannot be read as a list of orders."""


@dataclass(frozen=True)
class Sheet:
    """
    Text cells by heading, with ``#line`` in the file and ``#problem`` of the row's shape, where there is one.

    ``columns`` says which heading holds which field of an order; other headings are kept but mean nothing. ``doubt``
    says why they are not clear enough to read orders from, where they are not.
    """

    frame: pl.DataFrame
    columns: dict[str, str]
    doubt: str = ""

    @property
    def headings(self) -> list[str]:
        return [name for name in self.frame.columns if name not in (LINE, PROBLEM)]

    @property
    def ignored(self) -> list[str]:
        return [name for name in self.headings if name not in self.columns.values()]


def refuse_unfit(file_name: str, content: bytes) -> None:
    """What can be said of a file at once. :raises Unreadable: if it is empty, too large, or of a kind that is not read"""
    if not content:
        raise Unreadable(f"{file_name} is empty.", field="file")
    if len(content) > MAX_BYTES:
        raise Unreadable(
            f"{file_name} has {len(content) / 1024**2:.0f} MB; at most {MAX_BYTES // 1024**2} MB are read. Split it.",
            field="file",
        )
    if _is_zip(content):
        _refuse_bomb(file_name, content)
    elif content[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise Unreadable(
            f"{file_name} is an old Excel file, or one with a password. Save it as .xlsx without one.", field="file"
        )
    else:
        _decoded(file_name, content)


def read(file_name: str, content: bytes) -> Sheet:
    """
    The file's first sheet. Its first row with any cell is the heading, unless it is an order already: then columns are
    numbered. Empty rows are passed over.

    :raises Unreadable: telling what is wrong with it as a whole
    """
    return _sheet(file_name, lines_of(file_name, content))


def lines_of(file_name: str, content: bytes) -> Iterable[tuple[int, Sequence[str]]]:
    """
    Each line of a file's first sheet, whatever is listed in it: its number, and its cells as text.

    :raises Unreadable: telling what is wrong with it as a whole, at once or as lines are read
    """
    refuse_unfit(file_name, content)
    return _workbook_rows(file_name, content) if _is_zip(content) else _text_rows(file_name, content)


def stored(sheet: Sheet) -> bytes:
    """The sheet as it is kept between steps (Arrow IPC, compressed)."""
    out = io.BytesIO()
    sheet.frame.write_ipc(out, compression="zstd")
    return out.getvalue()


def unstored(kept: bytes, columns: dict[str, str] | None = None) -> Sheet:
    """:param columns: field to heading, where somebody said so; as the headings read otherwise"""
    frame = pl.read_ipc(io.BytesIO(kept))
    meant, doubt = guessed([name for name in frame.columns if name not in (LINE, PROBLEM)])
    return Sheet(frame, meant, doubt) if columns is None else Sheet(frame, columns, missing(columns))


def signature(headings: Sequence[str]) -> str:
    """The same for files with the same headings, however they are spaced or capitalised."""
    return hashlib.sha256("\x1f".join(_bare(heading) for heading in headings).encode()).hexdigest()


# --- text -----------------------------------------------------------------------------------------------------------


def _decoded(file_name: str, content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise Unreadable(f"{file_name} is not a CSV or XLSX file. Export the list as one of these.", field="file")


def _text_rows(file_name: str, content: bytes) -> Iterator[tuple[int, Sequence[str]]]:
    text = _decoded(file_name, content)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t|", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    start = 1
    try:
        for row in reader:
            yield start, row
            start = reader.line_num + 1
    except csv.Error as error:
        raise Unreadable(f"{file_name}, line {start}: it cannot be read as CSV ({error}).", field="file") from error


# --- workbook -------------------------------------------------------------------------------------------------------


def _is_zip(content: bytes) -> bool:
    return content[:4] == b"PK\x03\x04"


def _refuse_bomb(file_name: str, content: bytes) -> None:
    """Refuses a workbook that unpacks to more than it should, by its directory, to which Python holds it when reading."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()
    except BAD_WORKBOOK as error:
        raise Unreadable(f"{file_name} is damaged: it cannot be opened as XLSX.", field="file") from error
    if not any(part.filename == "xl/workbook.xml" for part in parts):
        raise Unreadable(f"{file_name} is not an XLSX workbook. Export the list as CSV or XLSX.", field="file")
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > 1000 or unpacked > MAX_UNPACKED or unpacked > max(MAX_RATIO * len(content), 1024**2):
        raise Unreadable(
            f"{file_name} unpacks to {unpacked / 1024**2:.0f} MB, which is more than is read. Export it as CSV.",
            field="file",
        )


def _workbook_rows(file_name: str, content: bytes) -> Iterator[tuple[int, Sequence[str]]]:
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
        try:
            if not book.worksheets:
                raise Unreadable(f"{file_name} has no sheet with cells.", field="file")
            page = book.worksheets[0]
            page.reset_dimensions()  # What the file says of its own size may be wrong.
            for line, cells in enumerate(page.iter_rows(max_col=MAX_COLUMNS, values_only=True), 1):
                yield line, [_as_text(cell) for cell in cells]
        finally:
            book.close()
    except BAD_WORKBOOK as error:
        raise Unreadable(f"{file_name} is damaged: it cannot be read as XLSX ({error}).", field="file") from error


def _as_text(cell) -> str:
    """A cell as it would be typed; a number keeps its digits, a formula stays a formula."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int):
        return str(cell)
    if isinstance(cell, float):
        return f"{Decimal(repr(cell)):f}" if not cell.is_integer() else str(int(cell))
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(getattr(cell, "text", cell))  # An array formula.


# --- cells ----------------------------------------------------------------------------------------------------------


def _sheet(file_name: str, rows: Iterable[tuple[int, Sequence[str]]]) -> Sheet:
    headings: list[str] = []
    lines, cells, surplus = [], [], {}
    for line, row in rows:
        if line > 2 * MAX_ROWS:
            raise Unreadable(f"{file_name} has more than {2 * MAX_ROWS} lines. Split it.", field="file")
        if not any(cell and not cell.isspace() for cell in row):
            continue
        if not headings:
            is_order = is_an_order(row, names_fields=any(_bare(cell) in FIELD_OF for cell in row))
            headings = _headings(file_name, [""] * _width(row) if is_order else row)
            if not is_order:
                continue
        if len(lines) == MAX_ROWS:
            raise Unreadable(f"{file_name} has more than {MAX_ROWS:,} orders. Split it.", field="file")
        if len(row) != len(headings):
            if any(cell.strip() for cell in row[len(headings) :]):
                surplus[line] = sum(1 for cell in row if cell.strip())
            row = (list(row) + [""] * len(headings))[: len(headings)]
        lines.append(line)
        cells.append(row)
    if not headings:
        raise Unreadable(f"{file_name} is empty.", field="file")
    if not lines:
        raise Unreadable(f"{file_name} has a heading but no orders below it.", field="file")
    frame = pl.DataFrame(
        {LINE: pl.Series(lines, dtype=pl.Int64)}
        | {
            name: pl.Series(values, dtype=pl.String)
            for name, values in zip(headings, zip(*cells, strict=True), strict=True)
        }
    )
    columns, doubt = guessed(headings)
    return Sheet(_shaped(frame, headings, surplus), columns, doubt)


def _shaped(frame: pl.DataFrame, headings: Sequence[str], surplus: dict[int, int]) -> pl.DataFrame:
    """Cells without control characters and cut to their limit, and what is wrong with each row's shape."""
    longest = pl.max_horizontal(pl.col(name).str.len_chars() for name in headings)
    wrong = pl.DataFrame(
        {LINE: list(surplus), "cells": list(surplus.values())}, schema={LINE: pl.Int64, "cells": pl.Int64}
    )
    return (
        frame.with_columns(longest.alias("#longest"))
        .join(wrong, on=LINE, how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("cells").is_not_null())
            .then(pl.format("The line has {} cells, the heading {}.", "cells", pl.lit(len(headings))))
            .when(pl.col("#longest") > MAX_CELL)
            .then(pl.format("A cell has {} characters: at most {}.", "#longest", pl.lit(MAX_CELL)))
            .alias(PROBLEM),
            *(
                pl.col(name).str.replace_all(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "").str.head(MAX_CELL)
                for name in headings
            ),
        )
        .drop("#longest", "cells")
    )


def _width(row: Sequence[str]) -> int:
    """Cells up to the last that holds something."""
    return max((n for n, cell in enumerate(row, 1) if cell.strip()), default=0)


def _headings(file_name: str, row: Sequence[str]) -> list[str]:
    """The heading's cells, each once: a repeated, empty or misleading one is numbered."""
    row = list(row[: _width(row) or len(row)])
    if len(row) > MAX_COLUMNS:
        raise Unreadable(f"{file_name} has {len(row)} columns; at most {MAX_COLUMNS} are read.", field="file")
    taken: set[str] = {LINE, PROBLEM}
    names = []
    for n, cell in enumerate(row, 1):
        name = re.sub(r"\s+", " ", re.sub(r"[\x00-\x1f\x7f]", " ", cell)).strip()[:80] or f"column {n}"
        if name == "*" or name.startswith("^"):  # A column of this name would be read as a pattern.
            name = f"column {n} {name}"
        if name in taken:
            name = f"{name} ({n})"
        taken.add(name)
        names.append(name)
    return names


def guessed(headings: Sequence[str]) -> tuple[dict[str, str], str]:
    """Field of an order to the heading that holds it by its usual names, and what is not clear about them."""
    columns: dict[str, str] = {}
    for heading in headings:
        field = FIELD_OF.get(_bare(heading))
        if field is None:
            continue
        if field in columns:
            return columns, f"Both “{columns[field]}” and “{heading}” give the {field.replace('_', ' ')}."
        columns[field] = heading
    return columns, missing(columns)


def missing(columns: dict[str, str]) -> str:
    """What no order can do without and no column holds, in words; empty where nothing is missing."""
    needed = (("portfolio", "portfolio"), ("side", "side"), ("qty", "quantity"))
    lacking = [name for field, name in needed if field not in columns]
    if not any(name in columns for name in IDENTIFIERS):
        lacking.insert(0, "symbol, ISIN or CUSIP")
    return f"It has no column for {', '.join(lacking)}." if lacking else ""


def _bare(heading: str) -> str:
    """A heading without what people write differently; as it is where nothing would be left, as of another script."""
    return re.sub(r"[^a-z0-9]", "", heading.lower()) or heading.lower()
