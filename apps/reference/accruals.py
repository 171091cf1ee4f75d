"""Accrued interest of a bond on its settlement date: the part of the running coupon that the buyer owes the seller."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from apps.core.money import rounded
from apps.core.refusals import Invalid

from .coupons import coupon_period, days_30_360


class UnknownDayCount(Invalid):
    """The instrument's day count is none that is known here."""


class Coupon(NamedTuple):
    """What of an instrument decides its accrued interest."""

    rate_pct: Decimal | None
    frequency: int | None
    day_count: str
    issue_date: date | None
    maturity_date: date | None


def accrued_amount(face: Decimal, coupon: Coupon, settle_date: date, minor_units: int) -> Decimal:
    """
    Interest on the face from the last coupon date (or issue) up to settlement, rounded half-up once.

    ``30/360``: face × rate × days/360, each month counted as thirty days (SIFMA Standard Securities Calculation
    Methods). ``ACT/ACT``: face × rate ÷ frequency × days ÷ days of the coupon period (ICMA rule 251; 31 CFR 356 app. B
    for US Treasuries).

    :raises UnknownDayCount: for any other day count
    """
    return rounded(accrued(face, coupon, settle_date), minor_units)


def accrued(face: Decimal, coupon: Coupon, settle_date: date) -> Fraction:
    """The same, before rounding."""
    if not coupon.rate_pct or not coupon.maturity_date or settle_date >= coupon.maturity_date:
        return Fraction(0)
    frequency = coupon.frequency or 2
    last, following = coupon_period(coupon.maturity_date, frequency, settle_date)
    start = max(last, coupon.issue_date) if coupon.issue_date else last
    if settle_date <= start:
        return Fraction(0)
    interest = Fraction(face) * Fraction(coupon.rate_pct) / 100
    match coupon.day_count:
        case "30/360":
            return interest * days_30_360(start, settle_date) / 360
        case "ACT/ACT":
            return interest * (settle_date - start).days / (frequency * (following - last).days)
    raise UnknownDayCount(
        f"Day count “{coupon.day_count}” is not known; use 30/360 or ACT/ACT. Correct the instrument in Reference data.",
        day_count=coupon.day_count,
    )
