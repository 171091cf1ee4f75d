"""Quantities shared out over time, exactly: whole lots, and together what was to be traded."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import NamedTuple

MICROSECOND = timedelta(microseconds=1)


class Slice(NamedTuple):
    """A part of the quantity and when it is due. ``qty`` is None where it depends on what the market trades."""

    at: datetime
    qty: Decimal | None
    tif: str = ""


def moments(start: datetime, end: datetime, seconds: int) -> list[datetime]:
    """The beginnings of intervals of so many seconds from start to end, the last perhaps shorter; at least one."""
    if end <= start:
        return [start]
    step = timedelta(seconds=seconds)
    return [start + step * n for n in range(-((start - end) // step))]


def share(qty: Decimal, lot: Decimal, weights: Sequence[Fraction]) -> list[Decimal]:
    """
    The quantity in proportion to weights that are not less than nothing. What is sent up to each moment is the exact share
    rounded down to whole lots, so that it is never a lot behind; the last has what is left, a broken lot too.
    """
    whole = sum(weights, Fraction(0))
    if not whole:
        weights, whole = [Fraction(1)] * len(weights), Fraction(len(weights))
    lots, parts, before, run = Fraction(qty) / Fraction(lot), [], Decimal(0), Fraction(0)
    for n, weight in enumerate(weights):
        run += weight
        upto = qty if n == len(weights) - 1 or run == whole else lot * int(lots * run / whole)
        parts.append(upto - before)
        before = upto
    return parts


def _slices(qty: Decimal, lot: Decimal, times: Sequence[datetime], weights: Sequence[Fraction]) -> list[Slice]:
    return [Slice(at, part) for at, part in zip(times, share(qty, lot, weights), strict=True) if part]


def evenly(qty: Decimal, lot: Decimal, times: Sequence[datetime]) -> list[Slice]:
    """TWAP: as much in each interval; where there are fewer lots than intervals, in some of them."""
    return _slices(qty, lot, times, [Fraction(1)] * len(times))


def by_volume(qty: Decimal, lot: Decimal, times: Sequence[datetime], volumes: Sequence[Decimal]) -> list[Slice]:
    """VWAP: as the market usually trades in each interval; evenly where it traded in none."""
    return _slices(qty, lot, times, [Fraction(v) for v in volumes])


def by_weights(qty: Decimal, lot: Decimal, times: Sequence[datetime], weights: Sequence[Decimal]) -> list[Slice]:
    """What remains after a trajectory's step is the next step's to trade (``impact.trajectory``)."""
    return _slices(qty, lot, times, [Fraction(w) for w in weights])


def hidden(qty: Decimal, shown: Decimal, lot: Decimal, at: datetime) -> list[Slice]:
    """Iceberg: one part after the other, each of what is shown, the last of what is left. Each is due when the one before is done."""
    size = max(lot, (shown / lot).to_integral_value(ROUND_FLOOR) * lot)
    count = int(qty // size)
    parts = [Slice(at, size)] * count
    rest = qty - size * count
    return [*parts, Slice(at, rest)] if rest else parts


def at_the_close(
    qty: Decimal, lot: Decimal, times: Sequence[datetime], auction_pct: Decimal, cut_off: datetime, tif: str
) -> list[Slice]:
    """So much of it, rounded down to whole lots, in the closing auction, sent at the cut-off; the rest evenly before."""
    if auction_pct >= 100 or not times:
        return [Slice(cut_off, qty, tif)]
    auction = lot * int(Fraction(qty) / Fraction(lot) * Fraction(auction_pct) / 100)
    before = evenly(qty - auction, lot, times)
    return [*before, Slice(cut_off, auction, tif)] if auction else before
