"""What the firm's rules fill in where an order says nothing, and the trace that says why."""

import json
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from .cells import bare, trimmed
from .tickets import SIDES, SPOKEN, type_meant

FILLED = (*SPOKEN, "broker", "strategy")  # For the last two nobody is asked on a ticket.
KEPT_AS = {"Yes": "true", "No": "false"}
WORDS = {"asset_class": "asset class", "order_type": "order type"}


class Default(NamedTuple):
    """A rule as the table has it: conditions, of which an empty one asks nothing, and the values that it fills in."""

    id: int
    name: str
    asset_class: str
    country: str
    side: str
    order_type: str
    portfolio_id: int | None
    portfolio: str
    values: dict[str, str]
    own_field: str = ""
    own_label: str = ""
    own_value: str = ""

    @property
    def conditions(self) -> dict[str, str]:
        """Each by its name; that of a field of the firm's own by ``own.`` and the field's code."""
        of = {name: getattr(self, name) for name in ("asset_class", "country", "side", "order_type", "portfolio")}
        return {name: value for name, value in (of | {f"own.{self.own_field}": self.own_value}).items() if value}

    def called(self, name: str) -> str:
        """A condition's name in words."""
        return self.own_label if name.startswith("own.") else WORDS.get(name, name)

    @property
    def because(self) -> str:
        """The conditions in words."""
        said = [f"{self.called(name)} is {value}" for name, value in self.conditions.items()]
        return ", ".join(said) or "it asks nothing"


def with_defaults(asked: pl.DataFrame, rules: Sequence[Default]) -> pl.DataFrame:
    """
    Fills in what is empty, rule by rule in their order, never what somebody said.

    :param asked: rows as typed, with ``asset_class`` and ``country`` of their instruments, and with ``own``, values of the
        firm's own fields as they are kept, where a row has any
    :returns: the same rows, with ``defaulted``: a JSON object of what was filled in, by which rule and why; null if nothing
    """
    says_own = "own" in asked.columns
    fits = [_fits(rule) if says_own or not rule.own_field else pl.lit(False) for rule in rules]
    chosen, columns, traces = [], [], []
    for field in FILLED:
        able = [n for n, rule in enumerate(rules) if rule.values.get(field)]
        if not able:
            continue
        empty = trimmed(field) == "" if field in SPOKEN else pl.lit(True)
        chosen.append(
            pl.coalesce(*(pl.when(fits[n] & empty).then(pl.lit(n, pl.Int32)) for n in able)).alias(f"{field}_by")
        )
        by = pl.col(f"{field}_by")
        if field in SPOKEN:
            values = by.replace_strict({n: rules[n].values[field] for n in able}, default=None, return_dtype=pl.String)
            columns.append(pl.coalesce(values, field).alias(field))
        said = {n: _trace(field, rules[n]) for n in able}
        traces.append(by.replace_strict(said, default=None, return_dtype=pl.String))
    if not chosen:
        return asked
    together = pl.concat_str(traces, separator=",", ignore_nulls=True)
    return (
        asked.with_columns(chosen)
        .with_columns(*columns, pl.when(together != "").then("{" + together + "}").alias("defaulted"))
        .drop([f"{field}_by" for field in FILLED], strict=False)
    )


def _fits(rule: Default) -> pl.Expr:
    side = bare("side").replace_strict(SIDES, default=None, return_dtype=pl.String)
    asks = [
        expression == wanted
        for expression, wanted in (
            (pl.col("asset_class"), rule.asset_class),
            (pl.col("country"), rule.country),
            (side, rule.side),
            (type_meant(), rule.order_type),
            (pl.col("portfolio_id"), rule.portfolio_id),
        )
        if wanted
    ]
    if rule.own_field:
        asks.append(pl.col("own").str.json_path_match(f"$['{rule.own_field}']") == KEPT_AS.get(rule.own_value, rule.own_value))
    return pl.all_horizontal(asks).fill_null(False) if asks else pl.lit(True)


def _trace(field: str, rule: Default) -> str:
    said = {"value": rule.values[field], "rule": rule.name, "id": rule.id, "because": rule.because}
    return f"{json.dumps(field)}:{json.dumps(said)}"


def mismatch(rule: Default, order: dict[str, str]) -> str:
    """Why a rule does not fit an order of these facts, in words; empty where it fits."""
    for name, wanted in rule.conditions.items():
        if order.get(name) != wanted:
            return f"{rule.called(name)} is {order.get(name) or 'not given'}, not {wanted}"
    return ""
