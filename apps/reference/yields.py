"""
Yield of a bond from its price, and its spread to a government bond.

The yield is the rate, compounded as often as coupons are paid, at which what the bond pays from settlement on is worth its
price with accrued interest: SIFMA Standard Securities Calculation Methods, formulas 6 and 7; ICMA rule 803. In the last coupon
period interest is simple. None of it knows of calls: it is to maturity.
"""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from .accruals import Coupon, UnknownDayCount, accrued
from .coupons import coupon_period, coupons_left, days_30_360

HUNDRED = Decimal(100)
LOWEST, HIGHEST = -0.99, 10.0  # A year; beyond, no price is meant.
STEPS = 80  # Halves of that width: all the digits there are.


class Benchmark(NamedTuple):
    """A government bond and its yield; ``pk`` of the instrument, where it is one of ours."""

    symbol: str
    maturity_date: date
    yield_pct: Decimal
    pk: int | None = None


def yield_pct(price: Decimal, coupon: Coupon, settle_date: date) -> Decimal | None:
    """
    Yield to maturity in percent a year, to a thousandth of a basis point.

    :param price: percent of par, without accrued interest
    :returns: None where it cannot be told: no maturity, coupon, frequency or known day count, or matured
    """
    matures, frequency = coupon.maturity_date, coupon.frequency
    if not matures or not frequency or 12 % frequency or coupon.rate_pct is None or price <= 0 or settle_date >= matures:
        return None
    try:
        dirty = float(Fraction(price) + accrued(HUNDRED, coupon, settle_date))
    except UnknownDayCount:
        return None
    last, following = coupon_period(matures, frequency, settle_date)
    if coupon.day_count == "30/360":
        ahead = 1 - days_30_360(last, settle_date) * frequency / 360
    elif coupon.day_count == "ACT/ACT":
        ahead = (following - settle_date).days / (following - last).days
    else:
        return None
    count, each = coupons_left(matures, frequency, following), float(coupon.rate_pct) / frequency
    if count == 1:
        rate = ((100 + each) / dirty - 1) / ahead if ahead > 0 else None
    else:
        rate = _solve(dirty, each, count, ahead)
    return None if rate is None else round(Decimal(rate * frequency * 100), 5)


def _solve(dirty: float, each: float, count: int, ahead: float) -> float | None:
    """The rate of a period at which the payments are worth the price: by halves, for the value falls as the rate rises."""

    def worth(rate: float) -> float:
        off = 1 / (1 + rate)
        annuity = count if abs(rate) < 1e-12 else (1 - off**count) / (1 - off)
        return off**ahead * (each * annuity + 100 * off ** (count - 1))

    low, high = LOWEST, HIGHEST
    if not worth(high) <= dirty <= worth(low):
        return None
    for _ in range(STEPS):
        middle = (low + high) / 2
        if worth(middle) > dirty:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def nearness(maturity: date, other: date) -> tuple[int, date]:
    """By which benchmarks are put in order for a bond: the nearest maturity first, of two as near the earlier."""
    return abs((other - maturity).days), other


def spread_bp(yield_: Decimal | None, benchmark: Benchmark | None) -> Decimal | None:
    """Yield over the benchmark's, in basis points."""
    return None if yield_ is None or benchmark is None else (yield_ - benchmark.yield_pct) * 100
