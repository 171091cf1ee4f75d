"""Names of ours that match a sanctions list: what waits, and a decision on one."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from apps.core.edges import act_of, reload_page, seen_versions
from apps.core.refusals import Invalid
from apps.users.doors import door
from apps.users.services import can

from . import selectors, services

MOST_SHOWN = 500
DECISIONS = {"confirm": services.confirm_matches, "clear": services.clear_matches}


@door("compliance.see")
@require_GET
def sanctions(request: HttpRequest) -> HttpResponse:
    rows = selectors.matches_seen_by(request.user)
    decided = request.GET.get("status") == "DECIDED"
    context = {
        "rows": (rows.exclude(status="WAITING") if decided else rows.filter(status="WAITING"))[:MOST_SHOWN],
        "decided": decided,
        "chips": [
            {"label": "Waiting", "url": reverse("compliance:sanctions"), "on": not decided},
            {"label": "Decided", "url": f"{reverse('compliance:sanctions')}?status=DECIDED", "on": decided},
        ],
        "lists": selectors.sanctions_lists_seen_by(request.user)[:10],
        "may_decide": can(request.user, "compliance.decide"),
    }
    return render(request, "compliance/sanctions.html", context)


@door("compliance.decide")
@require_POST
def decide_match(request: HttpRequest, match_id: int) -> HttpResponse:
    """Confirms or clears one match."""
    service = DECISIONS.get(request.POST.get("how", ""))
    if service is None:
        raise Invalid("Choose to confirm or to clear.", field="how")
    service(act_of(request, reason=request.POST.get("reason", "")), [match_id], seen=seen_versions(request.POST))
    return reload_page()
