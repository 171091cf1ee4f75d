"""The ticket: one order typed, with what it would come to beside it."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.crypto import get_random_string
from django.views.decorators.http import require_GET, require_http_methods

from apps.audit.services import answer_once
from apps.core.edges import act_of
from apps.core.refusals import Invalid
from apps.users.doors import door

from .. import page_selectors as pages
from .. import services
from ..forms import TicketForm, day_or_none, number_or_none, the_instrument
from ..rules import INTENTS
from .answers import standing


@door("orders.create")
@require_http_methods(["GET", "POST"])
def ticket(request: HttpRequest) -> HttpResponse:
    """
    The form, filled from the address where it says so; sent, it becomes a draft, or is submitted as it is entered.

    A ticket sent twice by a double click or a reload is entered once: each form carries a key of its own.
    """
    if request.method == "GET":
        wanted = {name: request.GET[name] for name in TicketForm.base_fields if request.GET.get(name)}
        return _shown(request, TicketForm(request.user, initial=wanted))
    form = TicketForm(request.user, request.POST)
    if not form.is_valid():
        return _shown(request, form)
    submits = request.POST.get("do") == "submit"
    act = act_of(request)
    try:
        ids, _ = answer_once(
            act,
            "orders.ticket",
            {name: value for name, value in request.POST.items() if name != "csrfmiddlewaretoken"},
            lambda: services.create_orders(act, [form.wish], submit=submits),
        )
    except Invalid as refusal:
        form.take(refusal)
        return _shown(request, form)
    said = f"submitted: {standing(pages.statuses_of(ids))}" if submits else "saved as a draft"
    messages.success(request, f"O-{ids[0]:06d} {said}.")
    return redirect("orders:detail", ids[0])


@door("orders.create")
@require_GET
def instruments(request: HttpRequest) -> HttpResponse:
    """Choices for what was typed so far, of one class where ``?asset=`` says so: the options of the ticket's list."""
    found = pages.instruments_like(request.GET.get("instrument", "")[:40], request.GET.get("asset", ""))
    return render(request, "orders/ticket.html#options", {"instruments": found})


@door("orders.create")
@require_GET
def sketch(request: HttpRequest) -> HttpResponse:
    """What the ticket typed so far would come to: price now, money, what the portfolio holds and would hold."""
    said = request.GET
    try:
        instrument = the_instrument(said.get("instrument", "")) if said.get("instrument", "").strip() else None
    except forms.ValidationError as error:
        return render(request, "orders/ticket.html#sketch", {"unknown": error.messages[0]})
    if instrument is None:
        return render(request, "orders/ticket.html#sketch", {})
    chosen = said.get("portfolio", "")
    portfolio = pages.run_by(request.user).filter(pk=int(chosen)).first() if chosen.isdecimal() else None
    limit = number_or_none(said.get("limit_price", "")) if said.get("order_type") == "LIMIT" else None
    intent = said.get("intent", "") if said.get("intent") in INTENTS else ""
    day = day_or_none(said.get("value_date", ""))
    found = pages.sketch(instrument, portfolio, said.get("side", ""), number_or_none(said.get("qty", "")), limit, intent, day)
    as_short = said.copy()
    as_short["side"] = "SELL_SHORT"
    context = {"sketch": found, "portfolio": portfolio, "limit": limit, "value_date": day, "as_short": as_short.urlencode()}
    return render(request, "orders/ticket.html#sketch", context)


def _shown(request: HttpRequest, form: TicketForm) -> HttpResponse:
    context = {
        "form": form,
        "key": request.POST.get("idempotency_key") or f"ticket-{get_random_string(24)}",
        "classes": [(code, label) for code, (label, _) in pages.ASSETS.items()],
        "asset": (request.POST or request.GET).get("asset", ""),
    }
    return render(request, "orders/ticket.html", context, status=422 if form.is_bound else 200)
