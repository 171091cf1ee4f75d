"""Proposals: the scratch list of what might become orders."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.core.edges import act_of, seen_versions
from apps.core.refusals import Conflict, IllegalMove, Invalid, Refusal, Stale
from apps.users.doors import door
from apps.users.services import can

from .. import page_selectors as pages
from .. import selectors, services
from ..forms import ProposalForm
from .answers import money_words, refused, standing, ticked

LISTED = 200


@door("orders.create", "audit.see")
@require_http_methods(["GET", "POST"])
def proposals(request: HttpRequest) -> HttpResponse:
    """GET: the open proposals and a form for another. POST: keeps one; it takes the place of the person's own."""
    may_act = can(request.user, "orders.create")
    form = ProposalForm(request.user, request.POST if request.method == "POST" and may_act else None)
    if form.is_bound and form.is_valid():
        try:
            [kept] = services.propose_orders(act_of(request), [form.wish])
        except Invalid as refusal:
            form.take(refusal)
        else:
            again = selectors.open_proposals(request.user).filter(pk=kept, version__gt=1).exists()
            replaced = " It took the place of the one you had; the record keeps that." if again else ""
            messages.success(request, f"Kept as a proposal.{replaced} It is no order, and nothing is promised by it.")
            return redirect("orders:proposals")
    page = Paginator(selectors.open_proposals(request.user), LISTED).get_page(request.GET.get("page"))
    context = {"form": form, "page": page, "rows": page.object_list, "may_act": may_act}
    return render(request, "orders/proposals.html", context, status=422 if form.is_bound else 200)


@door("orders.create")
@require_http_methods(["GET", "POST"])
def promote_proposals(request: HttpRequest) -> HttpResponse:
    """GET: what the proposals ticked come to, in money, to confirm. POST: makes orders of them, all or none."""
    if request.method == "GET":
        return _confirm(request)
    submits = request.POST.get("submit") == "1"
    try:
        seen = ticked(seen_versions(request.POST))
        ids = services.promote_proposals(
            act_of(request), list(seen), seen=seen, group_name=request.POST.get("group_name", ""), submit=submits
        )
    except Refusal as refusal:
        return _told(request, refusal)
    became = f"submitted: {standing(pages.statuses_of(ids))}" if submits else "made drafts"
    messages.success(request, f"{len(ids):,} proposal{'s' if len(ids) > 1 else ''} {became}.")
    return _led(request, reverse("orders:list") if len(ids) > 1 else reverse("orders:detail", args=ids))


def _confirm(request: HttpRequest) -> HttpResponse:
    submits, name = request.GET.get("submit") == "1", request.GET.get("group_name", "").strip()
    linked = f", linked as “{name}”" if name else ""
    rows, context = _picked(request)
    context |= {
        "title": "Promote to orders",
        "text": f"They become {'orders, submitted to compliance in the same step' if submits else 'drafts'}{linked}."
        " All of them do, or none.",
        "button": f"{'Submit' if submits else 'Make'} {len(rows):,} order{'' if len(rows) == 1 else 's'}",
    }  # fmt: skip
    context["fields"] += [("group_name", name), ("submit", "1" if submits else "")]
    return render(request, "components/confirm.html", context)


def _picked(request: HttpRequest) -> tuple[list, dict]:
    """The open ones of what was ticked, and what a dialog says of them: count, money and portfolios."""
    seen = ticked(seen_versions(request.GET))
    rows = list(selectors.open_proposals(request.user).filter(pk__in=seen).select_related("instrument"))
    if not rows:
        raise Conflict("None of the selected proposals is open any more. Reload the list.")
    return rows, {
        "money": money_words(pages.worth_of_proposals(rows)),
        "fields": [("seen", f"{row.pk}:{seen[row.pk]}") for row in rows],
        "action_url": request.path,
        "back": "Not yet",
    }


def _led(request: HttpRequest, address: str) -> HttpResponse:
    """On to another page, also from a dialog."""
    if not request.htmx:
        return redirect(address)
    response = HttpResponse(status=204)
    response["HX-Redirect"] = address
    return response


@door("orders.create")
@require_http_methods(["GET", "POST"])
def discard_proposals(request: HttpRequest) -> HttpResponse:
    """GET: what the proposals ticked come to, in money, to confirm. POST: sets them aside; the record keeps them."""
    if request.method == "GET":
        rows, context = _picked(request)
        count = f"{len(rows):,} proposal{'' if len(rows) == 1 else 's'}"
        context |= {
            "title": f"Discard {count}",
            "text": "They are gone from the list for good. No order is touched; the record keeps what they were and why.",
            "button": f"Discard {count}",
            "danger": True,
            "reason": "optional",
        }
        return render(request, "components/confirm.html", context)
    try:
        seen = ticked(seen_versions(request.POST))
        act = act_of(request, reason=request.POST.get("reason", "").strip()[:400])
        services.discard_proposals(act, list(seen), seen=seen)
    except Refusal as refusal:
        return _told(request, refusal)
    messages.success(request, f"{len(seen):,} proposal{'s' if len(seen) > 1 else ''} discarded; the record keeps them.")
    return _led(request, reverse("orders:proposals"))


def _told(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """Back at the list, with why nothing was done; where somebody was faster, what they did, in place."""
    if isinstance(refusal, Stale | IllegalMove):
        if not request.htmx:
            raise refusal
        return refused(request, refusal)
    messages.error(request, refusal.message)
    return _led(request, reverse("orders:proposals"))
