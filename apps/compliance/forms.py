"""Forms of compliance's dialogs: what was typed, as the services take it."""

from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils import timezone

from apps.core.refusals import Invalid, Refusal

from . import services
from .models import TradingLimit
from .states import CODES


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


