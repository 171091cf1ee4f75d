"""
What a fixture says of orders beside what they trade: ``minutes_ago``, when each was entered; ``value_date``, the day it settles where
that is not its instrument's; ``part_of``, a word that parts of one order share. An open order that is not ``cleared`` waits for an officer.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import columns as c
from .fixture_words import BadFixture, day_in, number_in, truth_in

SAID = {"minutes_ago", "value_date", "part_of"}
OF_OPEN = {"cleared"}
A_YEAR = 525_600


def orders_said(where: Mapping[str, Any], s: c.Snapshot) -> None:
    """Puts it into the snapshot, whose orders are those of the fixture in order."""
    heads: dict[str, int] = {}
    for key, orders in (("orders", s.orders), ("open_orders", s.others)):
        rows: Sequence[Mapping[str, Any]] = where.get(key, [])
        orders.created_us = np.array([s.now_us - _minutes(row, f"{key}[{n}]") for n, row in enumerate(rows)], np.int64)
        orders.value_days = np.array([_day(row, f"{key}[{n}]", s) for n, row in enumerate(rows)], np.int64)
        for n, row in enumerate(rows):
            if "part_of" in row:
                orders.family[n] = heads.setdefault(str(row["part_of"]), int(orders.id[n]))
    for n, row in enumerate(where.get("open_orders", [])):
        s.others.cleared[n] = truth_in(row.get("cleared", True), f"open_orders[{n}].cleared")


def _minutes(row: Mapping[str, Any], at: str) -> int:
    """How long ago in microseconds."""
    minutes = number_in(row.get("minutes_ago", 0), f"{at}.minutes_ago")
    if not 0 <= minutes <= A_YEAR:
        raise BadFixture("An order was entered now, or up to a year ago.", field=f"{at}.minutes_ago")
    return int(minutes * 60_000_000)


def _day(row: Mapping[str, Any], at: str, s: c.Snapshot) -> int:
    if "value_date" not in row:
        return 0
    day = day_in(row["value_date"], f"{at}.value_date")
    if day < s.at.date():
        raise BadFixture(f"An order settles today, {s.at:%Y-%m-%d}, or later; got {day}.", field=f"{at}.value_date")
    return day.toordinal()
