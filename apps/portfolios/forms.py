"""Portfolios, mandates and models as operations enters them."""

from django import forms
from django.core.exceptions import ValidationError

from . import rules, selectors
from .models import Mandate, Portfolio


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


class WeightFormSet(forms.BaseInlineFormSet):
    def clean(self) -> None:
        super().clean()
        kept = [form.cleaned_data for form in self.forms if form.is_valid() and not form.cleaned_data.get("DELETE")]
        problem = rules.weights_problem(data["weight_pct"] for data in kept if data.get("weight_pct") is not None)
        if problem:
            raise ValidationError(problem)
