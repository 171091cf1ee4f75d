"""Strategies of brokers' own on pages: their files, and the form of one, tried or used to route a block."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.blocks.models import Block
from apps.blocks.selectors import get_block_seen_by
from apps.core.edges import act_of, refused_in_dialog, reload_page, seen_versions, whole_number
from apps.core.refusals import Conflict, Refusal, Stale
from apps.users.doors import door
from apps.users.services import can

from . import rules, services
from . import strategy_selectors as selectors
from .forms import StrategyFileForm
from .models import BrokerStrategy
from .rules import atdl
from .services.strategies import described, fill, market_of

SAMPLE = {"Side": "1", "OrderQty": Decimal(10_000), "OrdType": "2", "Price": Decimal(100), "TimeInForce": "0", "Symbol": "SAMPLE"}
OF_CONTROL = "c."


@door("routing.see")
@require_GET
def strategies(request: HttpRequest) -> HttpResponse:
    """The files, the newest first, with what each offers."""
    may_keep = can(request.user, "routing.keep_strategies")
    return render(request, "routing/strategies.html", {"files": selectors.strategy_files()[:200], "may_keep": may_keep})


@door("routing.keep_strategies")
@require_http_methods(["GET", "POST"])
def load(request: HttpRequest) -> HttpResponse:
    """A form for a broker's file. POST: loads it, or says each line that keeps it from being taken."""
    form = StrategyFileForm(request.POST or None, request.FILES or None)
    faults: list[dict[str, Any]] = []
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            file = form.cleaned_data["file"]
            try:
                services.load_strategies(act_of(request), form.cleaned_data["broker"].code, file.name, file.read())
            except Refusal as refusal:
                form.add_error("file", refusal.message)
                faults, status = refusal.facts.get("faults", []), refusal.status
            else:
                return redirect("routing:strategies")
    return render(request, "routing/strategies_load.html", {"form": form, "faults": faults}, status=status)


@door("routing.keep_strategies")
@require_http_methods(["GET", "POST"])
def approve(request: HttpRequest, file_id: int) -> HttpResponse:
    """GET: what would be offered, to confirm. POST: offers it."""
    row = selectors.get_strategy_file(file_id)
    names = ", ".join(s.label for s in row.strategies.all())
    say = {
        "title": f"Offer {row.broker.name}'s strategies", "button": "Offer them",
        "text": f"{names}. Traders may send orders with them from now on. A file all of whose strategies it has too ends.",
    }  # fmt: skip
    return _decided(request, row, say, "routing:strategies_approve", services.approve_strategies)


@door("routing.keep_strategies")
@require_http_methods(["GET", "POST"])
def decline(request: HttpRequest, file_id: int) -> HttpResponse:
    """GET: the file that would be put away, to confirm. POST: puts it away."""
    row = selectors.get_strategy_file(file_id)
    say = {"title": f"Put away {row.name}", "text": "Its strategies are not offered.", "button": "Put it away"}
    return _decided(request, row, say, "routing:strategies_decline", services.decline_strategies)


@door("routing.keep_strategies")
@require_http_methods(["GET", "POST"])
def end(request: HttpRequest, file_id: int) -> HttpResponse:
    """GET: the file whose strategies would end, to confirm. POST: ends them."""
    row = selectors.get_strategy_file(file_id)
    say = {
        "title": f"End {row.broker.name}'s strategies of {row.name}", "button": "End them", "danger": True, "reason": "required",
        "text": "They are offered no more. Orders at work with them go on as they are.",
    }  # fmt: skip
    return _decided(request, row, say, "routing:strategies_end", services.end_strategies)


def _decided(request: HttpRequest, row, say: dict, url: str, do: Callable[..., None]) -> HttpResponse:
    say |= {"fields": [("seen", f"{row.pk}:{row.version}")], "action_url": reverse(url, args=[row.pk])}
    if request.method == "GET":
        return render(request, "components/confirm.html", say)
    reason = request.POST.get("reason", "")
    try:
        do(act_of(request, reason=reason), row.pk, seen=seen_versions(request.POST))
    except Stale as refusal:
        return refused_in_dialog(request, refusal)
    except Refusal as refusal:
        say |= {"error": refusal.message, "reason_value": reason}
        return render(request, "components/confirm.html", say, status=refusal.status)
    return reload_page()


@door("routing.see")
@require_GET
def strategy(request: HttpRequest, strategy_id: int) -> HttpResponse:
    """
    The form of a strategy as it stands with what was typed, and the tags it comes to. Of ``?block=`` against that block's order,
    from where it can be sent; else against a sample order.
    """
    row = selectors.get_strategy(strategy_id)
    block = None
    if request.GET.get("block"):
        block = get_block_seen_by(request.user, whole_number(request.GET["block"], "block", 1))
    said = _said(request.GET) if "filled" in request.GET else None
    context = _form(request, row, block, said, timezone.now())
    return render(request, "routing/strategy.html#form" if request.htmx else "routing/strategy.html", context)


@door("routing.route")
@require_http_methods(["POST"])
def route(request: HttpRequest, strategy_id: int, block_id: int) -> HttpResponse:
    """Sends what is unplaced of a block with the strategy as it was filled; the form again with what is wrong."""
    row = selectors.get_strategy(strategy_id)
    block = get_block_seen_by(request.user, block_id)
    said, seen = _said(request.POST), seen_versions(request.POST)
    act = act_of(request, reason=request.POST.get("reason", "").strip()[:400])
    try:
        routed = services.route_by_strategy(act, [block.pk], row.pk, said, seen=seen, qty=_qty(request.POST.get("qty", "")))
    except Stale:
        raise
    except Refusal as refusal:
        context = _form(request, row, block, said, act.at) | {"error": refusal.message}
        return render(request, "routing/strategy.html", context, status=refusal.status)
    else:
        if routed.stopped:
            stopped: Conflict = services.stopped_at_route(routed.stopped)
            context = _form(request, row, block, said, act.at) | {"error": stopped.message}
            return render(request, "routing/strategy.html", context, status=stopped.status)
        return redirect("routing:route", routed.routes[0])


def _said(data) -> dict[str, str]:
    """Control to what was typed; of a list several choices with blanks between, of a group of buttons the one chosen."""
    said = {key.removeprefix(OF_CONTROL): " ".join(data.getlist(key)) for key in data if key.startswith(OF_CONTROL)}
    return said | {value: "true" for key in data if key.startswith("g.") for value in data.getlist(key)}


def _qty(text: str) -> Decimal | None:
    """:raises Invalid: where it is no number"""
    try:
        return Decimal(text.replace(",", "")) if text.strip() else None
    except InvalidOperation:
        raise rules.BadStrategy(f"“{text}” is no quantity.", field="qty") from None


def _form(request: HttpRequest, row: BrokerStrategy, block: Block | None, said: dict[str, str] | None, at: datetime) -> dict[str, Any]:
    file, strategy = described(row)
    if block is None:
        ticket = atdl.filled(file, strategy, said, SAMPLE, atdl.Market("US", "XNYS", "CS"), at, "America/New_York")
        why_not = "It is for orders of several legs." if strategy.needs_legs else ""
    else:
        ticket = fill(row, block, said, at)
        why_not = atdl.why_not(strategy, market_of(block))
    return {
        "row": row, "strategy": strategy, "against": block, "ticket": ticket, "why_not": why_not, "notes": file.notes,
        "panels": [_panel(panel, ticket) for panel in strategy.layout],
        "problems": [text for name, text in ticket.problems if not name] if said is not None else [],
        "is_touched": said is not None, "reason": (request.POST or request.GET).get("reason", ""),
        "qty": (request.POST or request.GET).get("qty", ""),
        "may_route": block is not None and can(request.user, "routing.route") and row.is_offered,
    }  # fmt: skip


def _panel(panel: atdl.Panel, ticket: atdl.Ticket) -> dict[str, Any]:
    """A panel as the page draws it; of a grid each row is a panel across."""
    if panel.orientation == "GRID":
        rows = tuple(atdl.Panel(tuple(parts), orientation="HORIZONTAL") for parts in _rows(panel))
        panel = panel._replace(orientation="VERTICAL", parts=rows)
    parts = [
        {"panel": _panel(part, ticket)} if isinstance(part, atdl.Panel) else {"shown": ticket.shown[part.id]} for part in panel.parts
    ]
    return {"title": panel.title, "way": panel.orientation.lower(), "parts": parts, "border": panel.has_border,
            "is_collapsible": panel.is_collapsible and bool(panel.title), "is_open": not panel.is_collapsed}  # fmt: skip


def _rows(panel: atdl.Panel) -> list[list[atdl.Panel | atdl.Control]]:
    """The parts of a grid by row. Where two are said to be in one place, no place that is said counts (FIXatdl, Error Conditions)."""
    said = [part.place[:2] for part in panel.parts]
    counts = all(row is not None and col is not None for row, col in said) and len(set(said)) == len(said)
    rows, cols = panel.size
    across = (rows if panel.by_column else cols) or 1
    places = said if counts else [divmod(n, across)[:: -1 if panel.by_column else 1] for n in range(len(said))]
    found: dict[int, list] = {}
    for (row, _), part in sorted(zip(places, panel.parts, strict=True), key=lambda one: one[0]):
        found.setdefault(row, []).append(part)
    return [found[row] for row in sorted(found)]
