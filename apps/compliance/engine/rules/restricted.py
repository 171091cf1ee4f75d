"""
Restricted list: an issuer with its whole group, or one instrument, derivatives on either included, between two dates.

What the desk is told is neutral: that an order met the list is itself information.
"""

import numpy as np

from ..columns import Restriction, Snapshot
from ..judgement import FAIL, PASS, RuleVersion, Said, Verdicts, without_quantity
from ..saying import line

PARAMS = {}
NEUTRAL = "Compliance has to look at this order before it can go on."


def judge(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """Fails an order that a line of the list forbids, on the date it would trade and in its direction."""
    hit: dict[int, Restriction] = {}
    for restriction in s.restrictions:
        places = [p for p, i in enumerate(s.instruments) if _names(restriction, i)]
        if places:
            for row in _orders_met(s, restriction, np.array(places)):
                hit.setdefault(int(row), restriction)
    outcome = np.full(len(s.orders), PASS, np.int8)
    outcome[list(hit)] = FAIL

    def say(order: int) -> Said:
        found = hit[order]
        i = s.instrument_of(order)
        what = i.symbol if found.instrument_id else f"{i.issuer_name} and its group"
        forbids = {"ALL": "no trading", "BUY": "no buying", "SELL": "no selling"}[found.direction]
        until = f" to {found.effective_to}" if found.effective_to else ""
        text = f"{what} is on the restricted list: {forbids} from {found.effective_from}{until}. {found.reason}"
        data = (line("Restriction", str(found.id), direction=found.direction, listed_from=str(found.effective_from)),)
        return Said(text, "issuer's group, instrument, and derivatives on them", data, "restricted list")

    return Verdicts(rule, outcome, say, max_qty=without_quantity(outcome == FAIL))


def _names(restriction: Restriction, i) -> bool:
    if restriction.instrument_id is not None:
        return restriction.instrument_id in (i.id, i.underlying_id)
    return restriction.issuer_group in (i.issuer_group, i.underlying_group)


def _orders_met(s: Snapshot, restriction: Restriction, places: np.ndarray) -> np.ndarray:
    met = np.isin(s.orders.instrument, places)
    if restriction.direction != "ALL":
        met &= s.orders.sell == (restriction.direction == "SELL")
    if restriction.portfolio_id is not None:
        ids = np.array([p.id for p in s.portfolios])
        met &= ids[s.orders.portfolio] == restriction.portfolio_id
    today = s.at.date()
    in_force = [
        restriction.effective_from <= (i.trade_date or today)
        and (restriction.effective_to is None or (i.trade_date or today) <= restriction.effective_to)
        for i in s.instruments
    ]
    return np.flatnonzero(met & np.array(in_force)[s.orders.instrument])
