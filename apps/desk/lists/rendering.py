"""Rows of a list as markup: cells in the view's order with its colours, the heads of groups, the foot with its totals."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from ..templatetags.show import money_short
from .columns import AGE, CHOICE, NUMBER, Row, Sheet
from .specs import Colour, Condition, Spec

GROUND = 90  # Pixels a cell without a column of its own takes: the box to tick.


class Head(NamedTuple):
    """A column's head: ``turned`` is the sort of the address that it leads to."""

    code: str
    label: str
    number: bool
    width: int
    sorts: bool
    sorted: str
    turned: str


class Drawn(NamedTuple):
    """A row of the page: its facts for the frame, its cells, and the group that begins with it."""

    r: Row
    cells: SafeString
    tone: str
    group: "Group | None"


class Group(NamedTuple):
    label: str
    rows: int
    usd: Any
    cells: Sequence[str]


def heads(sheet: Sheet, spec: Spec) -> list[Head]:
    sort = dict(spec.sort)
    found = []
    for code in spec.columns:
        column = sheet.columns[code]
        way = "" if code not in sort else "descending" if sort[code] else "ascending"
        turned = f"-{code}" if way == "ascending" or (not way and column.kind == NUMBER) else code
        found.append(
            Head(
                code,
                column.label,
                column.is_number,
                spec.widths.get(code, column.width),
                bool(column.path),
                way,
                turned,
            )
        )
    return found


def needs(sheet: Sheet, spec: Spec) -> set[str]:
    """The keys of a row that the view reads."""
    codes = {*spec.columns, *(c.when.code for c in spec.colours), *([spec.group] if spec.group else ())}
    return {*sheet.always, *(key for code in codes for key in sheet.columns[code].needs)}


def cells_of(sheet: Sheet, spec: Spec, row: Row, now: datetime) -> tuple[SafeString, str]:
    """The cells of one row, and the tone of the whole of it."""
    whole, own = "", {}
    for colour in spec.colours:
        if holds(sheet, colour.when, row, now):
            if colour.whole:
                whole = whole or colour.tone
            else:
                own.setdefault(colour.when.code, colour.tone)
    parts = []
    for code in spec.columns:
        column = sheet.columns[code]
        css = "n" if column.is_number else ""
        if column.css:
            css = f"{css} {column.css(row)}".strip()
        if code in own:
            css = f"{css} c-{own[code]}".strip()
        cell = column.cell(row)
        parts.append(format_html('<td class="{}">{}</td>', css, cell) if css else format_html("<td>{}</td>", cell))
    return format_html("{}" * len(parts), *parts), whole


def drawn(
    sheet: Sheet, spec: Spec, rows: Iterable[Row], now: datetime, groups: Mapping, begun: Any = ...
) -> Iterator[Drawn]:
    """:param begun: the group that the page before ended in"""
    path = sheet.columns[spec.group].path if spec.group else ""
    for row in rows:
        group = None
        if path and row[path] != begun:
            begun = row[path]
            group = _group(sheet, spec, row, groups.get(begun))
        cells, tone = cells_of(sheet, spec, row, now)
        yield Drawn(row, cells, tone, group)


def _group(sheet: Sheet, spec: Spec, row: Row, found: Mapping | None) -> Group:
    column = sheet.columns[spec.group]
    value = column.value(row)
    label = column.choices.get(value, value) if column.kind == CHOICE else value
    sums = [
        f"{sheet.columns[c].label} {sheet.columns[c].total(found[f't_{c}'])}"
        for c in spec.totals
        if found and c != "usd"
    ]
    return Group(str(label or "–"), found["group_rows"] if found else 0, found["group_money"] if found else None, sums)


def foot(sheet: Sheet, spec: Spec, sums: Mapping[str, Any]) -> list[str]:
    """The foot's cells, empty where nothing is totalled."""
    if not spec.totals:
        return []
    return [escape(sheet.columns[c].total(sums[f"t_{c}"])) if c in spec.totals else "" for c in spec.columns]


def money_total(value) -> str:
    return money_short(value, "USD")


def holds(sheet: Sheet, one: Condition, row: Row, now: datetime) -> bool:
    """Whether a condition is true of a row, as the database would find it."""
    column = sheet.columns[one.code]
    value = column.value(row)
    if column.kind == CHOICE:
        return (value in one.value) == (one.op == "in")
    if value is None:
        return one.op == "lacks"
    if column.kind == AGE:
        minutes = (now - value).total_seconds() / 60
        return minutes >= one.value if one.op == "gte" else minutes <= one.value
    if one.op in ("gte", "lte", "eq"):
        return {"gte": value >= one.value, "lte": value <= one.value, "eq": value == one.value}[one.op]
    text, asked = str(value).lower(), str(one.value).lower()
    return {"has": asked in text, "is": text == asked, "begins": text.startswith(asked), "lacks": asked not in text}[
        one.op
    ]


def colours_used(colours: Sequence[Colour], sheet: Sheet) -> list[tuple[str, str]]:
    """What the colours mean, for the legend below the list."""
    return [(one.tone, one.when.in_words(sheet)) for one in colours]
