"""What a view says: plain values as they are stored, read into a ``Spec`` that holds for its list, or refused."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from apps.core.refusals import Invalid

from .columns import AGE, CHOICE, DATE, NUMBER, Column, Sheet

TONES = {"ok": "Green", "warn": "Amber", "bad": "Red", "accent": "Blue", "idle": "Grey"}
NARROWEST, WIDEST = 40, 600
MOST_FILTERS, MOST_COLOURS, LONGEST = 12, 12, 200


class Condition(NamedTuple):
    """A column compared with a value of its kind."""

    code: str
    op: str
    value: Any

    def in_words(self, sheet: Sheet) -> str:
        column = sheet.columns[self.code]
        said = self.value
        if column.kind == CHOICE:
            said = ", ".join(column.choices.get(one, one) for one in self.value)
        return f"{column.label} {column.operators[self.op]} {said}"

    def plain(self) -> dict:
        said = list(self.value) if isinstance(self.value, tuple) else str(self.value)
        return {"code": self.code, "op": self.op, "value": said}


class Colour(NamedTuple):
    """What rows or cells look like where a condition holds."""

    when: Condition
    tone: str
    whole: bool


class Spec(NamedTuple):
    """A list as somebody wants it. ``sort``: codes from the strongest, each with whether it falls; empty: by attention."""

    columns: Sequence[str]
    widths: Mapping[str, int]
    sort: Sequence[tuple[str, bool]]
    group: str
    totals: Sequence[str]
    filters: Sequence[Condition]
    colours: Sequence[Colour]

    def plain(self) -> dict:
        """As it is stored and told."""
        return {
            "columns": list(self.columns),
            "widths": dict(self.widths),
            "sort": [{"code": code, "falls": falls} for code, falls in self.sort],
            "group": self.group,
            "totals": list(self.totals),
            "filters": [one.plain() for one in self.filters],
            "colours": [one.when.plain() | {"tone": one.tone, "whole": one.whole} for one in self.colours],
        }


def usual(sheet: Sheet, asset: str = "") -> Spec:
    """The house's own view: the usual columns, those of an asset class where the list is of one, by attention."""
    return Spec(sheet.usual_for(asset), {}, (), "", (), (), ())


def read(sheet: Sheet, said: Mapping) -> Spec:
    """:raises Invalid: naming the part that this list has no such thing for"""
    if not isinstance(said, Mapping):
        raise Invalid("A view is an object with columns, sort, filters and so on.", field="spec")
    unknown = sorted(set(said) - set(Spec._fields))
    if unknown:
        raise Invalid(f"A view has no “{unknown[0]}”; it has {', '.join(Spec._fields)}.", field=str(unknown[0])[:40])
    columns = list(dict.fromkeys(_codes(sheet, said, "columns")))
    if not columns:
        raise Invalid("Choose at least one column.", field="columns")
    sort = [
        (_column(sheet, _text(one, "code", "sort"), "sort", "path").code, bool(one.get("falls")))
        for one in _objects(said, "sort", 3)
    ]
    group = said.get("group") or ""
    if group:
        group = _column(sheet, group, "group", "groups").code
    totals = [_column(sheet, code, "totals", "sums").code for code in dict.fromkeys(_codes(sheet, said, "totals"))]
    filters = [_condition(sheet, one, "filters") for one in _objects(said, "filters", MOST_FILTERS)]
    colours = []
    for one in _objects(said, "colours", MOST_COLOURS):
        tone = one.get("tone")
        if tone not in TONES:
            raise Invalid(f"“{tone}” is no colour of the house; there are {', '.join(TONES)}.", field="colours")
        colours.append(Colour(_condition(sheet, one, "colours"), tone, bool(one.get("whole"))))
    return Spec(columns, widths(sheet, said.get("widths") or {}), sort, group, totals, filters, colours)


def as_stored(sheet: Sheet, said: Mapping) -> Spec:
    """A stored view, whatever the list no longer has, or this reader may not see, left out."""
    known = {name: [code for code in said.get(name, ()) if code in sheet.columns] for name in ("columns", "totals")}
    for name in ("sort", "filters", "colours"):
        known[name] = [one for one in said.get(name, ()) if one.get("code") in sheet.columns]
    wide = {code: width for code, width in said.get("widths", {}).items() if code in sheet.columns}
    group = said.get("group", "")
    columns = known["columns"] or list(sheet.usual)
    kept = known | {"columns": columns, "widths": wide, "group": group if group in sheet.columns else ""}
    try:
        return read(sheet, kept)
    except Invalid:
        return usual(sheet)._replace(columns=columns)


def used(spec: Spec) -> set[str]:
    """The codes of the columns that a view shows, compares, orders, gathers or sums."""
    told = {one.code for one in spec.filters} | {one.when.code for one in spec.colours} | {code for code, _ in spec.sort}
    return {*spec.columns, *spec.totals, *told, *([spec.group] if spec.group else ())}


def _codes(sheet: Sheet, said: Mapping, name: str) -> list[str]:
    codes = said.get(name) or []
    if not isinstance(codes, list | tuple):
        raise Invalid(f"“{name}” is a list of column codes.", field=name)
    return [_column(sheet, code, name).code for code in codes]


def _objects(said: Mapping, name: str, most: int) -> list[Mapping]:
    found = said.get(name) or []
    if not isinstance(found, list | tuple) or not all(isinstance(one, Mapping) for one in found):
        raise Invalid(f"“{name}” is a list of objects.", field=name)
    if len(found) > most:
        raise Invalid(f"A view has at most {most} of “{name}”.", field=name)
    return list(found)


def _text(one: Mapping, key: str, name: str) -> str:
    value = one.get(key)
    if not isinstance(value, str):
        raise Invalid(f"Each of “{name}” names a {key}.", field=name)
    return value


def _column(sheet: Sheet, code: Any, name: str, able: str = "") -> Column:
    column = sheet.columns.get(code) if isinstance(code, str) else None
    if column is None:
        raise Invalid(f"The list of {sheet.title.lower()} has no column “{str(code)[:40]}”.", field=name)
    if able and not getattr(column, able):
        cannot = {
            "path": "be ordered by",
            "groups": "be grouped by",
            "sums": "be totalled",
            "filters": "be filtered by",
            "compares": "be compared",
        }
        raise Invalid(f"{column.label} cannot {cannot[able]}.", field=name)
    return column


def widths(sheet: Sheet, said: Any) -> dict[str, int]:
    """:raises Invalid: for a column that the list has not, or a width that is none"""
    if not isinstance(said, Mapping):
        raise Invalid("“widths” gives pixels by column code.", field="widths")
    found = {}
    for code, width in said.items():
        column = _column(sheet, code, "widths")
        if isinstance(width, bool) or not re.fullmatch(r"\d{1,4}", str(width)) or not NARROWEST <= int(width) <= WIDEST:
            raise Invalid(f"{column.label} is {NARROWEST} to {WIDEST} pixels wide; got “{width}”.", field="widths")
        found[code] = int(width)
    return found


def _condition(sheet: Sheet, one: Mapping, name: str) -> Condition:
    column = _column(sheet, one.get("code"), name, "filters" if name == "filters" else "compares")
    op = one.get("op")
    if op not in column.operators:
        raise Invalid(f"{column.label} has no “{op}”; it has {', '.join(column.operators)}.", field=name)
    value = one.get("value")
    return Condition(
        column.code, op, _choices(column, value, name) if column.kind == CHOICE else _value(column, value, name)
    )


def _choices(column: Column, value: Any, name: str) -> tuple[str, ...]:
    words = {word.lower(): code for code, word in column.choices.items()} | {c.lower(): c for c in column.choices}
    asked = value if isinstance(value, list | tuple) else str(value or "").split(",")
    chosen = tuple(words.get(str(one).strip().lower(), "") for one in asked)
    if not chosen or not all(chosen):
        raise Invalid(f"{column.label} is one of {', '.join(column.choices.values())}; got “{value}”.", field=name)
    return chosen


def _value(column: Column, value: Any, name: str) -> Any:
    text = str(value if value is not None else "").strip()
    if not text or len(text) > LONGEST or "\x00" in text:
        raise Invalid(f"Say what {column.label} is compared with, in at most {LONGEST} letters.", field=name)
    try:
        if column.kind in (NUMBER, AGE):
            number = Decimal(text.replace(",", ""))
            if not number.is_finite() or abs(number) > Decimal("1e15"):
                raise InvalidOperation
            return number
        return date.fromisoformat(text) if column.kind == DATE else text
    except (InvalidOperation, ValueError):
        wanted = "a date as 2026-11-25" if column.kind == DATE else "a number"
        raise Invalid(f"{column.label} is compared with {wanted}; got “{text[:40]}”.", field=name) from None
