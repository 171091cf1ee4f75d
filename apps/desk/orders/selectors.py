"""The order list asked of the database: a view's rows a page at a time, and what stands around them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from apps.blocks.models import Member
from apps.orders import page_selectors as pages
from apps.orders import selectors as orders
from apps.orders.page_selectors import Asked, Money
from apps.orders.states import S

from ..lists import listing, queries
from ..lists.columns import Sheet
from ..lists.specs import Spec


class Counts(NamedTuple):
    """Orders by status whatever status was asked, and the money of those asked; both None where there are too many."""

    by_status: Mapping[str, int] | None
    money: Money | None


class Listing(NamedTuple):
    """One page of rows and where the next begins, with what stands around them."""

    rows: Sequence[Mapping[str, Any]]
    more: str
    counts: Counts
    totals: Mapping[str, Any]
    groups: Mapping[Any, Mapping]


def listed(user, asked: Asked, sheet: Sheet, spec: Spec, now: datetime, size: int = 0) -> Listing:
    """Two queries, and one more where the view has groups or totals, whatever the number of rows."""
    found = matching(user, asked, sheet, spec, now)
    counts = _counted(found, asked, whole=False)
    found = pages.of_status(found, asked.status)
    rows, more = listing.page(found, sheet, spec, size=size)
    groups = queries.groups(found, sheet, spec, "usd")
    return Listing(rows, more, counts, queries.totals(found, sheet, spec.totals, groups), groups)


def counts(user, asked: Asked, sheet: Sheet, spec: Spec, now: datetime) -> Counts:
    """Of all the orders, however many. One query."""
    return _counted(matching(user, asked, sheet, spec, now), asked, whole=True)


def sums(user, asked: Asked, sheet: Sheet, spec: Spec, now: datetime) -> tuple[Mapping, Mapping]:
    """The totals of the whole list, and its groups. One query where the view has either."""
    found = pages.of_status(matching(user, asked, sheet, spec, now), asked.status)
    groups = queries.groups(found, sheet, spec, "usd")
    return queries.totals(found, sheet, spec.totals, groups), groups


def rows_after(user, asked: Asked, sheet: Sheet, spec: Spec, now: datetime, after: str) -> tuple[list, str, Mapping]:
    """The page after a mark, the next mark, and the groups. Two queries at most."""
    found = pages.of_status(matching(user, asked, sheet, spec, now), asked.status)
    rows, more = listing.page(found, sheet, spec, after)
    return rows, more, queries.groups(found, sheet, spec, "usd")


def rows_of(
    user, ids: Collection[int], asked: Asked, sheet: Sheet, spec: Spec, now: datetime, upto: str = ""
) -> list[dict]:
    """Those of these orders that belong to the list, as far as a mark. One query."""
    return listing.some(belonging(orders.orders_seen_by(user), asked, sheet, spec, now), sheet, spec, ids, upto)


def belonging(found: QuerySet, asked: Asked, sheet: Sheet, spec: Spec, now: datetime) -> QuerySet:
    """Those of these orders that the list shows."""
    return pages.of_status(of_list(found, asked, sheet, spec, now), asked.status)


def all_rows(user, asked: Asked, sheet: Sheet, spec: Spec, now: datetime) -> tuple[int, Iterable[Mapping]]:
    """How many rows the whole list has, and all of them a few at a time."""
    found = pages.of_status(matching(user, asked, sheet, spec, now), asked.status)
    return found.count(), (row for chunk in listing.chunks(found, sheet, spec) for row in chunk)


def matching(user, asked: Asked, sheet: Sheet, spec: Spec, now: datetime) -> QuerySet:
    """The orders of the list, whatever their status."""
    return of_list(orders.orders_seen_by(user), asked, sheet, spec, now)


def of_list(found: QuerySet, asked: Asked, sheet: Sheet, spec: Spec, now: datetime) -> QuerySet:
    """Those of these orders that belong to the list, whatever their status."""
    found = pages.ranked(pages.with_money(pages.asked_for(found, asked)), now)
    found = found.annotate(late=Exists(Member.objects.filter(order=OuterRef("pk"), is_late=True)))
    return queries.narrowed(queries.annotated(found, sheet, spec), sheet, spec.filters, now)


def _counted(found: QuerySet, asked: Asked, whole: bool) -> Counts:
    """One query, in which an order is three values: the database adds up what the ORM would take long to write."""
    rows = _by_status_and_side(found.order_by(), whole)
    if rows is None:
        return Counts(None, None)
    by_status = {str(status): 0 for status in S}
    for status, _, n, *_ in rows:
        by_status[status] += n
    statuses = pages.statuses(asked.status)
    shown = [row for row in rows if statuses is None or row[0] in statuses]
    buy, sell = (
        sum((usd for _, side, *_, usd in shown if (side == "BUY") is bought), Decimal(0)) for bought in (True, False)
    )
    n, priced = sum(n for _, _, n, *_ in shown), sum(priced for *_, priced, _ in shown)
    return Counts(by_status, Money(n, 0, buy, sell, n - priced))


def _by_status_and_side(found: QuerySet, whole: bool) -> list[tuple[str, str, int, int, Decimal]] | None:
    """
    Status, side, how many orders, how many of them with money, and how much; None where there are more than a page counts,
    which is seen before any is valued.
    """
    try:
        inner, values = found.values_list("status", "side", "usd").query.sql_with_params()
        few, bounds = found.values_list("pk")[: listing.COUNTED + 1].query.sql_with_params()
    except EmptyResultSet:  # What is asked for can be of no order.
        return []
    sums = f"SELECT status, side, count(*), count(usd), coalesce(sum(usd), 0) FROM ({inner}) o (status, side, usd)"
    text, asked = f"{sums} GROUP BY 1, 2", values
    if not whole:
        text = (
            f"WITH few AS MATERIALIZED (SELECT count(*) AS n FROM ({few}) c) {sums} WHERE (SELECT n FROM few) <= %s"
            " GROUP BY 1, 2 UNION ALL SELECT '', '', n, 0, 0 FROM few WHERE n > %s"
        )
        asked = (*bounds, *values, listing.COUNTED, listing.COUNTED)
    with connection.cursor() as cursor:
        cursor.execute(text, asked)
        rows = cursor.fetchall()
    return None if rows and not rows[0][0] else rows
