"""The parameters of a measure: what it takes, what stands where none is given, and what is refused."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from apps.core.refusals import Invalid

from .attributes import ALL_FIELDS
from .columns import CLASS_OF
from .filters import BadFilter
from .filters import read as read_filter

ASSET_CLASSES = (*CLASS_OF, "OPTION", "FUTURE", "FX")


class BadRule(Invalid):
    """A rule that cannot be understood; ``field`` names the parameter at fault."""


class Param(NamedTuple):
    """
    :param kind: ``percent``, ``amount``, ``minutes``, ``days``, ``count``, ``flag``, ``classes``, ``word``, ``filter``, ``choice``, or
        ``group``: a choice, or ``own.`` and the code of an attribute of the firm's own
    :param default: None where it may be left out
    :param choices: of a ``choice`` or ``group``: each word that may be chosen, to what it means
    """

    kind: str
    default: Any
    help: str
    choices: Mapping[str, str] = {}


OWN_GROUP = re.compile(r"own\.[a-z][a-z0-9_]{0,39}")
OF_ALL = {
    "own_field": Param("word", None, "code of a field of the firm's own: the rule asks only orders that say own_value there"),
    "own_value": Param("word", None, "the value that own_field must have; yes and no are true and false"),
}


def read(takes: Mapping[str, Param], given: Mapping[str, Any]) -> dict[str, Any]:
    """
    The parameters with their defaults, as Decimals, whole numbers, truths, sets and words; those of every measure too.

    :raises BadRule: naming the first that is unknown or malformed
    """
    takes = {**takes, **OF_ALL}
    for name in given:
        if name not in takes:
            known = ", ".join(takes) or "none"
            raise BadRule(f"This kind of rule takes no “{name}”; it takes: {known}.", field=name)
    values = {}
    for name, param in takes.items():
        value = given.get(name, param.default)
        own = param.kind == "group" and isinstance(value, str) and OWN_GROUP.fullmatch(value)
        if param.kind in ("choice", "group") and value not in param.choices and not own:
            raise BadRule(f"“{name}” is one of {', '.join(param.choices)}; got “{value}”.", field=name)
        values[name] = None if value is None else _READERS[param.kind](name, value)
    if bool(values["own_field"]) != bool(values["own_value"]):
        missing = "own_value" if values["own_field"] else "own_field"
        raise BadRule("Give both a field of the firm's own and its value, or neither.", field=missing)
    return values


def _percent(name: str, value: Any) -> Decimal:
    number = _number(name, value)
    if not 0 <= number <= 1000:
        raise BadRule(f"“{name}” is a percentage from 0 to 1000; got {value}.", field=name)
    return number


def _amount(name: str, value: Any) -> Decimal:
    number = _number(name, value)
    if abs(number) > Decimal(10) ** 15:
        raise BadRule(f"“{name}” is larger than 10^15.", field=name)
    return number


def _number(name: str, value: Any) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise BadRule(f"“{name}” must be a number; got “{value}”.", field=name) from None
    if not number.is_finite():
        raise BadRule(f"“{name}” must be a number; got “{value}”.", field=name)
    return number


def _minutes(name: str, value: Any) -> int:
    number = _number(name, value)
    if number != number.to_integral_value() or not 0 < number <= 525_600:
        raise BadRule(f"“{name}” is a whole number of minutes, at least 1 and at most a year; got {value}.", field=name)
    return int(number)


def _days(name: str, value: Any) -> int:
    number = _number(name, value)
    if number != number.to_integral_value() or not 0 <= number <= 3_660:
        raise BadRule(f"“{name}” is a whole number of days, at most ten years; got {value}.", field=name)
    return int(number)


def _count(name: str, value: Any) -> int:
    number = _number(name, value)
    if number != number.to_integral_value() or not 1 <= number <= 1_000:
        raise BadRule(f"“{name}” is a whole number from 1 to 1000; got {value}.", field=name)
    return int(number)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadRule(f"“{name}” is true or false; got “{value}”.", field=name)
    return value


def _classes(name: str, value: Any) -> frozenset[str]:
    if not isinstance(value, list | tuple | set | frozenset):
        raise BadRule(f"“{name}” is a list of asset classes, such as [\"GOVT\"].", field=name)
    for one in value:
        if one not in ASSET_CLASSES:
            raise BadRule(f"“{one}” is no asset class; use {', '.join(ASSET_CLASSES)}.", field=name)
    return frozenset(value)


def _word(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > 200:
        raise BadRule(f"“{name}” is a text of at most 200 characters.", field=name)
    return value.strip()


def _filter(name: str, value: Any) -> str | None:
    """The condition as it was written, once it can be understood; None where it is empty."""
    if not isinstance(value, str):
        raise BadRule(f"“{name}” is a condition, such as asset_class == \"EQUITY\".", field=name)
    if not value.strip():
        return None
    read_condition(name, value, ALL_FIELDS)
    return value


def read_condition(name: str, text: str, fields: Mapping[str, str]) -> None:
    """:raises BadRule: with the place of the first thing in a filter that cannot be understood"""
    try:
        read_filter(text, fields)
    except BadFilter as error:
        raise BadRule(str(error), field=name, line=error.line, column=error.column) from None


_READERS = {
    "percent": _percent, "amount": _amount, "minutes": _minutes, "days": _days, "count": _count, "flag": _flag, "classes": _classes,
    "word": _word, "filter": _filter, "choice": _word, "group": _word,
}  # fmt: skip
