"""What a row of reference data must be, whether a form or a file brings it."""

import zoneinfo
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from .terms import identifier_problem, is_multiple

Facts = Mapping[str, Any]  # A row's fields by name, of other tables' rows their keys; None or absent where unknown.
Problems = dict[str, str]  # Field to what is wrong with it.


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
SAID_OF = {
    "is_covered": (("CORP",), "a corporate bond"),
    "has_votes": (("EQUITY",), "a share"),
    "is_closed_end": (("ETF", "FUND"), "a fund"),
    "is_money_market": (("CORP", "GOVT"), "a bond"),
    "independent_pct": (("EQUITY", "CORP"), "a share or a corporate bond"),
    "is_ucits": (("ETF", "FUND"), "a fund"),
}
"""What is yes, no, or not known of instruments of some classes, and has no sense of others."""


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
    for field, (classes, whose) in SAID_OF.items():
        if facts.get(field) is not None and asset_class not in classes:
            found[field] = f"is said of {whose} alone; leave it empty"
    independent, source = facts.get("independent_pct"), facts.get("independent_source")
    if independent is not None and not 0 <= independent <= 100:
        found["independent_pct"] = "must be from 0 to 100 percent"
    if (independent is None) == bool(source):
        found["independent_source"] = "stands with the part in independent hands: give both, or leave both empty"
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


def issuer_problems(facts: Facts) -> Problems:
    """What is wrong with an issuer: a figure of its accounts comes with where it is from and of when."""
    found = party_problems(facts)
    revenue, debts = facts.get("securities_revenue_pct"), ("debt_outstanding", "money_market_outstanding")
    if revenue is not None and not 0 <= revenue <= 100:
        found["securities_revenue_pct"] = "must be from 0 to 100 percent"
    found |= {name: "must be more than zero" for name in debts if facts.get(name) is not None and facts[name] <= 0}
    for known, figure, others in (
        (revenue is not None, "the part of revenue", ("securities_revenue_source", "securities_revenue_date")),
        (any(facts.get(name) is not None for name in debts), "the debt", ("debt_currency", "debt_date")),
    ):
        for name in others:
            if known and not facts.get(name):
                found[name] = f"is needed with {figure}"
            elif not known and facts.get(name):
                found[name] = f"stands with {figure} alone: give that too, or leave this empty"
    return found


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
