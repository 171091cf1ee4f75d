"""
What a fixture says of money: what is not settled yet, what rates and forwards are, and what each was as of.

``unsettled`` says by currency and day what of a portfolio's ``cash`` comes or goes then; ``cash`` has it already.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from . import columns as c
from .fixture_words import BadFixture, day_in, mapping_in, number_in, place_in

Unsettled = tuple[int, str, Decimal, int]


def unsettled_said(homes: Mapping[str, Any], today: datetime) -> list[Unsettled]:
    """(place of a portfolio, currency, amount, ordinal of its day)"""
    found = []
    for home, (code, told) in enumerate(homes.items()):
        for currency, days in mapping_in(told.get("unsettled", {}), f"portfolios.{code}.unsettled").items():
            for text, amount in mapping_in(days, f"portfolios.{code}.unsettled.{currency}").items():
                at = f"portfolios.{code}.unsettled.{currency}.{text}"
                day = day_in(text, at)
                if day < today.date():
                    raise BadFixture(f"What is unsettled settles today, {today:%Y-%m-%d}, or later; got {text}.", field=at)
                found.append((home, currency, number_in(amount, at), day.toordinal()))
    return found


def rates_said(told: Any, now: datetime) -> dict[str, c.Rate]:
    """Dollars for one by currency: a number, as of now, or ``{"rate": "1.25", "minutes_old": "90"}``."""
    found = {c.FIRM_CURRENCY: c.Rate(Decimal(1), now)}
    for code, given in mapping_in(told, "rates").items():
        at = f"rates.{code}"
        parts = mapping_in(given, at, {"rate", "minutes_old"}, {"rate"}) if isinstance(given, Mapping) else {"rate": given}
        rate = number_in(parts["rate"], at)
        if rate <= 0:
            raise BadFixture(f"A rate is above zero; got {rate:f}.", field=at)
        found[code] = c.Rate(rate, now - timedelta(minutes=float(number_in(parts.get("minutes_old", 0), f"{at}.minutes_old"))))
    return found


def forwards_said(told: Any, instruments: Sequence[c.Instrument], places: Mapping[str, int]) -> dict[tuple[int, int], Fraction]:
    """What the quote of a pair of currencies is multiplied with, by its symbol and the day: ``{"EURUSD": {"2026-06-04": "1.01"}}``."""
    found = {}
    for symbol, days in mapping_in(told, "forwards").items():
        at = f"forwards.{symbol}"
        place = place_in(places, symbol, at)
        if not instruments[place].base_currency:
            raise BadFixture(f"“{symbol}” is no pair of currencies: say its base_currency.", field=at)
        for text, factor in mapping_in(days, at).items():
            found[place, day_in(text, f"{at}.{text}").toordinal()] = Fraction(number_in(factor, f"{at}.{text}"))
    return found
