"""Accrued interest of a bond on its settlement date: the part of the running coupon that the buyer owes the seller."""

from calendar import monthrange
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from apps.core.money import rounded
from apps.core.refusals import Invalid


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


def coupon_period(maturity: date, frequency: int, at: date) -> tuple[date, date]:
    """
    The coupon dates on or before, and after, a date, counted back from maturity.

    Where maturity is the last day of its month, so is every coupon date.
    """
    months = 12 // frequency
    back = ((maturity.year - at.year) * 12 + maturity.month - at.month) // months + 1
    while _months_before(maturity, back * months) <= at:
        back -= 1
    while _months_before(maturity, back * months) > at:
        back += 1
    return _months_before(maturity, back * months), _months_before(maturity, (back - 1) * months)


def _months_before(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    last = monthrange(year, month + 1)[1]
    at_end = day.day == monthrange(day.year, day.month)[1]
    return date(year, month + 1, last if at_end else min(day.day, last))


def days_30_360(start: date, end: date) -> int:
    """Days between two dates in months of thirty (US rule, with its two sentences on the end of February)."""
    d1, d2 = start.day, end.day
    if _ends_february(start):
        if _ends_february(end):
            d2 = 30
        d1 = 30
    if d2 == 31 and d1 >= 30:
        d2 = 30
    if d1 == 31:
        d1 = 30
    return 360 * (end.year - start.year) + 30 * (end.month - start.month) + d2 - d1


def _ends_february(day: date) -> bool:
    return day.month == 2 and day.day == monthrange(day.year, 2)[1]
