"""Identifiers, steps and business days: arithmetic only."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from decimal import Decimal

import stdnum.cusip
import stdnum.figi
import stdnum.gb.sedol
import stdnum.isin
import stdnum.lei
from stdnum.exceptions import ValidationError as BadNumber

from apps.core.refusals import Invalid

CHECKS = {
    "isin": stdnum.isin.validate,
    "cusip": stdnum.cusip.validate,
    "sedol": stdnum.gb.sedol.validate,
    "figi": stdnum.figi.validate,
    "lei": stdnum.lei.validate,
}


class NoSettlementCalendar(Invalid):
    """No settlement cycle or holidays are on file for the date: a person must add them."""


def identifier_problem(kind: str, value: str) -> str | None:
    """What is wrong with an ISIN, CUSIP, SEDOL, FIGI or LEI (length, characters, check digit); None where it is right."""
    try:
        CHECKS[kind](value)
    except BadNumber as error:
        return f"“{value}” is not a valid {kind.upper()}: {str(error) or type(error).__name__}"
    return None


def is_multiple(value: Decimal, step: Decimal) -> bool:
    return value % step == 0


def add_settlement_days(start: date, days: int, holidays: Collection[date]) -> date:
    """
    ``days`` settlement days after ``start``: Monday to Friday without the currency's settlement holidays. A day on
    which the market trades but does not settle is not counted.
    """
    at = start
    while days > 0:
        at += timedelta(days=1)
        if at.weekday() < 5 and at not in holidays:
            days -= 1
    return at


def cycle_days(cycles: Sequence[tuple[str, str, int, date, date | None]], country: str, asset_class: str, on: date) -> int:
    """
    Settlement days of the cycle in force on a trade date: that of the class, else the country's general one.

    :param cycles: (country, asset class or ``*``, days, first trade date, last trade date or None)
    :raises NoSettlementCalendar: where none is on file (15 U.S.C. and each market's own rule set them; we never guess)
    """
    for wanted in (asset_class, "*"):
        for c_country, c_class, days, first, last in cycles:
            if c_country == country and c_class == wanted and first <= on and (last is None or on <= last):
                return days
    raise NoSettlementCalendar(
        f"No settlement cycle is on file for {asset_class} in {country} on {on}. Add one under Reference data.",
        country=country,
    )
