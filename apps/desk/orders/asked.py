"""The order list as an address and its reader have it."""

from collections.abc import Collection, Mapping

from django.utils import timezone

from apps.core.edges import whole_number
from apps.core.refusals import NotAllowed
from apps.orders import page_selectors as pages
from apps.users.services import can

from ..lists import live, rendering
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


def live_orders(reader: live.Reader) -> live.LiveList:
    """
    :raises NotAllowed: for who may not see orders
    :raises Invalid: where the address says nonsense
    """
    if not can(reader.user, "orders.see"):
        raise NotAllowed("Your role does not see orders.", permission="orders.see")
    asked, sheet, ticks = asked_of(reader), orders_sheet(), may_act(reader.user)
    spec = shown(reader, sheet, asked.asset).spec._replace(group="")

    def rows_of(changed: Mapping[str, Collection[int]]) -> set[int]:
        return set(changed.get("order", ()))

    def draw(ids: Collection[int]) -> str:
        now = timezone.now()
        found = selectors.rows_of(reader.user, ids, asked, sheet, spec, now)
        return rendering.drawn(sheet, spec, found, now, {}, ticks=ticks)

    return live.LiveList("order", live.alike("orders", asked, sheet, spec, ticks), rows_of, draw)


live.LISTS["orders:rows"] = live_orders
