"""What rules across the firm say of all its portfolios together as they stand: of each group one number, whoever holds it."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from .attributes import grouping, mask, namer, vague
from .columns import FIRM_CURRENCY, NEAR, Snapshot
from .judgement import FAIL, INDETERMINATE, OUTCOMES, PASS, RuleVersion
from .rules import measure_firm, measure_said
from .saying import percent, units
from .stands import FIRM, Standing

COUNTED = ("units", "duration")
"""Bases that are no money."""


def is_of_firm(rule: RuleVersion) -> bool:
    """Whether it tells of all portfolios together how they stand."""
    return rule.kind == "measure" and measure_said.is_firm_wide(rule.params)


def of_firm(s: Snapshot, rule: RuleVersion) -> list[Standing]:
    """One for each group that the firm holds something of; of a least also for those it was asked of. None where nothing was read."""
    p = rule.params
    if s.firm is None or p["group"] not in s.firm.groups:
        return []
    shared, meant = measure_firm.shared(s, p), mask(s, p["filter"])
    groups, held, asked = grouping(s, p["group"], meant), s.firm.held, s.firm.asked
    some = (groups >= 0) & (asked if p["bound"] == "min" else asked & (held != 0))
    bad = np.zeros(shared.size, bool)
    bad[groups[(groups >= 0) & (held != 0) & np.isnan(shared.weight.column)]] = True
    unknown = vague(s, p["group"], meant)
    if unknown is not None and (unknown & (held != 0)).any():
        bad[:] = True
    totals, first = shared.totals(held), _first(groups)
    named, found = namer(s, p["group"]), []
    for group in np.unique(groups[some]).tolist():
        i = s.instruments[first[group]]
        base = None if bad[group] else measure_firm.base_of_firm(s, p, first[group])
        found.append(_one(s, rule, shared, group, named(i) or "What is not on file", float(totals[group]), base))
    return found


def _first(groups: np.ndarray) -> dict[int, int]:
    return {int(group): place for place, group in reversed(list(enumerate(groups.tolist())))}


def _one(
    s: Snapshot, rule: RuleVersion, shared: measure_firm.Shared, group: int, name: str, total: float, base: Fraction | None
) -> Standing:
    """:param base: what the group is measured against; None where that, or what it is, is not known"""
    p, per = rule.params, measure_said.per(rule.params)
    limit, is_least = Fraction(p["limit"]), p["bound"] == "min"
    unit = _unit(p)
    if base is None:
        text = f"Cannot tell what {name} is across the firm: a price, a rate or a field that the rule asks for is missing or too old."
        return Standing(FIRM, name, name, OUTCOMES[INDETERMINATE], None, float(limit), unit, text=text, is_least=is_least)

    def side(level: Fraction) -> int:
        mark = float(level / per * base)
        apart: float | Fraction = total - mark
        if abs(apart) <= NEAR * max(abs(mark), abs(total)):
            apart = shared.exact_total(group, s.firm.held) - level / per * base
        return (apart > 0) - (apart < 0)

    turn = -1 if is_least else 1
    fails = turn * side(limit) > 0
    warned = p["warning"] is not None and not fails and turn * side(Fraction(p["warning"])) >= 0
    value, said = total / float(base) * per, percent if per == 100 else units
    text = ""
    if fails or warned:
        bound = "least" if is_least else "most"
        text = f"{name} is {said(value)} {unit.removeprefix('% ')} across the firm; the {bound} is {said(float(limit))}."
    is_money = p["basis"] not in COUNTED
    over = max(turn * (total - float(limit / per * base)), 0.0) if fails and is_money else 0.0
    return Standing(
        FIRM, name, name, OUTCOMES[FAIL if fails else PASS], value, float(limit), unit, over, warned, text,
        shared.held_lines(group) if fails else (), tuple(np.flatnonzero(shared.grouping == group).tolist()) if fails else (), is_least,
    )  # fmt: skip


def _unit(p: Mapping[str, Any]) -> str:
    if p["against"] == "nothing":
        return "units" if p["basis"] == "units" else FIRM_CURRENCY
    return f"years of {measure_said.worded(p)}" if p["basis"] == "duration" else f"% of {measure_said.worded(p)}"
