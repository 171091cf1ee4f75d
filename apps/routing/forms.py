"""FIX sessions and throttles as they are entered."""

from django import forms
from django.core.exceptions import ValidationError

from apps.core.refusals import Refusal
from apps.reference.models import Broker

from . import rules, services
from .models import Session, Throttle
from .models.throttles import STRATEGIES


class SessionForm(forms.ModelForm):
    class Meta:
        model = Session
        fields = (
            "purpose", "broker", "begin_string", "appl_ver_id", "sender_comp_id", "target_comp_id", "host", "port", "dials_in",
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
        for field, problem in rules.speech_problems(data["purpose"], data["begin_string"], data["appl_ver_id"]):
            self.add_error(field, problem)
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
        for field, message in services.throttle_problems(data):
            self.add_error(field, message)
        return data


class KeptThrottleForm(forms.Form):
    """A throttle that an officer sets or changes; whose it is stays."""

    seen = forms.IntegerField(min_value=1, required=False, widget=forms.HiddenInput)
    session = forms.ModelChoiceField(Session.objects.order_by("target_comp_id"), required=False, empty_label="No session: a strategy")
    strategy = forms.ChoiceField(required=False, choices=[("", "No strategy: a session"), *STRATEGIES])
    per_second = forms.IntegerField(label="Messages a second", required=False)
    over = forms.ChoiceField(label="Over it", choices=Throttle.Over.choices)
    per_day = forms.IntegerField(label="Messages a day", required=False, help_text="a day in UTC; what is over it is refused")
    most_repeats = forms.IntegerField(
        label="Repeats", required=False, help_text="how often a strategy is applied to one instrument and side before it is stopped"
    )
    repeat_seconds = forms.IntegerField(label="Within seconds", initial=60)
    reason = forms.CharField(label="Why (kept on the record)", max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))

    def text(self) -> services.ThrottleText:
        return services.ThrottleText(**{name: self.cleaned_data[name] for name in services.ThrottleText._fields})

    def refuse(self, refusal: Refusal) -> None:
        field = str(refusal.facts.get("field", ""))
        self.add_error(field if field in self.fields else None, refusal.message)


class StrategyFileForm(forms.Form):
    """A broker's file of strategies, to load."""

    broker = forms.ModelChoiceField(Broker.objects.filter(is_active=True, kind=Broker.Kind.BROKER).order_by("name"), empty_label="Choose")
    file = forms.FileField(help_text="FIXatdl 1.1 or 1.2, as the broker sent it; 2 MB at most")
