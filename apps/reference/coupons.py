"""Coupon dates of a bond, and the days between them."""

from calendar import monthrange
from datetime import date


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


def coupons_left(maturity: date, frequency: int, following: date) -> int:
    """How many coupons are paid from the next one, on ``following``, to maturity, both counted."""
    return ((maturity.year - following.year) * 12 + maturity.month - following.month) // (12 // frequency) + 1


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
