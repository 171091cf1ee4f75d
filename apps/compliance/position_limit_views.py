"""Position limits on a page: how near anybody is to them, a new one, a file of them, and the end of one."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.edges import act_of, reload_page, seen_versions
from apps.core.refusals import Refusal
from apps.users.doors import door
from apps.users.services import can

from . import services
from .lists_forms import ListingFileForm
from .position_limit_forms import PositionLimitForm
from .selectors.position_limits import position_limits_seen_by, uses_of
from .services.position_limits import COLUMNS


@door("compliance.see")
@require_GET
def position_limits(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    limits = list(position_limits_seen_by(request.user))
    uses = uses_of([one for one in limits if one.status == "ACTIVE"], now)
    rows = [(one, one.starts_on <= now.date() <= (one.ends_on or now.date()), uses.get(one.pk)) for one in limits]
    return render(
        request, "compliance/position_limits.html", {"rows": rows, "may_write": can(request.user, "compliance.write_rules")}
    )


@door("compliance.write_rules")
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """A new limit, in a dialog."""
    form = PositionLimitForm(request.POST or None, initial={"starts_on": timezone.now().date()})
    if request.method == "POST" and form.is_valid():
        try:
            services.add_position_limits(act_of(request, reason=form.cleaned_data["reason"]), [form.limit()])
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            return reload_page()
    return render(request, "compliance/position_limit.html", {"form": form}, status=422 if form.errors else 200)


@door("compliance.write_rules")
@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """A file of limits, in a dialog: every bad row is named."""
    form = ListingFileForm(request.POST or None, request.FILES or None)
    context = {"form": form, "columns": COLUMNS, "bad": []}
    if request.method == "POST" and form.is_valid():
        try:
            services.import_position_limits(act_of(request), form.cleaned_data["file"].read(services.MAX_LIMIT_BYTES + 1))
        except Refusal as refusal:
            form.refuse(refusal)
            context["bad"] = refusal.facts.get("rows", [])
        else:
            return reload_page()
    return render(request, "compliance/position_limit_file.html", context, status=422 if form.errors else 200)


@door("compliance.write_rules")
@require_POST
def end(request: HttpRequest, limit_id: int) -> HttpResponse:
    services.end_position_limits(
        act_of(request, reason=request.POST.get("reason", "")), [limit_id], seen=seen_versions(request.POST)
    )
    return reload_page()
