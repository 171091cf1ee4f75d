"""A fill that a person enters: whether its time and price can be, and how far it is from the market."""

from datetime import datetime, timedelta
from decimal import Decimal

AHEAD = timedelta(seconds=1)  # Voice trades are timed to the second (Delegated Regulation (EU) 2017/574, Annex).


def time_problem(executed_at: datetime, opened_at: datetime, now: datetime) -> str:
    """What is wrong with the time of a trade; empty where nothing is. It is no sooner than its block, and not to come."""
    if executed_at > now + AHEAD:
        return f"{executed_at:%H:%M:%S} UTC is still to come."
    if executed_at < opened_at.replace(microsecond=0):
        return f"{executed_at:%d %b %H:%M:%S} UTC is before the block was opened, {opened_at:%d %b %H:%M:%S}."
    return ""


def distance(price: Decimal, low: Decimal, high: Decimal) -> Decimal:
    """How far a price is outside what the market traded, in basis points of the nearer end; 0 inside."""
    if low <= price <= high:
        return Decimal(0)
    near = low if price < low else high
    return abs(price - near) / near * 10_000
