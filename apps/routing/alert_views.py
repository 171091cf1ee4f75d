"""What the desk is told of: the list, a block's own, and seeing to them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from apps.core.edges import act_of, done, refused_in_dialog, seen_versions, whole_number
from apps.users.doors import door
from apps.users.services import can

from . import alert_selectors as alerts
from . import services

SHOWN = 200


@door("routing.see")
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """Alerts that wait, one's own first, and how often each rule spoke today; ``?part=open`` is the list alone."""
    now = timezone.now()
    context = _context(request, alerts.open_alerts(request.user, now))
    if request.htmx and request.GET.get("part") == "open":
        return render(request, "routing/alerts.html#open", context)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return render(request, "routing/alerts.html", context | {"rules": alerts.counts_by_rule(request.user, today)})


@door("routing.see")
@require_GET
def of_block(request: HttpRequest, block_id: int) -> HttpResponse:
    """The panel of a block's drawer; nothing where nothing waits."""
    rows = alerts.open_alerts(request.user, timezone.now()).filter(block=block_id)
    return render(request, "routing/alerts.html#of_block", _context(request, rows))


@door("blocks.work")
@require_POST
def acknowledge(request: HttpRequest) -> HttpResponse:
    seen = seen_versions(request.POST)
    try:
        services.acknowledge_alerts(act_of(request), list(seen), seen=seen)
    except services.StaleAlert as refusal:
        return _stale(request, refusal)
    return done("Noted: you see to it.")


@door("blocks.work")
@require_POST
def snooze(request: HttpRequest) -> HttpResponse:
    seen = seen_versions(request.POST)
    minutes = whole_number(request.POST.get("minutes", 15), "minutes", 1)
    try:
        services.snooze_alerts(act_of(request), list(seen), minutes=minutes, seen=seen)
    except services.StaleAlert as refusal:
        return _stale(request, refusal)
    return done(f"Hidden for {minutes} min.")


def _stale(request: HttpRequest, refusal: services.StaleAlert) -> HttpResponse:
    """409 with what happened to the alert since the person looked."""
    return refused_in_dialog(request, refusal)


def _context(request: HttpRequest, rows) -> dict:
    return {"alerts": rows[:SHOWN], "may_work": can(request.user, "blocks.work")}
