"""Page of the rules that the portal itself keeps: their sources, and their cases as they come out now."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.users.doors import door

from . import selectors


@door("compliance.see")
@require_GET
def built_in(request: HttpRequest) -> HttpResponse:
    rules = selectors.built_in_rules()
    collections = list(dict.fromkeys(one.collection for one in rules))
    context = {
        "collections": [(name, [one for one in rules if one.collection == name]) for name in collections],
        "cases": sum(len(one.cases) for one in rules),
        "broken": sum(len(one.broken) for one in rules),
    }
    return render(request, "desk/built_in.html", context)
