"""A view asked of the database: its filters, its order, the page after a row, sums and groups. Every part is a constant cost."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
from django.db.models import Count, F, Q, QuerySet, Sum

from apps.core.refusals import Invalid

from .columns import AGE, CHOICE, TEXT, Key, Sheet
from .specs import Condition, Spec, used

LOOKUPS = {"has": "icontains", "is": "iexact", "begins": "istartswith", "gte": "gte", "lte": "lte", "eq": "exact"}


def annotated(rows: QuerySet, sheet: Sheet, spec: Spec) -> QuerySet:
    """The rows with what the view's columns are made of where no field is called so."""
    columns = {c.path: c.expression for c in map(sheet.columns.__getitem__, used(spec)) if c.expression is not None}
    return rows.annotate(**columns) if columns else rows


def narrowed(rows: QuerySet, sheet: Sheet, filters: Sequence[Condition], now: datetime) -> QuerySet:
    """The rows that fulfil every condition."""
    for one in filters:
        rows = rows.filter(_asked(sheet, one, now))
    return rows


def _asked(sheet: Sheet, one: Condition, now: datetime) -> Q:
    column = sheet.columns[one.code]
    if column.kind == CHOICE:
        found = Q(**{f"{column.path}__in": one.value})
        return found if one.op == "in" else ~found
    if column.kind == AGE:  # Older than is a time before.
        way = "lte" if one.op == "gte" else "gte"
        return Q(**{f"{column.path}__{way}": now - timedelta(seconds=int(min(one.value, Decimal(10**7)) * 60))})
    if column.kind == TEXT and one.op == "lacks":
        return ~Q(**{f"{column.path}__icontains": one.value})
    return Q(**{f"{column.path}__{LOOKUPS[one.op]}": one.value})


def order_of(sheet: Sheet, spec: Spec) -> list[Key]:
    """By the group, then as the view says, else by attention; last by number, so that no two rows stand level."""
    keys = [Key(sheet.columns[code].path, falls) for code, falls in spec.sort] or list(sheet.attention)
    keys = [Key(k.path, not k.falls) if _is_age(sheet, k.path) else k for k in keys] if spec.sort else keys
    if spec.group:
        keys.insert(0, Key(sheet.columns[spec.group].path))
    unique = list({key.path: key for key in reversed(keys)}.values())[::-1]
    return [*(k for k in unique if k.path != "pk"), next((k for k in unique if k.path == "pk"), Key("pk"))]


def _is_age(sheet: Sheet, path: str) -> bool:
    return any(c.path == path and c.kind == AGE for c in sheet.columns.values())


def ordered(rows: QuerySet, keys: Sequence[Key]) -> QuerySet:
    """What has no value stands last, whichever way."""
    return rows.order_by(
        *(F(k.path).desc(nulls_last=True) if k.falls else F(k.path).asc(nulls_last=True) for k in keys)
    )


def after(rows: QuerySet, keys: Sequence[Key], mark: str) -> QuerySet:
    """The rows that come after the row of a mark, in the order of the keys. :raises Invalid: where it is no mark of theirs"""
    values = _unmarked(mark, len(keys))
    beyond, level = Q(), Q()
    for key, value in zip(keys, values, strict=True):
        nothing = Q(**{f"{key.path}__isnull": True})
        if value is not None:
            beyond |= level & (Q(**{f"{key.path}__{'lt' if key.falls else 'gt'}": value}) | nothing)
        level &= nothing if value is None else Q(**{key.path: value})
    return rows.filter(beyond)


def upto(rows: QuerySet, keys: Sequence[Key], mark: str) -> QuerySet:
    """The row of a mark and those before it. :raises Invalid: as ``after`` does"""
    return rows.exclude(pk__in=after(rows, keys, mark).values("pk"))


def mark(row: Mapping, keys: Sequence[Key]) -> str:
    """Where the list goes on after this row, for an address."""
    values = [_plain(row[key.path]) for key in keys]
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int):
        return value
    kind = "n" if isinstance(value, Decimal) else "t" if isinstance(value, datetime) else "d"
    return [kind, value.isoformat() if kind != "n" else str(value)]


READ = {"n": Decimal, "t": datetime.fromisoformat, "d": date.fromisoformat}


def _unmarked(said: str, count: int) -> list:
    try:
        values = orjson.loads(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)))
        found = [READ[v[0]](v[1]) if isinstance(v, list) else v for v in values]
    except (ValueError, TypeError, KeyError, IndexError, ArithmeticError, binascii.Error):
        found = None
    if not found or len(found) != count or len(said) > 2000:
        raise Invalid("The list was ordered otherwise when you scrolled; reload it.", field="after")
    return found


def totals(rows: QuerySet, sheet: Sheet, codes: Sequence[str], gathered: Mapping[Any, Mapping]) -> dict[str, Any]:
    """
    Sums of columns over the whole list. One query, and none where nothing is asked or the list's groups have them.

    :param gathered: what ``groups`` found
    """
    if not gathered:
        return rows.order_by().aggregate(**_sums(sheet, codes)) if codes else {}
    parts = {name: [one[name] for one in gathered.values() if one[name] is not None] for name in _sums(sheet, codes)}
    return {name: sum(found) if found else None for name, found in parts.items()}


def groups(rows: QuerySet, sheet: Sheet, spec: Spec, money: str) -> dict[Any, dict]:
    """How many rows stand under each value of the group's column, and their sums. One query, and none without a group."""
    if not spec.group:
        return {}
    path = sheet.columns[spec.group].path
    found = rows.order_by().values(path).annotate(group_rows=Count("pk"), group_money=Sum(money), **_sums(sheet, spec.totals))
    return {one[path]: one for one in found}


def summed(sheet: Sheet, code: str) -> str:
    """Where the sum of a column stands."""
    return f"t_{sheet.columns[code].path}"


def _sums(sheet: Sheet, codes: Sequence[str]) -> dict[str, Sum]:
    return {summed(sheet, code): Sum(sheet.columns[code].path) for code in codes}
