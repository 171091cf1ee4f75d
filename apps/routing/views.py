"""Pages of routes and FIX sessions."""

from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.edges import act_of, done, kept_filters, refused_in_dialog, seen_versions, status_chips, whole_number
from apps.core.refusals import NotFound, Refusal
from apps.users.doors import door
from apps.users.services import can

from . import page_selectors as pages
from . import selectors, services
from .staging_selectors import grants_shown
from .states import DEAD

PAGE = 200


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
        "chips": status_chips(request, ROUTE_CHIPS, counts),
        "may_act": can(request.user, "routing.route"),
        "actions": [{"label": "Cancel", "url": reverse("routing:cancel"), "key": "x", "danger": True}],
        "kept": kept_filters(request),
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
