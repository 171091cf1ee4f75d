"""Who has to agree to which orders, as a compliance officer writes it."""

from collections.abc import Mapping
from typing import Any

from django import forms

from apps.portfolios.models import Portfolio
from apps.reference.models import AssetClass

from ..models import ApprovalRule
from ..services.chains import TERMS

PERMISSION = "may "


class ApprovalRuleForm(forms.Form):
    """Steps are written one a line: what the step is called, a colon, and the group, or “may” and what one must be able to do."""

    name = forms.CharField(max_length=120)
    code = forms.CharField(max_length=40, help_text="letters, digits and underscores; stays for ever")
    priority = forms.IntegerField(initial=100, help_text="of several that fit, the lowest counts")
    asset_class = forms.ChoiceField(choices=[("", "Any"), *AssetClass.choices], required=False)
    portfolio = forms.ModelChoiceField(Portfolio.objects.order_by("code"), required=False, empty_label="Any")
    min_usd = forms.DecimalField(label="Worth at least, USD", required=False, help_text="empty: any size")
    severity = forms.ChoiceField(
        choices=[("", "Whatever compliance said"), ("SOFT", "Overridden, soft or hard"), ("HARD", "Overridden, hard")],
        required=False,
    )  # fmt: skip
    minutes = forms.IntegerField(label="Late after, minutes", required=False)
    steps = forms.CharField(
        widget=forms.Textarea({"rows": 4}),
        help_text="one a line, in order: “Head of desk: team:A” names a group, “Officer: may orders.approve” whoever may do that",
    )
    stands_when_less = forms.BooleanField(label="An approval stands where less is asked since", required=False)

    @classmethod
    def of(cls, rule: ApprovalRule, data: Mapping | None = None) -> "ApprovalRuleForm":
        steps = "\n".join(f"{s['name']}: {s.get('group') or PERMISSION + s['permission']}" for s in rule.steps)
        known = {name: getattr(rule, name) for name in TERMS} | {"code": rule.code, "steps": steps, "portfolio": rule.portfolio}
        form = cls(data, initial=known)
        form.fields["code"].disabled = True
        return form

    def clean_steps(self) -> list[dict[str, str]]:
        steps = []
        for line in filter(None, map(str.strip, self.cleaned_data["steps"].splitlines())):
            name, _, who = (part.strip() for part in line.partition(":"))
            permission = who.removeprefix(PERMISSION) if who.startswith(PERMISSION) else ""
            steps.append({"name": name, "permission": permission} if permission else {"name": name, "group": who})
        return steps

    @property
    def terms(self) -> dict[str, Any]:
        said = self.cleaned_data
        portfolio = said["portfolio"]
        return {name: said[name] for name in TERMS if name in said} | {"portfolio_id": portfolio and portfolio.pk}
