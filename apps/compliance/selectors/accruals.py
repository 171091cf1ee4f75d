"""Accrued interest as compliance sets cash aside for it."""

from datetime import date
from fractions import Fraction


def accrued_estimate(coupon_pct, frequency: int | None, maturity: date | None, settle: date | None) -> Fraction:
    """
    Accrued interest on a date in percent of face, by days over 365 since the last coupon: near enough to set cash aside.
    Zero for what pays no coupon. The exact amount is reckoned when the trade is booked.
    """
    if not coupon_pct or maturity is None or settle is None or settle >= maturity:
        return Fraction(0)
    months = 12 // (frequency or 2)
    for back in range(months + 1):
        year, month = divmod(settle.year * 12 + settle.month - 1 - back, 12)
        last = date(year, month + 1, min(maturity.day, 28))
        if (month + 1 - maturity.month) % months == 0 and last <= settle:
            return Fraction(coupon_pct) * (settle - last).days / 365
    raise AssertionError("a coupon date lies within every coupon period")
