"""Pages of the rules: those in force, the end of one, and the changes that wait for a second officer."""

import json

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.edges import act_of, done, refused_in_dialog, seen_versions
from apps.core.refusals import Invalid, NotFound, Refusal, Stale
from apps.users.doors import door
from apps.users.services import can

from . import draft_selectors, selectors, services
from . import page_selectors as pages

ACTS = {
    "propose": (services.propose_drafts, "Proposed. Another officer decides"),
    "approve": (services.approve_drafts, "Approved"),
    "refuse": (services.refuse_drafts, "Refused"),
    "drop": (services.drop_drafts, "Dropped"),
}


@door("compliance.see")
@require_GET
def rules(request: HttpRequest) -> HttpResponse:
    context = {
        "rules": pages.rules(request.user),
        "waiting": draft_selectors.waiting(request.user),
        "may_write": can(request.user, "compliance.write_rules"),
    }
    return render(request, "compliance/rules.html", context)


@door("compliance.write_rules")
@require_http_methods(["GET", "POST"])
def end_rule(request: HttpRequest, code: str) -> HttpResponse:
    """GET: the rule that would end, to confirm. POST: proposes that to the other officers."""
    found = selectors.rules_seen_by(request.user).filter(code=code).first()
    if found is None:
        raise NotFound("There is no such rule.")
    context = {
        "title": f"End {found.name}",
        "text": "Another officer has to agree. Until then it stays in force; earlier verdicts keep their version of it.",
        "facts": {"It says": found.text},
        "fields": [("seen", f"{found.pk}:{found.version}")],
        "action_url": reverse("compliance:rule_end", args=[code]),
        "button": "Propose its end",
        "reason": "required",
    }
    if request.method == "GET":
        return render(request, "components/confirm.html", context)
    reason = request.POST.get("reason", "")
    act, seen = act_of(request, reason=reason), seen_versions(request.POST)
    try:
        services.propose_end(act, found.pk, seen=seen.get(found.pk, 0))
    except Stale as refusal:
        return refused_in_dialog(request, refusal)
    except Refusal as refusal:
        return render(request, "components/confirm.html", context | {"error": refusal.message, "reason_value": reason}, status=422)
    return done("Proposed. Another officer decides.")


@door("compliance.see")
@require_GET
def rule_scope(request: HttpRequest, code: str) -> HttpResponse:
    """Which portfolios the rule means today, by which word, and what of that changed since it was approved."""
    found = selectors.rules_seen_by(request.user).filter(code=code).first()
    version, now = selectors.meaning_of_rule(request.user, found.pk if found else 0)
    rows = [(one, False) for one in now.unsure] + [(one, True) for one in now.meant]
    return render(request, "compliance/rule_scope.html", {"version": version, "now": now, "rows": rows})


@door("compliance.see")
@require_GET
def rule_file(request: HttpRequest) -> HttpResponse:
    """The rules in force, with fixtures and hashes, to be kept or taken elsewhere."""
    content = orjson.dumps(selectors.rules_as_file(request.user), option=orjson.OPT_INDENT_2)
    return HttpResponse(content, "application/json", headers={"Content-Disposition": 'attachment; filename="rules.json"'})


@door("compliance.write_rules")
@require_http_methods(["GET", "POST"])
def take_file(request: HttpRequest) -> HttpResponse:
    """GET: asks for a file. POST: writes drafts of what differs, or says of each bad rule why not."""
    if request.method == "GET":
        return render(request, "compliance/rule_file.html", {})
    chosen = request.FILES.get("file")
    try:
        if chosen is None:
            raise services.BadRuleFile("Choose a file.", field="file", problems=[])
        if chosen.size > services.LARGEST_FILE:
            raise services.BadRuleFile("The file is too large.", field="file", problems=[])
        ids = services.import_rules(act_of(request, reason=f"Taken from {chosen.name}"), chosen.read())
    except services.BadRuleFile as refusal:
        context = {"error": refusal.message, "problems": refusal.facts["problems"]}
        return render(request, "compliance/rule_file.html", context, status=refusal.status)
    response = done(f"{len(ids)} draft{'' if len(ids) == 1 else 's'} written. Propose what is to come into force.")
    response["HX-Refresh"] = "true"
    return response


@door("compliance.see")
@require_GET
def drafts(request: HttpRequest) -> HttpResponse:
    part = "#items" if request.htmx and request.GET.get("part") == "items" else ""
    return render(request, f"compliance/drafts.html{part}", _list(request))


def _list(request: HttpRequest) -> dict:
    return {"rows": draft_selectors.listed(request.user)}


@door("compliance.see")
@require_GET
def draft(request: HttpRequest, draft_id: int) -> HttpResponse:
    return _draft(request, draft_id)


def _draft(request: HttpRequest, draft_id: int, *, error: str = "", reason: str = "", status: int = 200) -> HttpResponse:
    opened = draft_selectors.opened(request.user, draft_id)
    bench = None if opened.draft.retires else services.bench_of(opened.draft)
    context = {"open": opened, "bench": bench, "error": error, "reason": reason}
    if request.htmx:
        return render(request, "compliance/draft.html#draft", context, status=status)
    return render(request, "compliance/drafts.html", _list(request) | context, status=status)


@door("compliance.see")
@require_GET
def history(request: HttpRequest, draft_id: int) -> HttpResponse:
    """What the change would have done to the orders of the last days."""
    found = selectors.history_of(selectors.get_draft_seen_by(request.user, draft_id))
    context = {"history": found, "listed": [("Would be held", found.held[:50]), ("Would be let through", found.let_through[:50])]}
    return render(request, "compliance/draft.html#history", context)


@door("compliance.write_rules", "compliance.approve_rules")
@require_POST
def act_on_draft(request: HttpRequest, draft_id: int) -> HttpResponse:
    """Proposes, approves, refuses or drops one; a refusal comes back on the same page with the reason kept."""
    service, word = ACTS.get(request.POST.get("how", ""), (None, ""))
    if service is None:
        raise Invalid("Choose to propose, to approve, to refuse or to drop.", field="how")
    reason = request.POST.get("reason", "")
    try:
        service(act_of(request, reason=reason), [draft_id], seen=seen_versions(request.POST))
    except Refusal as refusal:
        since = refusal.in_words() if isinstance(refusal, Stale) else {}
        error = " ".join([refusal.message, *(f"{name}: {said}." for name, said in since.items())])
        response = _draft(request, draft_id, error=error, reason=reason, status=refusal.status)
        response["HX-Reswap"] = "innerHTML"  # In place, whatever the status.
        return response
    response = _draft(request, draft_id)
    response["HX-Trigger"] = json.dumps({"toast": {"text": f"{word}. It is on the record.", "tone": "ok"}})
    return response
