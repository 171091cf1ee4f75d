"""For which instruments a strategy is meant. Inclusion comes before exclusion, a market before its country (FIXatdl, Regions)."""

from collections.abc import Mapping
from typing import NamedTuple

from .described import Reach, Strategy

AMERICAS = """
    AI AG AR AW BS BB BZ BM BO BR CA KY CL CO CR CU DM DO EC SV FK GD GP GT GY HT HN JM MQ MX MS AN NI PA PY PE PR BL KN LC MF
    PM VC TT TC US UY VE VG VI BQ CW SX
"""
ASIA_PACIFIC = """
    AF AS AU BD BT BN KH CN CX CC CK FJ PF GU HK IN ID IO JP KG KI KP KR KZ LA MO MY MV MH FM MN MM NR NP NC NZ NU NF MP PK PW
    PG PH WS SG SB TJ TM TW TH TL TK TO TV UM UZ VU VN WF
"""
REGIONS = ("TheAmericas", "EuropeMiddleEastAfrica", "AsiaPacificJapan")


class Market(NamedTuple):
    """Where an instrument trades and what it is: ISO country and MIC, and SecurityType (tag 167) as FIX says it."""

    country: str = ""
    mic: str = ""
    security_type: str = ""


def region_of(country: str) -> str:
    return REGIONS[0] if country in AMERICAS.split() else REGIONS[2] if country in ASIA_PACIFIC.split() else REGIONS[1]


def why_not(strategy: Strategy, market: Market) -> str:
    """Why a strategy is not for an instrument, or empty. A strategy for orders of several legs is for none alone."""
    if strategy.needs_legs:
        return "It is for orders of several legs."
    for reach in (strategy.reach, strategy.filters.get(strategy.filter, Reach())):
        if found := _outside(reach, market):
            return found
    return ""


def is_meant(filter_id: str, strategy: Strategy, market: Market) -> bool:
    """Whether a parameter, control or choice under a filter is for the instrument."""
    return not filter_id or not _outside(strategy.filters[filter_id], market)


def _outside(reach: Reach, market: Market) -> str:
    if reach.types and not _in(reach.types, market.security_type):
        return f"It is not for security type {market.security_type or 'unknown'}."
    if market.mic in reach.markets:
        return "" if reach.markets[market.mic] else f"It is not for {market.mic}."
    if any(reach.markets.values()) and not reach.regions:
        return f"It is for {', '.join(sorted(mic for mic, yes in reach.markets.items() if yes))} alone."
    if reach.regions:
        return "" if _in_regions(reach, market.country) else f"It is not for {market.country or 'an unknown country'}."
    return ""


def _in(said: Mapping[str, bool], value: str) -> bool:
    return said.get(value, False) if any(said.values()) else said.get(value, True)


def _in_regions(reach: Reach, country: str) -> bool:
    for _, countries in reach.regions.values():
        if country in countries:
            return countries[country]
    here = reach.regions.get(region_of(country))
    if here is None:
        return not any(yes for yes, _ in reach.regions.values())
    is_in, countries = here
    return is_in and not any(countries.values())  # Countries that are named as included are meant alone.
