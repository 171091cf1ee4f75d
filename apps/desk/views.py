"""Homes, the finder, the health of the parts."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from apps.audit import deliveries
from apps.audit import selectors as audit
from apps.core.edges import reload_page, whole_number
from apps.reporting import invariants
from apps.users.doors import door
from apps.users.services import can

from . import selectors
from .context import badges


@door("desk.see")
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    template = "desk/home.html"
    part = request.GET.get("part")
    if request.htmx and part in ("strip", "attention"):
        template += f"#{part}"
    context = {
        "figures": selectors.strip_for(request.user),
        "rows": selectors.attention(request.user),
        "sees_alerts": can(request.user, "blocks.work"),
        "sees_notes": can(request.user, "blocks.see"),
    }
    return render(request, template, context)


@door("desk.see")
@require_GET
def find(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "")[:100]
    return render(request, "components/hits.html", {"hits": selectors.find(request.user, query), "query": query})


@door("desk.see")
@require_GET
def health(request: HttpRequest) -> HttpResponse:
    """Health of the parts, and the badges of the bar."""
    context = {"feeds": selectors.health(), "counts": badges(request.user)}
    return render(request, "components/health.html", context)


@door("audit.see_parts")
@require_GET
def parts(request: HttpRequest) -> HttpResponse:
    """Work promised to workers: what is open, and what is parked because it failed and waits for a person."""
    return render(
        request,
        "desk/parts.html",
        {
            "feeds": selectors.health(),
            "open": audit.open_promises().select_related("act").order_by("made_at")[:100],
            "parked": audit.parked_promises().select_related("act")[:100],
            "may_mend": can(request.user, "audit.mend_promises"),
        },
    )


@door("audit.see_parts")
@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """The invariants of the house, each with its sentence and what breaks it."""
    broken = invariants.broken_at_one_moment()
    context = {
        "checks": [(invariants.SENTENCES[name], found) for name, found in broken.items()],
        "all_hold": not any(broken.values()),
    }
    return render(request, "desk/parts.html#checks", context)


@door("audit.mend_promises")
@require_POST
def try_again(request: HttpRequest) -> HttpResponse:
    """Gives a parked promise fresh tries."""
    deliveries.reopen_parked([whole_number(request.POST.get("promise"), "promise", 1)])
    return reload_page()
