"""Trading limits on pages: those there are, a new one, the end of one, by two; and what a portfolio will have in cash."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.edges import act_of, day_in, refused_in_dialog, reload_page, seen_versions
from apps.core.refusals import Invalid, NotFound, Refusal, Stale
from apps.portfolios import selectors as portfolios
from apps.users.doors import door
from apps.users.services import can

from . import services
from .forms import LimitForm
from .selectors.horizon import cash_horizon as horizon_of
from .selectors.limits import limit_ends_seen_by, limits_seen_by

ACTS = {"approve": services.approve_limit_ends, "refuse": services.refuse_limit_ends, "drop": services.drop_limit_ends}


@door("compliance.see")
@require_GET
def trading_limits(request: HttpRequest) -> HttpResponse:
    today = timezone.now().date()
    rows = [
        (row, row.starts_on <= today <= (row.ends_on or today), row.ends_on is None or row.ends_on >= today)
        for row in limits_seen_by(request.user)
    ]
    rows.sort(key=lambda one: not one[2])
    waits = list(limit_ends_seen_by(request.user).filter(status="PROPOSED"))
    context = {
        "rows": rows, "may_write": can(request.user, "compliance.keep_limits"), "ends": waits, "ending": {one.limit_id for one in waits},
    }  # fmt: skip
    return render(request, "compliance/trading_limits.html", context)


@door("compliance.keep_limits")
@require_http_methods(["GET", "POST"])
def set_limit(request: HttpRequest) -> HttpResponse:
    """A new limit, in a dialog."""
    form = LimitForm(request.POST or None, initial={"starts_on": timezone.now().date()})
    if request.method == "POST" and form.is_valid():
        try:
            services.set_limits(act_of(request, reason=form.cleaned_data["reason"]), [form.text()])
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            return reload_page()
    return render(request, "compliance/limit.html", {"form": form}, status=422 if form.errors else 200)


@door("compliance.keep_limits")
@require_http_methods(["GET", "POST"])
def end_limit(request: HttpRequest, limit_id: int) -> HttpResponse:
    """GET: the limit that would end, to confirm. POST: proposes to another officer that it ends with a day."""
    found = limits_seen_by(request.user).filter(pk=limit_id).first()
    if found is None:
        raise NotFound("There is no such limit.")
    context = {"limit": found, "today": timezone.now().date(), "action": reverse("compliance:limit_end", args=[limit_id])}
    if request.method == "GET":
        return render(request, "compliance/limit_end.html", context)
    said = {"reason": request.POST.get("reason", ""), "ends_on": request.POST.get("ends_on", "")}
    try:
        last = day_in(said["ends_on"], "ends_on")
        services.propose_limit_ends(act_of(request, reason=said["reason"]), last, seen=seen_versions(request.POST))
    except Stale as refusal:
        return refused_in_dialog(request, refusal)
    except Refusal as refusal:
        return render(request, "compliance/limit_end.html", context | said | {"error": refusal.message}, status=refusal.status)
    return reload_page()


@door("compliance.keep_limits")
@require_POST
def act_on_end(request: HttpRequest, end_id: int) -> HttpResponse:
    """Approves, refuses or drops what would end a limit."""
    how = request.POST.get("how", "")
    if how not in ACTS:
        raise Invalid("Choose to approve, refuse or drop it.", field="how")
    ACTS[how](act_of(request, reason=request.POST.get("reason", "")), [end_id], seen=seen_versions(request.POST))
    return reload_page()


@door("portfolios.see")
@require_GET
def cash_horizon(request: HttpRequest, portfolio_id: int) -> HttpResponse:
    """The panel on a portfolio's page: its money by currency and date with its open orders."""
    portfolio = portfolios.get_portfolio_seen_by(request.user, portfolio_id)
    return render(request, "compliance/horizon.html", {"found": horizon_of(portfolio, timezone.now())})
