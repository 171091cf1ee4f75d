"""Pages of routes, inquiries and FIX sessions."""

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.edges import act_of, done, refused_in_dialog, seen_versions, whole_number
from apps.core.refusals import NotFound, Refusal
from apps.users.doors import door
from apps.users.services import can

from . import page_selectors as pages
from . import selectors, services
from .staging_selectors import grants_shown
from .states import DEAD

PAGE = 200


def _chips(request: HttpRequest, choices: tuple[tuple[str, str], ...], counts: dict[str, int]) -> list[dict]:
    on = request.GET.get("status", "")
    return [
        {"label": label, "url": f"?status={code}" if code else "?", "on": code == on, "count": counts.get(code, 0)}
        for code, label in choices
    ]


def _kept(request: HttpRequest) -> str:
    """The filters of the list, for the rows and chips it asks for again."""
    return urlencode({name: request.GET[name] for name in ("status", "q") if request.GET.get(name)})


# --- routes ---------------------------------------------------------------------------------------------------------

ROUTE_CHIPS = (
    ("", "All"),
    ("LIVE", "Working"),
    ("REJECTED", "Rejected"),
    ("FILLED", "Filled"),
    ("CANCELED", "Canceled"),
)


def _route_rows(rows) -> list[dict]:
    return [
        {
            "r": r,
            "price": r.cum_value / r.cum_qty if r.cum_qty else None,
            "slip": pages.slippage_bp(r.block__side, r.arrival_price, r.cum_qty, r.cum_value),
        }
        for r in rows
    ]


@door("routing.see")
@require_GET
def routes(request: HttpRequest) -> HttpResponse:
    return _routes_page(request)


def _asked_routes(request: HttpRequest) -> QuerySet:
    return pages.routes(request.user, status=request.GET.get("status", ""), text=request.GET.get("q", "")[:40])


def _routes_page(request: HttpRequest, **more) -> HttpResponse:
    rows = _asked_routes(request)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    counts = dict(selectors.routes_seen_by(request.user).order_by().values_list("status").annotate(Count("pk")))
    counts |= {"": sum(counts.values()), "LIVE": sum(n for status, n in counts.items() if status not in DEAD)}
    context = {
        "page": page,
        "rows": _route_rows(page.object_list),
        "chips": _chips(request, ROUTE_CHIPS, counts),
        "may_act": can(request.user, "routing.route"),
        "actions": [{"label": "Cancel", "url": reverse("routing:cancel"), "key": "x", "danger": True}],
        "kept": _kept(request),
        **more,
    }
    part = "#chips" if request.htmx and request.GET.get("part") == "chips" else ""
    return render(request, f"routing/routes.html{part}", context)


@door("routing.see")
@require_GET
def route_rows(request: HttpRequest) -> HttpResponse:
    """The rows the page asks for again after they changed."""
    ids = [whole_number(i, "ids", 1) for i in request.GET.get("ids", "").split(",") if i][:500]
    rows = _asked_routes(request).filter(pk__in=ids)
    return render(
        request, "routing/routes.html#rows", {"rows": _route_rows(rows), "may_act": can(request.user, "routing.route")}
    )


def _route(request: HttpRequest, route_id: int):
    route = (
        selectors.routes_seen_by(request.user).select_related("block__instrument", "broker").filter(pk=route_id).first()
    )
    if route is None:
        raise NotFound("There is no such route, or it is not of your desk.")
    return route


@door("routing.see")
@require_GET
def route(request: HttpRequest, route_id: int) -> HttpResponse:
    found = _route(request, route_id)
    context = {"route": found, "may_act": can(request.user, "routing.route"), **pages.route_detail(found)}
    context["cost"] = pages.cost_of_route(request.user, found.pk)
    if request.htmx:
        return render(request, "routing/route.html#drawer", context)
    return _routes_page(request, **context)


@door("routing.see")
@require_GET
def costs_of(request: HttpRequest, block_id: int) -> HttpResponse:
    """The panel of a block's drawer: what it is expected to cost, with the arithmetic, beside what it came to."""
    return render(request, "routing/costs.html#of_block", {"costs": pages.costs_of_block(request.user, block_id)})


@door("routing.route")
@require_http_methods(["GET", "POST"])
def cancel(request: HttpRequest) -> HttpResponse:
    """Asks which routes to cancel, then asks their brokers to."""
    seen = seen_versions(request.GET if request.method == "GET" else request.POST)
    if request.method == "POST":
        try:
            services.cancel_routes(act_of(request, reason=request.POST.get("reason", "")), list(seen), seen=seen)
        except Refusal as refusal:
            return refused_in_dialog(request, refusal)
        return done(
            f"Asked to cancel {len(seen):,} route{'' if len(seen) == 1 else 's'}; the brokers' answers appear by themselves."
        )
    return _cancel_dialog(request, seen)


def _cancel_dialog(request: HttpRequest, seen: dict[int, int]) -> HttpResponse:
    found = selectors.routes_seen_by(request.user).filter(pk__in=seen).select_related("broker")
    brokers = {r.broker.name for r in found}
    routes = f"{len(found):,} route{'' if len(found) == 1 else 's'}"
    context = {
        "title": f"Cancel {routes}?",
        "money": f"{routes} at {', '.join(sorted(brokers)) or 'no broker'}",
        "text": "What is filled stays filled. The rest is yours to place again once each broker has answered.",
        "action_url": reverse("routing:cancel"),
        "button": f"Cancel {routes}",
        "danger": True,
        "fields": [("seen", f"{pk}:{version}") for pk, version in seen.items()],
        "reason": "optional",
    }
    return render(request, "components/confirm.html", context)


# --- inquiries ------------------------------------------------------------------------------------------------------

INQUIRY_CHIPS = (("", "All"), ("OPEN", "Open"), ("TRADED", "Traded"), ("PASSED", "Passed"), ("FAILED", "Failed"))


@door("routing.see")
@require_GET
def inquiries(request: HttpRequest) -> HttpResponse:
    return _inquiries_page(request)


def _inquiry_rows(rows) -> list[dict]:
    rows = list(rows)
    best = pages.quotes_by_inquiry([r.pk for r in rows])
    made = []
    for r in rows:
        first, cover = best.get(r.pk, (None, None))
        mid = r.mid_at_decision or r.mid_at_send
        sign = 1 if r.block__side == "BUY" else -1
        better = sign * (mid - first) / mid * pages.BP if first is not None and mid else None
        made.append({"r": r, "best": first, "cover": cover, "mid": mid, "better": better})
    return made


def _inquiries_page(request: HttpRequest, **more) -> HttpResponse:
    rows = pages.inquiries(request.user, status=request.GET.get("status", ""))
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    counts = dict(selectors.inquiries_seen_by(request.user).order_by().values_list("status").annotate(Count("pk")))
    counts |= {"": sum(counts.values()), "OPEN": counts.get("COLLECTING", 0) + counts.get("AWARDED", 0)}
    context = {
        "page": page,
        "rows": _inquiry_rows(page.object_list),
        "chips": _chips(request, INQUIRY_CHIPS, counts),
        "kept": _kept(request),
        **more,
    }
    part = "#chips" if request.htmx and request.GET.get("part") == "chips" else ""
    return render(request, f"routing/inquiries.html{part}", context)


@door("routing.see")
@require_GET
def inquiry_rows(request: HttpRequest) -> HttpResponse:
    ids = [whole_number(i, "ids", 1) for i in request.GET.get("ids", "").split(",") if i][:500]
    rows = pages.inquiries(request.user, status=request.GET.get("status", "")).filter(pk__in=ids)
    return render(request, "routing/inquiries.html#rows", {"rows": _inquiry_rows(rows)})


def _inquiry(request: HttpRequest, inquiry_id: int):
    found = (
        selectors.inquiries_seen_by(request.user)
        .select_related("block__instrument", "block__currency")
        .filter(pk=inquiry_id)
        .first()
    )
    if found is None:
        raise NotFound("There is no such inquiry, or it is not of your desk.")
    return found


def _inquiry_context(request: HttpRequest, inquiry_id: int) -> dict:
    found = _inquiry(request, inquiry_id)
    return {
        "inquiry": found,
        "may_act": can(request.user, "routing.route") and found.status == "COLLECTING",
        **pages.inquiry_detail(found, timezone.now()),
    }


@door("routing.see")
@require_GET
def inquiry(request: HttpRequest, inquiry_id: int) -> HttpResponse:
    context = _inquiry_context(request, inquiry_id)
    if request.htmx:
        return render(request, "routing/inquiry.html#drawer", context)
    return _inquiries_page(request, **context)


@door("routing.route")
@require_POST
def award(request: HttpRequest, inquiry_id: int) -> HttpResponse:
    """Takes a dealer's price."""
    _inquiry(request, inquiry_id)
    quote = whole_number(request.POST["quote"], "quote", 1) if request.POST.get("quote") else None
    stopped = services.award_inquiry(
        act_of(request, reason=request.POST.get("reason", "")),
        inquiry_id,
        seen=seen_versions(request.POST),
        quote_id=quote,
    )
    if stopped:
        raise services.stopped_at_route(stopped, is_award=True)
    return render(request, "routing/inquiry.html#drawer", _inquiry_context(request, inquiry_id))


@door("routing.route")
@require_POST
def pass_on(request: HttpRequest, inquiry_id: int) -> HttpResponse:
    """Takes nobody's price."""
    _inquiry(request, inquiry_id)
    act = act_of(request, reason=request.POST.get("reason", ""))
    services.pass_inquiry(act, inquiry_id, seen=seen_versions(request.POST))
    return render(request, "routing/inquiry.html#drawer", _inquiry_context(request, inquiry_id))


# --- sessions and quarantine ----------------------------------------------------------------------------------------


@door("routing.see")
@require_GET
def sessions(request: HttpRequest) -> HttpResponse:
    traffic = pages.traffic()
    context = {
        "sessions": [(s, traffic.get(s.pk, {})) for s in pages.sessions()],
        **_set_aside(may_mend=can(request.user, "routing.mend_messages")),
        **grants_shown(request.user),
    }
    part = request.GET.get("part")
    if request.htmx and part == "grants":
        return render(request, "routing/grants.html#grants", context)
    template = "routing/sessions.html" + (f"#{part}" if request.htmx and part in ("sessions", "quarantine") else "")
    return render(request, template, context)


@door("routing.mend_messages")
@require_POST
def settle_message(request: HttpRequest, message_id: int) -> HttpResponse:
    """Books a quarantined message after all, links it to a route, refuses its trade to the broker, or sets it aside."""
    said = request.POST
    services.settle_message(
        act_of(request, reason=said.get("reason", "")),
        message_id,
        said.get("how", ""),
        route_id=whole_number(said["route"], "route", 1) if said.get("route") else None,
        dk_reason=said.get("dk_reason", ""),
    )
    return render(request, "routing/sessions.html#quarantine", _set_aside(may_mend=True))


def _set_aside(*, may_mend: bool) -> dict:
    return {"quarantine": pages.quarantine(), "dk_reasons": pages.DK_REASONS, "may_mend": may_mend}
