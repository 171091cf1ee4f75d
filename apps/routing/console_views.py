"""FIX sessions as they run, on pages: how each stands, stopped and started, and its sequence numbers set by two."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.core.edges import act_of, confirmed, refused_in_dialog, reload_page
from apps.core.refusals import Invalid, Refusal
from apps.users.doors import door
from apps.users.services import can

from . import console_selectors as selectors
from . import services
from .forms import NumbersForm
from .wire_selectors import listed


@door("routing.see_sessions")
@require_GET
def console(request: HttpRequest) -> HttpResponse:
    """``?part=rows``: the table alone."""
    part = "#rows" if request.htmx and request.GET.get("part") == "rows" else ""
    return render(request, f"routing/console.html{part}", {"rows": selectors.standings(timezone.now())})


@door("routing.see_sessions")
@require_GET
def session(request: HttpRequest, session_id: int) -> HttpResponse:
    """``?part=standing``: how it stands alone."""
    row = selectors.get_standing(session_id, timezone.now())
    kept = selectors.kept(session_id)
    context = {
        "row": row, "kept": kept, "wired": listed(kept.messages) if can(request.user, "routing.see") else [],
        "may_keep": can(request.user, "routing.keep_sessions"),
    }  # fmt: skip
    part = "#standing" if request.htmx and request.GET.get("part") == "standing" else ""
    return render(request, f"routing/console_session.html{part}", context)


@door("routing.keep_sessions")
@require_http_methods(["GET", "POST"])
def stop(request: HttpRequest, session_id: int) -> HttpResponse:
    row = selectors.get_standing(session_id, timezone.now())
    say = {
        "title": f"Stop the session with {row.session.party}",
        "text": "The gateway logs it out and keeps it so until somebody starts it. What is committed meanwhile waits.",
        "button": "Stop it", "danger": True,
    }  # fmt: skip
    return confirmed(request, say, lambda act, _: services.stop_session(act, session_id))


@door("routing.keep_sessions")
@require_http_methods(["GET", "POST"])
def start(request: HttpRequest, stop_id: int) -> HttpResponse:
    row = selectors.get_stop(stop_id)
    say = {
        "title": f"Start the session with {row.session.party}", "text": "The gateway logs it on, within its hours. What waited goes out.",
        "facts": {"Stopped by": row.stopped_by, "Because": row.reason}, "fields": [("seen", f"{row.pk}:{row.version}")],
        "button": "Start it",
    }  # fmt: skip
    return confirmed(request, say, lambda act, seen: services.start_session(act, stop_id, seen=seen))


@door("routing.keep_sessions")
@require_http_methods(["GET", "POST"])
def propose(request: HttpRequest, session_id: int) -> HttpResponse:
    """GET: the form, with the numbers in use. POST: proposes others."""
    row, status = selectors.get_standing(session_id, timezone.now()), 200
    form = NumbersForm(request.POST or None)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            said = form.cleaned_data
            try:
                services.propose_numbers(
                    act_of(request, reason=said["reason"]), session_id, next_out=said["next_out"], next_in=said["next_in"]
                )
            except Invalid as refusal:
                form.refuse(refusal)
            except Refusal as refusal:
                return refused_in_dialog(request, refusal)
            else:
                return reload_page()
    context = {"form": form, "row": row, "action": reverse("routing:numbers_propose", args=[session_id])}
    return render(request, "routing/numbers.html", context, status=status)


@door("routing.keep_sessions")
@require_http_methods(["GET", "POST"])
def approve(request: HttpRequest, reset_id: int) -> HttpResponse:
    text = "The gateway sets them once, while the session is stopped. Agree them with the other side before."
    return _decide(request, reset_id, services.approve_numbers, "Approve", text)


@door("routing.keep_sessions")
@require_http_methods(["GET", "POST"])
def decline(request: HttpRequest, reset_id: int) -> HttpResponse:
    return _decide(request, reset_id, services.decline_numbers, "Decline", "Nothing changes; numbers can be proposed again.")


def _decide(request: HttpRequest, reset_id: int, service: Callable, verb: str, text: str) -> HttpResponse:
    row = selectors.get_reset(reset_id)
    now = selectors.get_standing(row.session_id, timezone.now()).state
    facts = {"Next numbers": row.words, "In use": f"ours {now.next_out:,}, theirs {now.next_in:,}" if now else "not known"}
    say = {
        "title": f"{verb} {row.ref} of {row.session.party}", "text": text,
        "facts": {**facts, "Proposed by": row.proposed_by, "Because": row.reason}, "fields": [("seen", f"{row.pk}:{row.version}")],
        "button": verb, "danger": verb == "Approve", "reason": "optional",
    }  # fmt: skip
    return confirmed(request, say, lambda act, seen: service(act, reset_id, seen=seen))
