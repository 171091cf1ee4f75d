"""The blotter and the drawer of a block."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from apps.allocations import selectors as allocations
from apps.blocks import selectors as blocks
from apps.blocks.models import CrossMember, Member
from apps.blocks.states import B
from apps.core.edges import act_of, seen_versions, whole_number
from apps.orders import selectors as orders
from apps.users.doors import door
from apps.users.services import can

from ..lists import files, listing, rendering
from ..lists.pages import Shown, around, begun_in, more_address, shown
from . import drawer, plans, selectors
from .asked import FOLLOWED, asked_of, may_work, rows_of
from .sheet import blocks_sheet

MOST_ROWS = 500  # Asked for by their numbers at once.
IDS = {"block": "ids"} | {name: name for name in FOLLOWED}  # Where the address says what changed.
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
    {"label": "Ask dealers", "permission": "routing.route", "name": "routing:ask", "key": "i"},
    {
        "label": "Cancel routes",
        "permission": "routing.route",
        "name": "blocks:cancel_routes",
        "key": "x",
        "danger": True,
    },
    {"label": "Link", "permission": "routing.route", "name": "groups:compose", "key": "l"},
    {"label": "Finish", "permission": "blocks.work", "name": "blocks:finish", "key": "e"},
    {"label": "Pick up", "permission": "blocks.work", "name": "blocks:pick_up", "key": "p"},
    {"label": "Hand over", "permission": "blocks.work", "name": "blocks:hand_over", "key": "o"},
    {"label": "Un-block", "permission": "blocks.work", "name": "blocks:unblock", "key": "u"},
)


@door("blocks.see")
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """
    Blocks as the view says, a page at a time; ``?part=strip``, ``chips`` and ``totals`` are what stands around the list,
    of all blocks however many; ``?part=picked`` the money of those ticked.
    """
    part = request.GET.get("part") if request.htmx else None
    if part == "strip":
        context = {"figures": selectors.figures(request.user), "sees_routes": can(request.user, "routing.see")}
        return render(request, "desk/blotter.html#strip", context)
    if part == "picked":
        return render(request, "desk/blotter.html#picked", {"picked": plans.picked(request.user, seen_versions(request.GET))})
    if part in ("chips", "totals"):
        asked, sheet = asked_of(request), blocks_sheet(request.user)
        view = shown(request, sheet, asked.asset)
        now = timezone.now()
        counts = selectors.counts(request.user, asked, sheet, view.spec, now)
        context = {"money": counts.money, "chips": _chips(asked, counts, _kept(asked, view))}
        if part == "totals":
            sums = selectors.sums(request.user, asked, sheet, view.spec, now)
            context |= rendering.sums(sheet, view.spec, *sums, ticks=may_work(request.user))
        return render(request, f"desk/blotter.html#{part}", context)
    return render(request, "desk/blotter.html", _list_context(request))


@door("blocks.see")
@require_GET
def rows(request: HttpRequest) -> HttpResponse:
    """
    The rows of ``?ids=``, and of the blocks that ``?route=``, ``?execution=`` and ``?inquiry=`` belong to, as far as they
    belong to the list of the address, with ``?upto=`` before that mark; with ``?after=`` its next page instead.
    """
    asked, now, sheet = asked_of(request), timezone.now(), blocks_sheet(request.user)
    view, ticks = shown(request, sheet, asked.asset), may_work(request.user)
    mark = request.GET.get("after", "")
    if not mark:
        ids = rows_of(request.user, {name: _numbers(request, said) for name, said in IDS.items()})
        found = selectors.rows_of(request.user, ids, asked, sheet, view.spec, now, request.GET.get("upto", ""))
        return HttpResponse(rendering.drawn(sheet, view.spec, found, now, None, ticks=ticks))
    found, more, groups = selectors.rows_after(request.user, asked, sheet, view.spec, now, mark)
    begun = begun_in(sheet, view.spec, found, request.GET.get("group_of", ""))
    context = {
        "span": len(view.spec.columns) + ticks,
        "rows": rendering.drawn(sheet, view.spec, found, now, groups, ticks=ticks, begun=begun),
        "more": more_address(reverse("blocks:rows"), _kept(asked, view), sheet, view.spec, more, found),
    }
    return render(request, "desk/blotter.html#rows", context)


@door("blocks.see")
@require_GET
def export(request: HttpRequest) -> HttpResponse:
    """The whole list of the address as a file, ``?format=csv`` or ``xlsx``; put on the record."""
    asked, act, sheet = asked_of(request), act_of(request), blocks_sheet(request.user)
    view = shown(request, sheet, asked.asset)
    count, found = selectors.all_rows(request.user, asked, sheet, view.spec, act.at)
    narrowed = {
        "Status": selectors.STATUSES[asked.status][0] if asked.status else "",
        "Class": selectors.ASSETS[asked.asset][0] if asked.asset else "",
        "Search": asked.text,
    }
    words = [f"{name}: {value}" for name, value in narrowed.items() if value]
    said = files.Asked(request.GET.get("format", "csv"), words, str(request.user))
    return files.exported(act, sheet, view, said, count, found)


@door("blocks.see")
@require_GET
def detail(request: HttpRequest, block_id: int) -> HttpResponse:
    """One block: the drawer for htmx, else the list with the drawer open; ``?tab=`` chooses a part, ``?part=`` paints one."""
    block = blocks.get_block_seen_by(request.user, block_id)
    context = _drawer_context(request, block)
    if request.htmx and not request.htmx.history_restore_request:
        part = request.GET.get("part")
        part = {"facts": "renewed", "tab": "tab"}.get(part or "", "drawer")
        return render(request, f"desk/block.html#{part}", context | {"anew": part == "renewed"})
    return render(request, "desk/blotter.html", _list_context(request) | context)


@door("blocks.see")
@require_GET
def of_order(request: HttpRequest, order_id: int) -> HttpResponse:
    """The panel of an order's drawer: its block, how much of that is filled, and the order's share of it."""
    orders.get_order_seen_by(request.user, order_id)
    rows = (kind.objects.filter(order=order_id).select_related("block__instrument__venue") for kind in (Member, CrossMember))
    member = next((row for found in rows if (row := found.order_by("-pk").first())), None)
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
    return [whole_number(text, name, 1) for text in request.GET.get(name, "").split(",") if text][:MOST_ROWS]


def _list_context(request: HttpRequest) -> dict:
    asked, now, sheet = asked_of(request), timezone.now(), blocks_sheet(request.user)
    view, ticks = shown(request, sheet, asked.asset), may_work(request.user)
    found = selectors.listed(request.user, asked, sheet, view.spec, now, listing.size_of(request.GET))
    kept = _kept(asked, view)
    return around(sheet, view, found.totals, kept, ticks) | {
        "asked": asked,
        "rows": rendering.drawn(sheet, view.spec, found.rows, now, found.groups, ticks=ticks),
        "has_rows": bool(found.rows),
        "more": more_address(reverse("blocks:rows"), kept, sheet, view.spec, found.more, found.rows),
        "money": found.counts.money,
        "chips": _chips(asked, found.counts, kept),
        "figures": selectors.figures(request.user),
        "sees_routes": can(request.user, "routing.see"),
        "may_work": ticks,
        "may_halt": can(request.user, "routing.halt"),
        "actions": [a | {"url": reverse(a["name"])} for a in ACTIONS if can(request.user, a["permission"])],
    }


def _kept(asked: selectors.Asked, view: Shown) -> dict[str, str]:
    """What the address says, to be said again."""
    said = {"status": asked.status, "asset": asked.asset, "q": asked.text}
    return {name: value for name, value in said.items() if value} | dict(view.kept)


def _chips(asked: selectors.Asked, counts: selectors.Counts, kept: dict[str, str]) -> list[dict]:
    def chip(name: str, code: str, label: str, on: bool, count: int | None) -> dict:
        said = {other: value for other, value in kept.items() if other != name}
        query = urlencode(said | ({name: code} if code and not (on and name == "asset") else {}))
        return {"label": label, "url": f"{reverse('blocks:list')}?{query}", "on": on, "count": count}

    statuses = (("", "All"), *((code, label) for code, (label, _) in selectors.STATUSES.items()))
    return [
        chip("status", code, label, asked.status == code, counts.by_status.get(code)) for code, label in statuses
    ] + [
        chip("asset", code, label, asked.asset == code, counts.by_asset.get(code))
        for code, (label, _) in selectors.ASSETS.items()
    ]


def _drawer_context(request: HttpRequest, block) -> dict:
    tabs = [(code, label) for code, label, permission in TABS if can(request.user, permission)]
    chosen = request.GET.get("tab", "")
    tab = chosen if chosen in dict(tabs) else "orders"
    address = reverse("blocks:detail", args=[block.pk])
    works = may_work(request.user)
    open_or_working = block.status in (B.OPEN, B.WORKING)
    context = {
        "the_block": block,  # Templates name their own parts “block”.
        "facts": drawer.facts(block),
        "tab": tab,
        "tabs": [
            {"label": label, "url": f"{address}?part=tab&tab={code}", "current": code == tab} for code, label in tabs
        ],
        "seen": f"{block.pk}:{block.version}",
        "may_route": works and open_or_working and block.unplaced_qty > 0,
        "may_cancel": works and block.status == B.WORKING and block.placed_qty > block.filled_qty,
        "may_finish": works and block.status == B.WORKING and block.placed_qty == block.filled_qty,
        "may_work": works,
        "may_split": works and block.status == B.OPEN,
        "due": blocks.turns_of([block.pk]).get(block.pk) if block.status == B.OPEN else None,
        "sees_alerts": can(request.user, "routing.see"),
        "may_give": works and open_or_working,
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
