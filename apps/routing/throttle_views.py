"""Message throttles on a page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from apps.users.doors import door
from apps.users.services import can

from . import throttle_selectors as selectors


@door("routing.see")
@require_GET
def throttles(request: HttpRequest) -> HttpResponse:
    context = {"rows": selectors.throttles(timezone.now()), "may_write": can(request.user, "reference.write")}
    return render(request, "routing/throttles.html", context)
