"""Fills that a trader enters by hand, and takes back, on pages."""

from datetime import date, datetime, time

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from apps.blocks.models import Block
from apps.blocks.selectors import get_block_seen_by
from apps.core.edges import act_of, refused_in_dialog, reload_page, seen_versions
from apps.core.refusals import Refusal, Stale
from apps.reference.models import Broker
from apps.users.doors import door

from . import selectors, services


class HandFillForm(forms.Form):
    """One fill; its time is UTC, of today where no day is given."""

    broker = forms.ModelChoiceField(
        Broker.objects.filter(is_active=True).exclude(kind__in=Broker.NOT_ROUTED).order_by("name"), empty_label="Choose"
    )
    qty = forms.DecimalField(label="Quantity", max_digits=20, decimal_places=4)
    price = forms.DecimalField(max_digits=20, decimal_places=8)
    at_time = forms.TimeField(label="Traded at (UTC)", help_text="to the second")
    on_day = forms.DateField(label="On", required=False, help_text="today where empty", widget=forms.DateInput(attrs={"type": "date"}))
    is_voice = forms.BooleanField(label="Agreed on the phone", required=False, initial=True)
    exec_ref = forms.CharField(label="Broker's reference", max_length=40, required=False)
    market = forms.CharField(max_length=4, required=False, help_text="MIC, where it is known")
    commission = forms.DecimalField(max_digits=18, decimal_places=4, required=False)
    reason = forms.CharField(
        label="Note (kept on the record)", max_length=400, required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="needed where the price is far from the market",
    )  # fmt: skip

    def fill(self, block: Block, now: datetime) -> services.HandFill:
        said = self.cleaned_data
        day: date = said["on_day"] or now.date()
        at = datetime.combine(day, time(said["at_time"].hour, said["at_time"].minute, said["at_time"].second), now.tzinfo)
        return services.HandFill(
            block.pk, said["broker"].code, said["qty"], said["price"], at, said["exec_ref"].strip(), said["is_voice"],
            said["market"].strip(), said["commission"] or services.HandFill._field_defaults["commission"],
        )  # fmt: skip


@door("routing.route")
@require_http_methods(["GET", "POST"])
def enter(request: HttpRequest, block_id: int) -> HttpResponse:
    """GET: a form for a fill of the block. POST: books it, or says beside its field what cannot be."""
    block = get_block_seen_by(request.user, block_id)
    form = HandFillForm(request.POST or None)
    seen = seen_versions(request.POST) if request.method == "POST" else {block.pk: block.version}
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            act = act_of(request, reason=form.cleaned_data["reason"])
            try:
                services.book_by_hand(act, [form.fill(block, timezone.now())], seen=seen)
            except Stale as refusal:
                return refused_in_dialog(request, refusal)
            except Refusal as refusal:
                field = {"executed_at": "at_time"}.get(str(refusal.facts.get("field")), refusal.facts.get("field"))
                form.add_error(field if field in form.fields else None, refusal.message)
                status = refusal.status
            else:
                return reload_page()
    return render(request, "routing/by_hand.html", {"form": form, "of": block, "seen": seen}, status=status)


@door("routing.route")
@require_http_methods(["GET", "POST"])
def take_back(request: HttpRequest, execution_id: int) -> HttpResponse:
    """GET: the fill that would be taken back, to confirm. POST: takes it back."""
    row = selectors.get_execution_seen_by(request.user, execution_id)
    say = {
        "title": f"Take back {row.exec_id}", "reason": "required", "danger": True, "button": "Take it back",
        "text": f"{row.qty:,.0f} at {row.price.normalize():f} with {row.broker.name} did not happen so. It is to be placed again.",
        "fields": [("seen", f"{row.pk}:{row.version}")], "action_url": reverse("routing:take_back", args=[row.pk]),
    }  # fmt: skip
    if request.method == "GET":
        return render(request, "components/confirm.html", say)
    reason = request.POST.get("reason", "")
    try:
        services.take_back(act_of(request, reason=reason), row.pk, seen=seen_versions(request.POST))
    except Stale as refusal:
        return refused_in_dialog(request, refusal)
    except Refusal as refusal:
        say |= {"error": refusal.message, "reason_value": reason}
        return render(request, "components/confirm.html", say, status=refusal.status)
    return reload_page()
