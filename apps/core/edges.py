"""Shared HTTP helpers: the one module of core that knows Django."""

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from urllib.parse import urlencode

from django.forms import DateInput
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import content_disposition_header

from .acts import Act
from .refusals import Invalid, Refusal, Stale


def act_of(request: HttpRequest, *, reason: str = "", via: str | None = None) -> Act:
    """The act a request asks for: its signed-in user, now, through page or API, with the caller's idempotency key."""
    if via is None:
        via = "api" if request.path.startswith("/api/") else "page"
    key = request.headers.get("Idempotency-Key") or request.POST.get("idempotency_key") or None
    if key and len(key) > 200:
        raise Invalid("The Idempotency-Key is longer than 200 characters; send a shorter one.", field="Idempotency-Key")
    if "\x00" in reason or "\x00" in (key or ""):
        raise Invalid("There is a NUL character in what was sent, which cannot be kept. Type it anew.", field="reason")
    return Act(
        by=request.user.pk,
        at=timezone.now(),
        via=via,
        reason=reason,
        key=key,
        request_ref=getattr(request, "request_ref", ""),
    )


def new_request_ref() -> str:
    return uuid.uuid4().hex


def whole_number(value, field: str, least: int = 0) -> int:
    """A whole number from a form or query. :raises Invalid: beside the field, where it is none"""
    try:
        number = int(str(value))
    except (TypeError, ValueError):
        raise Invalid(f"{field} must be a whole number; got “{value}”.", field=field) from None
    if number < least:
        raise Invalid(f"{field} must be at least {least}; got {number}.", field=field)
    return number


def reload_page() -> HttpResponse:
    """What htmx takes as the word to fetch the page anew: a dialog did what was asked."""
    return HttpResponse(status=204, headers={"HX-Refresh": "true"})


def day_in(text: str, field: str) -> date:
    """A day from a form or an address. :raises Invalid: beside the field, where it is none"""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"A day is written as 2026-11-30; got “{text}”.", field=field) from None


def day_input() -> DateInput:
    """A field for a day. A browser shows what stands in it only where it is written as 2026-11-30, whatever the language."""
    return DateInput(format="%Y-%m-%d", attrs={"type": "date"})


def seen_versions(data) -> dict[int, int]:
    """
    What the person was looking at: ``id`` and ``version`` lists of a form, or ``seen=12:3`` pairs.

    :raises Invalid: where a pair is malformed
    """
    pairs: dict[int, int] = {}
    for item in data.getlist("seen"):
        left, colon, right = item.partition(":")
        if not colon:
            raise Invalid("A row was sent without the version you saw; reload the page.", field="seen")
        pairs[whole_number(left, "id", 1)] = whole_number(right, "version", 1)
    return pairs


def versions_once(rows: Iterable[Mapping[str, int]], field: str) -> dict[int, int]:
    """
    What an API caller was looking at, from ``{id, version}`` each.

    :raises Invalid: where one is named twice
    """
    seen: dict[int, int] = {}
    for row in rows:
        if row["id"] in seen:
            raise Invalid(f"{row['id']} is named twice; name each once, with the version you saw.", field=field)
        seen[row["id"]] = row["version"]
    return seen


def attachment(content: bytes, name: str) -> HttpResponse:
    """A file as it was given, to be saved: a browser never opens it as a page of ours."""
    answer = HttpResponse(content, content_type="application/octet-stream")
    answer.headers["Content-Disposition"] = content_disposition_header(True, name)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


def status_chips(request: HttpRequest, choices: Iterable[tuple[str, str]], counts: Mapping[str, int]) -> list[dict]:
    """The filters of a list by status: code and label of each, with how many there are."""
    on = request.GET.get("status", "")
    return [
        {"label": label, "url": f"?status={code}" if code else "?", "on": code == on, "count": counts.get(code, 0)}
        for code, label in choices
    ]


def kept_filters(request: HttpRequest) -> str:
    """The filters of a list, for the rows and chips it asks for again."""
    return urlencode({name: request.GET[name] for name in ("status", "q") if request.GET.get(name)})


def done(text: str, tone: str = "ok") -> HttpResponse:
    """An answer to htmx with nothing to show but a toast; an open dialog closes."""
    response = HttpResponse(status=204)
    response["HX-Trigger"] = json.dumps({"acted": "", "closeDialog": "", "toast": {"text": text, "tone": tone}})
    return response


def refused_in_dialog(request: HttpRequest, refusal: Refusal, facts: dict[str, str] | None = None) -> HttpResponse:
    """A refusal as a toast, with what it says of each thing; the open dialog closes, for it would hide the toast."""
    if facts is None and isinstance(refusal, Stale):
        facts = refusal.in_words()
    context = {"refusal": refusal, "facts": facts or {}}
    response = render(request, "components/problem.html", context, status=refusal.status)
    response["HX-Trigger"] = json.dumps({"closeDialog": ""})
    return response


def confirmed(request: HttpRequest, say: dict, do: Callable[[Act, dict[int, int]], object]) -> HttpResponse:
    """
    GET: what would be done, to confirm, with a reason. POST: does it as the request's act, of what was seen, and reloads the page.

    :param say: what the dialog shows (``components/confirm.html``); ``reason``: required, or optional
    """
    say = {"action_url": request.path, "reason": "required"} | say
    if request.method == "GET":
        return render(request, "components/confirm.html", say)
    reason = request.POST.get("reason", "")
    try:
        do(act_of(request, reason=reason.strip()[:400] if say["reason"] == "optional" else reason), seen_versions(request.POST))
    except Invalid as refusal:
        say |= {"error": refusal.message, "reason_value": reason}
        return render(request, "components/confirm.html", say, status=refusal.status)
    except Refusal as refusal:
        return refused_in_dialog(request, refusal)
    return reload_page()
