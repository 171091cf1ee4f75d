"""The order list and the drawer of one order."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from apps.core.edges import act_of, whole_number
from apps.orders import page_selectors as pages
from apps.orders import selectors as orders
from apps.orders.events import OrderAmended, OrderCancelled, OrderSubmitted
from apps.orders.models import OrderGroup
from apps.orders.states import LIFE
from apps.users.doors import door
from apps.users.services import can

from ..lists import files, rendering
from ..lists.pages import Shown, shown
from . import selectors
from .sheet import ORDERS

# What can be done to the orders ticked; each entry is one button of the bar and one letter.
ACTIONS = (
    {"label": "Submit", "permission": "orders.submit", "name": "orders:submit", "key": "s", "go": True},
    {"label": "Change", "permission": "orders.amend", "name": "orders:change", "key": "m"},
    {"label": "Clone", "permission": "orders.create", "name": "orders:clone", "key": "c"},
    {"label": "Link", "permission": "orders.create", "name": "orders:link", "key": "g"},
    {"label": "Reverse", "permission": "orders.create", "name": "orders:reverse", "key": "r"},
    {"label": "Cancel orders", "permission": "orders.cancel", "name": "orders:cancel", "key": "x", "danger": True},
)


@door("orders.see")
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """Orders as the view says, a page at a time; ``?part=chips`` is the filters alone, ``?part=totals`` the foot."""
    context = list_context(request)
    part = request.GET.get("part")
    if request.htmx and part in ("chips", "totals"):
        return render(request, f"orders/list.html#{part}", context)
    return render(request, "orders/list.html", context)


@door("orders.see")
@require_GET
def rows(request: HttpRequest) -> HttpResponse:
    """The rows of ``?ids=`` that belong to the list of the address; with ``?after=`` its next page instead."""
    asked, now = asked_of(request), timezone.now()
    view = shown(request, ORDERS, asked.asset)
    context = {"may_act": _may_act(request), "span": _span(request, view)}
    mark = request.GET.get("after", "")
    if mark:
        found, more, groups = selectors.rows_after(request.user, asked, view.spec, now, mark)
        begun = request.GET.get("group_of", "")
        drawn = rendering.drawn(ORDERS, view.spec, found, now, groups, begun=_begun(found, view, begun))
        context |= {"rows": drawn, "more": _more(request, asked, view, more, found)}
    else:
        ids = [whole_number(text, "ids", 1) for text in request.GET.get("ids", "").split(",") if text]
        found = selectors.rows_of(request.user, ids[: selectors.PAGE], asked, view.spec, now)
        context["rows"] = rendering.drawn(ORDERS, view.spec._replace(group=""), found, now, {})
    return render(request, "orders/list.html#rows", context)


@door("orders.see")
@require_GET
def detail(request: HttpRequest, order_id: int) -> HttpResponse:
    """One order: the drawer for htmx, else the list with the drawer open; ``?part=facts`` is what changes with its life."""
    order = orders.get_order_seen_by(request.user, order_id)
    amount, usd = pages.worth_of(order)
    runs = can(request.user, "orders.submit") and pages.runs(request.user, order)
    context = {
        "order": order,
        "proposal": orders.proposal_of(order),
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


@door("orders.see")
@require_GET
def export(request: HttpRequest) -> HttpResponse:
    """The whole list of the address as a file, ``?format=csv`` or ``xlsx``; put on the record."""
    asked, act = asked_of(request), act_of(request)
    view = shown(request, ORDERS, asked.asset)
    count, found = selectors.all_rows(request.user, asked, view.spec, act.at)
    said = files.Asked(request.GET.get("format", "csv"), _in_words(asked), str(request.user))
    return files.exported(act, ORDERS, view, said, count, found)


def _in_words(asked: pages.Asked) -> list[str]:
    """What narrows the list besides its view."""
    said = {
        "Status": pages.STATUSES[asked.status][0] if asked.status else "",
        "Class": pages.ASSETS[asked.asset][0] if asked.asset else "",
        "Search": asked.text,
        "Group": asked.group,
        "Import": asked.batch,
    }
    return [f"{name}: {value}" for name, value in said.items() if value]


def asked_of(request: HttpRequest) -> pages.Asked:
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


def list_context(request: HttpRequest) -> dict:
    asked, now = asked_of(request), timezone.now()
    view = shown(request, ORDERS, asked.asset)
    found = selectors.listing(request.user, asked, view.spec, now)
    kept = _kept(asked, view)
    return {
        "asked": asked,
        "classes": [(code, label) for code, (label, _) in pages.ASSETS.items()],
        "rows": rendering.drawn(ORDERS, view.spec, found.rows, now, found.groups),
        "has_rows": bool(found.rows),
        "more": _more(request, asked, view, found.more, found.rows),
        "heads": rendering.heads(ORDERS, view.spec),
        "span": _span(request, view),
        "foot": rendering.foot(ORDERS, view.spec, found.totals),
        "legend": rendering.colours_used(view.spec.colours, ORDERS),
        "view": view,
        "sheet": ORDERS,
        "narrowed": [one.in_words(ORDERS) for one in view.spec.filters],
        "money": found.money,
        "chips": _chips(asked, found.by_status, kept),
        "kept": kept,
        "filters": urlencode(kept),
        "group": OrderGroup.objects.filter(pk=asked.group).first() if asked.group else None,
        "may_act": _may_act(request),
        "actions": [a | {"url": reverse(a["name"])} for a in ACTIONS if can(request.user, a["permission"])],
        "may_enter": can(request.user, "orders.create"),
    }


def _kept(asked: pages.Asked, view: Shown) -> dict[str, str]:
    """What the address says, to be said again."""
    said = {"status": asked.status, "asset": asked.asset, "q": asked.text, "group": asked.group, "import": asked.batch}
    return {name: str(value) for name, value in said.items() if value} | dict(view.kept)


def _more(request: HttpRequest, asked: pages.Asked, view: Shown, mark: str, found) -> str:
    """Where the next page of rows is; empty at the end of the list."""
    if not mark:
        return ""
    path = ORDERS.columns[view.spec.group].path if view.spec.group else ""
    begun = {"group_of": str(found[-1][path])} if path else {}
    return f"{reverse('orders:rows')}?{urlencode(_kept(asked, view) | {'after': mark} | begun)}"


def _begun(found, view: Shown, begun: str):
    """The group that the page before ended in, as the rows write it; no group of any row where it was another."""
    if not (found and view.spec.group):
        return ...
    first = found[0][ORDERS.columns[view.spec.group].path]
    return first if str(first) == begun else ...


def _chips(asked: pages.Asked, by_status: dict[str, int], kept: dict[str, str]) -> list[dict]:
    base, everything = reverse("orders:list"), ("", ("All", list(by_status)))
    others = {name: value for name, value in kept.items() if name != "status"}
    return [
        {
            "label": label,
            "url": f"{base}?{urlencode(others | ({'status': code} if code else {}))}",
            "on": asked.status == code,
            "count": sum(by_status.get(status, 0) for status in statuses),
        }
        for code, (label, statuses) in (everything, *pages.STATUSES.items())
    ]


def _span(request: HttpRequest, view: Shown) -> int:
    return len(view.spec.columns) + _may_act(request)


def _may_act(request: HttpRequest) -> bool:
    return can(request.user, "orders.submit") or can(request.user, "orders.cancel")
