"""Fat fingers: the value of one order, and its part of what trades in a day."""

from fractions import Fraction

import numpy as np

from ..columns import FIRM_CURRENCY, PRICE, Snapshot
from ..judgement import INDETERMINATE, RuleVersion, Said, Verdicts, compared, constant
from ..params import Param
from ..saying import cannot_tell, line, money, percent, quote_lines, units

NOTIONAL_PARAMS = {
    "max_amount": Param("amount", "25000000", f"largest value of one order in {FIRM_CURRENCY}"),
    "max_age": Param("minutes", 4320, "oldest price or rate that counts, in minutes"),
}
NONE, ONE = Fraction(0), Fraction(1)
VOLUME_PARAMS = {"max_pct": Param("percent", "25", "largest share of an average day's volume")}


def notional(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """No order worth more than an amount, at its limit where that is dearer than the market, else at mid."""
    most, minutes = rule.params["max_amount"], rule.params["max_age"]
    place = s.orders.instrument
    unit = s.once("dearer of mid and limit", lambda: _dearer(s))
    n = len(s.orders)
    cap = constant(float(most), n)

    def exact(order: int) -> tuple[Fraction, Fraction, Fraction]:
        i = s.instrument_of(order)
        rate = Fraction(s.rates[i.currency].rate)
        limit = Fraction(int(s.orders.limit[order]), PRICE) * Fraction(i.price_factor) * rate
        return NONE, max(s.exact_unit(place[order]) * s.exact_forward(s.orders, order), limit), Fraction(most)

    same = "notional", minutes
    asked, known = s.once(same, lambda: (np.ones(n, bool), s.fresh_price(minutes) & ~np.isnan(unit)))
    outcome, max_qty = compared(s, asked, known, constant(0.0, n), unit, cap, exact, same)
    after = s.once("worth dearer of mid and limit", lambda: s.ordered * unit)

    def say(order: int) -> Said:
        basis = "quantity × the higher of mid and limit, in the firm's currency"
        if outcome[order] == INDETERMINATE:
            text, data = cannot_tell(s, order, minutes, whole_portfolio=False)
            return Said(text, basis, data, "rule")
        text = f"The order is worth {money(after[order])}; the most is {money(float(most))}."
        return Said(text, basis, quote_lines(s, order), "rule")

    return Verdicts(rule, outcome, say, None, after, cap, FIRM_CURRENCY, cap, FIRM_CURRENCY, max_qty)


def _dearer(s: Snapshot) -> np.ndarray:
    place = s.orders.instrument
    factor = np.array([float(i.price_factor) for i in s.instruments])[place] * s.rate[s.currency][place]
    return np.maximum(s.unit[place] * s.forward(s.orders), s.orders.limit / PRICE * factor)


def volume(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """No order above so many percent of the instrument's average daily volume, where it has a market with one."""
    pct = rule.params["max_pct"]
    daily, asked, known, after = s.once("daily volume", lambda: _daily(s))
    n = len(s.orders)
    cap = float(pct) / 100 * daily

    share = Fraction(pct) / 100

    def exact(order: int) -> tuple[Fraction, Fraction, Fraction]:
        return NONE, ONE, share * Fraction(s.instrument_of(order).daily_qty)

    outcome, max_qty = compared(
        s, asked, known, constant(0.0, n), constant(1.0, n), cap, exact, "daily volume", s.orders.instrument
    )

    def say(order: int) -> Said:
        i = s.instrument_of(order)
        basis = "quantity ÷ average daily volume"
        if outcome[order] == INDETERMINATE:
            text = f"Cannot tell: no average daily volume of {i.symbol} is on file."
            return Said(text, basis, (line(f"{i.symbol} average daily volume", "missing"),), "rule")
        text = (
            f"The order is {percent(after[order])} of {i.symbol}'s average day of {units(daily[order])}; the most is"
            f" {percent(float(pct))}."
        )
        return Said(text, basis, (line(f"{i.symbol} average daily volume", i.daily_qty),), "rule")

    return Verdicts(rule, outcome, say, None, after, constant(float(pct), n), "% of daily volume", cap, "units", max_qty)


def _daily(s: Snapshot) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of each order: its instrument's average day, whether it is asked, whether that is known, and its percent of it."""
    place = s.orders.instrument
    daily = np.array([np.nan if i.daily_qty is None else float(i.daily_qty) for i in s.instruments])[place]
    with np.errstate(divide="ignore", invalid="ignore"):
        return daily, s.is_traded[place], ~np.isnan(daily), s.ordered / daily * 100
