"""What a mandate, a model and a plan must be, and with whom a portfolio trades: arithmetic only."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

MANDATE_TYPES = {
    "UCITS": "UCITS",
    "AIF": "AIF",
    "ACT_1940": "1940 Act fund",
    "RIC": "RIC",
    "ERISA": "ERISA plan",
    "SEGREGATED": "segregated institutional account",
    "PRIVATE": "private client",
}
"""
Funds under 2009/65/EC and 2011/61/EU, registered investment companies (15 U.S.C. 80a-8), regulated ones by tax alone
(26 U.S.C. 851), plans (29 U.S.C. 1002(3)), and clients without a law of their own.
"""
GROUP_CODE = r"^[A-Za-z0-9_-]{1,40}$"
BANDS = (("equity_min_pct", "equity_max_pct"), ("fixed_income_min_pct", "fixed_income_max_pct"))
PERCENTS = (*(field for band in BANDS for field in band), "cash_min_pct", "issuer_max_pct", "sector_max_pct")


def mandate_problems(facts: Mapping[str, Decimal | None]) -> dict[str, str]:
    """Field to what is wrong with it, of a mandate in percent of net asset value. A field that is absent is not judged."""
    known = {field: facts[field] for field in PERCENTS if facts.get(field) is not None}
    found = {field: "must be from 0 to 100 percent" for field, value in known.items() if not 0 <= value <= 100}
    for least, most in BANDS:
        if least in known and most in known and known[least] > known[most]:
            found.setdefault(most, f"must not be less than the least, {known[least]:f}")
    least = sum(known.get(field, Decimal(0)) for field in ("equity_min_pct", "fixed_income_min_pct", "cash_min_pct"))
    if least > 100 and not found:
        found["cash_min_pct"] = f"the least of equity, fixed income and cash together are {least:f} percent, over 100"
    return found


def weights_problem(weights: Iterable[Decimal]) -> str | None:
    """What is wrong with a model's target weights in percent; the rest to 100 is cash."""
    weights = list(weights)
    if any(weight < 0 for weight in weights):
        return "A weight must not be negative."
    total = sum(weights, Decimal(0))
    return f"The weights sum to {total:f} percent, over 100." if total > 100 else None


def plan_problems(facts: Mapping[str, Any]) -> dict[str, str]:
    """Field to what is wrong with it, of a retirement plan."""
    found = {}
    if facts.get("kind") == "ERISA":
        if not facts.get("employer"):
            found["employer"] = "A plan under ERISA has a sponsor: without it nobody knows what employer securities are (29 USC 1107)."
        if not facts.get("fiduciary"):
            found["fiduciary"] = "A plan under ERISA has a named fiduciary (29 USC 1102(a))."
    if facts.get("by_qpam"):
        if not facts.get("qpam_agreement"):
            found["qpam_agreement"] = "Name the management agreement and its date: PTE 84-14 asks for it in writing."
        if not facts.get("qpam_starts_on"):
            found["qpam_starts_on"] = "Say from when the firm is its QPAM."
    starts, ends = facts.get("qpam_starts_on"), facts.get("qpam_ends_on")
    if ends and (not starts or ends < starts):
        found["qpam_ends_on"] = "It ends before it starts."
    return found


class Term(NamedTuple):
    """One term in force of a portfolio about a broker."""

    broker: int
    kind: str
    asset_class: str
    reason: str


def why_barred(terms: Iterable[Term], broker: int, asset_class: str, *, needs_isda: bool) -> str:
    """Why a portfolio with these terms does not trade with a broker; empty where it does."""
    mine = [term for term in terms if term.asset_class in ("", asset_class)]
    if denied := next((term for term in mine if (term.kind, term.broker) == ("DENY", broker)), None):
        return f"denied: {denied.reason}"
    allowed = {term.broker for term in mine if term.kind == "ALLOW"}
    if allowed and broker not in allowed:
        return "not on its list of allowed brokers"
    if needs_isda and not any((term.kind, term.broker) == ("ISDA", broker) for term in mine):
        return "no ISDA master agreement with it"
    return ""


def members_named(text: str) -> list[str]:
    """Codes of portfolios as they are typed or pasted: between blanks, commas, semicolons or lines, each once, sorted."""
    return sorted({code for code in re.split(r"[\s,;]+", text) if code})


def benchmark_problems(facts: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with one weight in a benchmark, by field."""
    weight = facts.get("weight_pct")
    return {"weight_pct": "must be more than 0 and at most 100 percent"} if weight is not None and not 0 < weight <= 100 else {}


LEAST_PCT = Decimal(99)
"""What a day's weights sum to at least that rules tell by: they may be rounded. Below it what they ask for is not known."""


def weights_of_day_problem(weights: Iterable[Decimal]) -> str:
    """What is wrong with a benchmark's weights of one day together; empty where nothing is. They may be rounded."""
    total = sum(weights, Decimal(0))
    if total > 100:
        return f"The weights add up to {total.normalize():f}%, more than all of the benchmark. Send weights of 100% at most."
    return "" if total >= LEAST_PCT else f"The weights add up to {total.normalize():f}%; they are all of the benchmark, 100%."
