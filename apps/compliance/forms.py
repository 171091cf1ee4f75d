"""Forms of compliance's dialogs: what was typed, as the services take it."""

from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils import timezone

from apps.core.edges import day_input
from apps.core.refusals import Invalid, Refusal
from apps.reference.models import AssetClass, Instrument
from apps.users.models import Desk, User

from . import services
from .states import CODES

DAY = day_input()


class Refusing(forms.Form):
    """A form that shows a service's refusal beside the field it names, or on top."""

    def refuse(self, refusal: Refusal) -> None:
        field = str(refusal.facts.get("field", ""))
        self.add_error(field if field in self.fields else None, refusal.message)


class LimitForm(Refusing):
    """A trading limit that an officer sets; it is never edited, but ended."""

    user = forms.ModelChoiceField(
        User.objects.filter(is_automated=False, is_active=True).order_by("username"), label="Person", required=False,
        empty_label="Everybody",
    )  # fmt: skip
    desk = forms.ModelChoiceField(Desk.objects.all(), required=False, empty_label="Every desk")
    instrument = forms.ModelChoiceField(Instrument.objects.order_by("symbol"), required=False, empty_label="Every instrument")
    asset_class = forms.ChoiceField(
        required=False, choices=[("", "Every class"), *AssetClass.choices], help_text="instead of one instrument"
    )
    max_qty = forms.DecimalField(label="Largest quantity", required=False)
    max_notional = forms.DecimalField(label="Largest value, USD", required=False)
    max_adv_pct = forms.DecimalField(label="Largest part of a day's volume, %", required=False)
    collar_pct = forms.DecimalField(label="Price collar, %", required=False, help_text="how far through the middle a limit price may be")
    stops_wrong_side = forms.BooleanField(label="Stops sales of what is not held at all", required=False)
    starts_on = forms.DateField(label="First day", widget=DAY)
    ends_on = forms.DateField(label="Last day", required=False, widget=DAY, help_text="empty: until further notice")
    reason = forms.CharField(max_length=200, label="Why (kept with it)")

    def text(self) -> services.LimitText:
        said = {name: value for name, value in self.cleaned_data.items() if name != "reason"}
        people = {f"{name}_id": value and value.pk for name in ("user", "desk", "instrument") for value in [said.pop(name)]}
        return services.LimitText(**said, **people)


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


