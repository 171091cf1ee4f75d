"""What a fixture says of instruments in attributes of the firm's own, of benchmarks, and of what funds hold."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from apps.reference.rules import HOLDERS

from . import columns as c
from .fixture_words import BadFixture, mapping_in, number_in, place_in


def own_said(listed: Mapping[str, Any]) -> dict[str, c.Own]:
    """What instruments say in attributes of the firm's own."""
    said: dict[str, dict[int, Any]] = {}
    for number, (symbol, told) in enumerate(listed.items(), start=1):
        for code, value in mapping_in(told.get("own", {}), f"instruments.{symbol}.own").items():
            said.setdefault(code, {})[number] = value
    found = {}
    for code, values in said.items():
        is_number = {isinstance(value, int | float) and not isinstance(value, bool) for value in values.values()}
        if len(is_number) > 1 or not all(isinstance(value, int | float | str) for value in values.values()):
            raise BadFixture(f"“own.{code}” is a number everywhere, or a text in quotes everywhere.", field=f"own.{code}")
        kind = "number" if True in is_number else "text"
        found[code] = c.Own(kind, {number: str(value) for number, value in values.items()})
    return found


def benchmarks_said(told: Any, places: Mapping[str, int], today: date) -> dict[str, c.Benchmark]:
    """Benchmarks by code: what instruments weigh in percent, and how many days ago that was so."""
    return {
        code: c.Benchmark(code, *_weights(given, f"benchmarks.{code}", places, today))
        for code, given in mapping_in(told, "benchmarks").items()
    }


def constituents_said(told: Any, instruments: Sequence[c.Instrument], places: Mapping[str, int], today: date) -> dict[int, c.Constituents]:
    """What funds hold, by their ids: in percent of each, and how many days ago that was so."""
    found = {}
    for symbol, given in mapping_in(told, "constituents").items():
        at = f"constituents.{symbol}"
        fund = instruments[place_in(places, symbol, at)]
        if fund.asset_class not in HOLDERS:
            raise BadFixture(f"“{symbol}” is neither an ETF nor a FUND: it holds nothing.", field=at)
        held = c.Constituents(*_weights(given, at, places, today))
        if any(weight <= 0 for weight in held.weights.values()) or fund.id in held.weights:
            raise BadFixture(f"What “{symbol}” holds is another than itself, of a weight above zero.", field=at)
        found[fund.id] = held
    return found


def _weights(given: Any, at: str, places: Mapping[str, int], today: date) -> tuple[date, dict[int, Decimal]]:
    given = mapping_in(given, at, {"weights", "days_old"}, {"weights"})
    weights = {
        place_in(places, symbol, at) + 1: number_in(weight, f"{at}.{symbol}")
        for symbol, weight in mapping_in(given["weights"], f"{at}.weights").items()
    }
    return today - timedelta(days=int(number_in(given.get("days_old", 0), at))), weights
