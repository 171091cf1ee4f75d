"""A list as a file, CSV or XLSX: what the view shows, in its order, saying as of when and under which filters."""

import csv
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from openpyxl import Workbook
from openpyxl.utils import get_column_letter

from apps.core.acts import Act
from apps.core.refusals import Invalid

from . import saved
from .columns import AGE, CHOICE, Column, Row, Sheet
from .pages import Shown
from .specs import Spec

KINDS = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
MOST_ROWS = 500_000
AT_ONCE = 500  # Lines sent together.
LETTER = 7  # Pixels of a letter, in which spreadsheets measure columns.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class Asked(NamedTuple):
    """A list to be taken: its kind of file, what narrows it besides the view (in words), who takes it."""

    kind: str
    narrowed: Sequence[str]
    person: str


def exported(act: Act, sheet: Sheet, view: Shown, asked: Asked, rows: int, found: Iterable[Row]) -> HttpResponse:
    """
    Will put on the record that the list was taken, and send it. CSV is sent as it is read, XLSX from a temporary file.

    :raises Invalid: for another kind of file, or more rows than a file holds
    """
    if asked.kind not in KINDS:
        raise Invalid(f"A list is written as {' or '.join(KINDS)}; got “{asked.kind[:10]}”.", field="format")
    if rows > MOST_ROWS:
        raise Invalid(
            f"The list has {rows:,} rows and a file at most {MOST_ROWS:,}; narrow it by a filter.", field="format"
        )
    filters = [*asked.narrowed, *(one.in_words(sheet) for one in view.spec.filters)]
    name = view.saved.name if view.saved else "House view"
    saved.record_export(
        act, sheet, kind=asked.kind, view=name, columns=list(view.spec.columns), filters=filters, rows=rows
    )
    lines = written(sheet, view.spec, head(act, sheet, view.spec, name, filters, asked.person, rows), found)
    file_name = f"{sheet.name}-{act.at:%Y%m%d-%H%M%S}.{asked.kind}"
    if asked.kind == "csv":
        response = StreamingHttpResponse(csv_lines(lines), content_type=KINDS["csv"])
        response["Content-Disposition"] = f'attachment; filename="{file_name}"'
        return response
    return FileResponse(_xlsx(sheet, view.spec, lines), as_attachment=True, filename=file_name, content_type=KINDS["xlsx"])


def head(
    act: Act, sheet: Sheet, spec: Spec, name: str, filters: Sequence[str], person: str, rows: int
) -> list[list[str]]:
    """The lines above the columns: what this is, as of when, and what was left out."""
    sort = ", ".join(f"{sheet.columns[c].label}{' falling' if falls else ''}" for c, falls in spec.sort)
    group = f"grouped by {sheet.columns[spec.group].label}; " if spec.group else ""
    return [
        [f"{sheet.title}, {rows:,} rows, as of {act.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, taken by {person}"],
        [f"View: {name}; {group}ordered by {sort or 'what needs a person first'}"],
        [f"Filters: {'; '.join(filters) or 'none'}"],
        [],
    ]


def written(sheet: Sheet, spec: Spec, above: Iterable[Sequence], rows: Iterable[Row]) -> Iterator[list]:
    """Every line of the file, no cell of which a spreadsheet takes for a formula."""
    columns = [sheet.columns[code] for code in spec.columns]
    group, begun = sheet.columns.get(spec.group), ...
    part, whole = _Sum("Total", columns, spec.totals), _Sum("All", columns, spec.totals)
    for line in above:
        yield [harmless(cell) for cell in line]
    yield [column.label for column in columns]
    for row in rows:
        if group and row[group.path] != begun:
            yield from part.said()
            begun = row[group.path]
            yield [harmless(f"{group.label}: {_plain(group, row)}")]
        yield [harmless(_plain(column, row)) for column in columns]
        part.take(row)
        whole.take(row)
    if group:
        yield from part.said()
    yield from whole.said()


class _Sum:
    """Sums of the columns a view totals, of what was taken since they were last said."""

    def __init__(self, name: str, columns: Sequence[Column], totals: Collection[str]):
        self.name, self.columns = name, columns
        self.codes = [column.code for column in columns if column.code in totals]
        self.taken: dict[str, Decimal] | None = None

    def take(self, row: Row) -> None:
        if not self.codes:
            return
        self.taken = self.taken or dict.fromkeys(self.codes, Decimal(0))
        for column in self.columns:
            if column.code in self.taken:
                self.taken[column.code] += column.value(row) or 0

    def said(self) -> list[list]:
        """One line, or none where nothing is totalled."""
        if self.taken is None:
            return []
        line: list = [self.taken.get(column.code, "") for column in self.columns]
        if "" in line:
            line[line.index("")] = self.name
        self.taken = None
        return [line]


def _plain(column, row: Row) -> Any:
    value = column.value(row)
    if value is None:
        return ""
    if column.kind == CHOICE:
        return column.choices.get(value, value)
    if column.kind == AGE:
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return value


def harmless(value: Any) -> Any:
    """Text that a spreadsheet would run is given an apostrophe, by which it stays text; numbers and dates stay."""
    if isinstance(value, Decimal | int | float | date | datetime):
        return value
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) or text.startswith(FORMULA) else text


class _Echo:
    """A file whose lines are handed on as they are written."""

    def write(self, line: str) -> str:
        return line


def csv_lines(lines: Iterable[Sequence]) -> Iterator[bytes]:
    writer, pile = csv.writer(_Echo()), ["\N{ZERO WIDTH NO-BREAK SPACE}"]  # By which spreadsheets know UTF-8.
    for line in lines:
        pile.append(writer.writerow([f"{c.normalize():f}" if isinstance(c, Decimal) else c for c in line]))
        if len(pile) >= AT_ONCE:
            yield "".join(pile).encode()
            pile = []
    yield "".join(pile).encode()


def _xlsx(sheet: Sheet, spec: Spec, lines: Iterable[Sequence]):
    """A temporary file, gone when it is closed: the rows are never all in memory. Columns are as wide as in the view."""
    book = Workbook(write_only=True)
    page = book.create_sheet(sheet.title)
    for n, code in enumerate(spec.columns, 1):
        page.column_dimensions[get_column_letter(n)].width = spec.widths.get(code, sheet.columns[code].width) / LETTER
    for line in lines:
        page.append(line)
    file = tempfile.TemporaryFile()  # noqa: SIM115  The answer closes it.
    book.save(file)
    file.seek(0)
    return file
