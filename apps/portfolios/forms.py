"""Portfolios, mandates and models as operations enters them."""

import re

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q

from apps.reference.forms import CHECKS, WHOLES, Whole
from apps.reference.models import Broker

from . import rules, selectors
from .models import (
    BenchmarkWeight,
    BrokerTerm,
    Direction,
    Mandate,
    NamedIssuer,
    PartyInInterest,
    Plan,
    PlanConsent,
    Portfolio,
    PortfolioGroup,
)

CHECKS[BenchmarkWeight] = rules.benchmark_problems  # Rows of its files are held against it, as its form is.
WHOLES[BenchmarkWeight] = Whole("benchmark", "code", rules.LEAST_PCT)


class PortfolioForm(forms.ModelForm):
    class Meta:
        model = Portfolio
        fields = "__all__"

    def clean_team(self) -> str:
        team, known = self.cleaned_data["team"], selectors.teams()
        if team not in known:
            raise ValidationError(f"There is no team “{team}”; known are: {', '.join(sorted(known)) or 'none yet'}.")
        return team


class GroupForm(forms.ModelForm):
    """A group with its members by code, so that five thousand can be pasted and are sent as one field."""

    codes = forms.CharField(
        label="Portfolios", required=False, widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false"}),
        help_text="their codes, one a line or with commas between",
    )  # fmt: skip

    class Meta:
        model = PortfolioGroup
        fields = ("code", "name")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            then = getattr(self.instance, "_history", None)  # An older version, to go back to.
            kept = sorted(row.portfolio.code for row in then.members.select_related("portfolio")) if then else None
            self.initial["codes"] = self.instance.codes if kept is None else "\n".join(kept)

    def clean_code(self) -> str:
        code = self.cleaned_data["code"]
        if not re.fullmatch(rules.GROUP_CODE, code):
            raise ValidationError("A group's code is letters, digits, underscores and hyphens.")
        return code

    def clean_codes(self) -> str:
        """Sorted, each once. What is named is kept for the save. One query."""
        wanted = rules.members_named(self.cleaned_data["codes"])
        found = dict(Portfolio.objects.filter(code__in=wanted).values_list("code", "pk"))
        if unknown := [code for code in wanted if code not in found]:
            more = f" and {len(unknown) - 20} more" if len(unknown) > 20 else ""
            raise ValidationError(f"There is no portfolio {', '.join(f'“{code}”' for code in unknown[:20])}{more}.")
        self.members = list(found.values())
        return "\n".join(wanted)

    def _save_m2m(self) -> None:
        super()._save_m2m()
        self.instance.members.set(self.members)


class MandateForm(forms.ModelForm):
    class Meta:
        model = Mandate
        fields = "__all__"

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        if found := rules.mandate_problems(data):
            raise ValidationError(found)
        return data


class DirectionForm(forms.ModelForm):
    class Meta:
        model = Direction
        fields = "__all__"

    def clean_broker(self):
        if (broker := self.cleaned_data["broker"]).kind in Broker.NOT_ROUTED:
            raise ValidationError("A venue is no broker; choose a broker or dealer.")
        return broker

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        starts, ends = data.get("starts_on"), data.get("ends_on")
        if not starts or "portfolio" not in data:
            return data
        others = Direction.objects.filter(portfolio=data["portfolio"], asset_class=data.get("asset_class", ""))
        others = others.exclude(pk=self.instance.pk).filter(Q(ends_on=None) | Q(ends_on__gte=starts))
        if other := (others.filter(starts_on__lte=ends) if ends else others).select_related("broker").first():
            until = f"until {other.ends_on}" if other.ends_on else "until further notice"
            raise ValidationError(
                f"These orders are directed to {other.broker.name} from {other.starts_on} {until}; end that first."
            )
        return data


class BrokerTermForm(forms.ModelForm):
    class Meta:
        model = BrokerTerm
        fields = "__all__"

    def clean_broker(self):
        if (broker := self.cleaned_data["broker"]).kind in Broker.NOT_ROUTED:
            raise ValidationError("Nothing is routed there; choose a broker or dealer.")
        return broker

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        if data.get("starts_on") and data.get("ends_on") and data["ends_on"] < data["starts_on"]:
            self.add_error("ends_on", "It ends before it starts.")
        return data


class PlanForm(forms.ModelForm):
    class Meta:
        model = Plan
        fields = "__all__"

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        for field, problem in rules.plan_problems(data).items():
            self.add_error(field, problem)
        return data


class Dated(forms.ModelForm):
    """A row that holds from a day to a day."""

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        if data.get("starts_on") and data.get("ends_on") and data["ends_on"] < data["starts_on"]:
            self.add_error("ends_on", "It ends before it starts.")
        return data


class PartyForm(Dated):
    class Meta:
        model = PartyInInterest
        fields = "__all__"

    def clean(self) -> dict:
        data = super().clean()
        if data.get("relation", "ADVISER") != "ADVISER" and not data.get("plan"):
            self.add_error("plan", "Name the plan: only our own affiliates are parties in interest of every plan.")
        return data


class PlanConsentForm(Dated):
    class Meta:
        model = PlanConsent
        fields = "__all__"


class NamedIssuerForm(Dated):
    class Meta:
        model = NamedIssuer
        fields = "__all__"


class WeightFormSet(forms.BaseInlineFormSet):
    def clean(self) -> None:
        super().clean()
        kept = [form.cleaned_data for form in self.forms if form.is_valid() and not form.cleaned_data.get("DELETE")]
        problem = rules.weights_problem(data["weight_pct"] for data in kept if data.get("weight_pct") is not None)
        if problem:
            raise ValidationError(problem)
