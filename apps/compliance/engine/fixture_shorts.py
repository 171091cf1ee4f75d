"""What a fixture says of short sales: locates, circuit breakers, failed deliveries, and portfolios that are one seller."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from apps.orders.rules.handling import EXEMPTION_TAGS

from . import columns as c
from .fixture_words import BadFixture, choice_in, day_in, known_in, mapping_in, number_in, place_in, truth_in
from .rows import Boxed

SHORT = "SELL_SHORT"
SAID, OF_ORDERS, OF_PORTFOLIOS = ("unit_owns",), ("located", "borrowed", "exempt"), ("unit",)
OF_INSTRUMENTS = ("breaker", "undelivered_since")


def put(where: Mapping[str, Any], s: c.Snapshot) -> None:
    """
    Puts into the snapshot which sales are marked short, what lenders gave their word for, and what binds a short sale.

    A ``breaker`` that is null is one of which nobody can tell whether it is on.
    """
    for table, name in ((s.orders, "orders"), (s.others, "open_orders")):
        table.short = np.array([row["side"] == SHORT for row in where.get(name, [])], bool)
    lent = [_lent(row, f"orders[{n}]") for n, row in enumerate(where["orders"])]
    s.orders.located, s.orders.borrowed = (np.array([int(one[k] * c.QTY) for one in lent], np.int64) for k in (0, 1))
    s.orders.exempt = [one[2] for one in lent]
    s.portfolios = [
        p._replace(unit=str(told["unit"])) if "unit" in told else p
        for p, told in zip(s.portfolios, where["portfolios"].values(), strict=True)
    ]
    breakers, boxed, today = {}, {}, s.at.date()
    for place, (symbol, told) in enumerate(where["instruments"].items()):
        at = f"instruments.{symbol}"
        if told.get("breaker", False) is None:
            breakers[place] = None
        elif "breaker" in told and truth_in(told["breaker"], f"{at}.breaker"):
            breakers[place] = c.Breaker(today, today + timedelta(days=1), Decimal(90), Decimal(100))
        if "undelivered_since" in told:
            boxed[place] = Boxed(day_in(told["undelivered_since"], f"{at}.undelivered_since"), "CO-00001")
    s.breakers, s.boxed, s.units_owned = breakers, boxed, _elsewhere(where, s)


def _lent(row: Mapping[str, Any], at: str) -> tuple[Decimal, Decimal, str]:
    """(located, of that borrowed, why the price test does not ask it)"""
    if row["side"] != SHORT and (said := [word for word in OF_ORDERS if word in row]):
        raise BadFixture(f"Only a {SHORT} is {said[0]}.", field=f"{at}.{said[0]}")
    located, borrowed = (number_in(row.get(word, 0), f"{at}.{word}") for word in ("located", "borrowed"))
    if not 0 <= borrowed <= located:
        raise BadFixture("What is borrowed is a part of what is located.", field=f"{at}.borrowed")
    exempt = row.get("exempt", "")
    if exempt:
        choice_in(exempt, EXEMPTION_TAGS, f"{at}.exempt")
    return located, borrowed, str(exempt)


def _elsewhere(where: Mapping[str, Any], s: c.Snapshot) -> dict[tuple[str, int], int]:
    """Of (unit, place of an instrument) what portfolios of the unit that are not shown own less their open sells."""
    units = {p.unit: n for n, p in enumerate(s.portfolios) if p.unit}
    places = {i.symbol: n for n, i in enumerate(s.instruments)}
    found = {}
    for unit, told in mapping_in(where.get("unit_owns", {}), "unit_owns").items():
        at = f"unit_owns.{unit}"
        known_in(units, unit, "unit", at)
        for symbol, qty in mapping_in(told, at).items():
            found[unit, place_in(places, symbol, at)] = int(number_in(qty, f"{at}.{symbol}") * c.QTY)
    return found
