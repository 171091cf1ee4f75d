"""What a fixture says of trading limits in force."""

from collections.abc import Mapping
from typing import Any

from . import columns as c
from .controls import Limit
from .fixture_lists import authors, desks_in
from .fixture_words import BadFixture, choice_in, known_in, mapping_in, number_in, rows_in, truth_in
from .params import ASSET_CLASSES

SAID, OF_ORDERS, OF_PORTFOLIOS, OF_INSTRUMENTS = ("limits",), (), (), ()
NUMBERS = ("max_qty", "max_notional", "max_adv_pct", "collar_pct")
WORDS = {"person", "desk", "instrument", "asset_class", "stops_wrong_side", *NUMBERS}


def put(where: Mapping[str, Any], s: c.Snapshot) -> None:
    """Puts the limits into the snapshot, numbered from 1."""
    s.limits = [_limit(n, row, f"limits[{n}]", where, s) for n, row in enumerate(rows_in(where.get("limits", []), "limits"))]


def _limit(n: int, row: Any, at: str, where: Mapping[str, Any], s: c.Snapshot) -> Limit:
    row = mapping_in(row, at, WORDS)
    known = {"person": authors(where), "desk": desks_in(where), "instrument": {i.symbol: i.id for i in s.instruments}}
    subject = [known_in(names, row[word], word, f"{at}.{word}") if word in row else None for word, names in known.items()]
    asset_class = row.get("asset_class", "")
    if asset_class:
        choice_in(asset_class, ASSET_CLASSES, f"{at}.asset_class")
    if asset_class and "instrument" in row:
        raise BadFixture("A limit is of an instrument or of an asset class.", field=at)
    numbers = [number_in(row[word], f"{at}.{word}") if word in row else None for word in NUMBERS]
    told = dict(zip(NUMBERS, numbers, strict=True))
    if wrong := [word for word, number in told.items() if number is not None and (number < 0 or not number and word != "collar_pct")]:
        raise BadFixture("A limit is above zero.", field=f"{at}.{wrong[0]}")
    stops = truth_in(row.get("stops_wrong_side", False), f"{at}.stops_wrong_side")
    if not stops and not any(number is not None for number in numbers):
        raise BadFixture(f"It limits nothing: give {', '.join(NUMBERS)} or stops_wrong_side.", field=at)
    return Limit(n + 1, *subject, asset_class, *numbers, stops)
