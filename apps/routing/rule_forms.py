"""A routing rule as it is written on its page."""

import json

from django import forms

from apps.core.edges import day_input
from apps.core.refusals import Refusal
from apps.orders.models import OwnField
from apps.reference.models import AssetClass, Broker

from .models import RoutingRule
from .models.throttles import STRATEGIES
from .services import RuleText

MOST = {"max_digits": 20, "decimal_places": 4, "required": False}


class RuleForm(forms.Form):
    """The whole text of a rule; what is wrong beyond a field's kind the service says, beside the field."""

    seen = forms.IntegerField(min_value=0, required=False, initial=0, widget=forms.HiddenInput)
    rank = forms.IntegerField(help_text="the lowest that matches decides")
    name = forms.CharField(max_length=80)
    condition = forms.CharField(
        label="On what", required=False, max_length=2000, strip=True,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "mono"}),
        help_text="empty: on every block; as: asset_class == &quot;EQUITY&quot; &amp;&amp; adv_pct &lt; 5 &amp;&amp; spread_bp &lt;= 10",
    )  # fmt: skip
    asset_class = forms.ChoiceField(required=False, choices=[("", "Any"), *AssetClass.choices])
    country = forms.CharField(required=False, max_length=2)
    min_volume_pct = forms.DecimalField(label="From % of volume", **MOST)
    max_volume_pct = forms.DecimalField(label="Below % of volume", **MOST)
    own_field = forms.ModelChoiceField(
        OwnField.objects.order_by("code"), label="Field of the firm's own", required=False, to_field_name="code", empty_label="None"
    )
    own_value = forms.CharField(label="Its value", required=False, max_length=200)
    action = forms.ChoiceField(label="Goes", choices=RoutingRule.Action.choices)
    brokers = forms.ModelMultipleChoiceField(
        Broker.objects.filter(is_active=True).exclude(kind__in=Broker.NOT_ROUTED), label="To", required=False, to_field_name="code",
        help_text="in turn; an inquiry asks all, or as many as its parameters say",
    )  # fmt: skip
    strategy = forms.ChoiceField(required=False, choices=[("", "None"), *STRATEGIES, ("SMART", "Smart router")])
    params = forms.CharField(label="Parameters", required=False, max_length=400, help_text="as {&quot;participation_pct&quot;: 15}")
    mode = forms.ChoiceField(label="Acts", choices=RoutingRule.Mode.choices)
    daily_cap_usd = forms.DecimalField(label="Cap a day, USD", help_text="needed by a rule that routes by itself", **MOST)
    starts_on = forms.DateField(label="From", required=False, widget=day_input())
    ends_on = forms.DateField(label="To", required=False, widget=day_input())
    is_active = forms.BooleanField(label="In force", required=False, initial=True)
    reason = forms.CharField(label="Why (kept on the record)", max_length=400, widget=forms.Textarea(attrs={"rows": 2}))

    def clean_params(self) -> dict:
        said = self.cleaned_data["params"].strip()
        try:
            found = json.loads(said or "{}")
        except ValueError as wrong:
            raise forms.ValidationError(f"This is no JSON: {wrong}.") from None
        if not isinstance(found, dict):
            raise forms.ValidationError('Parameters are names and values, as {"participation_pct": 15}.')
        return found

    def text(self) -> RuleText:
        said = {name: self.cleaned_data[name] for name in RuleText._fields}
        said["own_field"] = said["own_field"].code if said["own_field"] else ""
        return RuleText(**(said | {"brokers": [b.code for b in said["brokers"]]}))

    def refuse(self, refusal: Refusal) -> None:
        field = str(refusal.facts.get("field", ""))
        self.add_error(field if field in self.fields else None, refusal.message)


def first_said(text: RuleText, number: int) -> dict:
    """What the form shows of a rule."""
    return text._asdict() | {"seen": number, "params": json.dumps(dict(text.params)) if text.params else "", "brokers": list(text.brokers)}
