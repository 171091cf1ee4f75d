"""The firm's own fields: their values on an order, and how each is set up."""

from collections.abc import Mapping
from typing import Any

from django import forms

from apps.core.edges import day_input

from .. import rules
from ..models import OwnField

NUMBER = {"inputmode": "decimal", "autocomplete": "off"}
WIDGETS = {"date": day_input(), "number": forms.TextInput(NUMBER)}


def own_form_fields(
    fields: list[rules.OwnField], values: Mapping[str, Any] | None = None, *, asks: bool = False
) -> dict[str, forms.Field]:
    """
    Form fields named ``own_`` and the code. Their values are judged by the service.

    :param asks: whether those that must be said are required
    """
    made = {}
    for field in fields:
        first = (values or {}).get(field.code, "")
        first = {True: "yes", False: "no"}[first] if isinstance(first, bool) else first
        common = {"label": field.label, "required": asks and field.is_asked, "initial": first}
        if field.is_screened and values is not None:
            common["help_text"] = "Compliance may ask for it: a change opens a submitted order again."
        if field.kind in ("list", "yes_no"):
            hangs = forms.Select(attrs={"data-hangs-on": f"own_{field.parent}"} if field.parent else None)
            made[f"own_{field.code}"] = forms.ChoiceField(choices=[("", "–"), *_choices(field)], widget=hangs, **common)
        else:
            made[f"own_{field.code}"] = forms.CharField(max_length=200, widget=WIDGETS.get(field.kind), **common)
    return made


def _choices(field: rules.OwnField) -> list:
    if field.kind == "yes_no":
        return [("yes", "Yes"), ("no", "No")]
    if isinstance(field.choices, dict):
        return [(parent, [(word, word) for word in words]) for parent, words in field.choices.items()]
    return [(word, word) for word in field.choices]


def own_said(cleaned: Mapping[str, Any]) -> dict[str, str]:
    return {name.removeprefix("own_"): value for name, value in cleaned.items() if name.startswith("own_")}


class OwnFieldsForm(forms.Form):
    """Values of an order's own fields."""

    seen = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, fields: list[rules.OwnField], *args, values=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields |= own_form_fields(fields, values)


class OwnFieldForm(forms.ModelForm):
    """A field as it is set up."""

    class Meta:
        model = OwnField
        fields = "__all__"

    def clean(self) -> dict[str, Any]:
        said = super().clean()
        kind = said.get("kind") or self.instance.kind
        parent = said.get("parent")
        found = rules.definition_problems(
            kind, said.get("choices"), parent and parent.kind, parent and parent.choices
        )
        for name, problem in found.items():
            self.add_error(name, problem)
        if self.initial.get("is_screened") and not said.get("is_screened"):
            self.add_error("is_screened", "Rules may stand on it by now: what compliance may ask for cannot be taken back.")
        return said
