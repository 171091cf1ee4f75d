"""Whole quantities shared out in proportion, exactly: the one rounding of who gets how much."""

from collections.abc import Sequence
from decimal import Decimal

QTY_PLACES = 4


def units(quantity: Decimal) -> int:
    """A quantity as whole ten-thousandths. :raises ValueError: if it has more decimals than are stored"""
    whole = int(quantity.scaleb(QTY_PLACES))
    if Decimal(whole).scaleb(-QTY_PLACES) != quantity:
        raise ValueError(f"{quantity} has more than {QTY_PLACES} decimals")
    return whole


def quantity(whole: int) -> Decimal:
    """The quantity of so many ten-thousandths."""
    return Decimal(int(whole)).scaleb(-QTY_PLACES)


def largest_remainder(total: int, weights: Sequence[int], ids: Sequence[int], lot: int, capped: bool) -> list[int]:
    """
    Shares a total in proportion to weights (Hamilton), in whole lots while there are any left. Lots that proportion leaves
    over go to the largest remainders; ties to the larger weight, then to the lower id. The shares sum to the total.

    :param capped: whether nobody gets more than their weight; the total is then at most the weights' sum
    """
    whole = sum(weights)
    shares = [total * w // whole // lot * lot for w in weights]
    left = total - sum(shares)

    def below(i: int) -> tuple:
        return (shares[i] * whole - total * weights[i], -weights[i], ids[i])

    for i in sorted(range(len(weights)), key=below):
        if left < lot:
            break
        if not capped or shares[i] + lot <= weights[i]:
            shares[i] += lot
            left -= lot
    while left:
        for i in sorted(range(len(weights)), key=below):
            step = min(left, weights[i] - shares[i]) if capped else left
            shares[i] += step
            left -= step
            if not left:
                break
    return shares
