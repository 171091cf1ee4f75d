"""Locates of a short sale that is split go along by quantity, and come back as it is joined."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from apps.core.acts import Act
from apps.core.shares import quantity, units
from apps.core.tables import copy_in, update_many

from .. import rules
from ..models import Locate

COLUMNS = ("order_id", "lender", "ref", "qty", "is_borrow", "expires_at", "made_by_id", "made_at")


def lend_on(
    cursor, act: Act, parts: Sequence[tuple[int, int, Decimal]], before: Mapping[int, Decimal]
) -> dict[int, list[list[str]]]:
    """
    Gives each part what covers it of the order's good locates, or where these do not cover the order, its share of them;
    what is borrowed already goes first.

    :param parts: (order, part, quantity); :param before: what each order asked for before
    :returns: part to (lender, number, quantity) of what it got
    """
    good: dict[int, list[Locate]] = defaultdict(list)
    found = Locate.objects.filter(order__in={order for order, *_ in parts}, released_at=None, expires_at__gt=act.at)
    for one in found.order_by("-is_borrow", "pk"):
        good[one.order_id].append(one)
    whole = {order: sum(one.qty for one in mine) for order, mine in good.items()}
    lent: dict[int, list[list[str]]] = {}
    touched, new = {}, []
    for order, part, qty in parts:
        has = whole.get(order, Decimal(0))
        wants = qty if has >= before[order] else quantity(units(has) * units(qty) // units(before[order]))
        for one in list(good[order]):
            takes = min(wants, one.qty)
            if not takes:
                continue
            if takes == one.qty:
                one.order_id = part
                good[order].remove(one)
            else:
                one.qty -= takes
                new.append((part, one.lender, one.ref, takes, one.is_borrow, one.expires_at, one.made_by_id, one.made_at))
            wants -= takes
            touched[one.pk] = one
            lent.setdefault(part, []).append([one.lender, one.ref, rules.plain(takes)])
    columns = {"order_id": "bigint", "qty": "numeric"}
    values = {name: (kind, [getattr(one, name) for one in touched.values()]) for name, kind in columns.items()}
    update_many(cursor, "orders_locate", list(touched), values)
    copy_in(cursor, "orders_locate", COLUMNS, new)
    return lent


def lend_back(cursor, act: Act, parts: Sequence[int], order_id: int) -> None:
    """Gives an order the locates of the parts that are joined to it."""
    cursor.execute(
        "WITH gone AS (UPDATE orders_locate SET released_at = %s WHERE order_id = ANY(%s) AND released_at IS NULL"
        "  RETURNING lender, ref, qty, is_borrow, expires_at, made_by_id, made_at)"
        " INSERT INTO orders_locate (order_id, lender, ref, qty, is_borrow, expires_at, made_by_id, made_at)"
        " SELECT %s, lender, ref, sum(qty), bool_and(is_borrow), min(expires_at), min(made_by_id), min(made_at)"
        " FROM gone GROUP BY lender, ref"
        " ON CONFLICT (order_id, lender, ref) WHERE released_at IS NULL DO UPDATE SET"
        "  qty = orders_locate.qty + excluded.qty, is_borrow = orders_locate.is_borrow AND excluded.is_borrow",
        [act.at, list(parts), order_id],
    )
