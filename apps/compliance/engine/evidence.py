"""
What a screening leaves behind: each order's results as JSON, and the hash of what was judged.

A rule that passed leaves its numbers only, written by columns; one that did not leaves all that a person needs to
decide, or to work it out again.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import polars as pl

from .columns import Snapshot
from .judgement import FAIL, INDETERMINATE, OUTCOMES, PASS, UNKNOWN, Verdicts
from .saying import number

PLACES = 6


def results(s: Snapshot, verdicts: Sequence[Verdicts]) -> list[str]:
    """For each order a JSON list of what the rules that applied to it say."""
    if not len(s.orders):
        return []
    parts = [_of_rule(s, v) for v in verdicts]
    if not parts:
        return ["[]"] * len(s.orders)
    joined = pl.select(pl.concat_str(parts, separator=",", ignore_nulls=True).alias("all"))
    return joined.select("[" + pl.col("all") + "]").to_series().to_list()


def _of_rule(s: Snapshot, v: Verdicts) -> pl.Series:
    head = orjson.dumps({"rule": v.rule.code, "version": v.rule.id, "outcome": "PASS"}).decode()[:-1]
    pieces: list[pl.Expr] = [pl.lit(head)]
    for name in ("now", "after", "limit"):
        column = getattr(v, name)
        if column is not None:
            pieces.append(_number_field(name, column))
    passed = pl.Series(v.outcome == PASS)
    text = pl.select(pl.when(passed).then(pl.concat_str([*pieces, pl.lit("}")], ignore_nulls=True)).alias("t"))["t"]
    rows = np.flatnonzero(v.outcome >= INDETERMINATE)
    if not len(rows):
        return text
    full = [orjson.dumps(_in_full(v, int(row))).decode() for row in rows]
    return text.scatter(rows.tolist(), full)


def _number_field(name: str, column: np.ndarray) -> pl.Expr:
    """``,"name":"1.25"`` where there is a number, nothing where there is none."""
    values = pl.Series(np.where(np.isfinite(column), np.round(column, PLACES) + 0.0, np.nan), nan_to_null=True)
    return pl.lit(f',"{name}":"') + pl.lit(values.cast(pl.String)) + pl.lit('"')


def _in_full(v: Verdicts, row: int) -> dict[str, Any]:
    said, rule = v.say(row), v.rule
    failed = v.outcome[row] == FAIL
    return {
        "rule": rule.code,
        "version": rule.id,
        "outcome": OUTCOMES[v.outcome[row]],
        "number": rule.number,
        "name": rule.name,
        "severity": rule.severity,
        "citation": rule.citation,
        "now": _shown(v.now, row),
        "after": _shown(v.after, row) if failed else None,
        "limit": _shown(v.limit, row),
        "unit": _one(v.unit, row),
        "room": _shown(v.room, row) if failed else None,
        "room_unit": _one(v.room_unit, row),
        "max_qty": _quantity(v.max_qty[row]),
        "limit_from": said.limit_from,
        "basis": said.basis,
        "data": list(said.data),
        "text": said.text,
    }


def _quantity(whole: int) -> str | None:
    return None if whole == UNKNOWN else f"{whole // 10_000}.{whole % 10_000:04d}".rstrip("0").rstrip(".")


def _shown(column: np.ndarray | None, row: int) -> str | None:
    if column is None or not np.isfinite(column[row]):
        return None
    return number(float(column[row]))


def _one(unit: Any, row: int) -> str:
    return unit if isinstance(unit, str) else unit[row]


def inputs_hashes(
    portfolio_ids: Sequence[int], instrument_ids: Sequence[int], sides: Sequence[str], qtys: Sequence[int],
    limits: Sequence[int], order_types: Sequence[str], tifs: Sequence[str], own: Sequence[Mapping[str, str]] | None,
) -> list[str]:
    """
    SHA-256 of each order's inputs: portfolio, instrument, side, quantity, type, limit and time in force, and what it says
    in fields of the firm's own.

    :param qtys: whole ten-thousandths; :param limits: whole hundred-millionths, 0 for none
    """
    said = [orjson.dumps(one, option=orjson.OPT_SORT_KEYS).decode() if one else "" for one in own or [{}] * len(qtys)]
    rows = zip(portfolio_ids, instrument_ids, sides, qtys, order_types, limits, tifs, said, strict=True)
    return [
        hashlib.sha256(f"{p}|{i}|{side}|{q}|{kind}|{lim}|{tif}{words and '|'}{words}".encode()).hexdigest()
        for p, i, side, q, kind, lim, tif, words in rows
    ]
