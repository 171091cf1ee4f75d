"""What the legs of a package cost by the net price of the whole, where its broker tells no more than that."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from apps.core.money import rounded

PLACES, AVERAGE_PLACES = 4, 8


class LegFilled(NamedTuple):
    """
    A leg as it stands here.

    :param weight: how many of its prices are in the net price; :param qty: filled; ``value``: Σ quantity · price of that
    :param told: how much of it is filled by the broker's count
    :param reference: what a unit of it is taken to cost at first; None where nobody knows
    """

    buys: bool
    weight: int
    qty: Decimal
    value: Decimal
    told: Decimal
    reference: Decimal | None

    @property
    def sign(self) -> int:
        return 1 if self.buys else -1

    def average(self, price: Fraction) -> Fraction:
        """Of all that the broker counts, with what is missing at a price."""
        return (Fraction(self.value) + Fraction(self.told - self.qty) * price) / Fraction(self.told)


def leg_averages(legs: Sequence[LegFilled], net: Decimal) -> list[Decimal] | None:
    """
    The average price of each leg, eight decimals, so that the net price of a package comes out as the broker says.

    What is missing of each leg is taken at its reference, moved by one fraction for all: up for what is bought and down for what
    is sold, or the other way. So no leg is favoured. Prices have four decimals; the last takes what rounding leaves.

    :returns: None where nothing is missing, more of a leg is filled here than there, a reference is not known, or a price would not
        be above zero
    """
    if not legs or any(leg.told <= 0 or leg.qty > leg.told for leg in legs):
        return None
    missing = [n for n, leg in enumerate(legs) if leg.told > leg.qty]
    if not missing or not all(legs[n].reference for n in missing):
        return None
    at_reference = sum(leg.sign * leg.weight * leg.average(Fraction(leg.reference or 0)) for leg in legs)
    moves = sum(
        leg.weight * Fraction(leg.told - leg.qty) * Fraction(leg.reference) / Fraction(leg.told) for leg in (legs[n] for n in missing)
    )
    fraction = (Fraction(net) - at_reference) / moves
    averages = [leg.average(Fraction(0)) for leg in legs]
    for n in missing:
        leg = legs[n]
        price = Fraction(rounded(Fraction(leg.reference) * (1 + leg.sign * fraction), PLACES))
        if n == missing[-1]:
            others = sum(one.sign * one.weight * averages[k] for k, one in enumerate(legs) if k != n)
            averages[n] = (Fraction(net) - others) * leg.sign / leg.weight
            price = (averages[n] * Fraction(leg.told) - Fraction(leg.value)) / Fraction(leg.told - leg.qty)
        else:
            averages[n] = leg.average(price)
        if price <= 0:
            return None
    return [rounded(average, AVERAGE_PLACES) for average in averages]
