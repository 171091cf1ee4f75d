"""The form of a position limit."""

from django import forms

from apps.core.edges import day_input
from apps.reference.models import ContractFamily

from . import services
from .engine.contracts import KINDS, MONTHS, SOURCES
from .forms import Refusing

DAY = day_input()


class PositionLimitForm(Refusing):
    family = forms.ModelChoiceField(ContractFamily.objects.all(), label="Contract family")
    months = forms.ChoiceField(choices=list(MONTHS.items()), label="Of positions in")
    kind = forms.ChoiceField(choices=list(KINDS.items()), label="It is a")
    qty = forms.DecimalField(label="Contracts", max_digits=16, decimal_places=4, help_text="net, long or short")
    source = forms.ChoiceField(choices=list(SOURCES.items()), label="Set by")
    citation = forms.CharField(max_length=120, help_text="the rule of the exchange or regulator, or the firm's policy")
    starts_on = forms.DateField(label="First day", widget=DAY)
    ends_on = forms.DateField(label="Last day", required=False, widget=DAY, help_text="empty: until further notice")
    reason = forms.CharField(max_length=200, required=False, label="Why (kept on the record)", widget=forms.Textarea(attrs={"rows": 2}))

    def limit(self) -> services.NewLimit:
        said = dict(self.cleaned_data)
        return services.NewLimit(family_id=said.pop("family").pk, **said)
