"""Whether the market gives a pair the ratio that is asked for."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from apps.marketdata import selectors as marketdata

from .. import rules
from ..models import LinkedGroup
from ..selectors import LegNow

QUOTE_SECONDS = 60  # How old a price may be that a ratio is told by.
BUYS = ("BUY", "BUY_COVER")


def why_shut(group: LinkedGroup, rows: Sequence[LegNow], at: datetime) -> str:
    """
    Why the leader may not be at brokers now: the ratio is below its limit, or what it may be ahead by cannot be told, as no price of
    now is on file. Empty where it may. Two queries where there is a limit, two where the tolerance is in money.
    """
    if group.tolerance_amount is not None and leader_worth(rows, at) is None:
        return f"What the leader is worth cannot be told: it has no price of the last {QUOTE_SECONDS} s. The leader waits."
    if group.ratio_limit is None:
        return ""
    found = market_ratio(rows, at)
    if found is None:
        return f"The ratio cannot be told: a leg has no price of the last {QUOTE_SECONDS} s. The leader waits."
    if found < group.ratio_limit:
        return f"The ratio is {_plain(found)}, below {_plain(group.ratio_limit)}. The leader waits."
    return ""


def tolerance_pct(group: LinkedGroup, rows: Sequence[LegNow], at: datetime) -> Decimal | Fraction:
    """
    How far a pair's leader may be ahead, in percent of each leg: as it was given, or what its amount is of the leader's worth now;
    the least there is where that cannot be told.
    """
    if group.tolerance_amount is None:
        return group.tolerance_pct
    worth = leader_worth(rows, at)
    return rules.tolerance_of(group.tolerance_amount, worth) if worth else Fraction(0)


def leader_worth(rows: Sequence[LegNow], at: datetime) -> Decimal | None:
    """All of the leader in USD at its mid; None where no price of now, or no rate, is on file. Two queries."""
    block = rows[0].block
    quote = marketdata.quotes_of([block.instrument_id]).get(block.instrument_id)
    rate = marketdata.fx_rates("USD").get(block.currency_id)
    if quote is None or rate is None or not quote.mid or (at - quote.at).total_seconds() > QUOTE_SECONDS:
        return None
    return rows[0].leg.qty * quote.mid * block.instrument.price_factor * rate[0]


def market_ratio(rows: Sequence[LegNow], at: datetime) -> Decimal | None:
    """The price of what is sold at its bid in prices of what is bought at its offer, in one currency; None where one is not known."""
    quotes = marketdata.quotes_of(row.block.instrument_id for row in rows)
    rates = marketdata.fx_rates("USD")
    sides: dict[bool, Decimal] = {}
    for row in rows:
        quote, rate = quotes.get(row.block.instrument_id), rates.get(row.block.currency_id)
        buys = row.block.side in BUYS
        price = None if quote is None else quote.ask if buys else quote.bid
        if not price or rate is None or (at - quote.at).total_seconds() > QUOTE_SECONDS:
            return None
        sides[buys] = price * row.block.instrument.price_factor * rate[0]
    return rules.ratio(sides[False], sides[True]) if len(sides) == 2 else None


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
