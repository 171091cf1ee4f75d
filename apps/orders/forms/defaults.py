"""The firm's default rules: how each is set up, and an order to try them with."""

from typing import Any

from django import forms

from apps.reference.models import Instrument

from .. import rules, selectors
from ..models import DefaultRule, OrderType, OwnField, Side
from .orders import the_instrument
from .own_fields import own_form_fields, own_said


class DefaultRuleForm(forms.ModelForm):
    """A default rule as it is set up; the value of an own field that it asks for is kept as orders say it."""

    class Meta:
        model = DefaultRule
        fields = "__all__"

    def clean(self) -> dict[str, Any]:
        said = super().clean()
        value, wrong = value_asked_for(said.get("own_field"), said.get("own_value") or "")
        for name, problem in wrong.items():
            self.add_error(name, problem)
        return said | {"own_value": value}


def value_asked_for(field: OwnField | None, value: str) -> tuple[str, dict[str, str]]:
    """The value of an own field that a rule asks for, as rules keep it; and what is wrong, by the rule's field."""
    value = value.strip()
    if field is None:
        return value, {"own_field": "Say of which field this is the value, or leave it empty."} if value else {}
    if not value:
        return value, {"own_value": f"Say which value of {field.label} the rule asks for."}
    kept, problem = rules.value_asked(rules.OwnField(field.code, field.label, field.kind, field.choices), value)
    if problem:
        return value, {"own_value": problem}
    return {True: "Yes", False: "No"}.get(kept) or kept, {}


class DryRunForm(forms.Form):
    """An order to try the firm's default rules with; nothing is entered."""

    portfolio = forms.CharField(max_length=40, required=False, help_text="Its code.")
    instrument = forms.CharField(max_length=40, help_text="Symbol, ISIN, CUSIP or SEDOL.")
    side = forms.ChoiceField(choices=Side.choices, initial=Side.BUY)
    order_type = forms.ChoiceField(label="Type", choices=OrderType.choices, initial=OrderType.MARKET)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.own = selectors.own_fields()
        self.fields |= own_form_fields(self.own)

    @property
    def own_inputs(self) -> list[forms.BoundField]:
        return [self[f"own_{field.code}"] for field in self.own]

    def clean_instrument(self) -> Instrument:
        return the_instrument(self.cleaned_data["instrument"])

    def clean(self) -> dict[str, Any]:
        said = super().clean()
        kept, problems = rules.checked(self.own, own_said(said))
        for problem in problems:
            self.add_error(None, problem)
        self.own_kept = {f"own.{code}": {True: "Yes", False: "No"}.get(value) or value for code, value in kept.items()}
        return said

    @property
    def order(self) -> dict[str, str]:
        said = self.cleaned_data
        instrument = said["instrument"]
        return {
            "asset_class": instrument.asset_class, "country": instrument.country, "side": said["side"],
            "order_type": said["order_type"], "portfolio": said["portfolio"].strip(),
        } | self.own_kept  # fmt: skip
