"""What the page of groups asks: each group with its money, its portfolios, how far it is filled and how it stands."""

from collections.abc import Collection
from decimal import Decimal
from typing import NamedTuple

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import NullIf

from . import rules, selectors
from .models import GroupKind, OrderGroup, Side
from .page_selectors import Money, with_money
from .states import S

OVER = (S.DONE, S.CANCELLED, S.REJECTED)


class Asked(NamedTuple):
    """Which groups the list shows; ``live`` is those of which an order is not over."""

    live: bool = False
    kind: str = ""
    text: str = ""


class Line(NamedTuple):
    """A group as the person sees it: of their orders alone. ``done`` is the money of what is filled, of ``whole``."""

    group: OrderGroup
    standing: str
    money: Money
    done: Decimal
    whole: Decimal


def asked_for(user, asked: Asked) -> QuerySet[OrderGroup]:
    """The newest first."""
    found = selectors.groups_seen_by(user)
    if asked.live:
        going = selectors.orders_seen_by(user).exclude(group=None).exclude(status__in=OVER)
        found = found.filter(pk__in=going.values("group"))
    if asked.kind in GroupKind.values:
        found = found.filter(kind=asked.kind)
    if text := asked.text.strip():
        found = found.filter(name__icontains=text)
    return found.select_related("created_by").order_by("-pk")


def lines(user, groups: Collection[OrderGroup]) -> list[Line]:
    """One query for the orders of all of them, however many."""
    rows = with_money(selectors.orders_seen_by(user).filter(group__in=[group.pk for group in groups]))
    buys = Q(side=Side.BUY)
    told = rows.order_by().values("group").annotate(
        orders=Count("pk"), homes=Count("portfolio", distinct=True), priced=Count("usd"),
        buy=Sum("usd", filter=buys), sell=Sum("usd", filter=~buys),
        done=Sum(F("usd") * F("filled_qty") / NullIf(F("qty"), Decimal(0))), stand=ArrayAgg("status", distinct=True),
    )  # fmt: skip
    known = {one["group"]: one for one in told}
    found = []
    for group in groups:
        one = known[group.pk]
        buy, sell = one["buy"] or Decimal(0), one["sell"] or Decimal(0)
        money = Money(one["orders"], one["homes"], buy, sell, one["orders"] - one["priced"])
        found.append(Line(group, rules.standing(one["stand"]), money, one["done"] or Decimal(0), buy + sell))
    return found
