"""Sales that failed to be delivered: by when each is to be closed out, and the end of one."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.core.edges import act_of, refused_in_dialog, reload_page, seen_versions
from apps.core.refusals import Refusal, Stale
from apps.users.doors import door
from apps.users.services import can

from . import selectors, services
from .states import CO

MOST_SHOWN = 500


@door("settlement.see")
@require_GET
def close_outs(request: HttpRequest) -> HttpResponse:
    rows, closed = selectors.close_outs_seen_by(request.user), request.GET.get("status") == CO.CLOSED
    page = reverse("compliance:close_outs")
    context = {
        "rows": (rows.filter(status=CO.CLOSED).order_by("-ended_at", "-pk") if closed else rows.filter(status=CO.OPEN))[:MOST_SHOWN],
        "closed": closed,
        "today": timezone.now().date(),
        "chips": [
            {"label": "Open", "url": page, "on": not closed}, {"label": "Closed", "url": f"{page}?status={CO.CLOSED}", "on": closed},
        ],
        "may_close": can(request.user, "compliance.decide"),
    }  # fmt: skip
    return render(request, "compliance/close_outs.html", context)


@door("compliance.decide")
@require_http_methods(["GET", "POST"])
def close(request: HttpRequest, close_out_id: int) -> HttpResponse:
    """Says how one was closed out, in a dialog."""
    context = {"one": selectors.get_close_out_seen_by(request.user, close_out_id), "reason": request.POST.get("reason", "")}
    if request.method == "POST":
        try:
            services.close_by_hand(act_of(request, reason=context["reason"]), [close_out_id], seen=seen_versions(request.POST))
        except Stale as refusal:
            return refused_in_dialog(request, refusal)
        except Refusal as refusal:
            context |= {"error": refusal.message, "status": refusal.status}
        else:
            return reload_page()
    return render(request, "compliance/close_out.html", context, status=context.get("status", 200))
