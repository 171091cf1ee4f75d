"""
Price collar: a buy's limit is not far above the offer, a sell's not far below the bid; a quote too old to say so is
no pass (the same for market orders, which would trade against it blindly). The quote of a forward in currencies is the
spot quote carried to its value date.
"""

from decimal import Decimal
from fractions import Fraction

import numpy as np

from ..columns import NEAR, PRICE, Snapshot, micros
from ..judgement import FAIL, INDETERMINATE, PASS, RuleVersion, Said, Verdicts, without_quantity
from ..params import Param
from ..saying import line, no_forward, number, percent, price_lines, quote_lines

PARAMS = {
    "max_pct": Param("percent", "5", "how far through the market a limit may be"),
    "max_age": Param("minutes", 60, "oldest quote that counts, in minutes"),
    "market_orders": Param("flag", True, "whether market orders need a fresh quote too"),
}


def judge(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """Limit ÷ best opposite quote is within the collar; room is given as the farthest limit that passes."""
    pct, minutes = rule.params["max_pct"], rule.params["max_age"]
    place = s.orders.instrument
    limited = s.orders.limit > 0
    asked = (limited | rule.params["market_orders"]) & ~s.is_fund[place]
    known = _fresh_quotes(s, minutes)[place]
    bid = np.array([np.nan if i.bid is None else float(i.bid) for i in s.instruments])[place]
    ask = np.array([np.nan if i.ask is None else float(i.ask) for i in s.instruments])[place]
    forward = s.forward(s.orders)
    bid, ask, known = bid * forward, ask * forward, known & ~np.isnan(forward)
    limit = s.orders.limit / PRICE
    far = float(pct) / 100
    edge = np.where(s.buy, ask * (1 + far), bid * (1 - far))
    with np.errstate(invalid="ignore", divide="ignore"):
        beyond = np.where(s.buy, limit - edge, edge - limit)
        after = np.where(s.buy, limit / ask - 1, 1 - limit / bid) * 100
    fails = asked & limited & (beyond > 0)
    for order in np.flatnonzero(limited & known & (np.abs(beyond) <= NEAR * np.abs(edge))):
        fails[order] = _through(s, order, pct)
    outcome = np.where(asked, np.where(known, np.where(fails, FAIL, PASS), INDETERMINATE), 0).astype(np.int8)

    def say(order: int) -> Said:
        i = s.instrument_of(order)
        basis = "limit against the quote it would trade with"
        if outcome[order] == INDETERMINATE:
            if text := no_forward(s, order):
                return Said(text, basis, (), "rule")
            if i.bid is None or i.priced_at is None:
                return Said(f"Cannot tell: {i.symbol} has no quote.", basis, (line(f"{i.symbol} quote", "missing"),), "rule")
            text = f"Cannot tell: the last quote of {i.symbol} is of {i.priced_at:%d %b %H:%M} UTC, over {minutes} min old."
            return Said(text, basis, price_lines(s, place[order]), "rule")
        side, quote = ("above the offer", i.ask) if s.buy[order] else ("below the bid", i.bid)
        if s.orders.value_days[order]:
            quote = round(float(Fraction(quote) * s.exact_forward(s.orders, order)), 6)
        text = (
            f"The limit of {number(Decimal(int(s.orders.limit[order])) / PRICE)} is {percent(after[order])} {side} of"
            f" {number(quote)}; the most is {percent(float(pct))}."
        )
        return Said(text, basis, quote_lines(s, order), "rule")

    shown = np.where(limited, after, np.nan)
    limits = np.where(limited, float(pct), np.nan)
    failed = outcome == FAIL
    return Verdicts(rule, outcome, say, None, shown, limits, "% through quote", max_qty=without_quantity(failed))


def _fresh_quotes(s: Snapshot, minutes: int) -> np.ndarray:
    oldest = s.now_us - minutes * 60_000_000
    quoted = [-1 if i.bid is None or i.ask is None or i.priced_at is None else micros(i.priced_at) for i in s.instruments]
    return np.array(quoted, np.int64) >= max(oldest, 0)


def _through(s: Snapshot, order: int, pct: Decimal) -> bool:
    i = s.instrument_of(order)
    limit, far = Fraction(int(s.orders.limit[order]), PRICE), Fraction(pct) / 100
    to = s.exact_forward(s.orders, order)
    return limit > Fraction(i.ask) * to * (1 + far) if s.buy[order] else limit < Fraction(i.bid) * to * (1 - far)
