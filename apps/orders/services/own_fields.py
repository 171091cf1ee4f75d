"""The firm's own fields of orders, changed until an order ends: they are no terms, so nothing is checked anew."""

from collections.abc import Mapping

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
from .moves import asked


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
    fields = selectors.own_fields()
    in_use = {field.code for field in fields}
    before = dict(Order.objects.filter(pk__in=changes).values_list("pk", "own"))
    after, problems = {}, []
    for row in rows:
        was = before[row.id] or {}
        retired = {code: value for code, value in was.items() if code not in in_use and code not in changes[row.id]}
        kept, wrong = rules.checked(fields, {c: v for c, v in was.items() if c in in_use} | dict(changes[row.id]))
        after[row.id] = retired | kept
        problems += [problem for problem in wrong if problem not in problems]
    if problems:
        raise Invalid(" ".join(problems[:20]), field="own")
    changing = [row for row in rows if after[row.id] != (before[row.id] or {})]
    with connection.cursor() as cursor:
        values = [orjson.dumps(after[row.id]).decode() if after[row.id] else None for row in changing]
        update_many(cursor, "orders_order", [row.id for row in changing], {"own": ("jsonb", values)}, bump=True)
    record(
        act,
        [Fact(row.id, row.version + 1, OrderFieldsSet(before[row.id] or {}, after[row.id])) for row in changing],
    )
    return len(changing)
