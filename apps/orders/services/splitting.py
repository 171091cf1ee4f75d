"""
An order as several: parts of its quantity become orders of their own on its terms, and go back into one.

Nothing of what was judged and agreed to is asked again, since together they ask for what was; the database holds that
their quantities sum to it (``models.Family``). What the parts share, they share as a family: documents, the legs of
linked orders, the upstream system that staged it.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import orjson
from django.db import connection, transaction
from django.db.models import F

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Conflict, Invalid
from apps.core.tables import next_ids

from .. import events, rules, selectors
from ..models import Order, Side
from ..states import LIFE
from .carrying import refuse_unready
from .lending import lend_back, lend_on
from .moves import happen, locked

SAME = (
    "portfolio_id", "instrument_id", "side", "order_type", "limit_price", "tif", "terms", "instructions", "rationale",
    "currency_id", "desk_id", "group_id", "batch_id", "client_ref", "decision_price", "created_by_id", "created_at",
    "defaulted", "own",
)  # fmt: skip
# What two parts have to agree in to be one order again.
ALIKE = ("split_from_id", "order_type", "limit_price", "tif", "terms", "instructions", "desk_id", "own")


class NotSplit(Invalid):
    """So much cannot be split off an order."""


class NotJoined(Conflict):
    """The orders are not parts of one that could be one again."""


class Part(NamedTuple):
    """So much of an order, to be an order of its own."""

    order_id: int
    qty: Decimal


@transaction.atomic
def mark_split(act: Act, parts: Sequence[Part]) -> list[int]:
    """
    Will make parts of orders that the desk does not yet work orders of their own, cleared as those are: same terms,
    manager, group and fields, and locates by quantity. Of one order several parts may be split off at once.

    :returns: the new orders' ids, in the parts' order
    :raises NotSplit: naming the order whose part, or rest, is no order; one in a fund by amount has no quantity to split
    :raises NotCheckedToday, OtherSideAtWork: as when it is put to work
    :raises IllegalMove, OrderBusy:
    """
    wanted: dict[int, list[Decimal]] = defaultdict(list)
    for part in parts:
        wanted[part.order_id].append(part.qty)
    rows = locked(wanted, wait=False)
    for row in rows:
        LIFE.after(row.status, events.OrderSplit)
    refuse_unready(act, wanted)
    left, intents = _judged(wanted)
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "orders_order", len(parts))
        cursor.execute(
            "INSERT INTO orders_family (root_id, qty, made_at) SELECT id, qty, %s FROM orders_order"
            " WHERE id = ANY(%s) AND split_from_id IS NULL ORDER BY id ON CONFLICT DO NOTHING",
            [act.at, list(wanted)],
        )
    into: dict[int, list[int]] = defaultdict(list)
    for pk, part in zip(ids, parts, strict=True):
        into[part.order_id].append(pk)
    told = {
        row.id: events.OrderSplit(into[row.id], [rules.plain(q) for q in wanted[row.id]], rules.plain(left[row.id]), intents[row.id])
        for row in rows
    }
    written = {"qty": ("numeric", [left[row.id] for row in rows]), "intent": ("jsonb", [None] * len(rows))}
    before = {pk: left[pk] + sum(qtys) for pk, qtys in wanted.items()}
    happen(act, rows, told, columns=written)
    record(act, _written(act, parts, ids, before))
    return ids


def _judged(wanted: Mapping[int, Sequence[Decimal]]) -> tuple[dict[int, Decimal], dict[int, Any]]:
    """What is left of each order, with what was filled of it, and what its quantity was derived from."""
    left, intents = {}, {}
    facts = Order.objects.filter(pk__in=wanted).order_by("pk").annotate(leaves=F("qty") - F("filled_qty") - F("cancelled_qty"))
    for pk, qty, leaves, terms, intent, increment, piece in facts.values_list(
        "pk", "qty", "leaves", "terms", "intent", "instrument__increment", "instrument__min_piece"
    ):
        left[pk], intents[pk] = qty - sum(wanted[pk]), intent
        if "cash_qty" in terms:
            raise NotSplit(f"O-{pk:06d} asks a fund for an amount of money, so it has no quantity to split.", field="qty", order=pk)
        for part in (*wanted[pk], leaves - sum(wanted[pk])):
            if why := rules.unfit_part(part, increment, piece, terms):
                raise NotSplit(f"O-{pk:06d} of {rules.plain(leaves)} cannot be split so: {why}.", field="qty", order=pk)
    return left, intents


def _written(act: Act, parts: Sequence[Part], ids: Sequence[int], before: Mapping[int, Decimal]) -> list[Fact]:
    """Writes the new orders by one INSERT; their births."""
    checks = selectors.checks_behind(before)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO orders_order (id, split_from_id, qty, filled_qty, cancelled_qty, status, version, {', '.join(SAME)})"
            f" SELECT u.id, coalesce(o.split_from_id, o.id), u.qty, 0, 0, %s, 1, {', '.join(f'o.{name}' for name in SAME)}"
            " FROM unnest(%s::bigint[], %s::bigint[], %s::numeric[]) AS u(source, id, qty) JOIN orders_order o ON o.id = u.source"
            " RETURNING id, portfolio_id, instrument_id, side, order_type, limit_price, tif, terms::text, own::text, group_id",
            [str(LIFE.born[events.OrderSplitOff]), [p.order_id for p in parts], list(ids), [p.qty for p in parts]],
        )
        rows = {row[0]: row for row in cursor.fetchall()}
        short = [n for n, pk in enumerate(ids) if rows[pk][3] == Side.SELL_SHORT]
        lent = lend_on(cursor, act, [(parts[n].order_id, ids[n], parts[n].qty) for n in short], before) if short else {}
    facts = []
    for pk, part in zip(ids, parts, strict=True):
        _, portfolio, instrument, side, kind, limit, tif, terms, own, group = rows[pk]
        event = events.OrderSplitOff(
            part.order_id, portfolio, instrument, side, rules.plain(part.qty), kind, rules.plain(limit), tif,
            orjson.loads(terms), orjson.loads(own) if own else None, group, checks.get(part.order_id), lent.get(pk, []),
        )  # fmt: skip
        facts.append(Fact(pk, 1, event))
    return facts


@transaction.atomic
def mark_joined(act: Act, order_ids: Collection[int]) -> tuple[int, dict[int, Decimal]]:
    """
    Will make parts of one family, none of which the desk works yet, one order again: the one as it was entered where it is
    among them, else the oldest. The others end with nothing.

    :returns: the order that is left, and what each of the others gave it
    :raises NotJoined: where they are not of one family, or their terms were changed apart
    :raises IllegalMove, OrderBusy:
    """
    rows = locked(order_ids, wait=False)
    if len(rows) < 2:
        raise NotJoined("Choose at least two parts of an order to join them.", field="orders")
    facts = {o["pk"]: o for o in Order.objects.filter(pk__in=order_ids).values("pk", "qty", "filled_qty", "side", *ALIKE)}
    families = {o["split_from_id"] or pk for pk, o in facts.items()}
    if len(families) > 1:
        raise NotJoined("Only parts split from the same order can be joined.", orders=sorted(facts))
    home, *others = sorted(rows, key=lambda row: (row.id not in families, row.id))
    for row in others:
        if facts[row.id]["filled_qty"]:
            raise NotJoined(f"O-{row.id:06d} has a fill of its own, which stays with it.", orders=[row.id])
        changed = [n for n in ALIKE[1:] if facts[row.id][n] != facts[home.id][n]]
        if changed:
            word = changed[0].removesuffix("_id").replace("_", " ")
            raise NotJoined(
                f"O-{row.id:06d} and O-{home.id:06d} differ in {word} by now. Amend one of them first.", orders=[home.id, row.id]
            )
    given = {row.id: facts[row.id]["qty"] for row in others}
    qty = facts[home.id]["qty"] + sum(given.values())
    nothing = {"qty": ("numeric", [0] * len(others))}
    happen(act, others, {pk: events.OrderJoined(home.id, rules.plain(n)) for pk, n in given.items()}, columns=nothing)
    grown = events.OrderGrew(sorted(given), rules.plain(qty))
    happen(act, [home], {home.id: grown}, columns={"qty": ("numeric", [qty])})
    if facts[home.id]["side"] == Side.SELL_SHORT:
        with connection.cursor() as cursor:
            lend_back(cursor, act, list(given), home.id)
    return home.id, given


def change_families(changed: Mapping[int, Decimal]) -> None:
    """Lets families ask for more or less as their parts are amended: order id to the difference. One statement."""
    if not changed:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH by AS (SELECT coalesce(o.split_from_id, o.id) AS root, sum(u.qty) AS qty"
            "  FROM unnest(%s::bigint[], %s::numeric[]) AS u(id, qty) JOIN orders_order o ON o.id = u.id GROUP BY 1),"
            " held AS MATERIALIZED (SELECT root_id FROM orders_family WHERE root_id IN (SELECT root FROM by)"
            "  ORDER BY root_id FOR NO KEY UPDATE)"
            " UPDATE orders_family f SET qty = f.qty + by.qty FROM by, held WHERE f.root_id = by.root AND held.root_id = f.root_id",
            [list(changed), list(changed.values())],
        )
