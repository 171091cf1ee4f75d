"""FIX sessions as they are entered."""

from django import forms
from django.core.exceptions import ValidationError

from . import rules, services
from .models import Session


class SessionForm(forms.ModelForm):
    class Meta:
        model = Session
        fields = (
            "purpose", "broker", "acts_for", "submits", "begin_string", "sender_comp_id", "target_comp_id", "host", "port",
            "environment", "is_enabled",
        )  # fmt: skip

    def clean(self) -> dict:
        """:raises ValidationError: where a live session and a simulated one would meet, or its party is missing"""
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        wanted, other = ("acts_for", "broker") if data["purpose"] == Session.Purpose.STAGING else ("broker", "acts_for")
        if not data[wanted] or data[other]:
            raise ValidationError(
                "A routing session names its broker and nobody it acts for; a staging session the person whose orders it"
                " enters and no broker."
            )
        mine = tuple(data[name] for name in ("environment", "sender_comp_id", "target_comp_id", "host", "port"))
        others = services.session_facts(apart_from=self.instance.pk)
        if found := rules.session_problems(data["environment"], [*others, mine]):
            raise ValidationError(found)
        return data
