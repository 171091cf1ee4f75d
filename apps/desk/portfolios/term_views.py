"""With whom portfolios may trade, on pages: the terms, a new one, the end of one."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.core.edges import act_of, day_in, day_input, refused_in_dialog, reload_page, seen_versions
from apps.core.refusals import NotFound, Refusal, Stale
from apps.portfolios import selectors as portfolios
from apps.portfolios import terms
from apps.portfolios.models import BrokerTerm, Portfolio
from apps.reference.models import AssetClass, Broker
from apps.users.doors import door
from apps.users.services import can

DAY = day_input()


class TermForm(forms.Form):
    """A term as an officer sets it."""

    portfolio = forms.ModelChoiceField(Portfolio.objects.order_by("code"))
    kind = forms.ChoiceField(label="The broker is", choices=BrokerTerm.Kind.choices)
    broker = forms.ModelChoiceField(Broker.objects.exclude(kind__in=Broker.NOT_ROUTED).order_by("name"))
    asset_class = forms.ChoiceField(label="Orders of", required=False, choices=[("", "Every class"), *AssetClass.choices])
    starts_on = forms.DateField(label="First day", widget=DAY)
    ends_on = forms.DateField(label="Last day", required=False, widget=DAY, help_text="empty: until further notice")
    reason = forms.CharField(max_length=200, label="Who decided it, or the agreement with its date")

    def text(self) -> terms.TermText:
        said = {name: value for name, value in self.cleaned_data.items() if name not in ("reason", "portfolio", "broker")}
        return terms.TermText(self.cleaned_data["portfolio"].pk, self.cleaned_data["broker"].pk, **said)


@door("portfolios.see")
@require_GET
def broker_terms(request: HttpRequest) -> HttpResponse:
    today = timezone.now().date()
    rows = [
        (row, row.starts_on <= today <= (row.ends_on or today), row.ends_on is None or row.ends_on >= today)
        for row in portfolios.broker_terms_seen_by(request.user)
    ]
    rows.sort(key=lambda one: not one[2])
    return render(request, "portfolios/terms.html", {"rows": rows, "may_write": can(request.user, "portfolios.keep_terms")})


@door("portfolios.keep_terms")
@require_http_methods(["GET", "POST"])
def set_term(request: HttpRequest) -> HttpResponse:
    """A new term, in a dialog."""
    form = TermForm(request.POST or None, initial={"starts_on": timezone.now().date()})
    if request.method == "POST" and form.is_valid():
        try:
            terms.set_terms(act_of(request, reason=form.cleaned_data["reason"]), [form.text()])
        except Refusal as refusal:
            field = str(refusal.facts.get("field", ""))
            form.add_error(field if field in form.fields else None, refusal.message)
        else:
            return reload_page()
    return render(request, "portfolios/term.html", {"form": form}, status=422 if form.errors else 200)


@door("portfolios.keep_terms")
@require_http_methods(["GET", "POST"])
def end_term(request: HttpRequest, term_id: int) -> HttpResponse:
    """GET: the term that would end, to confirm. POST: ends it with a day."""
    found = portfolios.broker_terms_seen_by(request.user).filter(pk=term_id).first()
    if found is None:
        raise NotFound("There is no such term.")
    context = {"term": found, "today": timezone.now().date(), "action": reverse("portfolios:term_end", args=[term_id])}
    if request.method == "GET":
        return render(request, "portfolios/term_end.html", context)
    said = {"reason": request.POST.get("reason", ""), "ends_on": request.POST.get("ends_on", "")}
    try:
        last = day_in(said["ends_on"], "ends_on")
        terms.end_terms(act_of(request, reason=said["reason"]), last, seen=seen_versions(request.POST))
    except Stale as refusal:
        return refused_in_dialog(request, refusal)
    except Refusal as refusal:
        return render(request, "portfolios/term_end.html", context | said | {"error": refusal.message}, status=refusal.status)
    return reload_page()
