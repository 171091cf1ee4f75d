"""Every measure a rule can use: one module each, and this table of them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from .. import filters, params
from ..attributes import ALL_FIELDS
from ..columns import Snapshot
from ..filters import OWN
from ..judgement import RuleVersion, Verdicts
from ..params import Param
from . import (
    bands,
    cash,
    collar,
    concentration,
    duplicates,
    holdings,
    largest,
    limits,
    measure,
    measure_firm,
    measure_said,
    owed,
    ownership,
    plan_counterparties,
    plans,
    position_limits,
    public_issuers,
    qualifying,
    restricted,
    short_sales,
    size,
    stepped,
    through_said,
    wash_sales,
)


class Measure(NamedTuple):
    """
    :param takes: its parameters
    :param judge: (snapshot, rule, which orders the rules before it refused) to verdicts
    :param last: whether it must know what the others refused
    :param firm_wide: whether, with these parameters, it looks beyond the order's own portfolio: screenings then take turns
    :param looks_at_deals: whether, with these parameters, it looks at deals in currencies that are not settled
    :param neutral: what the desk is told instead of its words, where those are not for the desk
    :param check: refuses parameters that do not go together (``BadRule``)
    :param sentence: what a rule with these parameters says, made from them
    """

    title: str
    takes: Mapping[str, Param]
    judge: Callable[[Snapshot, RuleVersion, np.ndarray], Verdicts]
    last: bool = False
    firm_wide: Callable[[Mapping[str, Any]], bool] = lambda values: False
    neutral: str = ""
    looks_at_deals: Callable[[Mapping[str, Any]], bool] = lambda values: False
    check: Callable[[Mapping[str, Any]], None] | None = None
    sentence: Callable[[Mapping[str, Any]], str] | None = None


MEASURES: dict[str, Measure] = {
    "measure": Measure(
        "Written by the firm", measure_said.PARAMS, measure.judge, firm_wide=measure_said.is_firm_wide,
        looks_at_deals=measure_said.looks_at_deals, check=measure_said.check, sentence=measure_said.sentence,
    ),
    "large_groups": Measure(
        "Large groups together", stepped.LARGE_PARAMS, stepped.large, check=stepped.check_large, sentence=stepped.say_large
    ),
    "largest_groups": Measure(
        "The largest groups together", largest.PARAMS, largest.judge, check=through_said.check, sentence=largest.sentence
    ),
    "illiquid": Measure(
        "Illiquid positions together", stepped.ILLIQUID_PARAMS, stepped.illiquid, check=stepped.check_illiquid,
        sentence=stepped.say_illiquid,
    ),  # fmt: skip
    "deposits": Measure("Money kept with one body", owed.DEPOSIT_PARAMS, owed.kept, sentence=owed.say_kept),
    "dealers": Measure(
        "Deals in currencies with one body", owed.DEAL_PARAMS, owed.dealt, sentence=owed.say_dealt, looks_at_deals=lambda values: True
    ),
    "restricted_list": Measure("Restricted list", restricted.PARAMS, restricted.judge, neutral=restricted.NEUTRAL),
    "control_room": Measure("Lists of the control room", restricted.HELD_PARAMS, restricted.judge_held, neutral=restricted.NEUTRAL),
    "instrument_share": Measure("Instrument, % of NAV", concentration.INSTRUMENT_PARAMS, concentration.instrument),
    "issue_ownership": Measure("Firm's part of an issue", ownership.PARAMS, ownership.judge, firm_wide=lambda values: True),
    "issuer_share": Measure("Issuer's group, % of NAV", concentration.GROUP_PARAMS, concentration.issuer),
    "sector_share": Measure("Sector, % of NAV", concentration.GROUP_PARAMS, concentration.sector),
    "asset_class_band": Measure("Asset-class band", bands.PARAMS, bands.judge),
    "holding": Measure("Nothing sold that is not held", holdings.PARAMS, holdings.judge),
    "short_sale": Measure("Short sale: mark, locate, price test", short_sales.PARAMS, short_sales.judge, firm_wide=lambda values: True),
    "order_value": Measure("Value of one order", size.NOTIONAL_PARAMS, size.notional),
    "order_volume": Measure("Order, % of daily volume", size.VOLUME_PARAMS, size.volume),
    "trading_limits": Measure("Trading limits of person, desk, instrument", limits.PARAMS, limits.judge),
    "wash_sale": Measure("Wash sale", wash_sales.PARAMS, wash_sales.judge),
    "employer_securities": Measure(
        "Employer's securities, % of a plan's assets", plans.EMPLOYER_PARAMS, plans.employer, sentence=plans.say_employer
    ),
    "plan_parties": Measure("Plans and parties in interest", plans.PARTY_PARAMS, plans.parties, sentence=plans.say_parties),
    "qualifying_employer": Measure(
        "Employer's securities that qualify", qualifying.PARAMS, qualifying.judge, sentence=qualifying.sentence
    ),
    plan_counterparties.KIND: Measure(
        "Plans and whom they deal with", plan_counterparties.PARAMS, plan_counterparties.judge, sentence=plan_counterparties.sentence
    ),
    "public_issuers": Measure(
        "Public issuers: how much of one, of how many issues", public_issuers.PARAMS, public_issuers.judge,
        sentence=public_issuers.sentence,
    ),  # fmt: skip
    position_limits.KIND: Measure(
        "Position limits of futures", position_limits.PARAMS, position_limits.judge, firm_wide=lambda values: True,
        sentence=position_limits.sentence,
    ),  # fmt: skip
    "price_collar": Measure("Price collar", collar.PARAMS, collar.judge),
    "duplicate": Measure("Duplicate order", duplicates.PARAMS, duplicates.judge),
    "cash_by_currency": Measure("Cash by currency and date", cash.CURRENCY_PARAMS, cash.by_currency, last=True),
    "cash_share": Measure("Least cash, % of NAV", cash.MINIMUM_PARAMS, cash.minimum, last=True),
}


def read(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A rule's parameters as its measure takes them. :raises BadRule: naming the first that is unknown, malformed or unfit"""
    values = params.read(MEASURES[kind].takes, given)
    if check := MEASURES[kind].check:
        check(values)
    return values


def own_asked(rules: Iterable[RuleVersion]) -> frozenset[str]:
    """Codes of the attributes of the firm's own that the rules hang on."""
    return frozenset(code for rule in rules for code in own_in(rule.kind, rule.params))


def own_in(kind: str, values: Mapping[str, Any]) -> frozenset[str]:
    """The same of one rule by its parameters."""
    named: set[str] = set()
    for name, param in MEASURES[kind].takes.items():
        value = values.get(name)
        if not isinstance(value, str) or OWN not in value:
            continue
        if param.kind == "filter":
            named |= filters.read(value, ALL_FIELDS).fields
        elif param.kind == "group":
            named.add(value)
    return frozenset(name.removeprefix(OWN) for name in named if name.startswith(OWN))


def ask_benchmarks(rules: Iterable[RuleVersion]) -> bool:
    """Whether one of them measures against what is in portfolios' benchmarks."""
    return any(rule.params.get("relative_to") == "benchmark" for rule in rules)


def look_through_funds(rules: Iterable[RuleVersion]) -> bool:
    """Whether one of them looks through funds."""
    return any(through_said.looks_through(rule.params) for rule in rules)


def ask_issued(rules: Iterable[RuleVersion]) -> bool:
    """Whether one of them measures against what bodies have issued of a kind."""
    return any(rule.params.get("against") == "issued_by_body" for rule in rules)


def ask_counterparties(rules: Iterable[RuleVersion]) -> bool:
    """Whether one of them asks to whom orders are sent."""
    return any(rule.kind == plan_counterparties.KIND for rule in rules)


def look_firm_wide(rules: Iterable[RuleVersion]) -> bool:
    """Whether one of them looks beyond the order's own portfolio."""
    return any(MEASURES[rule.kind].firm_wide(rule.params) for rule in rules)


def firm_groups(rules: Iterable[RuleVersion], *, standing: bool = False) -> frozenset[str]:
    """By which groups some of them add up what the whole firm has. :param standing: asked with no order, also those by instrument"""
    measured = [rule.params for rule in rules if rule.kind == "measure"]
    return frozenset(
        p["group"] for p in measured if measure_firm.is_by_group(p) or (standing and measure_said.is_firm_wide(p))
    )


def ask_firm_worth(rules: Iterable[RuleVersion]) -> bool:
    """Whether one of them measures against what all portfolios are worth."""
    return any(rule.kind == "measure" and measure_firm.measures_worth(rule.params) for rule in rules)


def look_at_deals(rules: Iterable[RuleVersion]) -> bool:
    """Whether one of them looks at deals in currencies that are not settled."""
    return any(MEASURES[rule.kind].looks_at_deals(rule.params) for rule in rules)
