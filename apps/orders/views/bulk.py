"""What is done to many orders by one bar: one change with an answer for each, the same again, the other way round."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.core.edges import act_of, done, seen_versions
from apps.core.refusals import Conflict, Invalid
from apps.users.doors import door

from .. import page_selectors as pages
from .. import services
from ..forms import BulkForm, CloneForm
from ..states import S
from .answers import money_words, refused, standing, ticked


@door("orders.amend")
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest) -> HttpResponse:
    """GET: what to change in the orders ticked. POST: changes those that can be, and shows what became of each."""
    said = request.POST if request.method == "POST" else request.GET
    seen = ticked(seen_versions(said))
    form = BulkForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        act = act_of(request, reason=request.POST.get("reason", "")[:400])
        try:
            found = services.change_orders(act, form.change(), seen=seen, submit=form.cleaned_data["submit"])
        except Invalid as refusal:
            form.take(refusal)
        else:
            return render(
                request, "orders/bulk.html#outcome", {"outcomes": _shown(found), "changed": sum(o.done for o in found)}
            )
    picked = pages.chosen(request.user, seen, list(S))
    context = {"form": form, "seen": [f"{pk}:{n}" for pk, n in seen.items()], "money": money_words(picked.money)}
    return render(request, "orders/bulk.html", context | {"count": len(seen)}, status=422 if form.is_bound else 200)


def _shown(found: list[services.Outcome]) -> list[dict]:
    """Those that were not changed first, for somebody has to look at them."""
    stale = [{"id": one.order_id, "changes": one.since} for one in found if one.since]
    said = pages.differences(stale)
    return [
        one._asdict() | {"ref": f"O-{one.order_id:06d}", "since": said.get(f"O-{one.order_id:06d}", "")}
        for one in sorted(found, key=lambda one: (one.done, one.order_id))
    ]


@door("orders.create")
@require_http_methods(["GET", "POST"])
def clone(request: HttpRequest) -> HttpResponse:
    """GET: for which portfolios the orders ticked are entered again. POST: enters them."""
    said = request.POST if request.method == "POST" else request.GET
    seen = ticked(seen_versions(said))
    form = CloneForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        homes = [row.pk for row in form.cleaned_data["portfolios"]]
        try:
            ids = services.clone_orders(
                act_of(request), list(seen), portfolio_ids=homes, submit=form.cleaned_data["submit"]
            )
        except Invalid as refusal:
            form.take(refusal)
        else:
            return done(f"{_entered(ids)} as copies: {standing(pages.statuses_of(ids))}.")
    picked = pages.chosen(request.user, seen, list(S))
    context = {"form": form, "seen": [f"{pk}:{n}" for pk, n in seen.items()], "money": money_words(picked.money)}
    return render(request, "orders/bulk.html#clone", context, status=422 if form.is_bound else 200)


@door("orders.create")
@require_http_methods(["GET", "POST"])
def reverse_filled(request: HttpRequest) -> HttpResponse:
    """GET: which of the orders ticked have fills to reverse, to confirm. POST: enters the opposite of what was filled."""
    if request.method == "GET":
        picked = pages.chosen(request.user, ticked(seen_versions(request.GET)), [S.WORKING, S.DONE], filled=True)
        if not picked.seen:
            raise Conflict("Nothing of the selected orders is filled and allocated, so there is nothing to reverse.")
        left = f"{picked.others} of those selected have no fill and are left out. " if picked.others else ""
        return render(
            request,
            "components/confirm.html",
            {
                "title": "Reverse what was filled",
                "text": f"{left}Each becomes a draft at market on the opposite side, for the quantity that was filled.",
                "fields": [("seen", f"{pk}:{version}") for pk, version in picked.seen.items()],
                "action_url": reverse("orders:reverse"),
                "button": f"Enter {len(picked.seen):,} draft{'' if len(picked.seen) == 1 else 's'}",
            },
        )
    try:
        ids = services.reverse_orders(act_of(request), list(ticked(seen_versions(request.POST))))
    except Conflict as refusal:
        return refused(request, refusal)
    return done(f"{_entered(ids)} as drafts that reverse what was filled.")


def _entered(ids: list[int]) -> str:
    return f"{len(ids):,} order{'' if len(ids) == 1 else 's'} entered"
