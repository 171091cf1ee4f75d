"""Identifiers, steps and business days: arithmetic only."""

import zoneinfo
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from typing import Any, NamedTuple

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
Facts = Mapping[str, Any]  # A row's fields by name, of other tables' rows their keys; None or absent where unknown.
Problems = dict[str, str]  # Field to what is wrong with it.


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


# --- what a row of reference data must be -----------------------------------------------------------------------------


def instrument_problems(facts: Facts) -> Problems:
    """What is wrong with an instrument as such, and with the terms that its asset class needs."""
    found = _identifier_problems(facts, "isin", "cusip", "sedol", "figi") | _country_problems(facts)
    isin = facts.get("isin") or ""
    for kind, part in (("cusip", isin[2:11]), ("sedol", isin[4:11])):
        if isin and facts.get(kind) and part != facts[kind]:
            found.setdefault(kind, f"ISIN {isin} holds another {kind.upper()}: {part}")
    symbol = facts.get("symbol") or ""
    if symbol != symbol.strip().upper():
        found["symbol"] = f"“{symbol}” must be in capitals without outer spaces, so that it can be found"
    for field in ("lot_size", "tick_size", "min_piece", "increment", "price_factor"):
        if facts.get(field) is not None and facts[field] <= 0:
            found[field] = "must be more than zero"
    steps = facts.get("increment"), facts.get("min_piece"), facts.get("lot_size")
    if None not in steps and min(steps) > 0:
        for field in ("min_piece", "lot_size"):
            if not is_multiple(facts[field], facts["increment"]):
                found[field] = f"must be a multiple of the increment, {facts['increment']:f}"
    return _term_problems(facts) | found


NEEDED_TERMS = {
    "CORP": ("coupon_pct", "coupon_frequency", "day_count", "maturity_date"),
    "GOVT": ("coupon_pct", "coupon_frequency", "day_count", "maturity_date"),
    "OPTION": ("underlying", "strike_price", "put_or_call", "maturity_date"),
    "FUTURE": ("maturity_date",),
    "FX": ("base_currency",),
    "FUND": ("cutoff_at",),
}
COUPONS_A_YEAR = (0, 1, 2, 4, 12)


def _term_problems(facts: Facts) -> Problems:
    asset_class = facts.get("asset_class")
    found = {
        field: f"is needed for {asset_class}"
        for field in NEEDED_TERMS.get(asset_class, ())
        if facts.get(field) in (None, "")
    }
    factor = facts.get("price_factor")
    if factor is not None and asset_class in ("CORP", "GOVT") and factor != Decimal("0.01"):
        found["price_factor"] = "must be 0.01 for a bond: its quantity is face, its price percent of par"
    if factor is not None and asset_class in ("EQUITY", "ETF", "FUND", "FX") and factor != 1:
        found["price_factor"] = "must be 1 for shares, units and currencies"
    found |= _pair_problems(facts)
    found |= _derivative_problems(facts)
    if facts.get("cutoff_at") and asset_class != "FUND":
        found["cutoff_at"] = "is a fund's alone"
    if facts.get("coupon_frequency") not in (None, *COUPONS_A_YEAR):
        found["coupon_frequency"] = "must be 0, 1, 2, 4 or 12 coupons a year"
    if facts.get("coupon_pct") is not None and not 0 <= facts["coupon_pct"] < 100:
        found["coupon_pct"] = "must be from 0 to less than 100 percent"
    issued, matures = facts.get("issue_date"), facts.get("maturity_date")
    if issued and matures and matures <= issued:
        found["maturity_date"] = "must come after the issue date"
    return found


def _pair_problems(facts: Facts) -> Problems:
    base, quote = facts.get("base_currency"), facts.get("currency")
    if facts.get("asset_class") != "FX":
        return {"base_currency": "is of a pair of currencies alone"} if base else {}
    if base and quote and base == quote:
        return {"base_currency": "must be another than the currency"}
    if base and quote and facts.get("symbol") and facts["symbol"] != f"{base}/{quote}":
        return {"symbol": f"must be {base}/{quote}, as the market calls the pair"}
    return {}


HOLDERS = ("ETF", "FUND")
"""Classes of what holds other instruments."""


def constituent_problems(facts: Facts, fund_class: str | None) -> Problems:
    """:param fund_class: the class of what is said to hold it; None where nothing is named"""
    found = {}
    if fund_class is not None and fund_class not in HOLDERS:
        found["fund"] = "must be an ETF or a fund"
    if facts.get("fund") and facts.get("fund") == facts.get("instrument"):
        found["instrument"] = "must be another than the fund itself"
    weight = facts.get("weight_pct")
    if weight is not None and not 0 < weight <= 100:
        found["weight_pct"] = "must be more than 0 and at most 100 percent"
    return found


CFI_GROUPS = {"OPTION": "O", "FUTURE": "F"}


def _derivative_problems(facts: Facts) -> Problems:
    """What is wrong with the terms of an option or a future, and with such terms where they do not belong."""
    asset_class, found = facts.get("asset_class"), {}
    if asset_class != "OPTION":
        found |= {name: "is of an option alone" for name in ("strike_price", "put_or_call") if facts.get(name)}
    if asset_class not in CFI_GROUPS:
        odd = facts.get("underlying") and asset_class != "CORP"
        found |= {"underlying": "is of an option, a future or a convertible bond alone"} if odd else {}
        return found | _conversion_problems(facts)
    if facts.get("strike_price") is not None and facts["strike_price"] <= 0:
        found["strike_price"] = "must be more than zero"
    if facts.get("increment") is not None and not is_multiple(facts["increment"], Decimal(1)):
        found["increment"] = "must be whole contracts"
    cfi = facts.get("cfi_code") or ""
    if cfi and not (len(cfi) == 6 and cfi.isascii() and cfi.isalpha() and cfi.isupper()):
        found["cfi_code"] = f"“{cfi}” is not a CFI code (ISO 10962): six capitals"
    elif cfi and cfi[0] != CFI_GROUPS[asset_class]:
        found["cfi_code"] = f"must begin with {CFI_GROUPS[asset_class]} for {asset_class}"
    elif cfi and asset_class == "OPTION" and facts.get("put_or_call") and cfi[1] != facts["put_or_call"][0]:
        found["cfi_code"] = f"says {'call' if cfi[1] == 'C' else 'put'}, the instrument the other"
    return found


def _conversion_problems(facts: Facts) -> Problems:
    converts, ratio = facts.get("asset_class") == "CORP" and facts.get("underlying"), facts.get("conversion_ratio")
    if converts and ratio is None:
        return {"conversion_ratio": "is needed for a convertible bond: how many shares 1,000 of its face turn into"}
    if ratio is not None and not converts:
        return {"conversion_ratio": "is of a convertible bond alone: say what it turns into, or leave it empty"}
    return {"conversion_ratio": "must be more than zero"} if ratio is not None and ratio <= 0 else {}


def party_problems(facts: Facts) -> Problems:
    """What is wrong with the identifiers of an issuer, custodian or depository."""
    return _identifier_problems(facts, "lei", "bic") | _country_problems(facts)


def broker_problems(facts: Facts) -> Problems:
    found = _identifier_problems(facts, "lei", "bic")
    code, kind, rate = facts.get("code") or "", facts.get("commission_kind"), facts.get("commission_rate")
    if code != code.strip().upper():
        found["code"] = f"“{code}” must be in capitals without outer spaces, as it is spoken on the wire"
    if rate is not None and rate < 0:
        found["commission_rate"] = "must not be negative"
    elif rate is not None and kind and (rate == 0) != (kind == "none"):
        found["commission_rate"] = "must be zero where there is no commission, and more than zero where there is one"
    return found


def venue_problems(facts: Facts) -> Problems:
    found = _country_problems(facts)
    mic, calendar, zone = facts.get("mic"), facts.get("calendar"), facts.get("timezone")
    if mic and not (len(mic) == 4 and mic.isalnum() and mic.isascii() and mic == mic.upper()):
        found["mic"] = f"“{mic}” is not a market identifier code (ISO 10383): four capitals or digits"
    if calendar and calendar not in _calendar_names():
        found["calendar"] = f"“{calendar}” is not a calendar of exchange_calendars"
    if zone and zone not in zoneinfo.available_timezones():
        found["timezone"] = f"“{zone}” is not a time zone, such as Europe/London"
    return found


def currency_problems(facts: Facts) -> Problems:
    found = {}
    code, units = facts.get("code"), facts.get("minor_units")
    if code and not (len(code) == 3 and code.isalpha() and code.isascii() and code == code.upper()):
        found["code"] = f"“{code}” is not a currency code (ISO 4217): three capitals"
    if units is not None and not 0 <= units <= 4:
        found["minor_units"] = "must be from 0 to 4 decimals"
    return found


def cycle_problems(facts: Facts) -> Problems:
    found = _country_problems(facts)
    days, first, last = facts.get("days"), facts.get("effective_from"), facts.get("effective_to")
    if days is not None and not 0 <= days <= 10:
        found["days"] = "must be from 0 to 10 settlement days"
    if first and last and last < first:
        found["effective_to"] = "must not come before the first date"
    return found


def fee_problems(facts: Facts) -> Problems:
    found = _country_problems(facts)
    first, last = facts.get("effective_from"), facts.get("effective_to")
    least, most = facts.get("least_amount"), facts.get("most_amount")
    if first and last and last < first:
        found["effective_to"] = "must not come before the first date"
    for name in ("rate_bp", "unit_amount", "least_amount", "most_amount"):
        if (facts.get(name) or 0) < 0:
            found[name] = "must not be negative"
    if (facts.get("rate_bp") or 0) > 10_000:
        found["rate_bp"] = "is more than the whole amount; it is in basis points"
    if least is not None and most is not None and most < least:
        found["most_amount"] = "must not be below the least amount"
    return found


def _identifier_problems(facts: Facts, *kinds: str) -> Problems:
    found = {kind: identifier_problem(kind, facts[kind]) for kind in kinds if facts.get(kind)}
    return {kind: problem for kind, problem in found.items() if problem}


def _country_problems(facts: Facts) -> Problems:
    country = facts.get("country")
    if country and not (len(country) == 2 and country.isalpha() and country.isascii() and country == country.upper()):
        return {"country": f"“{country}” is not a country code (ISO 3166): two capitals"}
    return {}


def _calendar_names() -> list[str]:
    import exchange_calendars  # Brings pandas, a second of every process's start, so only who asks pays it.

    return exchange_calendars.get_calendar_names()
