"""Pages of compliance: the queue, a decision."""

import json
from urllib.parse import urlencode

import orjson
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from apps.core.edges import act_of, seen_versions
from apps.core.refusals import Invalid, Refusal, Stale
from apps.orders import selectors as orders
from apps.users.doors import door
from apps.users.services import can

from . import forms, packs, selectors, services
from . import page_selectors as pages

CHIPS = (
    ("Waiting", ""), ("Hard", "severity=HARD"), ("Cannot tell", "outcome=INDETERMINATE"), ("Decided", "status=DECIDED"),
)  # fmt: skip
DECISIONS = {
    "approve": (None, "Approved"),
    "send_back": (services.send_back_reviews, "Sent back to its author"),
    "reject": (services.reject_reviews, "Rejected"),
}


def _queue(request: HttpRequest) -> dict:
    asked = pages.Asked(*(request.GET.get(name, "") for name in pages.Asked._fields))
    kept = urlencode({name: value for name, value in asked._asdict().items() if value})
    return {
        "rows": pages.queue(request.user, asked),
        "asked": asked,
        "kept": kept,
        "counts": pages.counts(request.user),
        "chips": [
            {"label": label, "url": f"{reverse('compliance:reviews')}{query and '?'}{query}", "on": query == kept}
            for label, query in CHIPS
        ],
        "may_decide": can(request.user, "compliance.decide"),
    }


@door("compliance.see")
@require_GET
def reviews(request: HttpRequest) -> HttpResponse:
    part = request.GET.get("part")
    if request.htmx and part in ("strip", "items"):
        return render(request, f"compliance/reviews.html#{part}", _queue(request))
    return render(request, "compliance/reviews.html", _queue(request))


@door("compliance.see")
@require_GET
def review(request: HttpRequest, review_id: int) -> HttpResponse:
    return _review(request, review_id)


def _review(
    request: HttpRequest, review_id: int, *, error: str = "", field: str = "", typed: QueryDict | None = None, status: int = 200
) -> HttpResponse:
    found = pages.decision(request.user, review_id)
    context = {"decision": found, "error": error, "field": field, "form": forms.ApprovalForm.shown(typed), "typed": typed}
    if request.htmx:
        return render(request, "compliance/review.html#decision", context, status=status)
    return render(request, "compliance/reviews.html", {**_queue(request), **context}, status=status)


@door("compliance.decide")
@require_POST
def decide(request: HttpRequest, review_id: int) -> HttpResponse:
    """Approves, sends back or rejects one review; a refusal comes back on the same page with the reason kept."""
    how = request.POST.get("how", "")
    if how not in DECISIONS:
        raise Invalid("Choose to approve, to send back or to reject.", field="how")
    service, word = DECISIONS[how]
    act, seen = act_of(request, reason=request.POST.get("reason", "")), seen_versions(request.POST)
    try:
        if how == "approve":
            terms = forms.terms_of(request.POST)
            if services.approve_reviews(act, [review_id], seen=seen, terms=terms).asked:
                word = "Asked. Another officer has to confirm it"
        else:
            service(act, [review_id], seen=seen)
    except Refusal as refusal:
        return _refused(request, review_id, refusal)
    return _done(_review(request, review_id), f"{word}. The decision is on the record.")


@door("compliance.decide")
@require_POST
def ask(request: HttpRequest, review_id: int) -> HttpResponse:
    """Asks the order's managers something; a refusal comes back on the same page with the words kept."""
    text, seen = request.POST.get("text", ""), seen_versions(request.POST)
    try:
        services.ask(act_of(request, reason=text), review_id, text, seen=seen.get(review_id, 0))
    except Refusal as refusal:
        return _refused(request, review_id, refusal)
    return _done(_review(request, review_id), "Asked. The review says when the answer is there.")


def _refused(request: HttpRequest, review_id: int, refusal: Refusal) -> HttpResponse:
    field = str(refusal.facts.get("field", ""))
    response = _review(request, review_id, error=_worded(refusal), field=field, typed=request.POST, status=refusal.status)
    response["HX-Reswap"] = "innerHTML"  # In place, whatever the status.
    return response


def _worded(refusal: Refusal) -> str:
    since = refusal.in_words() if isinstance(refusal, Stale) else {}
    return " ".join([refusal.message, *(f"{name}: {said}." for name, said in since.items())])


def _done(response: HttpResponse, text: str) -> HttpResponse:
    response["HX-Trigger"] = json.dumps({"toast": {"text": text, "tone": "ok"}})
    return response


@door("compliance.see")
@require_GET
def evidence_json(request: HttpRequest, check_id: int) -> HttpResponse:
    """All that a check stands on, to keep or to send."""
    content = orjson.dumps(selectors.evidence_of(request.user, check_id), option=orjson.OPT_INDENT_2)
    return _file(content, "application/json", f"check-{check_id}.json")


@door("compliance.see")
@require_GET
def evidence_pdf(request: HttpRequest, check_id: int) -> HttpResponse:
    content = packs.evidence_pdf(selectors.evidence_of(request.user, check_id))
    return _file(content, "application/pdf", f"check-{check_id}.pdf")


def _file(content: bytes, kind: str, name: str) -> HttpResponse:
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@door("compliance.see", "compliance.see_own")
@require_GET
def order_checks(request: HttpRequest, order_id: int) -> HttpResponse:
    """The panel of an order's drawer. Who is not of compliance reads what is wrong, not whom a list names."""
    return _checks(request, order_id)


def _checks(request: HttpRequest, order_id: int, *, error: str = "", text: str = "", status: int = 200) -> HttpResponse:
    context = {
        "order": orders.get_order_seen_by(request.user, order_id),
        "checks": selectors.checks_of(request.user, order_id),
        "in_full": can(request.user, "compliance.see"),
        "thread": selectors.questions_seen_by(request.user).filter(order=order_id),
        "to_answer": selectors.questions_to_answer(request.user).filter(order=order_id).first(),
        "error": error,
        "text": text,
    }
    return render(request, "compliance/checks.html", context, status=status)


@door("compliance.answer")
@require_POST
def answer(request: HttpRequest, order_id: int, question_id: int) -> HttpResponse:
    """Answers what an officer asked, in the order's panel of checks; a refusal comes back there with the words kept."""
    orders.get_order_seen_by(request.user, order_id)
    text, seen = request.POST.get("text", ""), seen_versions(request.POST)
    try:
        services.answer(act_of(request, reason=text), question_id, text, seen=seen.get(question_id, 0))
    except Refusal as refusal:
        response = _checks(request, order_id, error=_worded(refusal), text=text, status=refusal.status)
        response["HX-Reswap"] = "innerHTML"
        return response
    return _done(_checks(request, order_id), "Answered. Compliance reads it now.")


@door("orders.create")
@require_POST
def try_proposals(request: HttpRequest) -> HttpResponse:
    """What would be said of the ticked proposals if they were submitted together now."""
    try:
        context = {"tried": services.try_proposals(act_of(request), list(seen_versions(request.POST)))}
    except Refusal as refusal:
        context = {"error": refusal.message}
    return render(request, "compliance/tried.html", context)
