"""The order list and the drawer of one order."""

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from apps.core.edges import whole_number
from apps.users.doors import door
from apps.users.services import can

from .. import page_selectors as pages
from .. import selectors
from ..events import OrderAmended, OrderCancelled, OrderSubmitted
from ..models import OrderGroup
from ..states import LIFE

PAGE = 500
HEADS = (
    {"label": "Order", "sort": "order"}, {"label": "Side"}, {"label": "Instrument", "sort": "instrument"},
    {"label": "Portfolio", "sort": "portfolio"}, {"label": "Quantity", "number": True}, {"label": "Filled"},
    {"label": "Limit", "number": True}, {"label": "TIF"}, {"label": "Value", "number": True, "sort": "value"},
    {"label": "Group"}, {"label": "Status", "sort": "attention"}, {"label": "Age", "number": True, "sort": "age"},
)  # fmt: skip
ACTIONS = (
    {"label": "Submit", "permission": "orders.submit", "name": "orders:submit", "key": "s", "go": True},
    {"label": "Change", "permission": "orders.amend", "name": "orders:change", "key": "m"},
    {"label": "Clone", "permission": "orders.create", "name": "orders:clone", "key": "c"},
    {"label": "Reverse", "permission": "orders.create", "name": "orders:reverse", "key": "r"},
    {"label": "Cancel orders", "permission": "orders.cancel", "name": "orders:cancel", "key": "x", "danger": True},
)


@door("orders.see")
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """Orders in order of attention, a page at a time; ``?part=chips`` is the filters alone, ``?part=totals`` the foot."""
    context = list_context(request)
    part = request.GET.get("part")
    if request.htmx and part in ("chips", "totals"):
        return render(request, f"orders/list.html#{part}", context)
    return render(request, "orders/list.html", context)


@door("orders.see")
@require_GET
def rows(request: HttpRequest) -> HttpResponse:
    """The rows of ``?ids=`` that belong to the list whose filters the address carries."""
    ids = [whole_number(text, "ids", 1) for text in request.GET.get("ids", "").split(",") if text][:PAGE]
    found = pages.rows_of(request.user, ids, asked_of(request))
    return render(request, "orders/list.html#rows", {"rows": found, "may_act": _may_act(request)})


@door("orders.see")
@require_GET
def detail(request: HttpRequest, order_id: int) -> HttpResponse:
    """One order: the drawer for htmx, else the list with the drawer open; ``?part=facts`` is what changes with its life."""
    order = selectors.get_order_seen_by(request.user, order_id)
    amount, usd = pages.worth_of(order)
    runs = can(request.user, "orders.submit") and pages.runs(request.user, order)
    context = {
        "order": order,
        "amount": amount,
        "usd": usd,
        "seen": f"{order.pk}:{order.version}",
        "may_submit": runs and LIFE.allows(order.status, OrderSubmitted),
        "may_amend": runs and LIFE.allows(order.status, OrderAmended),
        "may_cancel": runs and LIFE.allows(order.status, OrderCancelled),
        "sees_checks": can(request.user, "compliance.see") or can(request.user, "compliance.see_own"),
        "sees_blocks": can(request.user, "blocks.see"),
    }
    if request.htmx and not request.htmx.history_restore_request:
        part = "facts" if request.GET.get("part") == "facts" else "drawer"
        return render(request, f"orders/detail.html#{part}", context)
    return render(request, "orders/list.html", list_context(request) | context)


def asked_of(request: HttpRequest) -> pages.Asked:
    """:raises Invalid: where the group or import of the address is no number"""
    said = request.GET
    status, sort = said.get("status", "").upper(), said.get("sort", "")
    return pages.Asked(
        status=status if status in pages.STATUSES else "",
        text=said.get("q", "")[:100],
        group=whole_number(said["group"], "group", 1) if said.get("group") else None,
        batch=whole_number(said["import"], "import", 1) if said.get("import") else None,
        sort=sort if sort in pages.SORTS else "attention",
    )


def list_context(request: HttpRequest) -> dict:
    asked = asked_of(request)
    found = pages.listing(request.user, asked)
    paginator = Paginator(found.rows, PAGE)
    paginator.count = found.count  # Known already; the pager would count again.
    page = paginator.get_page(request.GET.get("page"))
    kept = {name: request.GET[name] for name in ("q", "group", "import", "sort") if request.GET.get(name)}
    return {
        "asked": asked,
        "page": page,
        "rows": page.object_list,
        "money": found.money,
        "chips": _chips(asked, found.by_status, kept),
        "filters": urlencode(kept | ({"status": asked.status} if asked.status else {})),
        "group": OrderGroup.objects.filter(pk=asked.group).first() if asked.group else None,
        "heads": HEADS,
        "may_act": _may_act(request),
        "actions": [a | {"url": reverse(a["name"])} for a in ACTIONS if can(request.user, a["permission"])],
        "may_enter": can(request.user, "orders.create"),
    }


def _chips(asked: pages.Asked, by_status: dict[str, int], kept: dict[str, str]) -> list[dict]:
    everything = ("", ("All", list(by_status)))
    return [
        {
            "label": label,
            "url": f"{reverse('orders:list')}?{urlencode(kept | ({'status': code} if code else {}))}",
            "on": asked.status == code,
            "count": sum(by_status.get(status, 0) for status in statuses),
        }
        for code, (label, statuses) in (everything, *pages.STATUSES.items())
    ]


def _may_act(request: HttpRequest) -> bool:
    return can(request.user, "orders.submit") or can(request.user, "orders.cancel")
