"""Words of a fixture: what each may be, and the first that is none named with its place."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from apps.core.refusals import Invalid

MOST_ROWS = 200


class BadFixture(Invalid):
    """A fixture that cannot be understood; ``field`` says where in it."""


def mapping_in(told: Any, at: str, known: set[str] | None = None, needed: set[str] = frozenset()) -> Mapping[str, Any]:
    if not isinstance(told, Mapping):
        raise BadFixture(f"“{at}” has named parts: write it in braces.", field=at)
    for name in told:
        if known is not None and name not in known:
            raise BadFixture(f"There is no “{name}” in {at}; there are: {', '.join(sorted(known))}.", field=at)
    for name in sorted(needed - told.keys()):
        raise BadFixture(f"“{name}” is missing in {at}.", field=at)
    if len(told) > MOST_ROWS:
        raise BadFixture(f"A fixture has at most {MOST_ROWS} lines of a kind; “{at}” has {len(told)}.", field=at)
    return told


def rows_in(told: Any, at: str) -> Sequence[Any]:
    if not isinstance(told, list):
        raise BadFixture(f"“{at}” is a list.", field=at)
    if len(told) > MOST_ROWS:
        raise BadFixture(f"A fixture has at most {MOST_ROWS} lines of a kind; “{at}” has {len(told)}.", field=at)
    return told


def place_in(places: Mapping[str, int], symbol: Any, at: str) -> int:
    if symbol not in places:
        raise BadFixture(f"There is no instrument “{symbol}” in the fixture.", field=at)
    return places[symbol]


def choice_in(value: Any, choices: Collection[str], at: str) -> None:
    if value not in choices:
        raise BadFixture(f"“{at}” is one of {', '.join(choices)}; got “{value}”.", field=at)


def known_in(numbers: Mapping[str, int], name: Any, what: str, at: str) -> int:
    """The number of what another part of the fixture names."""
    if str(name) not in numbers:
        raise BadFixture(f"There is no {what} “{name}” in the fixture.", field=at)
    return numbers[str(name)]


def truth_in(value: Any, at: str) -> bool:
    if not isinstance(value, bool):
        raise BadFixture(f"“{at}” is true or false; got “{value}”.", field=at)
    return value


def number_in(value: Any, at: str) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise BadFixture(f"“{at}” is a number; got “{value}”.", field=at) from None
    if not number.is_finite() or abs(number) > Decimal(10) ** 14:
        raise BadFixture(f"“{at}” is a number below 10^14; got “{value}”.", field=at)
    return number


def day_in(value: Any, at: str) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise BadFixture(f"“{at}” is a day, such as 2027-03-04; got “{value}”.", field=at) from None
