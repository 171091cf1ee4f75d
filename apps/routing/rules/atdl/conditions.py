"""
Whether a condition holds. A field that is not known makes its condition say nothing (FIXatdl, Validation Rules: such a rule is
skipped); so does an order between values of which one is missing. That one value equals or differs from a missing one is told.
"""

from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from .described import Condition
from .values import CLOCK, NUMBER, TRUE, bound

UNKNOWN = object()
"""What a lookup answers for a field that nobody knows."""

Look = Callable[[str], Any]


def holds(condition: Condition, look: Look) -> bool | None:
    """
    True, False, or None where it says nothing.

    :param look: field to its value: Decimal, bool, datetime, date, text, None where it is empty, or ``UNKNOWN``
    """
    if condition.logic:
        return _joined(condition, look)
    left = look(condition.field)
    if left is UNKNOWN:
        return None
    if condition.operator in ("EX", "NX"):
        return (left is not None) == (condition.operator == "EX")
    right: Any
    if condition.other:
        right = look(condition.other)
        if right is UNKNOWN:
            return None
    else:
        right = None if condition.value == "{NULL}" else _literal(condition.value or "", left)
    return _compared(condition.operator, left, right)


def asks_unknown(condition: Condition, look: Look) -> bool:
    """Whether a condition asks a field that nobody knows."""
    if condition.logic:
        return any(asks_unknown(part, look) for part in condition.parts)
    return any(name and look(name) is UNKNOWN for name in (condition.field, condition.other))


def _joined(condition: Condition, look: Look) -> bool | None:
    """AND and OR from the left, no further than is needed; XOR is exactly one of them."""
    if condition.logic == "NOT":
        found = holds(condition.parts[0], look)
        return None if found is None else not found
    if condition.logic == "XOR":
        all_ = [holds(part, look) for part in condition.parts]
        return None if None in all_ else all_.count(True) == 1
    ends = condition.logic == "OR"
    unsure = False
    for part in condition.parts:
        found = holds(part, look)
        if found is ends:
            return ends
        unsure = unsure or found is None
    return None if unsure else not ends


def _literal(text: str, like: Any) -> Any:
    """A literal as what it is compared with; the text itself where it is no such thing."""
    text = text.strip()
    if isinstance(like, bool):
        return text.lower() in TRUE
    if isinstance(like, Decimal):
        return Decimal(text) if NUMBER.fullmatch(text) else text
    if isinstance(like, datetime):
        return bound("UTCTimestamp", text) if CLOCK.fullmatch(text) else text
    if isinstance(like, date):
        return bound("UTCDateOnly", text) or text
    return text


def _compared(operator: str, left: Any, right: Any) -> bool | None:
    if left is None or right is None:
        same = left is None and right is None
        return same if operator == "EQ" else not same if operator == "NE" else None
    if isinstance(right, time) and isinstance(left, datetime):
        left = left.time().replace(tzinfo=None)
    elif isinstance(left, time) and isinstance(right, datetime):
        right = right.time().replace(tzinfo=None)
    elif isinstance(left, Decimal) != isinstance(right, Decimal):
        left, right = _number(left), _number(right)
        if left is None or right is None:
            return operator == "NE" if operator in ("EQ", "NE") else None
    elif isinstance(left, bool) != isinstance(right, bool) or type(left) is not type(right):
        left, right = str(left), str(right)
    if operator in ("EQ", "NE"):
        return (left == right) == (operator == "EQ")
    return {"LT": left < right, "GT": left > right, "LE": left <= right, "GE": left >= right}[operator]


def _number(value: Any) -> Decimal | None:
    if isinstance(value, Decimal):
        return value
    return Decimal(value) if isinstance(value, str) and NUMBER.fullmatch(value) else None
