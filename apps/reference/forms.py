"""What people enter by hand or by file, held against the same rules."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import ForeignKey, Model
from import_export.forms import ConfirmImportForm

from apps.core.tables import one_at_a_time, will_change

from . import own_rules, own_selectors, rules, selectors
from .models import (
    Broker,
    Constituent,
    Contract,
    Currency,
    Custodian,
    Depository,
    Fee,
    Instrument,
    InstrumentValue,
    Issuer,
    IssuerValue,
    OwnAttribute,
    SettlementCycle,
    Venue,
)


def _issuer_problems(facts: rules.Facts) -> rules.Problems:
    found = rules.issuer_problems(facts)
    if facts.get("id") and facts.get("parent") and selectors.is_within(facts["id"], facts["parent"]):
        found["parent"] = "must not be the issuer itself or one of its own daughters"
    return found


def _cycle_problems(facts: rules.Facts) -> rules.Problems:
    found = rules.cycle_problems(facts)
    first = facts.get("effective_from")
    if not found and first and facts.get("country") and facts.get("asset_class"):
        others = selectors.cycles_in_force(facts["country"], facts["asset_class"], first, facts.get("effective_to"))
        other = others.exclude(pk=facts.get("id")).first()
        if other:
            until = other.effective_to or "further notice"
            found["effective_from"] = (
                f"overlaps with T+{other.days} from {other.effective_from} to {until}; end that first"
            )
    return found


def _fee_problems(facts: rules.Facts) -> rules.Problems:
    found = rules.fee_problems(facts)
    if not found and all(facts.get(name) for name in ("code", "country", "asset_class", "side", "effective_from")):
        other = selectors.fees_overlapping(facts).exclude(pk=facts.get("id")).first()
        if other:
            until = other.effective_to or "further notice"
            found["effective_from"] = (
                f"overlaps with {other.code} from {other.effective_from} to {until}; end that first"
            )
    return found


def _constituent_problems(facts: rules.Facts) -> rules.Problems:
    return rules.constituent_problems(facts, selectors.class_of(facts["fund"]) if facts.get("fund") else None)


def _contract_problems(facts: rules.Facts) -> rules.Problems:
    found = {}
    if facts.get("instrument") and selectors.class_of(facts["instrument"]) != "FUTURE":
        found["instrument"] = "must be a future: an option belongs to the family of its future by itself"
    if facts.get("month") and facts["month"].day != 1:
        found["month"] = "must be the first day of its month"
    if facts.get("counts") is not None and facts["counts"] <= 0:
        found["counts"] = "must be more than zero"
    return found


def _attribute_problems(facts: rules.Facts) -> rules.Problems:
    was = OwnAttribute.objects.filter(pk=facts["id"]).values().first() if facts.get("id") else None
    return own_rules.definition_problems(facts, was)


def _value_problems(of: str) -> Callable[[rules.Facts], rules.Problems]:
    def found(facts: rules.Facts) -> rules.Problems:
        attribute = own_selectors.find_own_attribute(facts["attribute"]) if facts.get("attribute") else None
        if attribute is None or facts.get("value") is None:
            return {}
        if attribute.of != of:
            return {"attribute": f"“{attribute.code}” is said of {attribute.get_of_display().lower()}"}
        problem = own_rules.value_problem(attribute.kind, attribute.choices, facts["value"])
        return {"value": problem} if problem else {}

    return found


CHECKS = {
    OwnAttribute: _attribute_problems,
    InstrumentValue: _value_problems("instrument"),
    IssuerValue: _value_problems("issuer"),
    Contract: _contract_problems,
    Constituent: _constituent_problems,
    Instrument: rules.instrument_problems,
    Issuer: _issuer_problems,
    Broker: rules.broker_problems,
    Custodian: rules.party_problems,
    Depository: rules.party_problems,
    Venue: rules.venue_problems,
    Currency: rules.currency_problems,
    SettlementCycle: _cycle_problems,
    Fee: _fee_problems,
}


class Whole(NamedTuple):
    """
    Weights that are parts of one thing as of a day, which never sum to more than all of it.

    :param of: the field that names the thing; :param called: the field of its table by which people call it
    :param least: what rules need to tell by them, in percent; of a day below it who sends it is told
    """

    of: str
    called: str
    least: Decimal = Decimal(0)


WHOLES: dict[type[Model], Whole] = {Constituent: Whole("fund", "symbol")}
"""Apps above add their own tables."""


def check(model: type[Model], facts: dict[str, Any]) -> None:
    """:raises ValidationError: with what is wrong, by field"""
    found = CHECKS[model](facts) if model in CHECKS else {}
    if found:
        raise ValidationError(found)


def facts_of(row: Model) -> dict[str, Any]:
    """A row's fields by name, of other tables' rows their keys."""
    fields = row._meta.concrete_fields
    return {f.name: getattr(row, f.attname if isinstance(f, ForeignKey) else f.name) for f in fields}


class CheckedForm(forms.ModelForm):
    """A form whose whole must pass the rules of its model."""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        given = {name: value.pk if isinstance(value, Model) else value for name, value in data.items()}
        facts = facts_of(self.instance) | given
        check(self._meta.model, facts)
        whole = WHOLES.get(self._meta.model)
        if whole and all(facts.get(name) for name in (whole.of, "as_of", "weight_pct")):
            total = _others(self._meta.model, whole, facts) + facts["weight_pct"]
            if total > 100:
                said = f"The weights of that day would sum to {total.normalize():f}%, more than all of the {whole.of}."
                raise ValidationError({"weight_pct": said})
        return data


def _others(model: type[Model], whole: Whole, facts: rules.Facts) -> Decimal:
    """What the rest of its day weighs. In a transaction nobody else adds to it meanwhile, by hand or by file."""
    with connection.cursor() as cursor:
        will_change(cursor, [model._meta.db_table])
        one_at_a_time(cursor, f"{model._meta.db_table} {facts[whole.of]}")
    return selectors.weight_of_others(model._base_manager.all(), whole.of, facts)


class ConfirmForm(ConfirmImportForm):
    """Confirms an import as it was shown."""

    shown = forms.CharField(widget=forms.HiddenInput())
