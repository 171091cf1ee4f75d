"""The page of the time machine."""

from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from apps.core.refusals import Invalid
from apps.users.doors import door

from . import selectors

LONGEST = 90


@door("compliance.see")
@require_GET
def replay(request: HttpRequest) -> HttpResponse:
    """A day judged again by what was stored, or the last 90 by the rules of today; nothing until one is asked for."""
    how, today = request.GET.get("how", ""), timezone.now().date()
    report, error, status = None, "", 200
    try:
        day = _day(request.GET.get("day"), today)
    except Invalid as refusal:
        day, error, status, how = today, str(refusal), 422, ""
    if how == "same":
        report = selectors.replay_day(day, most_orders=selectors.MOST_REPLAYED)
    elif how == "rules":
        since = today - timedelta(days=LONGEST - 1)
        report = selectors.replay_rules(selectors.rules_before_the_desk(today), since, today, most_orders=selectors.MOST_REPLAYED)
    context = {"day": day, "how": how, "report": report, "longest": LONGEST, "runs": selectors.runs_on(day), "error": error}
    return render(request, "compliance/replay.html", context, status=status)


def _day(text: str | None, today: date) -> date:
    if not text:
        return today
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("Write the day as 2026-11-30.", field="day") from None
