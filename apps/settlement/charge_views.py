"""Commissions where brokers and rate cards differ: a break with its arithmetic, and how it ended."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from apps.allocations import charge_selectors
from apps.allocations import services as allocations
from apps.core.edges import act_of, refused_in_dialog, reload_page, seen_versions
from apps.core.refusals import Invalid, Refusal
from apps.users.doors import door
from apps.users.services import can

from .forms import ChargeForm


@door("settlement.see")
@require_GET
def charge(request: HttpRequest, charge_id: int) -> HttpResponse:
    """One charge: each order's card with its arithmetic, and what it beat."""
    context = {
        "charge": charge_selectors.get_charge_seen_by(request.user, charge_id), "may_mend": can(request.user, "settlement.mend"),
    }  # fmt: skip
    template = "settlement/charge.html"
    return render(request, f"{template}#drawer" if request.htmx else template, context)


@door("settlement.mend")
@require_http_methods(["GET", "POST"])
def settle(request: HttpRequest, charge_id: int) -> HttpResponse:
    """GET: asks how a difference ended. POST: says so."""
    found = charge_selectors.get_charge_seen_by(request.user, charge_id)
    form, status = ChargeForm(request.POST or None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            act = act_of(request, reason=form.cleaned_data["reason"])
            try:
                allocations.settle_charges(act, form.cleaned_data["how"], seen=seen_versions(request.POST))
            except Invalid as refusal:
                field = refusal.facts.get("field")
                form.add_error(field if field in form.fields else None, refusal.message)
            except Refusal as refusal:
                return refused_in_dialog(request, refusal)
            else:
                return reload_page()
    context = {"form": form, "charge": found, "action": reverse("settlement:charge_settle", args=[charge_id])}
    return render(request, "settlement/charge.html#settle", context, status=status)
