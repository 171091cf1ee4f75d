"""Raw FIX messages on pages: searched, and decoded in the drawer."""

from datetime import UTC, datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from apps.core.edges import whole_number
from apps.core.refusals import Invalid
from apps.users.doors import door

from . import wire_selectors as selectors

PAGE = 100
WAYS = {"": "Both ways", "out": "Sent", "in": "Heard"}


@door("routing.see")
@require_GET
def messages(request: HttpRequest) -> HttpResponse:
    """Newest first. ``?part=rows``: those before ``?before=``."""
    return _page(request)


@door("routing.see")
@require_GET
def message(request: HttpRequest, message_id: int) -> HttpResponse:
    """One, decoded; in the drawer."""
    row = selectors.get_message(message_id)
    context = {"one": row, "wired": selectors.listed([row])[0], "fields": selectors.read(row)}
    if request.htmx:
        return render(request, "routing/messages.html#drawer", context)
    return _page(request, **context)


def time_in(text: str, field: str) -> datetime:
    """:raises Invalid: beside the field, where it is no time"""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"A time is written as 2026-11-30T14:30; got “{text[:30]}”.", field=field) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _page(request: HttpRequest, **more) -> HttpResponse:
    asked = {name: request.GET[name].strip() for name in ("session", "way", "q", "since", "until") if request.GET.get(name, "").strip()}
    if asked.get("way", "") not in WAYS:
        raise Invalid("Messages go out or come in.", field="way")
    rows = selectors.messages(
        session=whole_number(asked["session"], "session", 1) if "session" in asked else None, way=asked.get("way", ""),
        text=asked.get("q", ""), **{name: time_in(asked[name], name) for name in ("since", "until") if name in asked},
    )  # fmt: skip
    if before := request.GET.get("before"):
        rows = rows.filter(pk__lt=whole_number(before, "before", 1))
    found = list(rows[: PAGE + 1])
    shown = found[:PAGE]
    context = {
        "rows": selectors.listed(shown), "asked": asked, "kept": urlencode(asked), "sessions": selectors.sessions(),
        "more": f"{reverse('routing:messages')}?{urlencode(asked | {'part': 'rows', 'before': shown[-1].pk})}"
        if len(found) > PAGE else "",
        "chips": [
            {"label": label, "url": f"?{urlencode({**asked, 'way': way})}", "on": way == asked.get("way", ""), "count": None}
            for way, label in WAYS.items()
        ],
        **more,
    }  # fmt: skip
    part = "#rows" if request.htmx and request.GET.get("part") == "rows" else ""
    return render(request, f"routing/messages.html{part}", context)
