"""
What a screening leaves behind: each order's results as JSON, and the hash of what was judged.

A rule that passed leaves its numbers only, among the figures; one that did not leaves all that a person needs to
decide, or to work it out again.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson

from .columns import Snapshot
from .judgement import FAIL, INDETERMINATE, OUTCOMES, UNKNOWN, Verdicts
from .saying import number


def results(s: Snapshot, verdicts: Sequence[Verdicts]) -> list[str]:
    """For each order a JSON list of what the rules say that it did not pass; what passed is in the figures."""
    said: dict[int, list[str]] = {}
    for v in verdicts:
        for row in np.flatnonzero(v.outcome >= INDETERMINATE).tolist():
            said.setdefault(row, []).append(orjson.dumps(_in_full(v, row)).decode())
    return [f"[{','.join(said[row])}]" if row in said else "[]" for row in range(len(s.orders))]


def _in_full(v: Verdicts, row: int) -> dict[str, Any]:
    said, rule = v.say(row), v.rule
    failed, warning = v.outcome[row] == FAIL, v.rule.params.get("warning")
    return {
        "rule": rule.code,
        "version": rule.id,
        "outcome": OUTCOMES[v.outcome[row]],
        "number": rule.number,
        "name": rule.name,
        "severity": rule.severity_of(int(v.outcome[row])),
        "citation": rule.citation,
        "now": shown(v.now, row),
        "after": shown(v.after, row) if failed else None,
        "limit": shown(v.limit, row),
        "unit": _one(v.unit, row),
        "room": shown(v.room, row) if failed else None,
        "room_unit": _one(v.room_unit, row),
        "max_qty": _quantity(v.max_qty[row]),
        "limit_from": said.limit_from,
        "basis": said.basis,
        "data": list(said.data),
        "text": said.text,
        **({"met": list(said.met)} if said.met else {}),
        **({} if warning is None else {"warning": number(warning)}),
    }


def _quantity(whole: int) -> str | None:
    return None if whole == UNKNOWN else f"{whole // 10_000}.{whole % 10_000:04d}".rstrip("0").rstrip(".")


def shown(column: np.ndarray | None, row: int) -> str | None:
    """One number of a column as text; None where there is none."""
    if column is None or not np.isfinite(column[row]):
        return None
    return number(float(column[row]))


def _one(unit: Any, row: int) -> str:
    return unit if isinstance(unit, str) else unit[row]


def inputs_hash(order_id: int, order_hash: str, run_hash: str, rules_hash: str) -> str:
    """SHA-256 of all that a verdict used: the order, everything the screening looked at, and the rules."""
    return hashlib.sha256(f"{order_id}|{order_hash}|{run_hash}|{rules_hash}".encode()).hexdigest()
