"""Portfolios, mandates and models as operations enters them."""

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q

from apps.reference.models import Broker

from . import rules, selectors
from .models import BrokerTerm, Direction, Mandate, Portfolio


class PortfolioForm(forms.ModelForm):
    class Meta:
        model = Portfolio
        fields = "__all__"

    def clean_team(self) -> str:
        team, known = self.cleaned_data["team"], selectors.teams()
        if team not in known:
            raise ValidationError(f"There is no team “{team}”; known are: {', '.join(sorted(known)) or 'none yet'}.")
        return team


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


class WeightFormSet(forms.BaseInlineFormSet):
    def clean(self) -> None:
        super().clean()
        kept = [form.cleaned_data for form in self.forms if form.is_valid() and not form.cleaned_data.get("DELETE")]
        problem = rules.weights_problem(data["weight_pct"] for data in kept if data.get("weight_pct") is not None)
        if problem:
            raise ValidationError(problem)
