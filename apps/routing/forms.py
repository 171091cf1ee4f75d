"""FIX sessions and routing rules as they are entered."""

from django import forms
from django.core.exceptions import ValidationError

from apps.orders.rules import OwnField, as_asked, value_asked

from . import rules, services
from .models import RoutingRule, Session, Throttle


class RoutingRuleForm(forms.ModelForm):
    """A routing rule as it is set up; the value of an own field that it asks for is kept as orders say it."""

    class Meta:
        model = RoutingRule
        fields = "__all__"

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        asked, value = data.get("own_field"), (data.get("own_value") or "").strip()
        if asked and value:
            kept, problem = value_asked(OwnField(asked.code, asked.label, asked.kind, asked.choices), value)
            if problem:
                self.add_error("own_value", problem)
            value = as_asked(kept)
        return data | {"own_value": value}


class SessionForm(forms.ModelForm):
    class Meta:
        model = Session
        fields = (
            "purpose", "broker", "begin_string", "sender_comp_id", "target_comp_id", "host", "port", "dials_in",
            "environment", "is_enabled",
        )  # fmt: skip

    def clean(self) -> dict:
        """:raises ValidationError: where a live session and a simulated one would meet, or its party is missing"""
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        is_routing = data["purpose"] == Session.Purpose.ROUTING
        if is_routing != bool(data["broker"]):
            raise ValidationError("A routing session names its broker; a staging session, of an upstream system, none.")
        if is_routing and data["dials_in"]:
            raise ValidationError("We call brokers and dealers; only an upstream system may call us.")
        mine = tuple(data[name] for name in ("environment", "sender_comp_id", "target_comp_id", "host", "port"))
        others = services.session_facts(apart_from=self.instance.pk)
        if found := rules.session_problems(data["environment"], [*others, mine]):
            raise ValidationError(found)
        return data


class ThrottleForm(forms.ModelForm):
    class Meta:
        model = Throttle
        fields = "__all__"

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        if bool(data["session"]) == bool(data["strategy"]):
            raise ValidationError("Name a session or a strategy, and not both.")
        if not any(data[name] for name in ("per_second", "per_day", "most_repeats")):
            raise ValidationError("Limit something: messages a second or a day, or how often a strategy is applied.")
        for name in ("per_second", "per_day", "most_repeats", "repeat_seconds"):
            if data[name] == 0:
                self.add_error(name, "It must be above zero.")
        if data["session"] and data["most_repeats"]:
            self.add_error("most_repeats", "A strategy is stopped, not a session. Leave it empty.")
        if data["strategy"] and data["over"] == Throttle.Over.QUEUE:
            self.add_error("over", "The gateway paces sessions alone. Choose refused.")
        return data
