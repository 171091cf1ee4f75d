"""The firm's own fields of orders, changed until an order ends: they are no terms, so nothing is checked anew."""

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
from ..events import OrderFieldsSet
from ..models import Order
from ..states import LIFE
from .moves import Locked, asked


@transaction.atomic
def set_own_fields(act: Act, changes: Mapping[int, Mapping[str, object]], *, seen: Mapping[int, int]) -> int:
    """
    Will set values of the firm's own fields; an empty one takes a value away. What is not named stays, with what was said
    of fields that are no longer in use.

    :param changes: order id to new values by the field's code
    :returns: how many orders changed
    :raises NotFound, NotAllowed, StaleOrder: as when amending
    :raises IllegalMove: if an order has ended
    :raises Invalid: naming what is wrong; nothing is then set
    """
    rows = asked(act, "orders.amend", changes, seen)
    for row in rows:
        LIFE.after(row.status, OrderFieldsSet)
    judged = judged_fields(changes)
    problems = list(dict.fromkeys(problem for row in rows for problem in judged[row.id].problems))
    if problems:
        raise Invalid(" ".join(problems[:20]), field="own")
    return len(write_fields(act, rows, judged))


class Fields(NamedTuple):
    """An order's values of the firm's own fields before and after, and what is wrong with those after."""

    before: dict[str, object]
    after: dict[str, object]
    problems: list[str]


def judged_fields(changes: Mapping[int, Mapping[str, object]]) -> dict[int, Fields]:
    """Of each order what its values would become. Two queries."""
    fields = selectors.own_fields()
    in_use = {field.code for field in fields}
    found = {}
    for pk, own in Order.objects.filter(pk__in=changes).values_list("pk", "own"):
        was = own or {}
        retired = {code: value for code, value in was.items() if code not in in_use and code not in changes[pk]}
        kept, wrong = rules.checked(fields, {c: v for c, v in was.items() if c in in_use} | dict(changes[pk]))
        found[pk] = Fields(was, retired | kept, wrong)
    return found


def write_fields(act: Act, rows: Iterable[Locked], judged: Mapping[int, Fields]) -> list[Locked]:
    """Writes the values that differ from what they were; the orders they were written to, as they were locked."""
    changing = [row for row in rows if judged[row.id].after != judged[row.id].before]
    if not changing:
        return []
    with connection.cursor() as cursor:
        values = [orjson.dumps(judged[row.id].after).decode() if judged[row.id].after else None for row in changing]
        update_many(cursor, "orders_order", [row.id for row in changing], {"own": ("jsonb", values)}, bump=True)
    record(act, [Fact(row.id, row.version + 1, OrderFieldsSet(*judged[row.id][:2])) for row in changing])
    return changing
