"""
Rows of reference data that rules judge by, on the record: every change of them is a fact, whoever makes it and through
whichever door. Their history has the rows; the record, which is sealed, proves that nobody changed it afterwards.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple

from django.db.models import Model

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact, differing

from . import events, kept
from .models import InstrumentValue, IssuerValue, OwnAttribute

State = dict[str, Any]


class Told(NamedTuple):
    """
    How the record tells of a table's rows.

    :param keys: by what a row is known, and :param said: what it says: the name on the record to where the row has it
    """

    keys: Mapping[str, str]
    said: Mapping[str, str]
    made: type[Event]
    changed: type[Event]
    gone: type[Event]


class Change(NamedTuple):
    """What a row was and is, as ``state_of`` says; None where it was not, or is no more."""

    pk: int
    before: State | None
    after: State | None


VALUE = {"value": "value", "source": "source"}
TOLD: dict[type[Model], Told] = {
    OwnAttribute: Told(
        {"attribute": "code"}, {"title": "title", "of": "of", "kind": "kind", "choices": "choices"},
        events.OwnAttributeDefined, events.OwnAttributeChanged, events.OwnAttributeRemoved,
    ),
    InstrumentValue: Told(
        {"attribute": "attribute.code", "instrument": "instrument.symbol"}, VALUE,
        events.InstrumentValueSaid, events.InstrumentValueChanged, events.InstrumentValueTakenAway,
    ),
    IssuerValue: Told(
        {"attribute": "attribute.code", "issuer": "issuer.code"}, VALUE,
        events.IssuerValueSaid, events.IssuerValueChanged, events.IssuerValueTakenAway,
    ),
}  # fmt: skip
"""Apps above add their own tables."""


def said_of(row: Model) -> State:
    """What a row says besides what it is known by."""
    return {name: _plain(attrgetter(path)(row)) for name, path in TOLD[type(row)].said.items()}


def state_of(row: Model) -> State:
    """All that the record keeps of a row: what it is known by, and what it says."""
    return {name: _plain(attrgetter(path)(row)) for name, path in TOLD[type(row)].keys.items()} | said_of(row)


def stored_state(row: Model) -> State:
    """The same of the row as it is stored. One query, and one for each table that it is known by."""
    return state_of(type(row)._base_manager.get(pk=row.pk))


def tell(act: Act, model: type[Model], changes: Sequence[Change]) -> None:
    """Will record what became of rows, which are locked or gone; of those that say the same, nothing. A fixed number of statements."""
    told = TOLD[model]
    changes = [one for one in changes if one.before != one.after]
    if not changes:
        return
    nths = kept.next_nths_of(told.made.subject, [one.pk for one in changes])
    record(act, [Fact(one.pk, nths[one.pk], _event(told, one)) for one in changes])


def _event(told: Told, one: Change) -> Event:
    known = one.after or one.before or {}
    keys = {name: known[name] for name in told.keys}
    if one.before is None:
        return told.made(**keys, after=_beside(told, one.after))
    if one.after is None:
        return told.gone(**keys, before=_beside(told, one.before))
    before, after = differing(one.before, one.after)
    return told.changed(**keys, before=before, after=after)


def _beside(told: Told, state: State | None) -> State:
    return {name: value for name, value in (state or {}).items() if name not in told.keys and value not in ("", [], None)}


def _plain(value: object) -> object:
    """Numbers and days as text, a number without the zeros at its end."""
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return value.isoformat() if isinstance(value, date) else value
