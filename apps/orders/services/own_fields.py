"""
The firm's own fields of orders, changed until an order ends. They are no terms, so nothing is checked anew, but for those
that compliance may ask for: changing one opens a submitted order again, as changing a term does.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import orjson
from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Invalid
from apps.core.tables import update_many

from .. import rules, selectors
from ..events import OrderAmended, OrderFieldsSet
from ..models import Order
from ..states import LIFE, S
from .moves import Locked, asked, happen


@transaction.atomic
def set_own_fields(act: Act, changes: Mapping[int, Mapping[str, object]], *, seen: Mapping[int, int]) -> int:
    """
    Will set values of the firm's own fields; an empty one takes a value away. What is not named stays, with what was said
    of fields that are no longer in use.

    :param changes: order id to new values by the field's code
    :returns: how many orders changed
    :raises NotFound, NotAllowed, StaleOrder: as when amending
    :raises IllegalMove: if an order has ended, or the desk works it and compliance may ask for the field
    :raises Invalid: naming what is wrong; nothing is then set
    """
    rows = asked(act, "orders.amend", changes, seen)
    for row in rows:
        LIFE.after(row.status, OrderFieldsSet)
    judged = judged_fields(changes)
    problems = list(dict.fromkeys(problem for row in rows for problem in judged[row.id].problems))
    if problems:
        raise Invalid(" ".join(problems[:20]), field="own")
    for row in rows:
        if opens(row, judged[row.id]):
            LIFE.after(row.status, OrderAmended)
    return len(write_fields(act, rows, judged))


class Fields(NamedTuple):
    """
    An order's values of the firm's own fields before and after, what is wrong with those after, and whether one changes
    that compliance may ask for.
    """

    before: dict[str, object]
    after: dict[str, object]
    problems: list[str]
    screened: bool


def opens(row: Locked, fields: Fields) -> bool:
    """Whether the change opens the order again: a draft is open as it is."""
    return fields.screened and row.status != S.DRAFT


def judged_fields(changes: Mapping[int, Mapping[str, object]]) -> dict[int, Fields]:
    """Of each order what its values would become. Two queries."""
    fields = selectors.own_fields()
    in_use = {field.code for field in fields}
    screened = [field.code for field in fields if field.is_screened]
    found = {}
    for pk, own in Order.objects.filter(pk__in=changes).values_list("pk", "own"):
        was = own or {}
        retired = {code: value for code, value in was.items() if code not in in_use and code not in changes[pk]}
        kept, wrong = rules.checked(fields, {c: v for c, v in was.items() if c in in_use} | dict(changes[pk]))
        after = retired | kept
        found[pk] = Fields(was, after, wrong, any(was.get(code) != after.get(code) for code in screened))
    return found


def write_fields(act: Act, rows: Iterable[Locked], judged: Mapping[int, Fields]) -> list[Locked]:
    """Writes the values that differ from what they were; the orders they were written to, as they were locked."""
    changing = [row for row in rows if judged[row.id].after != judged[row.id].before]
    if not changing:
        return []
    again = [row for row in changing if opens(row, judged[row.id])]
    told = {row.id: OrderAmended(*({"own": said} for said in judged[row.id][:2])) for row in again}
    happen(act, again, told, columns={"own": ("jsonb", _kept(again, judged))})
    quiet = [row for row in changing if row.id not in told]
    with connection.cursor() as cursor:
        update_many(cursor, "orders_order", [row.id for row in quiet], {"own": ("jsonb", _kept(quiet, judged))}, bump=True)
    record(act, [Fact(row.id, row.version + 1, OrderFieldsSet(*judged[row.id][:2])) for row in quiet])
    return changing


def _kept(rows: Iterable[Locked], judged: Mapping[int, Fields]) -> list[str | None]:
    return [orjson.dumps(judged[row.id].after).decode() if judged[row.id].after else None for row in rows]
