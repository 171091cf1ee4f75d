"""Pages of our own algorithms: the list, the ticket of one, one with plan and actual, and what people do with it."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.blocks.selectors import get_block_seen_by
from apps.core.edges import act_of, refused_in_dialog, reload_page, seen_versions
from apps.core.refusals import Refusal, Stale
from apps.users.doors import door
from apps.users.services import can

from . import charts, selectors, services, wheel_selectors
from .forms import AlgoForm, first_said
from .models import Algo
from .states import LIVE, A

PAGE = 100


@door("routing.see")
@require_GET
def algos(request: HttpRequest) -> HttpResponse:
    """Algorithms, those that stand and those at work first; ``?status=`` narrows it."""
    status = request.GET.get("status", "")
    rows = selectors.algos_seen_by(request.user)
    rows = rows.filter(status__in=LIVE) if status == "LIVE" else rows.filter(status=status) if status else rows
    page = Paginator(selectors.by_attention(rows), PAGE).get_page(request.GET.get("page"))
    choices = (("", "All"), ("LIVE", "Live"), *((str(status), status.title()) for status in A))
    context = {
        "page": page, "rows": selectors.listed(page.object_list, timezone.now()),
        "chips": [{"label": label, "url": f"?status={code}" if code else "?", "on": code == status} for code, label in choices],
        "query": f"?{request.GET.urlencode()}" if request.GET else "",
    }  # fmt: skip
    return render(request, "algos/list.html#table" if request.htmx else "algos/list.html", context)


@door("routing.see")
@require_GET
def of_block(request: HttpRequest, block_id: int) -> HttpResponse:
    """The panel of a block's drawer."""
    block = get_block_seen_by(request.user, block_id)
    rows = selectors.by_attention(selectors.algos_seen_by(request.user).filter(block=block))[:10]
    may = can(request.user, "routing.route") and block.unplaced_qty > 0
    context = {
        "rows": selectors.listed(rows, timezone.now()), "the_block": block, "wheels": wheel_selectors.offered() if may else [],
        "drawn": wheel_selectors.draws_seen_by(request.user).filter(block=block)[:5],
    }  # fmt: skip
    return render(request, "algos/list.html#of_block", context)


@door("routing.route")
@require_http_methods(["GET", "POST"])
def ticket(request: HttpRequest, block_id: int) -> HttpResponse:
    """
    GET: a block's ticket, for the algorithm in ``?kind=``; as htmx asks, the plan that it comes to. POST: keeps the plan, and starts it
    unless it is only to be kept.
    """
    block, now = get_block_seen_by(request.user, block_id), timezone.now()
    kind = (request.POST or request.GET).get("kind", "TWAP")
    kind = kind if kind in Algo.Kind.values else "TWAP"
    is_filled = request.method == "POST" or "filled" in request.GET
    said = (request.POST or request.GET) if is_filled else None
    first = {"kind": kind, "broker_code": block.directed_to.code if block.directed_to else None}
    form = AlgoForm(said, kind=kind, now=now, initial=first)
    context = {"form": form, "the_block": block, "kind": kind, "seen": f"{block.pk}:{block.version}"}
    if request.method == "GET":
        if is_filled:
            context |= _sketched(form, block, now)
        return render(request, "algos/ticket.html#form" if request.htmx else "algos/ticket.html", context)
    if form.is_valid():
        act = act_of(request, reason=request.POST.get("reason", "").strip()[:400])
        try:
            seen = seen_versions(request.POST)
            pk = services.plan_algo(act, block.pk, form.ask(), seen=seen.get(block.pk, 0))
            if request.POST.get("do") == "start":
                services.start_algo(act, pk, seen={pk: 1})
        except Stale:
            raise
        except Refusal as refusal:
            form.refuse(refusal)
            return render(request, "algos/ticket.html", context, status=refusal.status)
        return redirect("algos:algo", pk)
    return render(request, "algos/ticket.html", context, status=422)


def _sketched(form: AlgoForm, block, now: datetime, algo: Algo | None = None) -> dict:
    """The plan as a chart, where there is one; what is wrong is said beside its field."""
    if not form.is_valid():
        return {}
    try:
        if algo:
            stands = selectors.standings([algo.pk])[algo.pk]
            most = stands.committed + block.unplaced_qty - selectors.spoken_for(block.pk, algo.pk)
            sketch = services.sketch_algo(form.ask(), block, now, least=stands.committed, most=most)
        else:
            sketch = services.sketch_algo(form.ask(), block, now, most=block.unplaced_qty - selectors.spoken_for(block.pk))
    except Refusal as refusal:
        form.refuse(refusal)
        return {}
    slices = [(n, s.at, s.qty, s.tif) for n, s in enumerate(sketch.slices, 1)]
    rest = sum((s.qty for s in sketch.slices if s.qty), start=Decimal(0))
    whole = sketch.ask.qty if algo is None else rest or sketch.ask.qty
    return {"sketch": sketch, "chart": charts.drawn(slices, whole, sketch.ask.starts_at, sketch.ask.ends_at)}


@door("routing.see")
@require_GET
def algo(request: HttpRequest, algo_id: int) -> HttpResponse:
    """One algorithm: its terms, plan and actual on one chart, and what it sent."""
    found, now = selectors.get_algo_seen_by(request.user, algo_id), timezone.now()
    children = selectors.slices_of(found)
    slices = [(n, datetime.fromisoformat(at), None if qty is None else Decimal(qty), tif) for n, at, qty, tif in found.plan]
    sent = [(s.sent_at, s.qty) for s in reversed(children)]
    context = {
        "algo": found, "stands": selectors.standings([found.pk])[found.pk], "children": children,
        "planned": selectors.planned_by(found, now), "ask": services.ask_of(found).params().items(),
        "chart": charts.drawn(
            slices, found.qty, found.starts_at, found.ends_at, base=(found.base_n, found.base_qty), sent=sent,
            filled=selectors.filled_over_time(found), now=found.ended_at or now,
        ),
        "may_act": can(request.user, "routing.route") and found.status in LIVE, "is_timed": found.kind != Algo.Kind.ICEBERG,
    }  # fmt: skip
    return render(request, "algos/algo.html#body" if request.htmx else "algos/algo.html", context)


@door("routing.route")
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, algo_id: int) -> HttpResponse:
    """GET: its terms to change, and with ``filled`` the plan of the rest that they come to. POST: changes them."""
    found, now = selectors.get_algo_seen_by(request.user, algo_id), timezone.now()
    seen = seen_versions(request.POST or request.GET) or {found.pk: found.version}
    said = request.POST or (request.GET if "filled" in request.GET else None)
    form = AlgoForm(said, kind=found.kind, now=now, algo=found, initial=first_said(found))
    context = {"form": form, "algo": found, "seen": f"{found.pk}:{seen.get(found.pk, 0)}"}
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            act = act_of(request, reason=request.POST.get("reason", "").strip()[:400])
            try:
                services.change_algo(act, found.pk, form.ask(), seen=seen)
            except Stale as refusal:
                return refused_in_dialog(request, refusal)
            except Refusal as refusal:
                form.refuse(refusal)
                status = refusal.status
            else:
                return reload_page()
    elif said is not None:
        context |= _sketched(form, found.block, now, found)
    return render(request, "algos/algo.html#change", context, status=status)


def _act(request: HttpRequest, algo_id: int, say: dict, url: str, do: Callable[..., None]) -> HttpResponse:
    found = selectors.get_algo_seen_by(request.user, algo_id)
    say |= {"fields": [("seen", f"{found.pk}:{found.version}")], "action_url": reverse(url, args=[found.pk])}
    say["title"] = f"{say['title']} {found.ref}, {found.get_kind_display()} of {found.block.instrument.symbol}"
    if request.method == "GET":
        return render(request, "components/confirm.html", say)
    reason = request.POST.get("reason", "").strip()[:400]
    try:
        do(act_of(request, reason=reason), found.pk, seen=seen_versions(request.POST))
    except Stale as refusal:
        return refused_in_dialog(request, refusal)
    except Refusal as refusal:
        return render(request, "components/confirm.html", say | {"error": refusal.message, "reason_value": reason}, status=refusal.status)
    return reload_page()


@door("routing.route")
@require_http_methods(["GET", "POST"])
def start(request: HttpRequest, algo_id: int) -> HttpResponse:
    """GET: to confirm. POST: it sends what is due from now on, in the person's name."""
    say = {"title": "Start", "text": "It sends its orders in your name as they come due.", "button": "Start it"}
    return _act(request, algo_id, say, "algos:start", services.start_algo)


@door("routing.route")
@require_http_methods(["GET", "POST"])
def pause(request: HttpRequest, algo_id: int) -> HttpResponse:
    """GET: to confirm. POST: it sends nothing more until somebody lets it go on."""
    say = {
        "title": "Pause", "text": "It sends nothing more until somebody lets it go on. What is at the broker stays there.",
        "button": "Pause it", "reason": "optional",
    }  # fmt: skip
    return _act(request, algo_id, say, "algos:pause", services.pause_algo)


@door("routing.route")
@require_http_methods(["GET", "POST"])
def resume(request: HttpRequest, algo_id: int) -> HttpResponse:
    """GET: to confirm. POST: it goes on, in the person's name, with the rest planned anew."""
    text = "The rest is planned anew over the time that is left, and sent in your name."
    say = {"title": "Resume", "text": text, "button": "Let it go on"}
    return _act(request, algo_id, say, "algos:resume", services.resume_algo)


@door("routing.route")
@require_http_methods(["GET", "POST"])
def stop(request: HttpRequest, algo_id: int) -> HttpResponse:
    """GET: to confirm. POST: it ends, and brokers are asked to cancel what is open."""
    say = {
        "title": "Stop", "text": "It ends, and the broker is asked to cancel what is open of it.", "button": "Stop it", "danger": True,
        "reason": "required",
    }  # fmt: skip
    return _act(request, algo_id, say, "algos:stop", services.stop_algo)
