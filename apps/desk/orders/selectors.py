"""The order list asked of the database: a view's rows a page at a time, and what stands around them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum

from apps.blocks.models import Member
from apps.orders import page_selectors as pages
from apps.orders import selectors as orders
from apps.orders.page_selectors import Asked, Money

from ..lists import queries, rendering
from ..lists.specs import Spec
from .sheet import ATTENTION, ORDERS

PAGE = 500


class Listing(NamedTuple):
    """One page of rows and where the next begins; counts by status whatever status was asked; the money of the whole."""

    rows: Sequence[Mapping[str, Any]]
    more: str
    by_status: Mapping[str, int]
    money: Money
    totals: Mapping[str, Any]
    groups: Mapping[Any, Mapping]


def listing(user, asked: Asked, spec: Spec, now: datetime, after: str = "") -> Listing:
    """Two queries, one more each for totals and groups where the view has them, whatever the number of rows."""
    found = _matching(user, asked, spec, now)
    by_status, money = _counted(found, asked)
    found = pages.of_status(found, asked.status)
    rows, more = page(found, spec, after)
    sums = queries.totals(found, ORDERS, spec.totals)
    return Listing(rows, more, by_status, money, sums, queries.groups(found, ORDERS, spec, "usd"))


def page(found: QuerySet, spec: Spec, after: str = "") -> tuple[list[Mapping], str]:
    """A page of the list after a mark, with the mark after it; empty where the list ends. One query."""
    keys = queries.order_of(ORDERS, spec, ATTENTION)
    found = queries.after(found, keys, after) if after else found
    rows = list(queries.ordered(found, keys).values(*_paths(spec, keys))[: PAGE + 1])
    return rows[:PAGE], queries.mark(rows[PAGE - 1], keys) if len(rows) > PAGE else ""


def rows_after(user, asked: Asked, spec: Spec, now: datetime, after: str) -> tuple[list[Mapping], str, Mapping]:
    """The page after a mark, the next mark, and the groups. Two queries at most."""
    found = pages.of_status(_matching(user, asked, spec, now), asked.status)
    rows, more = page(found, spec, after)
    return rows, more, queries.groups(found, ORDERS, spec, "usd")


def rows_of(user, ids: Collection[int], asked: Asked, spec: Spec, now: datetime) -> list[Mapping]:
    """Those of these orders that belong to the list. One query."""
    found = pages.of_status(_matching(user, asked, spec, now, ids), asked.status)
    keys = queries.order_of(ORDERS, spec, ATTENTION)
    return list(queries.ordered(found, keys).values(*_paths(spec, keys)))


def all_rows(user, asked: Asked, spec: Spec, now: datetime) -> tuple[int, Iterable[Mapping]]:
    """How many rows the whole list has, and all of them a few at a time."""
    found = pages.of_status(_matching(user, asked, spec, now), asked.status)
    keys = queries.order_of(ORDERS, spec, ATTENTION)
    return found.count(), queries.ordered(found, keys).values(*_paths(spec, keys)).iterator(chunk_size=2000)


def _matching(user, asked: Asked, spec: Spec, now: datetime, ids: Collection[int] | None = None) -> QuerySet:
    mine = orders.orders_seen_by(user)
    if ids is not None:
        mine = mine.filter(pk__in=ids)
    found = pages.ranked(pages.with_money(pages.asked_for(mine, asked)), now)
    late = Exists(Member.objects.filter(order=OuterRef("pk"), is_late=True))
    found = found.annotate(leaves=F("qty") - F("filled_qty") - F("cancelled_qty"), late=late)
    return queries.narrowed(found, ORDERS, spec.filters, now)


def _paths(spec: Spec, keys: Sequence[queries.Key]) -> set[str]:
    return rendering.needs(ORDERS, spec) | {key.path for key in keys}


def _counted(found: QuerySet, asked: Asked) -> tuple[dict[str, int], Money]:
    by_status: dict[str, int] = {}
    wanted = pages.statuses(asked.status)
    told = found.order_by().values("status").annotate(
        n=Count("pk"), priced=Count("usd"),
        buy=Sum("usd", filter=Q(side="BUY")), sell=Sum("usd", filter=~Q(side="BUY")),
    )  # fmt: skip
    count, unpriced, buy, sell = 0, 0, 0, 0
    for one in told:
        by_status[one["status"]] = one["n"]
        if wanted is None or one["status"] in wanted:
            count, unpriced = count + one["n"], unpriced + one["n"] - one["priced"]
            buy, sell = buy + (one["buy"] or 0), sell + (one["sell"] or 0)
    return by_status, Money(count, 0, buy, sell, unpriced)
