"""Forms of settlement."""

from django import forms

from apps.allocations.models import Charge
from apps.core.edges import day_input
from apps.reference.models import Broker

from .services import Standing


class ChargeForm(forms.Form):
    """How a commission that differed ended."""

    how = forms.ChoiceField(label="Who is right", choices=Charge.How.choices)
    reason = forms.CharField(label="Why (kept on the record)", max_length=400, widget=forms.Textarea(attrs={"rows": 2}))


class StandingForm(forms.Form):
    """A standing settlement instruction to add; what it says is judged by the service."""

    broker = forms.ModelChoiceField(
        Broker.objects.exclude(kind__in=Broker.NOT_ROUTED), help_text="Whose delivery or receipt it is."
    )
    country = forms.CharField(max_length=2, help_text="Where it settles: two letters, such as US.")
    agent_bic = forms.CharField(label="Agent's BIC", max_length=11, help_text="Its delivering or receiving agent.")
    agent_account = forms.CharField(label="Account at the agent", max_length=35)
    depository_bic = forms.CharField(label="Depository's BIC", max_length=11, help_text="Place of settlement (PSET).")
    effective_from = forms.DateField(
        widget=day_input(), help_text="First settlement date it holds for."
    )
    effective_to = forms.DateField(
        required=False,
        widget=day_input(),
        help_text="Last one; empty: until further notice.",
    )

    def standing(self) -> Standing:
        said = self.cleaned_data
        return Standing(
            said["broker"].pk, said["country"], said["agent_bic"], said["agent_account"], said["depository_bic"],
            said["effective_from"], said["effective_to"],
        )  # fmt: skip
