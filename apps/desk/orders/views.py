"""The order list and the drawer of one order."""

from collections.abc import Mapping
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from apps.core.edges import act_of, seen_versions, whole_number
from apps.orders import page_selectors as pages
from apps.orders import selectors as orders
from apps.orders.events import OrderAmended, OrderCancelled, OrderSubmitted
from apps.orders.models import OrderGroup
from apps.orders.states import LIFE, S
from apps.users.doors import door
from apps.users.services import can

from ..lists import files, listing, rendering
from ..lists.pages import Shown, around, begun_in, more_address, shown
from . import selectors
from .asked import asked_of, may_act
from .sheet import orders_sheet

MOST_ROWS = 500  # Asked for by their numbers at once.

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
    """
    Orders as the view says, a page at a time; ``?part=chips`` is the filters alone and ``?part=totals`` the money, of
    all orders however many; ``?part=picked`` the money of those ticked.
    """
    part = request.GET.get("part")
    if request.htmx and part == "picked":
        picked = pages.chosen(request.user, seen_versions(request.GET), list(S))
        return render(request, "orders/words.html#money", {"money": picked.money})
    if request.htmx and part in ("chips", "totals"):
        asked = asked_of(request)
        sheet = orders_sheet()
        view = shown(request, sheet, asked.asset)
        now = timezone.now()
        counts = selectors.counts(request.user, asked, sheet, view.spec, now)
        context = {"money": counts.money, "chips": _chips(asked, counts.by_status, _kept(asked, view))}
        if part == "totals":
            sums = selectors.sums(request.user, asked, sheet, view.spec, now)
            context |= rendering.sums(sheet, view.spec, *sums, ticks=may_act(request.user))
        return render(request, f"orders/list.html#{part}", context)
    return render(request, "orders/list.html", list_context(request))


@door("orders.see")
@require_GET
def rows(request: HttpRequest) -> HttpResponse:
    """
    The rows of ``?ids=`` that belong to the list of the address, with ``?upto=`` as far as that mark; with ``?after=`` its
    next page instead.
    """
    asked, now, sheet = asked_of(request), timezone.now(), orders_sheet()
    view, ticks = shown(request, sheet, asked.asset), may_act(request.user)
    mark = request.GET.get("after", "")
    if not mark:
        ids = [whole_number(text, "ids", 1) for text in request.GET.get("ids", "").split(",") if text]
        upto = request.GET.get("upto", "")
        found = selectors.rows_of(request.user, ids[:MOST_ROWS], asked, sheet, view.spec, now, upto)
        return HttpResponse(rendering.drawn(sheet, view.spec, found, now, None, ticks=ticks))
    found, more, groups = selectors.rows_after(request.user, asked, sheet, view.spec, now, mark)
    begun = begun_in(sheet, view.spec, found, request.GET.get("group_of", ""))
    context = {
        "span": len(view.spec.columns) + ticks,
        "rows": rendering.drawn(sheet, view.spec, found, now, groups, ticks=ticks, begun=begun),
        "more": more_address(reverse("orders:rows"), _kept(asked, view), sheet, view.spec, more, found),
    }
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
        "own": orders.own_in_words(order.own),
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
        anew = request.GET.get("part") == "facts"
        part = "renewed" if anew else "drawer"
        return render(request, f"orders/detail.html#{part}", context | {"anew": anew})
    return render(request, "orders/list.html", list_context(request) | context)


@door("orders.see")
@require_GET
def export(request: HttpRequest) -> HttpResponse:
    """The whole list of the address as a file, ``?format=csv`` or ``xlsx``; put on the record."""
    asked, act, sheet = asked_of(request), act_of(request), orders_sheet()
    view = shown(request, sheet, asked.asset)
    count, found = selectors.all_rows(request.user, asked, sheet, view.spec, act.at)
    said = files.Asked(request.GET.get("format", "csv"), _in_words(asked), str(request.user))
    return files.exported(act, sheet, view, said, count, found)


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


def list_context(request: HttpRequest) -> dict:
    asked, now, sheet = asked_of(request), timezone.now(), orders_sheet()
    view, ticks = shown(request, sheet, asked.asset), may_act(request.user)
    found = selectors.listed(request.user, asked, sheet, view.spec, now, listing.size_of(request.GET))
    kept = _kept(asked, view)
    return around(sheet, view, found.totals, kept, ticks) | {
        "asked": asked,
        "classes": [(code, label) for code, (label, _) in pages.ASSETS.items()],
        "rows": rendering.drawn(sheet, view.spec, found.rows, now, found.groups, ticks=ticks),
        "has_rows": bool(found.rows),
        "more": more_address(reverse("orders:rows"), kept, sheet, view.spec, found.more, found.rows),
        "money": found.counts.money,
        "chips": _chips(asked, found.counts.by_status, kept),
        "group": OrderGroup.objects.filter(pk=asked.group).first() if asked.group else None,
        "actions": [a | {"url": reverse(a["name"])} for a in ACTIONS if can(request.user, a["permission"])],
        "may_enter": can(request.user, "orders.create"),
    }


def _kept(asked: pages.Asked, view: Shown) -> dict[str, str]:
    """What the address says, to be said again."""
    said = {"status": asked.status, "asset": asked.asset, "q": asked.text, "group": asked.group, "import": asked.batch}
    return {name: str(value) for name, value in said.items() if value} | dict(view.kept)


def _chips(asked: pages.Asked, by_status: Mapping[str, int] | None, kept: dict[str, str]) -> list[dict]:
    base, everything = reverse("orders:list"), ("", ("All", list(by_status or ())))
    others = {name: value for name, value in kept.items() if name != "status"}
    return [
        {
            "label": label,
            "url": f"{base}?{urlencode(others | ({'status': code} if code else {}))}",
            "on": asked.status == code,
            "count": None if by_status is None else sum(by_status.get(status, 0) for status in statuses),
        }
        for code, (label, statuses) in (everything, *pages.STATUSES.items())
    ]
