"""Identifiers, steps, business days, fees, combinations, credit: arithmetic only."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from typing import NamedTuple

import stdnum.bic
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
    "bic": stdnum.bic.validate,
}


class NoSettlementCalendar(Invalid):
    """No settlement cycle or holidays are on file for the date: a person must add them."""


def identifier_problem(kind: str, value: str) -> str | None:
    """What is wrong with an ISIN, CUSIP, SEDOL, FIGI, LEI or BIC (length, characters, check digit); None where it is right."""
    try:
        plain = CHECKS[kind](value)
    except BadNumber as error:
        return f"“{value}” is not a valid {kind.upper()}: {str(error) or type(error).__name__}"
    if plain != value:
        return f"“{value}” must be written “{plain}”"
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


def cycle_days(
    cycles: Sequence[tuple[str, str, int, date, date | None]], country: str, asset_class: str, on: date
) -> int:
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


def forward_problem(
    symbol: str, value_date: date, spot: date, holidays: Mapping[str, Mapping[date, str]]
) -> str | None:
    """
    What is wrong with the value date of a forward: it must come after spot, on a day on which both currencies settle.

    :param holidays: of each of the two currencies the days on which it does not settle, with their names
    """
    if value_date <= spot:
        return f"{value_date} is not later than spot, {spot}. Choose a later day, or leave it empty for spot."
    if value_date.weekday() >= 5:
        return f"{value_date} is a {value_date:%A}; no currency settles then. Choose another day."
    for currency, days in holidays.items():
        if value_date in days:
            return f"{currency} does not settle on {value_date} ({days[value_date]}). Choose another day for {symbol}."
        if not any(day.year == value_date.year for day in days):
            return f"No settlement holidays of {currency} are on file for {value_date.year}. Add them under Reference data."
    return None


# --- fees and taxes -------------------------------------------------------------------------------------------------
EXACT = Context(prec=60)
ROUNDINGS = {"HALF_UP": ROUND_HALF_UP, "UP": ROUND_CEILING, "DOWN": ROUND_FLOOR}


class FeeTerms(NamedTuple):
    """How one fee is reckoned; ``kind`` is FIX's MiscFeeType (139), amounts are in the instrument's currency."""

    code: str
    kind: str
    rate_bp: Decimal
    unit_amount: Decimal = Decimal(0)
    least: Decimal | None = None
    most: Decimal | None = None
    rounding: str = "HALF_UP"


class FeeRow(NamedTuple):
    """A row of the table of fees: whom it meets, from which trade date to which, and its terms."""

    country: str
    asset_class: str
    side: str
    first: date
    last: date | None
    terms: FeeTerms


def fees_in_force(rows: Sequence[FeeRow], country: str, asset_class: str, side: str, on: date) -> tuple[FeeTerms, ...]:
    """
    The fees a trade bears, by code. Of one code the row for the class counts, else the general one (``*``); of several
    in force the one that began last. A short sale bears what a sale does.
    """
    found: dict[str, tuple[tuple[bool, date], FeeTerms]] = {}
    side = "BUY" if side == "BUY" else "SELL"
    for row in rows:
        if row.country != country or row.side != side or row.asset_class not in (asset_class, "*"):
            continue
        if row.first > on or (row.last is not None and row.last < on):
            continue
        rank = (row.asset_class != "*", row.first)
        if row.terms.code not in found or rank > found[row.terms.code][0]:
            found[row.terms.code] = (rank, row.terms)
    return tuple(found[code][1] for code in sorted(found))


def fee_amount(terms: FeeTerms, qty: Decimal, gross: Decimal, minor_units: int) -> Decimal:
    """Rate × gross + amount a unit × quantity, held between least and most, rounded once as the fee's rule says."""
    by_rate = EXACT.multiply(terms.rate_bp, gross).scaleb(-4, EXACT)
    amount = EXACT.add(by_rate, EXACT.multiply(terms.unit_amount, qty))
    if terms.least is not None:
        amount = max(amount, terms.least)
    if terms.most is not None:
        amount = min(amount, terms.most)
    return amount.quantize(Decimal(1).scaleb(-minor_units), rounding=ROUNDINGS[terms.rounding], context=EXACT)


# --- which orders are taken -------------------------------------------------------------------------------------------


class Taken(NamedTuple):
    """One row of the table of combinations; without venue and broker it holds everywhere."""

    asset_class: str
    venue_id: int | None
    broker_id: int | None
    order_type: str
    tif: str
    takes_min_qty: bool
    takes_display_qty: bool


STRATEGIES = ("VWAP", "PARTICIPATE", "TWAP")  # What a broker's algorithm may be asked to do.
ORDINARY = tuple((kind, tif) for kind in ("MARKET", "LIMIT") for tif in ("DAY", "GTC", "IOC", "FOK"))


def taken_by(
    rows: Sequence[Taken], asset_class: str, venue_id: int | None = None, broker_id: int | None = None
) -> list[Taken]:
    """
    What is taken for a class on a market, or by a broker: the rows of that market or broker where it has any, else those
    of everywhere; where the class has none at all, market and limit orders for the day, till cancelled, or at once.
    """
    of_class = [row for row in rows if row.asset_class == asset_class]
    for wanted in ((venue_id, broker_id), (venue_id, None), (None, None)):
        found = [row for row in of_class if (row.venue_id, row.broker_id) == wanted]
        if found:
            return found
    return [Taken(asset_class, None, None, kind, tif, False, False) for kind, tif in ORDINARY]


# --- what is paid -----------------------------------------------------------------------------------------------------
# Bought and sold without paying their value: the clearer takes margin and pays the day's variation (CME rule 814).
MARGINED = frozenset({"FUTURE"})


# --- credit -----------------------------------------------------------------------------------------------------------
# Places on the long-term scales of S&P and Fitch, and of Moody's where it writes another word; 10 and better is
# investment grade.
_SCALES = (
    "AAA AA+ AA AA- A+ A A- BBB+ BBB BBB- BB+ BB BB- B+ B B- CCC+ CCC CCC- CC C D",
    "Aaa Aa1 Aa2 Aa3 A1 A2 A3 Baa1 Baa2 Baa3 Ba1 Ba2 Ba3 B1 B2 B3 Caa1 Caa2 Caa3 Ca",
)
RATING_RANKS = {word: rank for scale in _SCALES for rank, word in enumerate(scale.split(), start=1)}
