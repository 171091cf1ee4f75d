"""Forms of compliance's dialogs: what was typed, as the services take it."""

from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from django import forms
from django.conf import settings
from django.db import transaction
from django.http import QueryDict
from django.utils import timezone

from apps.core.acts import Act
from apps.core.refusals import Invalid, NotFound, Refusal
from apps.orders.selectors import own_fields

from . import services
from .engine.params import OF_ALL
from .models import Rule, TradingLimit
from .models.rules import SEVERITIES
from .states import CODES

DAY = forms.DateInput(attrs={"type": "date"})


class TradingLimitForm(forms.ModelForm):
    """A trading limit as it is set up."""

    class Meta:
        model = TradingLimit
        fields = "__all__"

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        measures = ("max_qty", "max_notional", "max_adv_pct", "collar_pct")
        for name in measures:
            if data.get(name) is not None and (data[name] < 0 or (not data[name] and name != "collar_pct")):
                self.add_error(name, "It must be above zero.")
        if not self.errors and not data["stops_wrong_side"] and all(data[name] is None for name in measures):
            self.add_error("max_qty", "Limit something: a quantity, a value, a part of the volume, a price, or the side.")
        if data.get("instrument") and data.get("asset_class"):
            self.add_error("asset_class", "Name an instrument or an asset class, not both.")
        if data.get("starts_on") and data.get("ends_on") and data["ends_on"] < data["starts_on"]:
            self.add_error("ends_on", "It ends before it starts.")
        return data


class Refusing(forms.Form):
    """A form that shows a service's refusal beside the field it names, or on top."""

    def refuse(self, refusal: Refusal) -> None:
        field = str(refusal.facts.get("field", ""))
        self.add_error(field if field in self.fields else None, refusal.message)


class ApprovalForm(NamedTuple):
    """The terms of an approval as the page shows them, with what was typed before."""

    reason: str
    code: str
    until: str
    tolerance: str
    codes: list[tuple[str, str]]
    first_day: str
    last_day: str

    @classmethod
    def shown(cls, typed: QueryDict | None = None) -> "ApprovalForm":
        today = services.last_day(timezone.now())
        said = typed or {}
        return cls(
            said.get("reason", ""), said.get("code", ""), said.get("until") or today.isoformat(),
            said.get("tolerance_pct") or "0", [(code.value, words) for code, words in CODES.items()], today.isoformat(),
            (today + timedelta(days=settings.OVERRIDE_DAYS)).isoformat(),
        )  # fmt: skip


def terms_of(said: QueryDict) -> services.Terms:
    """What an approval says of its terms. :raises Invalid: beside the field that cannot be read"""
    try:
        until = date.fromisoformat(said["until"]) if said.get("until") else None
    except ValueError:
        raise Invalid("Give a day like 2026-11-30.", field="until") from None
    try:
        tolerance = Decimal(said.get("tolerance_pct") or "0")
    except InvalidOperation:
        tolerance = Decimal("NaN")
    if not tolerance.is_finite():
        raise Invalid("A tolerance is a number of percent.", field="tolerance_pct")
    return services.Terms(said.get("code", ""), until, tolerance)


class RuleForm(Refusing):
    """A change of one rule: its limits, severity and days. Limits are as many fields as the rule has."""

    severity = forms.ChoiceField(choices=SEVERITIES)
    starts_on = forms.DateField(label="First day", required=False, help_text="empty: the day it is approved", widget=DAY)
    ends_on = forms.DateField(
        label="Last day", required=False, help_text="empty: until a newer version; after it the one before is in force again", widget=DAY
    )
    reason = forms.CharField(label="Reason (kept on the record)", widget=forms.Textarea)
    seen = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, data, *, code: str):
        self.rule = Rule.objects.filter(code=code).first()
        if self.rule is None:
            raise NotFound("There is no such rule.")
        latest = self.rule.versions.order_by("-number").first()
        super().__init__(
            data, initial={"severity": latest.severity, "seen": self.rule.version}
        )
        self.limits = sorted(latest.params.keys() - OF_ALL.keys())
        for name in reversed(self.limits):
            field = forms.CharField(
                label=name.replace("_", " ").capitalize(), initial=_shown(latest.params[name]), required=False
            )
            self.fields = {f"limit-{name}": field, **self.fields}
        self.kinds = {name: type(latest.params[name]) for name in self.limits}
        self._ask_of_own(*(latest.params.get(name) or "" for name in OF_ALL))

    def _ask_of_own(self, code: str, value: str) -> None:
        """Where compliance may ask for fields of the firm's own: which orders the rule is about."""
        choices = [(field.code, field.label) for field in own_fields() if field.is_screened]
        if code and code not in dict(choices):
            choices.append((code, code))
        if not choices:
            return
        fields = {
            "limit-own_field": forms.ChoiceField(
                label="Only orders whose", choices=[("", "– every order –"), *choices], initial=code, required=False
            ),
            "limit-own_value": forms.CharField(
                label="says", initial=value, required=False, max_length=200, help_text="Yes and no for a field of that kind."
            ),
        }
        self.limits += OF_ALL
        self.kinds |= dict.fromkeys(OF_ALL, str)
        kept = ("severity", "starts_on", "ends_on", "reason", "seen")
        self.fields = {n: f for n, f in self.fields.items() if n not in kept} | fields | {n: self.fields[n] for n in kept}

    def save(self, act: Act) -> int:
        """Writes the change and proposes it. Returns the draft's id."""
        said = self.cleaned_data
        asked = {name: said[f"limit-{name}"].strip() for name in self.limits}
        params = {name: _meant(value, self.kinds[name]) for name, value in asked.items() if value}
        last = self.rule.versions.order_by("-number").first()
        text = services.RuleText(
            self.rule.code, self.rule.kind, self.rule.name, said["severity"], params, last.citation, said["starts_on"],
            said["ends_on"], last.jurisdiction, last.scope, last.moments,
        )  # fmt: skip
        with transaction.atomic():
            (pk,) = services.write_drafts(act, [services.Change(text, self.rule.pk, said["seen"])])
            services.propose_drafts(act, [pk], seen={pk: 1})
        return pk

    def refuse(self, refusal: Refusal) -> None:
        field = f"limit-{refusal.facts.get('field', '')}"
        if field in self.fields:
            self.add_error(field, refusal.message)
        else:
            super().refuse(refusal)


def _shown(value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def _meant(text: str, kind: type):
    if kind is bool:
        return text.lower() in ("yes", "true", "1", "on")
    if kind is list:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text
