"""
Modified duration of a bond with fixed coupons, from its price.

Street convention (SIFMA, Standard Securities Calculation Methods; so too Excel's DURATION and MDURATION): with ``f``
coupons a year, ``w`` the part of the coupon period that is left and ``n`` coupons to come, the yield ``y`` is what makes

    price + accrued = Σ (100 c ÷ f) ÷ (1 + y ÷ f)^(w + k) + 100 ÷ (1 + y ÷ f)^(w + n − 1),   k from 0 to n − 1,

Macaulay's duration the mean of the times ``(w + k) ÷ f`` weighted by what is paid then as discounted, and the modified
duration that divided by ``1 + y ÷ f``: by how many percent the price falls where the yield rises by one. In the last coupon
period interest is simple: ``price + accrued = (100 + 100 c ÷ f) ÷ (1 + w y ÷ f)``.

Reckoned in decimals of 34 digits and rounded once, to eight; the yield is found by Newton's method on the logarithm of the
price over ``log(1 + y ÷ f)``, which is convex, so it arrives from anywhere.
"""

from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

from apps.reference.coupons import coupon_period, coupons_left, days_30_360

EXACT = Context(prec=34, rounding=ROUND_HALF_UP)
PLACES = Decimal("0.00000001")
CLOSE = Decimal("1e-20")
MOST_STEPS = 200
HALF_YEARLY = 2
"""What a bond without coupons is reckoned by."""


def modified(
    price: Decimal | None, coupon_pct: Decimal | None, frequency: int | None, day_count: str, maturity: date | None, on: date
) -> Decimal | None:
    """
    Years, to eight decimals; None where something is missing, the bond has matured, or its terms are none of these.

    :param price: percent of par, without accrued interest
    :param day_count: ``30/360`` or ``ACT/ACT``; :param on: the day it would be paid
    """
    if price is None or coupon_pct is None or maturity is None or maturity <= on or day_count not in ("30/360", "ACT/ACT"):
        return None
    if coupon_pct and not frequency:
        return None  # Interest at maturity alone is reckoned otherwise.
    f = frequency or HALF_YEARLY
    last, following = coupon_period(maturity, f, on)
    n = coupons_left(maturity, f, following)
    with localcontext(EXACT):
        passed = _part(last, following, on, f, day_count)
        paid = coupon_pct / f
        dirty = price + paid * passed
        if dirty <= 0:
            return None
        w = 1 - passed
        if n == 1:
            return (w / f * dirty / (100 + paid)).quantize(PLACES)
        periods, z = _mean_time(dirty, paid, w, n)
        return (periods / f * (-z).exp()).quantize(PLACES)


def _part(last: date, following: date, on: date, f: int, day_count: str) -> Decimal:
    """How much of the coupon period has passed."""
    if day_count == "30/360":
        return min(Decimal(days_30_360(last, on) * f) / 360, Decimal(1))
    return Decimal((on - last).days) / (following - last).days


def _mean_time(dirty: Decimal, paid: Decimal, w: Decimal, n: int) -> tuple[Decimal, Decimal]:
    """Macaulay's duration in coupon periods, and ``log(1 + y ÷ f)``."""
    z, wanted = Decimal(0), dirty.ln()
    for _ in range(MOST_STEPS):
        worth, timed = _discounted((-z).exp(), paid, n)
        mean = w + timed / worth
        step = (worth.ln() - w * z - wanted) / mean
        if abs(step) < CLOSE:
            return mean, z
        z += step
    raise AssertionError("Newton's method arrives: the logarithm is convex")


def _discounted(q: Decimal, paid: Decimal, n: int) -> tuple[Decimal, Decimal]:
    """What is paid at periods 0 to n − 1, discounted by ``q`` a period, and the same times its period (Horner)."""
    worth, timed = paid + 100, (paid + 100) * (n - 1)
    for k in range(n - 2, -1, -1):
        worth, timed = worth * q + paid, timed * q + paid * k
    return worth, timed
