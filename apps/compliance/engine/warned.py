"""What is said of orders that pass at or beyond a rule's warning."""

from collections.abc import Mapping
from typing import Any

from .saying import percent, units


def in_words(result: Mapping[str, Any]) -> str:
    """:param result: with ``after`` and ``limit``, and ``warning`` where the rule has one level, numbers in ``unit`` as text"""
    unit = result.get("unit") or ""
    named = {name: float(result[name]) for name in ("after", "warning", "limit") if result.get(name) is not None}
    shown = {name: _shown(value, unit) for name, value in named.items()}
    if not {"after", "limit"} <= shown.keys():
        return "It passes at a level that the rule says."
    if "warning" not in shown:
        return f"It would be {shown['after']}; the rule says it above {shown['limit']}."
    side = "at or above" if named["warning"] < named["limit"] else "at or below"
    return f"It would be {shown['after']}: {side} the warning of {shown['warning']}; the limit is {shown['limit']}."


def _shown(value: float, unit: str) -> str:
    if unit.startswith("%"):
        return percent(value) + unit[1:]
    return f"{units(value)} {unit}".rstrip()
