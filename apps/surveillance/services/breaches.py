"""Writing incidents: those that open, and those that go on. A fixed number of statements, whatever their number."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from apps.compliance.engine.incidents import Key, cure_by
from apps.compliance.engine.standing import Standing
from apps.core.events import Fact
from apps.core.tables import copy_in, next_ids, update_many

from .. import events
from ..states import In

SIX = Decimal("0.000001")
FOUR = Decimal("0.0001")


class Why(NamedTuple):
    """Why something is broken: its cause, and the orders whose fills broke it where they are known."""

    cause: str
    orders: Sequence[int] = ()


def open_incidents(
    day: date, found: Mapping[Key, Standing], codes: Mapping[int, str], why: Mapping[Key, Why]
) -> tuple[list[int], list[Fact]]:
    """Will open an incident for each breach. :param codes: by id of the rule; :returns: their ids, and the facts to record"""
    facts, rows = [], []
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "surveillance_incident", len(found))
        for pk, (key, one) in zip(ids, found.items(), strict=True):
            cause, orders = why[key]
            due, numbers = cure_by(day, cause), numbers_of(one)
            rows.append((pk, *key, cause, day, day, due, *numbers, one.unit, one.text[:400], str(In.OPEN), 1))
            fact = events.IncidentOpened(
                codes[key.rule], key.portfolio, key.group, cause, str(numbers[0]), str(numbers[1]), due.isoformat(), list(orders)
            )
            facts.append(Fact(pk, 1, fact))
        copy_in(
            cursor, "surveillance_incident",
            ("id", "rule_id", "portfolio_id", "group", "cause", "opened_on", "seen_on", "cure_by", "value", "limit", "over_amount",
             "unit", "text", "status", "version"),
            rows,
        )  # fmt: skip
    return ids, facts


def go_on(day: date, again: Mapping[int, Standing]) -> None:
    """Will say of open incidents how they stand today."""
    numbers = [numbers_of(one) for one in again.values()]
    with connection.cursor() as cursor:
        update_many(
            cursor, "surveillance_incident", list(again),
            {
                "seen_on": ("date", [day] * len(again)), "value": ("numeric", [n[0] for n in numbers]),
                "limit": ("numeric", [n[1] for n in numbers]), "over_amount": ("numeric", [n[2] for n in numbers]),
                "text": ("text", [one.text[:400] for one in again.values()]),
            },
        )  # fmt: skip


def numbers_of(one: Standing) -> tuple[Decimal | None, Decimal, Decimal]:
    """What it is, the limit, and how much it is beyond it, as they are kept."""
    value = None if one.value is None else Decimal(repr(one.value)).quantize(SIX)
    return value, Decimal(repr(one.limit)).quantize(SIX), Decimal(repr(one.over)).quantize(FOUR)
