"""What hangs below a row of the blotter: an order's block, a block's routes, a route's executions; each level when asked for."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from apps.blocks import selectors as blocks
from apps.blocks.models import CrossMember, Member
from apps.core.refusals import NotFound
from apps.orders import selectors as orders
from apps.routing import selectors as routing
from apps.routing.models import Execution
from apps.users.doors import door
from apps.users.services import can

from .blotter import drawer
from .blotter.sheet import blocks_sheet
from .lists.cells import fillbar, side_mark
from .lists.pages import shown
from .orders.sheet import orders_sheet
from .templatetags import show

MOST = 200
# Columns of numbers, of either list.
RIGHT = {"qty", "filled_qty", "leaves", "unplaced", "limit", "average", "arrival", "slip", "usd", "age"}
NUMBER = format_html(' class="{}"', "n")


class Node(NamedTuple):
    """A row below a row. ``kids``: where what hangs below it is; empty: nothing that this person may see."""

    key: str
    label: str
    href: str
    kids: str
    cells: Mapping[str, str]


@door("blocks.see")
@require_GET
def below(request: HttpRequest, subject: str, subject_id: int) -> HttpResponse:
    """The rows below one: ``?list=`` and ``?view=`` say which columns they fill. Four queries at most."""
    if subject not in BELOW:
        raise NotFound(f"Nothing hangs below “{subject[:20]}”.")
    in_orders = request.GET.get("list") == "orders"
    sheet = orders_sheet() if in_orders else blocks_sheet(request.user)
    codes = shown(request, sheet, request.GET.get("asset", "")).spec.columns
    ticks = (
        can(request.user, "orders.submit") or can(request.user, "orders.cancel")
        if in_orders
        else can(request.user, "blocks.work")
    )
    nodes = BELOW[subject](request, subject_id)
    level = {"order": 1, "block": 2 if in_orders else 1, "route": 3 if in_orders else 2}[subject]
    context = {
        "nodes": [(node, _cells(node, codes, level)) for node in nodes],
        "level": level,
        "of": f"{subject}:{subject_id}",
        "ticks": ticks,
        "span": len(codes),
    }
    return render(request, "desk/tree.html", context)


def _cells(node: Node, codes: Sequence[str], level: int) -> SafeString:
    twist = format_html(
        '<button type="button" class="expand" aria-expanded="false" data-kids="{}" aria-label="Parts of {}"></button>',
        node.kids, node.label,
    ) if node.kids else ""  # fmt: skip
    first = format_html('<td class="l{}">{}<a href="{}">{}</a></td>', level, twist, node.href, node.label)
    rest = format_html_join(
        "", "<td{}>{}</td>", ((NUMBER if c in RIGHT else "", node.cells.get(c, "")) for c in codes[1:])
    )
    return first + rest


def _address(request: HttpRequest, subject: str, pk: int) -> str:
    if not can(request.user, "routing.see"):
        return ""
    return reverse("desk:tree", args=[subject, pk])


def _block_of(request: HttpRequest, order_id: int) -> list[Node]:
    """The block it is worked in, and before it those in which it was met inside the firm."""
    orders.get_order_seen_by(request.user, order_id)
    rows = [kind.objects.filter(order=order_id).select_related("block__instrument") for kind in (CrossMember, Member)]
    return [_block(request, member) for found in rows for member in found.order_by("pk")]


def _block(request: HttpRequest, member: Member | CrossMember) -> Node:
    block = member.block
    return Node(
        f"block:{block.pk}", block.ref, reverse("blocks:detail", args=[block.pk]),
        _address(request, "block", block.pk),
        {
            "side": side_mark(block.side, block.instrument.asset_class),
            "instrument": f"{block.instrument.symbol} · {show.qty(member.qty)} of it here",
            "portfolio": "all of the block", "qty": show.wanted(block), "filled": fillbar(block.filled_qty, block.qty),
            "filled_qty": show.qty(block.filled_qty), "leaves": show.qty(block.leaves_qty),
            "average": show.price(block.average_price), "limit": show.price(block.limit_price) if block.limit_price else "Market",
            "tif": block.tif, "status": show.status(block.status), "age": show.ago(block.opened_at),
        },
    )  # fmt: skip


def _routes_of(request: HttpRequest, block_id: int) -> list[Node]:
    block = blocks.get_block_seen_by(request.user, block_id)
    if not can(request.user, "routing.see"):
        return []
    nodes = []
    for one in drawer.routes(block)[:MOST]:
        r = one.route
        how = "dealer" if r.kind == "INQUIRY" else r.strategy or "order"
        nodes.append(
            Node(
                f"route:{r.pk}", r.ref, reverse("routing:route", args=[r.pk]),
                _address(request, "route", r.pk) if r.cum_qty else "",
                {
                    "instrument": f"{r.broker.name} · {how}", "qty": show.wanted(r),
                    "filled": fillbar(r.cum_qty, r.qty), "filled_qty": show.qty(r.cum_qty), "leaves": show.qty(r.leaves_qty),
                    "average": show.price(r.average_price), "arrival": show.price(r.arrival_price),
                    "slip": show.sign(one.slip_bp, 1), "strategy": r.text[:34], "status": show.status(r.status),
                    "age": show.ago(r.requested_at),
                },
            )
        )  # fmt: skip
    return nodes


def _executions_of(request: HttpRequest, route_id: int) -> list[Node]:
    route = routing.get_route_seen_by(request.user, route_id) if can(request.user, "routing.see") else None
    if route is None:
        raise NotFound("There is no such route, or it is not on a desk of yours.")
    found = Execution.objects.filter(route=route).select_related("broker").order_by("-pk")[:MOST]
    return [
        Node(
            f"execution:{x.pk}", f"X-{x.pk}", f"{reverse('routing:route', args=[route.pk])}?execution={x.pk}", "",
            {
                "instrument": x.market or x.broker.name, "qty": show.qty(x.qty), "filled_qty": show.qty(x.qty),
                "average": show.price(x.price), "limit": show.price(x.price), "status": show.status(x.status),
                "age": show.ago(x.at_broker),
            },
        )
        for x in found
    ]  # fmt: skip


BELOW: dict[str, Callable[[HttpRequest, int], list[Node]]] = {
    "order": _block_of, "block": _routes_of, "route": _executions_of,
}  # fmt: skip
