"""
The whole firm's holding of one issue, in percent of shares outstanding: what the ownership clocks watch.

Counts positions and open buys of every portfolio, so two managers cannot both take the last of it; whoever screens
holds a lock meanwhile.
"""

from fractions import Fraction

import numpy as np

from ..columns import QTY, Snapshot
from ..judgement import INDETERMINATE, RuleVersion, Said, Verdicts, compared
from ..params import Param
from ..projection import running
from ..saying import line, percent, units

PARAMS = {"max_pct": Param("percent", "5", "largest share of an issue that the firm may hold")}
ASKED_OF = ("EQUITY",)


def judge(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """No more than so many percent of an equity's shares outstanding across all portfolios of the firm."""
    limit_pct = rule.params["max_pct"]
    outstanding = np.array(
        [np.nan if i.shares_outstanding is None else float(i.shares_outstanding) for i in s.instruments]
    )
    equity = np.array([i.asset_class in ASKED_OF for i in s.instruments], bool)
    place = s.orders.instrument
    asked = s.buy & equity[place]
    known = ~np.isnan(outstanding[place])
    whole = (s.firm_held + s.firm_promised)[place] + _earlier_buys(s)
    used = whole / QTY
    cap = float(limit_pct) / 100 * outstanding[place]

    def exact(order: int) -> tuple[Fraction, Fraction, Fraction]:
        shares = Fraction(s.instrument_of(order).shares_outstanding)
        return Fraction(int(whole[order]), QTY), Fraction(1), Fraction(limit_pct) / 100 * shares

    outcome, max_qty = compared(s, asked, known, used, np.ones(len(used)), cap, exact)
    with np.errstate(divide="ignore", invalid="ignore"):
        now = s.firm_held[place] / QTY / outstanding[place] * 100
        after = (used + s.ordered) / outstanding[place] * 100

    def say(order: int) -> Said:
        i = s.instrument_of(order)
        basis = "positions and open buys of the whole firm ÷ shares outstanding"
        if outcome[order] == INDETERMINATE:
            text = f"Cannot tell: the shares outstanding of {i.symbol} are not on file. Add them under Reference data."
            return Said(text, basis, (line(f"{i.symbol} shares outstanding", "missing"),), "rule")
        text = (
            f"The firm would hold {percent(after[order])} of {i.symbol}'s shares outstanding; the limit is"
            f" {percent(float(limit_pct))}. {units(max(cap[order] - used[order], 0))} are left."
        )
        data = (
            line(f"{i.symbol} shares outstanding", i.shares_outstanding),
            line("Held by the firm", s.firm_held[place[order]] / QTY),
            line("Open buys of the firm", s.firm_promised[place[order]] / QTY),
            line("Earlier orders judged with this one", (whole - (s.firm_held + s.firm_promised)[place])[order] / QTY),
        )
        return Said(text, basis, data, "rule")

    limit = np.full(len(used), float(limit_pct))
    return Verdicts(rule, outcome, say, now, after, limit, "% of shares", cap - used, "units", max_qty)


def _earlier_buys(s: Snapshot) -> np.ndarray:
    earlier = np.zeros(len(s.orders), np.int64)
    rows = np.flatnonzero(s.buy)
    earlier[rows] = running(s.orders.instrument[rows], s.orders.qty[rows])
    return earlier
