"""The order list asked of the database: a view's rows a page at a time, and what stands around them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

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
    statuses = pages.statuses(asked.status)
    wanted = Q() if statuses is None else Q(status__in=statuses)
    told = listing.capped(found, whole).aggregate(
        all=Count("pk"), n=Count("pk", filter=wanted), priced=Count("usd", filter=wanted),
        buy=Sum("usd", filter=wanted & Q(side="BUY")), sell=Sum("usd", filter=wanted & ~Q(side="BUY")),
        **{f"s_{status}": Count("pk", filter=Q(status=status)) for status in S},
    )  # fmt: skip
    if not whole and told["all"] > listing.COUNTED:
        return Counts(None, None)
    money = Money(told["n"], 0, told["buy"] or 0, told["sell"] or 0, told["n"] - told["priced"])
    return Counts({str(status): told[f"s_{status}"] for status in S}, money)
