"""Broker dialects on pages: what is in force, a proposal, and another person's word on it."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from apps.core.edges import act_of, confirmed, refused_in_dialog, reload_page
from apps.core.refusals import Invalid, Refusal
from apps.users.doors import door
from apps.users.services import can

from . import dialect_selectors as selectors
from . import services
from .forms import DialectForm


@door("routing.see_dialects")
@require_GET
def dialects(request: HttpRequest) -> HttpResponse:
    context = {"rows": selectors.spoken(), "may_keep": can(request.user, "routing.keep_dialects")}
    return render(request, "routing/dialects.html", context)


@door("routing.keep_dialects")
@require_http_methods(["GET", "POST"])
def propose(request: HttpRequest, session_id: int) -> HttpResponse:
    """GET: the form, with what is in force. POST: proposes it."""
    session, status = selectors.get_session(session_id), 200
    form = DialectForm(request.POST or None, initial=DialectForm.first(selectors.in_force(session_id)))
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.propose_dialect(act_of(request, reason=form.cleaned_data["reason"]), session_id, form.dialect())
            except Invalid as refusal:
                form.refuse(refusal)
            except Refusal as refusal:
                return refused_in_dialog(request, refusal)
            else:
                return reload_page()
    context = {"form": form, "session": session, "action": reverse("routing:dialect_propose", args=[session_id])}
    return render(request, "routing/dialect.html", context, status=status)


@door("routing.keep_dialects")
@require_http_methods(["GET", "POST"])
def approve(request: HttpRequest, dialect_id: int) -> HttpResponse:
    text = "What is sent and heard from now on is said so. Routes and inquiries must be over where money or names change."
    return _decide(request, dialect_id, services.approve_dialect, "Approve", text)


@door("routing.keep_dialects")
@require_http_methods(["GET", "POST"])
def decline(request: HttpRequest, dialect_id: int) -> HttpResponse:
    return _decide(request, dialect_id, services.decline_dialect, "Decline", "Nothing changes; it can be proposed again.")


def _decide(request: HttpRequest, dialect_id: int, service: Callable, verb: str, text: str) -> HttpResponse:
    row = selectors.get_dialect(dialect_id)
    said = selectors.differences(selectors.in_force(row.session_id), row)
    say = {
        "title": f"{verb} {row.ref} of {row.session.party}", "text": text,
        "facts": {**said, "Proposed by": row.proposed_by, "Because": row.reason},
        "fields": [("seen", f"{row.pk}:{row.version}")], "button": verb, "danger": verb != "Approve", "reason": "optional",
    }  # fmt: skip
    return confirmed(request, say, lambda act, seen: service(act, dialect_id, seen=seen))
