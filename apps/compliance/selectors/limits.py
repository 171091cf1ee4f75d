"""Trading limits, as they are kept and as the engine takes them."""

from collections.abc import Collection
from datetime import date, datetime

from django.db.models import Q, QuerySet

from apps.orders.models import Order, Side
from apps.portfolios.models import Position
from apps.reference.kept import with_version
from apps.users.services import can

from ..engine.controls import HELD, Limit
from ..models import LimitEnd, Review, TradingLimit
from ..states import LE, R


def limits_seen_by(user) -> QuerySet[TradingLimit]:
    """
    All of them, by number, each with its ``version``, which counts the changes that its history has; none for whom they are
    not.
    """
    if not can(user, "compliance.see"):
        return TradingLimit.objects.none()
    return with_version(TradingLimit.objects.select_related("user", "desk", "instrument").order_by("pk"))


def limit_ends_seen_by(user) -> QuerySet[LimitEnd]:
    """What would end limits, and what became of it: what waits first, then the newest; none for whom they are not."""
    if not can(user, "compliance.see"):
        return LimitEnd.objects.none()
    rows = LimitEnd.objects.select_related("limit", "written_by", "decided_by")
    return rows.annotate(waits=Q(status=LE.PROPOSED)).order_by("-waits", "-pk")


def limits_in_force(at: datetime) -> list[Limit]:
    """One query."""
    rows = _on(at.date()).order_by("pk").values_list(
        "pk", "user", "desk", "instrument", "asset_class", "max_qty", "max_notional", "max_adv_pct", "collar_pct", "stops_wrong_side"
    )
    return [Limit(*row) for row in rows]


def _on(day: date) -> QuerySet[TradingLimit]:
    return TradingLimit.objects.filter(Q(ends_on=None) | Q(ends_on__gte=day), starts_on__lte=day)


def unheld_sales(order_ids: Collection[int]) -> set[int]:
    """
    Of these orders, those that sell, not marked short, what their portfolio holds none of, and that no officer approved.
    Three queries.
    """
    sales = list(
        Order.objects.filter(pk__in=order_ids, side=Side.SELL, instrument__asset_class__in=HELD).values_list(
            "pk", "portfolio_id", "instrument_id"
        )
    )
    if not sales:
        return set()
    held = set(
        Position.objects.filter(
            portfolio__in={home for _, home, _ in sales}, instrument__in={thing for *_, thing in sales}, qty__gt=0
        ).values_list("portfolio_id", "instrument_id")
    )
    unheld = {pk for pk, *where in sales if tuple(where) not in held}
    approved = Review.objects.filter(order__in=unheld, status=R.APPROVED).values_list("order_id", flat=True)
    return unheld - set(approved) if unheld else unheld
