"""The rules that fill in what orders leave open, and what they would do."""

from collections.abc import Collection
from datetime import date
from typing import NamedTuple

import polars as pl
from django.db.models import Q

from apps.reference.models import Instrument

from .. import rules
from ..models import DefaultRule


def defaults_on(day: date) -> list[rules.Default]:
    """The rules in force on a day, in their order. One query."""
    rows = (
        DefaultRule.objects.filter(effective_from__lte=day).filter(Q(effective_to=None) | Q(effective_to__gte=day))
        .order_by("rank")
        .values_list(
            "pk", "name", "asset_class", "country", "side", "order_type", "portfolio_id", "portfolio__code",
            "own_field__code", "own_field__label", "own_value", "tif", "desk__code", "instructions", "broker__code", "strategy",
        )
    )  # fmt: skip
    found = []
    for row in rows:
        values = {f: v for f, v in zip(rules.FILLED, row[11:], strict=True) if v}
        found.append(rules.Default(*row[:7], row[7] or "", values, *(said or "" for said in row[8:11])))
    return found


def kinds_of(instrument_ids: Collection[int]) -> pl.DataFrame:
    """Asset class and country of instruments, by ``instrument_id``."""
    rows = Instrument.objects.filter(pk__in=instrument_ids).values_list("pk", "asset_class", "country")
    return pl.DataFrame(
        list(rows), schema={"instrument_id": pl.Int64, "asset_class": pl.String, "country": pl.String}, orient="row"
    )


class Tried(NamedTuple):
    """A rule in a dry run: whether it fits, else why not; and what it filled in, where no rule before it had."""

    rule: rules.Default
    why_not: str
    fills: dict[str, str]


def dry_run(order: dict[str, str], day: date) -> list[Tried]:
    """What each rule in force would do with an order of these facts of which nothing else is said. One query."""
    filled: set[str] = set()
    tried = []
    for rule in defaults_on(day):
        why_not = rules.mismatch(rule, order)
        fills = {} if why_not else {f: v for f, v in rule.values.items() if f not in filled and not order.get(f)}
        filled |= fills.keys()
        tried.append(Tried(rule, why_not, fills))
    return tried
