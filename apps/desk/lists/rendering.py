"""Rows of a list as markup: cells in the view's order with its colours, the heads of groups, the foot with its totals."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zlib import crc32

from django.template.loader import render_to_string
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

from ..templatetags.show import money_short
from .columns import AGE, CHOICE, NUMBER, Row, Sheet
from .queries import order_of, summed
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


class Group(NamedTuple):
    """``key`` is the id of its head on the page."""

    key: str
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


class Pen:
    """Draws the rows of one view: what is the same of every row is made up once."""

    def __init__(self, sheet: Sheet, spec: Spec, now: datetime):
        self.sheet, self.spec, self.now = sheet, spec, now
        self.columns = [sheet.columns[code] for code in spec.columns]
        painted = {one.when.code for one in spec.colours if not one.whole}
        self.keys = [key.path for key in order_of(sheet, spec)[:-1]] if spec.group or spec.sort else []
        self.moving = {c.code for c in self.columns if c.css or c.code in painted}
        self.pattern = "".join(
            '<td class="{}">{}</td>' if c.code in self.moving else '<td class="n">{}</td>' if c.is_number else "<td>{}</td>"
            for c in self.columns
        )

    def cells(self, row: Row) -> tuple[SafeString, str]:
        """The cells of one row, and the tone of the whole of it."""
        whole, own = self._tones(row) if self.spec.colours else ("", {})
        parts = []
        for column in self.columns:
            if column.code in self.moving:
                tone = own.get(column.code)
                css = ("n" if column.is_number else "", column.css(row) if column.css else "", tone and f"c-{tone}")
                parts.append(" ".join(filter(None, css)))
            parts.append(column.cell(row))
        return format_html(self.pattern, *parts), whole

    def stands(self, row: Row) -> str:
        """
        Another for a row that stands elsewhere now: by what the view orders and gathers by; by attention only where it needs
        a person most, for rows do not move under their reader's hands for less.
        """
        if self.keys:
            return f"{crc32(repr([str(row[path]) for path in self.keys]).encode()):08x}"
        rank = row[self.sheet.attention[0].path]
        return str(rank) if rank < self.sheet.urgent else ""

    def _tones(self, row: Row) -> tuple[str, dict[str, str]]:
        whole, own = "", {}
        for colour in self.spec.colours:
            if holds(self.sheet, colour.when, row, self.now):
                if colour.whole:
                    whole = whole or colour.tone
                else:
                    own.setdefault(colour.when.code, colour.tone)
        return whole, own


def drawn(
    sheet: Sheet, spec: Spec, rows: Iterable[Row], now: datetime, groups: Mapping | None, *, ticks: bool, begun: Any = ...
) -> SafeString:
    """
    Rows of the page, each group with its head.

    :param groups: None draws the rows alone
    :param ticks: whether rows can be ticked
    :param begun: the group that the page before ended in
    """
    path = sheet.columns[spec.group].path if spec.group and groups is not None else ""
    pen, span, pieces = Pen(sheet, spec, now), len(spec.columns) + ticks, []
    for row in rows:
        if path and row[path] != begun:
            begun = row[path]
            group = _group(sheet, spec, row, groups.get(begun))
            pieces.append(render_to_string("components/group.html", {"group": group, "span": span}))
        cells, tone = pen.cells(row)
        pieces += sheet.frame(row, tone, pen.stands(row), ticks), cells, END
    return format_html_join("", "{}", ((piece,) for piece in pieces))


END = format_html("</{}>\n", "tr")


def _group(sheet: Sheet, spec: Spec, row: Row, found: Mapping | None) -> Group:
    column = sheet.columns[spec.group]
    value = column.value(row)
    label = column.choices.get(value, value) if column.kind == CHOICE else value
    sums = [
        f"{sheet.columns[c].label} {sheet.columns[c].total(found[summed(sheet, c)])}"
        for c in spec.totals
        if found and c != "usd"
    ]
    key = f"group-{crc32(str(row[column.path]).encode()):08x}"
    return Group(key, str(label or "–"), found["group_rows"] if found else 0, found["group_money"] if found else None, sums)


def sums(sheet: Sheet, spec: Spec, totals: Mapping, groups: Mapping, *, ticks: bool) -> dict:
    """What a page shows of its sums, for those on it to be made new: its foot, and the heads of all its groups."""
    return {
        "foot": foot(sheet, spec, totals),
        "gathered": [_group(sheet, spec, one, one) for one in groups.values()],
        "span": len(spec.columns) + ticks,
        "ticks": ticks,
    }


def foot(sheet: Sheet, spec: Spec, sums: Mapping[str, Any]) -> list[str]:
    """The foot's cells, empty where nothing is totalled."""
    if not spec.totals:
        return []
    return [escape(sheet.columns[c].total(sums[summed(sheet, c)])) if c in spec.totals else "" for c in spec.columns]


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
