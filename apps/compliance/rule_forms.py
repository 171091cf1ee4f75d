"""The form that a rule is written with: its fields are those that its measure takes."""

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import Count
from django.forms.fields import InvalidJSONInput

from apps.core.edges import day_input
from apps.core.refusals import Refusal
from apps.orders.selectors import own_fields
from apps.portfolios.models import Portfolio, PortfolioGroup
from apps.portfolios.rules import MANDATE_TYPES
from apps.reference.own_selectors import own_attributes
from apps.users.models import Desk

from . import selectors, services
from .engine.params import ASSET_CLASSES, OF_ALL, Param
from .engine.scope import WORDS
from .models.rules import SEVERITIES, WHEN_UNSURE
from .page_selectors import param_in_words
from .states import USUAL, WHEN, Stage

UNITS = {"percent": "%", "minutes": "min", "days": "days"}
DAY = day_input()
TICKS = forms.CheckboxSelectMultiple
SAID = ("code", "name", "severity", "when_unsure", "citation", "jurisdiction", "starts_on", "ends_on")


def limit_fields(kind: str) -> dict[str, forms.Field]:
    """A field for each parameter of the measure, named ``limit-…``."""
    measure = selectors.measures()[kind]
    return {f"limit-{name}": _field(name, param) for name, param in measure.takes.items()} | _own()


def _field(name: str, param: Param) -> forms.Field:
    more = {"label": name.replace("_", " ").capitalize(), "help_text": param.help, "required": False}
    made: forms.Field
    if param.kind == "flag":
        made = forms.BooleanField(initial=param.default, **more)
    elif param.kind == "classes":
        made = forms.MultipleChoiceField(choices=[(c, c) for c in ASSET_CLASSES], initial=param.default, widget=TICKS, **more)
    elif param.kind in ("choice", "group"):
        own = [(f"own.{a.code}", f"each {a.title}") for a in own_attributes()] if param.kind == "group" else []
        made = forms.ChoiceField(choices=[*param.choices.items(), *own], initial=param.default, **more)
    elif param.kind == "filter":
        made = forms.CharField(initial=param.default, widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}), **more)
    else:
        made = forms.CharField(initial=param.default, **more)
    made.unit = UNITS.get(param.kind, "")
    if param.default is not None:  # Left empty it stands all the same; what is ticked or chosen says itself.
        is_typed = param.kind not in ("flag", "classes", "choice", "group")
        made.beside = f"usually {param_in_words(param.default)}" if is_typed else ""
    return made


def _own() -> dict[str, forms.Field]:
    choices = [(field.code, field.label) for field in own_fields() if field.is_screened]
    if not choices:
        return {}
    return {
        "limit-own_field": forms.ChoiceField(label="Only orders whose", choices=[("", "– every order –"), *choices], required=False),
        "limit-own_value": forms.CharField(
            label="says", required=False, max_length=200, help_text="Yes and no for a field of that kind."
        ),
    }


class FixturesField(forms.JSONField):
    """Books in JSON, a line a thing; nothing where there are none."""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, InvalidJSONInput):
            return value
        return json.dumps(value, indent=2, ensure_ascii=False) if value else ""


class BuildForm(forms.Form):
    """A rule as it is written. ``kind`` is chosen before: the measure decides which limits are asked for."""

    name = forms.CharField(max_length=120)
    code = forms.CharField(max_length=40, help_text="letters, digits and underscores; it stays")
    severity = forms.ChoiceField(
        choices=SEVERITIES, initial="SOFT", help_text="information and warnings are told and hold nothing"
    )
    when_unsure = forms.ChoiceField(
        label="Where it cannot tell", choices=[("", "as its severity says"), *WHEN_UNSURE[1:]], required=False,
        help_text="for missing or stale data; it is never passed over",
    )
    teams = forms.MultipleChoiceField(required=False, widget=TICKS)
    groups = forms.MultipleChoiceField(label="Groups of portfolios", required=False, widget=TICKS)
    mandate_types = forms.MultipleChoiceField(
        label="Types of mandate", required=False, widget=TICKS,
        choices=[(code, name[0].upper() + name[1:]) for code, name in MANDATE_TYPES.items()],
        help_text="of a portfolio whose type is not on file the rule cannot tell",
    )  # fmt: skip
    desks = forms.MultipleChoiceField(required=False, widget=TICKS)
    portfolios = forms.MultipleChoiceField(
        required=False, help_text="one word of any of the five lists is enough; without any the rule is the whole firm's"
    )
    moments = forms.MultipleChoiceField(
        label="Asked when", widget=TICKS, initial=sorted(USUAL), required=False, choices=[(str(s), WHEN[s]) for s in Stage],
        help_text="what it does not let out at the route is not sent, and reviewed; a fill that breaks it opens an incident",
    )  # fmt: skip
    starts_on = forms.DateField(label="First day", required=False, help_text="empty: the day it is approved", widget=DAY)
    ends_on = forms.DateField(label="Last day", required=False, help_text="empty: until a newer version", widget=DAY)
    citation = forms.CharField(required=False, max_length=200, help_text="document and section; empty: the firm's own policy")
    jurisdiction = forms.CharField(required=False, max_length=40, help_text="whose law, such as US or EU")
    fixtures = FixturesField(
        required=False, widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false"}),
        help_text="a list of books in plain words, and what the rule must say of each order: one at least that passes, one that does not",
    )  # fmt: skip
    reason = forms.CharField(label="Why (kept on the record)", required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, data: Mapping | None, *, kind: str, said: services.RuleText | None = None, is_new: bool = True):
        super().__init__(data, initial=_initial(said) if said else {})
        self.kind = kind
        self.fields["when_unsure"].beside = ""  # Something is always chosen.
        limits = limit_fields(kind)
        self.fields.update(limits)
        self.limits = list(limits)
        if not is_new:
            self.fields["code"].disabled = True
        places = list(Portfolio.objects.order_by("code").values_list("code", "name", "team"))
        self.fields["teams"].choices = [(team, team) for team in sorted({team for _, _, team in places})]
        self.fields["portfolios"].choices = [(code, f"{code} {name}") for code, name, _ in places]
        groups = PortfolioGroup.objects.annotate(size=Count("members")).order_by("code")
        self.fields["groups"].choices = [(group.code, f"{group.name} ({group.size})") for group in groups]
        self.fields["desks"].choices = list(Desk.objects.order_by("code").values_list("code", "name"))

    @property
    def limit_rows(self) -> list[forms.BoundField]:
        return [self[name] for name in self.limits]

    @property
    def head_rows(self) -> list[forms.BoundField]:
        return [self[name] for name in ("name", "code", "severity", "when_unsure", "citation", "jurisdiction")]

    @property
    def scope_rows(self) -> list[forms.BoundField]:
        return [self[name] for name in (*WORDS, "moments", "starts_on", "ends_on")]

    def text(self) -> services.RuleText:
        """What was written, once the form is valid."""
        said = self.cleaned_data
        scope = {name: said[name] for name in WORDS if said[name]}
        params = {}
        for name in self.limits:
            value = said[name].strip() if isinstance(said[name], str) else said[name]
            if isinstance(value, bool | list) or value:
                params[name.removeprefix("limit-")] = value
        kept = {name: said[name] for name in SAID}
        return services.RuleText(
            kind=self.kind, params=params, scope=scope, moments=said["moments"], fixtures=said["fixtures"] or [], **kept
        )

    def refuse(self, refusal: Refusal) -> None:
        name = str(refusal.facts.get("field", ""))
        field = next((field for field in (f"limit-{name}", name, {"scope": "portfolios"}.get(name)) if field in self.fields), None)
        self.add_error(field, with_place(refusal))


    def text_so_far(self) -> services.RuleText | None:
        """The same while it is being written: it need not have a name yet. None where something else is wrong."""
        self.is_valid()
        missing = {"name": selectors.measures()[self.kind].title, "code": "draft"}
        if set(self.errors) - set(missing):
            return None
        for field in missing:
            self.errors.pop(field, None)
        self.cleaned_data = missing | self.cleaned_data
        return self.text()


def with_place(refusal: Refusal) -> str:
    """What is wrong, and where in the text."""
    line, column = (refusal.facts.get(name) for name in ("line", "column"))
    return f"{refusal.message} (line {line}, column {column})" if line and f"column {column}" not in refusal.message else refusal.message


def _initial(said: services.RuleText) -> dict[str, Any]:
    measure = selectors.measures()[said.kind]
    limits = {f"limit-{name}": said.params.get(name) for name in (*measure.takes, *OF_ALL) if name in said.params}
    # What the rule leaves out stays left out, whatever stands where a new rule says nothing.
    left_out = {f"limit-{name}": "" for name, param in measure.takes.items() if name not in said.params and param.default is None}
    return {
        **left_out, **limits, **{name: getattr(said, name) for name in SAID}, "moments": said.moments, "fixtures": list(said.fixtures),
        **{name: said.scope.get(name, []) for name in WORDS},
    }  # fmt: skip


class OrderForm(forms.Form):
    """The portfolio that a rule is tried on, and an order that nobody entered."""

    portfolio = forms.ChoiceField()
    side = forms.ChoiceField(choices=[("BUY", "Buy"), ("SELL", "Sell"), ("SELL_SHORT", "Sell short")])
    symbol = forms.CharField(required=False, max_length=40, label="Instrument", help_text="empty: each position, by the smallest order")
    qty = forms.DecimalField(required=False, label="Quantity", max_digits=20, decimal_places=4)
    limit = forms.DecimalField(required=False, label="Limit price", max_digits=20, decimal_places=8)

    def __init__(self, data: Mapping | None = None):
        super().__init__(data, prefix="try")
        self.fields["portfolio"].choices = list(Portfolio.objects.order_by("code").values_list("code", "name"))

    def order(self) -> services.Order:
        said = self.cleaned_data
        return services.Order(said["portfolio"], said["side"], said["symbol"].strip(), said["qty"], said["limit"])
