"""Upstream systems on pages: what they sent, whose orders they may enter, and asking for and confirming it."""

from collections.abc import Callable
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from apps.core.edges import act_of, done, refused_in_dialog, seen_versions, whole_number
from apps.core.refusals import Invalid, Refusal
from apps.users.doors import door

from . import services
from . import staging_selectors as staging
from .models import Grant

PAGE = 100


@door("routing.see_staging")
@require_GET
def staged(request: HttpRequest) -> HttpResponse:
    """Messages of upstream systems, newest first. ``?part=rows``: those before ``?before=``."""
    return _page(request)


@door("routing.see_staging")
@require_GET
def one(request: HttpRequest, message_id: int) -> HttpResponse:
    """A message decoded, with its answers; in the drawer."""
    row, fields, answers = staging.get_staged_seen_by(request.user, message_id)
    context = {"one": row, "fields": fields, "answers": answers, "outcome": staging.OUTCOMES[row.outcome]}
    if request.htmx:
        return render(request, "routing/staged.html#drawer", context)
    return _page(request, **context)


def _page(request: HttpRequest, **more) -> HttpResponse:
    asked = {name: request.GET[name] for name in ("session", "outcome", "q") if request.GET.get(name)}
    session = whole_number(asked["session"], "session", 1) if "session" in asked else None
    rows = staging.messages_seen_by(request.user, session=session, outcome=asked.get("outcome", ""), text=asked.get("q", ""))
    if before := request.GET.get("before"):
        rows = rows.filter(pk__lt=whole_number(before, "before", 1))
    found = list(rows[: PAGE + 1])
    shown = found[:PAGE]
    on = asked.get("outcome", "")
    context = {
        "rows": [(row, staging.OUTCOMES[row.outcome]) for row in staging.staged(request.user, shown)],
        "more": f"{reverse('routing:staged')}?{urlencode(asked | {'part': 'rows', 'before': shown[-1].pk})}"
        if len(found) > PAGE else "",
        "asked": asked,
        "kept": urlencode(asked),
        "sessions": staging.staging_sessions(),
        "chips": [
            {"label": label, "url": f"?{urlencode({**asked, 'outcome': code})}", "on": code == on, "count": None}
            for code, label in {"": "All", **staging.OUTCOMES}.items()
        ],
        **more,
    }  # fmt: skip
    part = "#rows" if request.htmx and request.GET.get("part") == "rows" else ""
    return render(request, f"routing/staged.html{part}", context)


@door("routing.grant_staging")
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest, session_id: int) -> HttpResponse:
    """GET: the form. POST: asks that the session may enter orders of a person."""
    session = staging.get_staging_session(session_id)
    said, error = request.POST, None
    if request.method == "POST":
        try:
            services.ask_grant(
                act_of(request, reason=said.get("reason", "")), session_id, said.get("person", ""),
                portfolios=said.getlist("portfolios"), every=said.get("every") == "on", submits=said.get("submits") == "on",
            )  # fmt: skip
        except Invalid as refusal:
            error = refusal
        except Refusal as refusal:
            return refused_in_dialog(request, refusal)
        else:
            return done("Asked for. Another person confirms it.")
    context = {
        "session": session, "people": staging.spoken_for(), "choices": staging.portfolio_choices(), "error": error,
        "person": said.get("person", ""), "named": said.getlist("portfolios"), "every": said.get("every") == "on",
        "submits": said.get("submits") == "on", "reason": said.get("reason", ""),
    }  # fmt: skip
    return render(request, "routing/grants.html#ask", context, status=422 if error else 200)


@door("routing.grant_staging")
@require_http_methods(["GET", "POST"])
def confirm(request: HttpRequest, grant_id: int) -> HttpResponse:
    return _decide(
        request, grant_id, services.confirm_grant, "Confirm", "The session enters orders of this person from now on."
    )


@door("routing.grant_staging")
@require_http_methods(["GET", "POST"])
def decline(request: HttpRequest, grant_id: int) -> HttpResponse:
    return _decide(request, grant_id, services.decline_grant, "Decline", "Nothing changes; it can be asked for again.")


@door("routing.grant_staging")
@require_http_methods(["GET", "POST"])
def end(request: HttpRequest, grant_id: int) -> HttpResponse:
    text = "What the session sends of this person is refused from the next message on. Orders it entered stay."
    return _decide(request, grant_id, services.end_grant, "End", text)


def _decide(request: HttpRequest, grant_id: int, service: Callable, verb: str, text: str) -> HttpResponse:
    """GET: what would be decided, to confirm. POST: decides it."""
    grant = staging.get_grant(grant_id)
    if request.method == "POST":
        try:
            service(act_of(request, reason=request.POST.get("reason", "").strip()[:400]), grant_id, seen=seen_versions(request.POST))
        except Refusal as refusal:
            return refused_in_dialog(request, refusal)
        return done(f"{grant.ref}: {verb.lower()}{'d' if verb[-1] == 'e' else 'ed'}.")
    return render(request, "components/confirm.html", _to_decide(request, grant, verb, text))


def _to_decide(request: HttpRequest, grant: Grant, verb: str, text: str) -> dict:
    return {
        "title": f"{verb} {grant.ref}: {grant.session.target_comp_id} speaks for {grant.acts_for}",
        "text": text,
        "facts": {
            "Portfolios": grant.scope,
            "Orders": "go to compliance at once" if grant.submits else "wait as drafts",
            "Asked by": grant.asked_by,
            "Because": grant.reason,
        },
        "fields": [("seen", f"{grant.pk}:{grant.version}")],
        "action_url": request.path,
        "button": verb,
        "danger": verb != "Confirm",
        "reason": "optional",
    }
