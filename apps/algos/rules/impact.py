"""
The optimal trajectory of R. Almgren and N. Chriss, Optimal execution of portfolio transactions (Journal of Risk 3, 2000), with
linear impact: x_k = X sinh(κ(T − t_k)) / sinh(κT).
"""

from decimal import Decimal, localcontext
from typing import NamedTuple

PLACES = 40
SPREAD_AT_VOLUME = Decimal("0.01")  # Their calibration: trading a hundredth of a day's volume costs one spread for the time being,
SPREAD_FOR_GOOD = Decimal("0.1")  # and a tenth of it moves the price by one for good.


class NoTrajectory(ValueError):
    """Numbers for which there is none."""


class Impact(NamedTuple):
    """
    :param volatility: of the price, in money a unit and root of a day
    :param temporary: η, money a unit for each unit a day
    :param permanent: γ, money a unit for each unit
    """

    volatility: Decimal
    temporary: Decimal
    permanent: Decimal

    @classmethod
    def of(cls, price: Decimal, spread: Decimal, daily_qty: Decimal, annual_volatility: Decimal) -> "Impact":
        """From what is on file, as they calibrate it (their section 3.4); a year has 252 days."""
        with localcontext() as exact:
            exact.prec = PLACES
            return cls(
                price * annual_volatility / Decimal(252).sqrt(), spread / (SPREAD_AT_VOLUME * daily_qty),
                spread / (SPREAD_FOR_GOOD * daily_qty),
            )  # fmt: skip


def kappa(of: Impact, risk_aversion: Decimal, tau: Decimal) -> Decimal:
    """
    κ a day, of 2(cosh κτ − 1)/τ² = λσ²/(η − γτ/2) (their equations 16 and 18).

    :param risk_aversion: λ, of one unit of money; 0 is indifferent to risk
    :param tau: length of an interval in days
    :raises NoTrajectory: where an interval is so long that the permanent impact is above the temporary
    """
    with localcontext() as exact:
        exact.prec = PLACES
        eta = of.temporary - of.permanent * tau / 2
        if eta <= 0:
            raise NoTrajectory("An interval is too long for its impact to be reckoned; take shorter ones.")
        cosh = risk_aversion * of.volatility**2 / eta * tau**2 / 2 + 1
        return (cosh + (cosh**2 - 1).sqrt()).ln() / tau


def trajectory(k: Decimal, intervals: int, tau: Decimal) -> list[Decimal]:
    """
    What is still held at each t_k, as a share of the whole: from 1 at the start to 0 at the end, one more than there are
    intervals. A straight line where κ is 0.
    """
    with localcontext() as exact:
        exact.prec = PLACES
        steps = [Decimal(intervals - n) for n in range(intervals + 1)]
        if k * tau * intervals < Decimal("1e-12"):
            return [step / intervals for step in steps]
        whole, one = k * tau * intervals, Decimal(1)
        # sinh(a)/sinh(b) = e^(a−b) (1 − e^(−2a)) / (1 − e^(−2b)): large numbers do not overflow.
        return [
            (k * tau * step - whole).exp() * (one - (-2 * k * tau * step).exp()) / (one - (-2 * whole).exp()) for step in steps
        ]
