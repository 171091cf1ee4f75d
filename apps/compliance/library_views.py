"""Page of the rules that come with the portal."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.core.edges import act_of
from apps.core.refusals import Refusal
from apps.users.doors import door
from apps.users.services import can

from . import selectors, services


@door("compliance.see")
@require_http_methods(["GET", "POST"])
def library(request: HttpRequest) -> HttpResponse:
    """GET: what there is to take. POST: takes what is ticked as drafts, for whoever writes rules."""
    error = None
    if request.method == "POST":
        try:
            services.take_rules(act_of(request, reason="From the library."), request.POST.getlist("codes"))
        except Refusal as refusal:
            error = refusal
        else:
            return HttpResponseRedirect(reverse("compliance:drafts"))
    shelf = selectors.library(request.user)
    collections = list(dict.fromkeys(one.rule.collection for one in shelf))
    context = {
        "collections": [(name, [one for one in shelf if one.rule.collection == name]) for name in collections],
        "ticked": request.POST.getlist("codes"),
        "error": error,
        "may_write": can(request.user, "compliance.write_rules"),
    }
    return render(request, "compliance/library.html", context, status=error.status if error else 200)
