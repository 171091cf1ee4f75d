"""The page of limits that the whole firm shares."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from apps.core.edges import act_of, seen_versions, whole_number
from apps.core.refusals import Refusal, Stale
from apps.users.doors import door
from apps.users.services import can

from . import selectors, services


def _room(request: HttpRequest, *, refusal: Refusal | None = None) -> HttpResponse:
    at, may_reserve = timezone.now(), can(request.user, "orders.create")
    context = {
        "limits": selectors.shared_limits(request.user, at), "may_reserve": may_reserve,
        "refusal": refusal, "facts": refusal.in_words() if isinstance(refusal, Stale) else {},
        "drafts": selectors.drafts_to_reserve(request.user, at) if may_reserve else [],
        "may_release": can(request.user, "compliance.release_room"), "may_decide": can(request.user, "compliance.decide"),
    }  # fmt: skip
    return render(request, "compliance/room.html", context, status=refusal.status if refusal else 200)


@door("compliance.see", "compliance.see_own")
@require_GET
def room(request: HttpRequest) -> HttpResponse:
    return _room(request)


@door("orders.create")
@require_POST
def reserve(request: HttpRequest) -> HttpResponse:
    """Keeps room for the drafts that were ticked; a refusal comes back on the page."""
    act = act_of(request)
    try:
        seen = seen_versions(request.POST)
        minutes = whole_number(request.POST.get("minutes", ""), "minutes", 1)
        services.reserve_room(act, list(seen), seen=seen, until=act.at + timedelta(minutes=min(minutes, 10_000)))
    except Refusal as refusal:
        return _room(request, refusal=refusal)
    return _room(request)


@door("compliance.release_room")
@require_POST
def release(request: HttpRequest) -> HttpResponse:
    """Gives reserved room back."""
    try:
        seen = seen_versions(request.POST)
        services.release_room(act_of(request), list(seen), seen=seen)
    except Refusal as refusal:
        return _room(request, refusal=refusal)
    return _room(request)
