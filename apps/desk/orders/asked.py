"""The order list as an address and its reader have it."""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db.models import QuerySet

from apps.core.edges import whole_number
from apps.core.refusals import NotAllowed
from apps.orders import page_selectors as pages
from apps.orders import selectors as orders
from apps.orders.models import Order
from apps.users.services import can

from ..lists import live
from ..lists.pages import shown
from . import selectors
from .sheet import orders_sheet


def asked_of(request) -> pages.Asked:
    """:raises Invalid: where the group or import of the address is no number"""
    said = request.GET
    status, asset = said.get("status", "").upper(), said.get("asset", "").lower()
    return pages.Asked(
        status=status if status in pages.STATUSES else "",
        text=said.get("q", "")[:100],
        group=whole_number(said["group"], "group", 1) if said.get("group") else None,
        batch=whole_number(said["import"], "import", 1) if said.get("import") else None,
        asset=asset if asset in pages.ASSETS else "",
    )


def may_act(user) -> bool:
    return can(user, "orders.submit") or can(user, "orders.cancel")


def live_orders(reader: live.Reader) -> tuple[live.LiveList, bool]:
    """
    The list, and whether its rows can be ticked.

    :raises NotAllowed: for who may not see orders
    :raises Invalid: where the address says nonsense
    """
    if not can(reader.user, "orders.see"):
        raise NotAllowed("Your role does not see orders.", permission="orders.see")
    asked, sheet = asked_of(reader), orders_sheet()
    spec = shown(reader, sheet, asked.asset).spec

    def rows_of(changed: Mapping[str, Collection[int]]) -> set[int]:
        return set(changed.get("order", ()))

    def belonging(now: datetime) -> QuerySet:
        return selectors.belonging(Order.objects.all(), asked, sheet, spec, now)

    return live.LiveList("order", asked, sheet, spec, rows_of, belonging, orders.seen_from), may_act(reader.user)


live.LISTS["orders:rows"] = live_orders
