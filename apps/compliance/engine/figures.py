"""
The numbers of every rule for every order, as columns: what was found, also of what passed.

Numbers are kept as whole millionths, as the evidence shows them. A column that several rules share is stored once, and
each as planes of its bytes, which compress well.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import orjson

from .judgement import NOT_ASKED, OUTCOMES, PASS, Verdicts
from .saying import number

NAMES = ("now", "after", "limit")
MILLION = 1e6
LARGEST = 2.0**62 / MILLION
NONE = np.iinfo(np.int64).min


class Figures(NamedTuple):
    """
    Of some orders in ascending ``order``, one column a rule.

    :param rules: code and id of the version of each; :param outcome: of each rule a column
    :param numbers: of each rule {now, after, limit} as floats, NaN where there is none
    :param warned: by code of those rules that some passed at their warning or beyond: which, with its unit and warning
    """

    order: np.ndarray
    rules: Sequence[tuple[str, int]]
    outcome: Sequence[np.ndarray]
    numbers: Sequence[dict[str, np.ndarray]]
    warned: Mapping[str, tuple[np.ndarray, dict[str, str]]] = MappingProxyType({})

    def passed(self, order_id: int) -> list[dict[str, Any]]:
        """What the rules found that the order passed, as results of a check; nothing where the order is not among these."""
        row = int(np.searchsorted(self.order, order_id))
        if row == len(self.order) or self.order[row] != order_id:
            return []
        found = []
        for (code, version), outcome, numbers in zip(self.rules, self.outcome, self.numbers, strict=True):
            if outcome[row] == PASS:
                said = {name: number(float(c[row])) for name, c in numbers.items() if np.isfinite(c[row])}
                told = {"rule": code, "version": version, "outcome": OUTCOMES[PASS]} | said
                if code in self.warned and self.warned[code][0][row]:
                    told |= {"warned": True, **self.warned[code][1]}
                found.append(told)
        return found


def figures_of(order_ids: np.ndarray, verdicts: Sequence[Verdicts], rows: slice) -> bytes:
    """The figures of a slice of the orders."""
    kept = _Columns()
    rules = []
    for v in verdicts:
        outcome = v.outcome[rows]
        if not outcome.any():
            continue  # Nobody was asked.
        told = {"rule": v.rule.code, "version": v.rule.id, "outcome": kept.add(outcome.astype(np.int8))}
        for name in NAMES:
            column = getattr(v, name)
            if column is not None:
                told[name] = kept.number(column, rows)
        if v.warned is not None and v.warned[rows].any():
            level, unit = v.rule.params.get("warning"), v.unit if isinstance(v.unit, str) else ""
            told |= {"warned": kept.add(v.warned[rows].astype(np.int8)), "unit": unit}
            told |= {} if level is None else {"warning": number(level)}
        rules.append(told)
    return kept.packed({"orders": kept.add(order_ids[rows]), "rules": rules})


def read(content: bytes) -> Figures:
    """Back from ``figures_of``."""
    size = int.from_bytes(content[:8], "little")
    told, rest = orjson.loads(content[8 : 8 + size]), memoryview(content)[8 + size :]
    columns = []
    for kind, count, at in told["columns"]:
        planes = np.frombuffer(rest, np.uint8, np.dtype(kind).itemsize * count, at).reshape(-1, count)
        columns.append(np.ascontiguousarray(planes.T).view(kind).reshape(count))
    rules = told["rules"]
    return Figures(
        columns[told["orders"]],
        [(one["rule"], one["version"]) for one in rules],
        [columns[one["outcome"]] for one in rules],
        [{name: _float(columns[one[name]]) for name in NAMES if name in one} for one in rules],
        {
            one["rule"]: (columns[one["warned"]], {name: one[name] for name in ("unit", "warning") if name in one})
            for one in rules if "warned" in one
        },  # fmt: skip
    )


def _float(column: np.ndarray) -> np.ndarray:
    return column if column.dtype.kind == "f" else np.where(column == NONE, np.nan, column / MILLION)


class _Columns:
    """Columns that are written once each."""

    def __init__(self):
        self.places: dict[tuple[str, bytes], int] = {}
        self.seen: dict[int, int] = {}
        self.written: list[tuple[str, int, bytes]] = []

    def add(self, column: np.ndarray) -> int:
        planes = np.ascontiguousarray(column.reshape(-1, 1).view(np.uint8).T).tobytes()
        key = column.dtype.str, planes
        if key not in self.places:
            self.places[key] = len(self.written)
            self.written.append((column.dtype.newbyteorder("<").str, len(column), planes))
        return self.places[key]

    def number(self, column: np.ndarray, rows: slice) -> int:
        """In millionths where they fit, else as it is. The verdicts keep the arrays alive, so an id is of one array."""
        if id(column) not in self.seen:
            part = np.ascontiguousarray(column[rows], float)
            finite = np.isfinite(part)
            if (np.abs(part[finite]) < LARGEST).all():
                part = np.where(finite, np.rint(np.where(finite, part, 0) * MILLION), NONE).astype(np.int64)
            self.seen[id(column)] = self.add(part)
        return self.seen[id(column)]

    def packed(self, told: dict[str, Any]) -> bytes:
        columns, at = [], 0
        for kind, count, planes in self.written:
            columns.append((kind, count, at))
            at += len(planes)
        text = orjson.dumps(told | {"columns": columns})
        return b"".join([len(text).to_bytes(8, "little"), text, *(planes for *_, planes in self.written)])


def differing(then: Figures, now: Figures) -> list[tuple[int, str, str, str]]:
    """
    Where two sets of figures say otherwise of the same orders: order, rule, and outcome then and now. A number that moved
    by more than a millionth of itself is a difference too, with the numbers in place of the outcomes.
    """
    found = []
    before = {code: n for n, (code, _) in enumerate(then.rules)}
    after = {code: n for n, (code, _) in enumerate(now.rules)}
    nothing = np.full(len(then.order), NOT_ASKED, np.int8)
    for code in sorted(before | after):
        was = then.outcome[before[code]] if code in before else nothing
        is_now = now.outcome[after[code]] if code in after else nothing
        for row in np.flatnonzero(was != is_now):
            found.append((int(then.order[row]), code, OUTCOMES[was[row]], OUTCOMES[is_now[row]]))
        if code in before and code in after:
            found += _moved(then, now, code, then.numbers[before[code]], now.numbers[after[code]], was == is_now)
    return found


def _moved(then: Figures, now: Figures, code: str, was: dict, is_now: dict, same: np.ndarray) -> list[tuple[int, str, str, str]]:
    found = []
    nothing = np.full(len(then.order), np.nan)
    for name in NAMES:
        one, other = was.get(name, nothing), is_now.get(name, nothing)
        with np.errstate(invalid="ignore"):
            close = np.abs(one - other) <= 2 / MILLION + np.abs(one) / MILLION
        moved = same & ~close & ~(np.isnan(one) & np.isnan(other))
        found += [
            (int(then.order[row]), code, f"{name} {one[row]:g}", f"{name} {other[row]:g}") for row in np.flatnonzero(moved)
        ]
    return found
