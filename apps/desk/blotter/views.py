"""The blotter and the drawer of a block."""

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from apps.allocations import selectors as allocations
from apps.blocks import selectors as blocks
from apps.blocks.models import Member
from apps.blocks.states import B
from apps.core.edges import whole_number
from apps.orders import selectors as orders
from apps.users.doors import door
from apps.users.services import can

from . import drawer, selectors

PAGE = 500
TABS = (
    ("orders", "Orders", "blocks.see"),
    ("routes", "Routes and fills", "routing.see"),
    ("quotes", "Quotes", "routing.see"),
    ("allocation", "Allocation", "blocks.see"),
    ("notes", "Notes", "blocks.see"),
    ("timeline", "Timeline", "blocks.see"),
)
ACTIONS = (
    {"label": "Route selected", "permission": "routing.route", "name": "blocks:route", "key": "r", "go": True},
    {
        "label": "Cancel routes",
        "permission": "routing.route",
        "name": "blocks:cancel_routes",
        "key": "x",
        "danger": True,
    },
    {"label": "Finish", "permission": "blocks.work", "name": "blocks:finish", "key": "e"},
    {"label": "Pick up", "permission": "blocks.work", "name": "blocks:pick_up", "key": "p"},
    {"label": "Hand over", "permission": "blocks.work", "name": "blocks:hand_over", "key": "o"},
    {"label": "Un-block", "permission": "blocks.work", "name": "blocks:unblock", "key": "u"},
)


@door("blocks.see")
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """Blocks in order of attention; ``?part=strip``, ``chips`` and ``totals`` are what stands around the list."""
    part = request.GET.get("part") if request.htmx else None
    if part == "strip":
        context = {"figures": selectors.figures(request.user), "sees_routes": can(request.user, "routing.see")}
        return render(request, "desk/blotter.html#strip", context)
    context = _list_context(request, whole=part is None)
    return render(request, f"desk/blotter.html#{part}" if part in ("chips", "totals") else "desk/blotter.html", context)


@door("blocks.see")
@require_GET
def rows(request: HttpRequest) -> HttpResponse:
    """
    The rows of ``?ids=``, and of the blocks that ``?route=``, ``?execution=`` and ``?inquiry=`` belong to, as far as they
    belong to the list whose filters the address carries.
    """
    ids = set(_numbers(request, "ids"))
    sees_routes = can(request.user, "routing.see")
    if sees_routes:
        followed = {name: _numbers(request, name) for name in ("route", "execution", "inquiry")}
        if any(followed.values()):
            ids |= selectors.blocks_of(followed)
    found = selectors.rows_of(request.user, ids, _asked(request), routed=sees_routes)
    context = {"rows": found, "sees_routes": sees_routes, "may_work": _may_work(request)}
    return render(request, "desk/blotter.html#rows", context)


@door("blocks.see")
@require_GET
def detail(request: HttpRequest, block_id: int) -> HttpResponse:
    """One block: the drawer for htmx, else the list with the drawer open; ``?tab=`` chooses a part, ``?part=`` paints one."""
    block = blocks.get_block_seen_by(request.user, block_id)
    context = _drawer_context(request, block)
    if request.htmx and not request.htmx.history_restore_request:
        part = request.GET.get("part")
        return render(request, f"desk/block.html#{part if part in ('facts', 'tab') else 'drawer'}", context)
    return render(request, "desk/blotter.html", _list_context(request) | context)


@door("blocks.see")
@require_GET
def of_order(request: HttpRequest, order_id: int) -> HttpResponse:
    """The panel of an order's drawer: its block, how much of that is filled, and the order's share of it."""
    orders.get_order_seen_by(request.user, order_id)
    member = Member.objects.filter(order=order_id).select_related("block__instrument__venue").first()
    context = {"member": member}
    if member:
        context["facts"] = drawer.facts(member.block)
        if member.block.filled_qty and member.block.status != B.ALLOCATED:
            found = drawer.parts(request.user, member.block)
            context["part"] = next((part for part in found.rows if part.member.order_id == order_id), None)
            context["problem"] = found.problem
        if can(request.user, "allocations.see"):
            booked = allocations.allocations_seen_by(request.user).filter(order=order_id).select_related("broker")
            context["allocations"] = booked.order_by("pk")
    return render(request, "desk/block.html#of_order", context)


def _numbers(request: HttpRequest, name: str) -> list[int]:
    return [whole_number(text, name, 1) for text in request.GET.get(name, "").split(",") if text][:PAGE]


def _may_work(request: HttpRequest) -> bool:
    return can(request.user, "blocks.work")


def _asked(request: HttpRequest) -> selectors.Asked:
    said = request.GET
    status, asset = said.get("status", "").upper(), said.get("asset", "").lower()
    return selectors.Asked(
        status if status in selectors.STATUSES else "",
        asset if asset in selectors.ASSETS else "",
        said.get("q", "")[:100],
    )


def _list_context(request: HttpRequest, whole: bool = True) -> dict:
    asked = _asked(request)
    found = selectors.listing(request.user, asked)
    sees_routes = can(request.user, "routing.see")
    context = {
        "asked": asked,
        "money": {"blocks": found.count} | found.usd,
        "chips": _chips(asked, found),
        "filters": urlencode(_kept(asked)),
    }
    if not whole:
        return context
    paginator = Paginator(found.found, PAGE)
    paginator.count = found.count  # Known already; the pager would count again.
    page = paginator.get_page(request.GET.get("page"))
    return context | {
        "page": page,
        "rows": selectors.rows_of(request.user, page.object_list, routed=sees_routes),
        "figures": selectors.figures(request.user),
        "sees_routes": sees_routes,
        "may_work": _may_work(request),
        "may_halt": can(request.user, "routing.halt"),
        "actions": [a | {"url": reverse(a["name"])} for a in ACTIONS if can(request.user, a["permission"])],
    }


def _kept(asked: selectors.Asked, **other: str) -> dict[str, str]:
    """The address's own filters, some of them other."""
    said = {"status": asked.status, "asset": asked.asset, "q": asked.text} | other
    return {name: value for name, value in said.items() if value}


def _chips(asked: selectors.Asked, found: selectors.Listing) -> list[dict]:
    base = reverse("blocks:list")
    statuses = (("", "All"), *((code, label) for code, (label, _) in selectors.STATUSES.items()))
    chips = [
        {
            "label": label,
            "url": f"{base}?{urlencode(_kept(asked, status=code))}",
            "on": asked.status == code,
            "count": found.by_status[code],
        }
        for code, label in statuses
    ]
    return chips + [
        {
            "label": label,
            "url": f"{base}?{urlencode(_kept(asked, asset='' if asked.asset == code else code))}",
            "on": asked.asset == code,
            "count": found.by_asset[code],
        }
        for code, (label, _) in selectors.ASSETS.items()
    ]


def _drawer_context(request: HttpRequest, block) -> dict:
    tabs = [(code, label) for code, label, permission in TABS if can(request.user, permission)]
    chosen = request.GET.get("tab", "")
    tab = chosen if chosen in dict(tabs) else "orders"
    address = reverse("blocks:detail", args=[block.pk])
    may_work = _may_work(request)
    open_or_working = block.status in (B.OPEN, B.WORKING)
    context = {
        "the_block": block,  # Templates name their own parts “block”.
        "facts": drawer.facts(block),
        "tab": tab,
        "tabs": [
            {"label": label, "url": f"{address}?part=tab&tab={code}", "current": code == tab} for code, label in tabs
        ],
        "seen": f"{block.pk}:{block.version}",
        "may_route": may_work and open_or_working and block.unplaced_qty > 0,
        "may_cancel": may_work and block.status == B.WORKING and block.placed_qty > block.filled_qty,
        "may_finish": may_work and block.status == B.WORKING and block.placed_qty == block.filled_qty,
        "may_work": may_work,
        "may_split": may_work and block.status == B.OPEN,
        "due": blocks.turns_of([block.pk]).get(block.pk) if block.status == B.OPEN else None,
        "sees_alerts": can(request.user, "routing.see"),
        "may_give": may_work and open_or_working,
    }
    if tab in ("orders", "allocation"):
        context["parts"] = drawer.parts(request.user, block)
    if tab == "routes":
        context |= {"routes": drawer.routes(block), "fills": drawer.fills(block)}
    if tab == "quotes":
        context["inquiries"] = drawer.inquiries(block)
    if tab == "allocation":
        context["statement"] = getattr(block, "statement", None)
        context["is_true"] = blocks.verify_statement(block)
        if can(request.user, "allocations.see"):
            booked = allocations.allocations_seen_by(request.user).filter(block=block)
            context["booked"] = booked.filter(status="BOOKED").count()
    return context
