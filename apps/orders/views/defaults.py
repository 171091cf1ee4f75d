"""The firm's default rules, and a dry run of them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from apps.users.doors import door
from apps.users.services import can

from .. import selectors
from ..forms import DryRunForm


@door("orders.see")
@require_GET
def defaults(request: HttpRequest) -> HttpResponse:
    """The rules in force today in their order; with an order in the address, what each would do with it and why."""
    today = timezone.now().date()
    asked = "instrument" in request.GET
    form = DryRunForm(request.GET if asked else None)
    tried = selectors.dry_run(form.order, today) if asked and form.is_valid() else None
    context = {
        "form": form,
        "rules": selectors.defaults_on(today) if tried is None else [one.rule for one in tried],
        "tried": tried,
        "outcome": {f: (v, one.rule) for one in tried for f, v in one.fills.items()} if tried is not None else {},
        "may_write": can(request.user, "reference.write"),
    }
    return render(request, "orders/defaults.html", context, status=422 if asked and tried is None else 200)
