"""What people do to orders that exist: submit, cancel, amend. One is a selection of one."""

from decimal import Decimal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.core.edges import act_of, done, seen_versions
from apps.core.refusals import Conflict, Invalid
from apps.users.doors import door

from .. import page_selectors as pages
from .. import selectors, services
from ..events import OrderCancelled
from ..forms import AmendForm, plain
from ..states import LIFE, S
from .answers import money_words, refused, standing, ticked

CANCELLABLE = [status for status in S if LIFE.allows(status, OrderCancelled)]


@door("orders.submit")
@require_http_methods(["GET", "POST"])
def submit(request: HttpRequest) -> HttpResponse:
    """GET: what would be submitted, in money, to confirm. POST: submits; all of what was ticked or none."""
    if request.method == "GET":
        picked = pages.chosen(request.user, ticked(seen_versions(request.GET)), [S.DRAFT])
        if not picked.seen:
            raise Conflict("None of the selected orders is a draft, so there is nothing to submit.")
        left = f"{picked.others} of those selected are no drafts and stay as they are. " if picked.others else ""
        return render(
            request,
            "components/confirm.html",
            {
                "title": "Submit to compliance",
                "money": money_words(picked.money),
                "text": f"{left}Compliance checks all of them at once and answers before this returns.",
                "fields": [("seen", f"{pk}:{version}") for pk, version in picked.seen.items()],
                "action_url": reverse("orders:submit"),
                "button": f"Submit {_orders(len(picked.seen))}",
            },
        )
    seen = ticked(seen_versions(request.POST))
    try:
        services.submit_orders(act_of(request), list(seen), seen=seen)
    except Conflict as refusal:
        return refused(request, refusal)
    became = pages.statuses_of(seen)
    return done(f"{_orders(len(seen))} submitted: {standing(became)}.", "warning" if became.get(S.HELD) else "ok")


@door("orders.cancel")
@require_http_methods(["GET", "POST"])
def cancel(request: HttpRequest) -> HttpResponse:
    """GET: what would be cancelled, in money, to confirm. POST: cancels; all of what was ticked or none."""
    if request.method == "GET":
        picked = pages.chosen(request.user, ticked(seen_versions(request.GET)), CANCELLABLE)
        if not picked.seen:
            raise Conflict("None of the selected orders can be cancelled: the desk works them, or they are finished.")
        left = (
            f"{picked.others} of those selected are worked by the desk or finished and stay as they are."
            if picked.others
            else ""
        )
        return render(
            request,
            "components/confirm.html",
            {
                "title": "Cancel orders",
                "money": money_words(picked.money),
                "text": f"They leave their blocks for good; there is no way back. {left}",
                "fields": [("seen", f"{pk}:{version}") for pk, version in picked.seen.items()],
                "action_url": reverse("orders:cancel"),
                "button": f"Cancel {_orders(len(picked.seen))}",
                "reason": "optional",
                "back": "Leave them",
                "danger": True,
            },
        )
    seen = ticked(seen_versions(request.POST))
    try:
        services.cancel_orders(act_of(request, reason=request.POST.get("reason", "")[:400]), list(seen), seen=seen)
    except Conflict as refusal:
        return refused(request, refusal)
    return done(f"{_orders(len(seen))} cancelled.")


@door("orders.amend")
@require_http_methods(["GET", "POST"])
def amend(request: HttpRequest, order_id: int) -> HttpResponse:
    """A dialog with the order's terms; a refused one comes back with what is wrong beside its field."""
    order = selectors.get_order_seen_by(request.user, order_id)
    form = AmendForm.of(order, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            services.amend_orders(
                act_of(request), {order.pk: form.changes()}, seen={order.pk: form.cleaned_data["version"]}
            )
        except Conflict as refusal:
            return refused(request, refusal)
        except Invalid as refusal:
            form.take(refusal)
        else:
            return done(f"{order.ref} amended. It is a draft again: submit it to have it checked.")
    context = {"order": order, "form": form}
    return render(request, "orders/amend.html", context, status=422 if form.is_bound else 200)


@door("orders.amend")
@require_http_methods(["GET", "POST"])
def derive(request: HttpRequest, order_id: int) -> HttpResponse:
    """GET: what the order's intent comes to at the prices of now, and the drift. POST: amends the quantity to it."""
    order = selectors.get_order_seen_by(request.user, order_id)
    if not order.intent:
        raise Conflict(f"{order.ref} was entered in units, so there is nothing to derive. Amend its quantity.")
    if request.method == "POST":
        change = {"intent": order.intent["kind"], "intent_value": order.intent["value"]}
        services.amend_orders(act_of(request), {order.pk: change}, seen=ticked(seen_versions(request.POST)))
        return done(f"{order.ref} has the quantity of now. It is a draft again: submit it to have it checked.")
    found = pages.derived_now(order)
    if found.problem:
        raise Conflict(found.problem)
    drift = Decimal(found.qty) - order.qty
    return render(
        request,
        "components/confirm.html",
        {
            "title": f"Derive {order.ref} again",
            "text": f"{plain(order.qty)} now; at the prices of this moment it is {found.qty}, a drift of {drift:+f}."
            " Amended, it is a draft again.",
            "fields": [("seen", f"{order.pk}:{order.version}")],
            "action_url": reverse("orders:derive", args=[order.pk]),
            "button": f"Amend to {found.qty}",
        },
    )


def _orders(count: int) -> str:
    return f"{count:,} order{'' if count == 1 else 's'}"
