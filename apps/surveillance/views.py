"""Pages of surveillance: the days, a day's report, an incident."""

from datetime import timedelta

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from apps.audit import selectors as audit
from apps.compliance import selectors as compliance
from apps.core.edges import act_of, day_in, seen_versions, whole_number
from apps.core.refusals import Invalid, NotFound, Refusal, Stale
from apps.users.doors import door
from apps.users.services import can

from . import selectors, services

MOST = 500
LATELY = timedelta(days=30)


@door("compliance.see")
@require_GET
def days(request: HttpRequest) -> HttpResponse:
    """Every weekday since the first report, unsigned ones in red, and what is open."""
    return _days(request)


def _days(request: HttpRequest, error: Refusal | None = None, filing_id: int | None = None) -> HttpResponse:
    """:param error: why nothing was done with the filing"""
    today = timezone.now().date()
    listed = selectors.weekdays(request.user, today)
    open_ones = selectors.incidents_seen_by(request.user).filter(status="OPEN")
    context = {
        "days": listed,
        "unsigned": sum(not one.is_signed for one in listed),
        "incidents": open_ones[:MOST],
        "overdue": open_ones.filter(cure_by__lt=today).count(),
        "filings": selectors.filings_seen_by(request.user).filter(Q(status="DUE") | Q(ended_at__gte=timezone.now() - LATELY))[:MOST],
        "mandates": compliance.coverage_of_all(request.user),
        "today": today,
        "colleagues": selectors.colleagues(),
        "may_work": can(request.user, "surveillance.work"),
        "may_report": can(request.user, "surveillance.report"),
        "uncounted": selectors.uncounted_convertibles(),
        "error": error,
        "facts": error.in_words() if isinstance(error, Stale) else {},
        "refused": filing_id,
        "said": request.POST.get("said", ""),
    }
    return render(request, "surveillance/days.html", context, status=error.status if error else 200)


@door("surveillance.work")
@require_POST
def filing(request: HttpRequest, filing_id: int) -> HttpResponse:
    """Says what became of a filing, as ``how`` says: made, by a reference, or not needed, for a reason."""
    how, said = request.POST.get("how", ""), request.POST.get("said", "")
    try:
        seen = seen_versions(request.POST)
        if how == "made":
            services.filing_made(act_of(request), filing_id, said, seen=seen)
        elif how == "not_needed":
            services.filing_not_needed(act_of(request, reason=said), filing_id, seen=seen)
        else:
            raise Invalid("Choose what became of it: made, or not needed.", field="how")
    except NotFound:
        raise
    except Refusal as refusal:
        return _days(request, refusal, filing_id)
    return HttpResponseRedirect(reverse("surveillance:days") + "#filings")


@door("compliance.see")
@require_GET
def day(request: HttpRequest, on: str) -> HttpResponse:
    return _day(request, on)


def _day(request: HttpRequest, on: str, error: Refusal | None = None) -> HttpResponse:
    found = selectors.get_day_seen_by(request.user, day_in(on, "date"))
    findings = selectors.findings_of(request.user, found)
    context = {
        "day": found,
        "findings": findings[:MOST],
        "more": max(0, findings.count() - MOST),
        "colleagues": selectors.colleagues(),
        "error": error,
        "facts": error.in_words() if isinstance(error, Stale) else {},
        "note": request.POST.get("note", ""),
        "may_sign": can(request.user, "surveillance.sign") and found.status != "SIGNED",
        "may_work": can(request.user, "surveillance.work"),
        "life": audit.timeline("day", found.pk),
        "left_out": selectors.left_out(found.run),
    }
    return render(request, "surveillance/day.html", context, status=error.status if error else 200)


@door("surveillance.sign")
@require_POST
def sign(request: HttpRequest, on: str) -> HttpResponse:
    found = selectors.get_day_seen_by(request.user, day_in(on, "date"))
    note = request.POST.get("note", "")
    try:
        services.sign_day(act_of(request, reason=note), found.pk, seen=seen_versions(request.POST), note=note)
    except Refusal as refusal:
        return _day(request, on, refusal)
    return HttpResponseRedirect(reverse("surveillance:day", args=[on]))


@door("surveillance.report")
@require_POST
def report(request: HttpRequest) -> HttpResponse:
    """Today's report, or today's report anew."""
    act = act_of(request)
    services.report_day(act)
    return HttpResponseRedirect(reverse("surveillance:day", args=[act.at.date().isoformat()]))


@door("compliance.see", "compliance.see_own")
@require_GET
def incident(request: HttpRequest, incident_id: int) -> HttpResponse:
    return _incident(request, incident_id)


def _incident(request: HttpRequest, incident_id: int, error: Refusal | None = None) -> HttpResponse:
    found = selectors.get_incident_seen_by(request.user, incident_id)
    context = {
        "incident": found,
        "found": found.found.select_related("run__day").defer("run__inputs").order_by("-run_id", "-pk")[:60],
        "life": audit.timeline("incident", found.pk),
        "colleagues": selectors.colleagues(),
        "error": error,
        "facts": error.in_words() if isinstance(error, Stale) else {},
        "typed": request.POST,
        "today": timezone.now().date(),
        "may_work": can(request.user, "surveillance.work") and found.status == "OPEN",
    }
    return render(request, "surveillance/incident.html", context, status=error.status if error else 200)


@door("surveillance.work")
@require_POST
def work(request: HttpRequest, incident_id: int) -> HttpResponse:
    """Gives an owner, notes, gives time, or closes, as ``how`` says."""
    how, reason = request.POST.get("how", ""), request.POST.get("reason", "")
    selectors.get_incident_seen_by(request.user, incident_id)
    act = act_of(request, reason=reason)
    try:
        seen = seen_versions(request.POST)
        if how == "assign":
            services.assign_incidents(act, [incident_id], whole_number(request.POST.get("owner"), "owner", 1), seen=seen)
        elif how == "note":
            services.note_incident(act, incident_id, seen=seen)
        elif how == "time":
            services.give_time(act, incident_id, day_in(request.POST.get("cure_by", ""), "cure_by"), seen=seen)
        elif how == "close":
            services.close_incidents(act, [incident_id], seen=seen)
        else:
            raise Invalid("Choose what to do: assign, note, time or close.", field="how")
    except NotFound:
        raise
    except Refusal as refusal:
        return _incident(request, incident_id, refusal)
    return HttpResponseRedirect(reverse("surveillance:incident", args=[incident_id]))


@door("surveillance.work")
@require_POST
def assign(request: HttpRequest) -> HttpResponse:
    """One owner for the incidents that are ticked."""
    seen = seen_versions(request.POST)
    owner = whole_number(request.POST.get("owner"), "owner", 1)
    if not seen:
        raise Invalid("Tick the incidents first.", field="seen")
    services.assign_incidents(act_of(request), list(seen), owner, seen=seen)
    return HttpResponseRedirect(reverse("surveillance:days"))
