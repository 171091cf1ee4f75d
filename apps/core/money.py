"""Exact arithmetic. Quantities, prices and amounts are Decimals; shares are exact until the one rounding."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

CENT = Decimal("0.01")


def rounded(value: Decimal | Fraction, places: int = 2) -> Decimal:
    """Half-up to so many decimals: the one rounding, at publication."""
    unit = Decimal(1).scaleb(-places)
    if isinstance(value, Fraction):
        scaled = value * 10**places
        whole, rest = divmod(abs(scaled.numerator), scaled.denominator)
        whole += 2 * rest >= scaled.denominator
        return Decimal(whole if scaled >= 0 else -whole).scaleb(-places)
    return value.quantize(unit, rounding=ROUND_HALF_UP)


def average_price(quantity: Decimal, value: Decimal) -> Decimal | None:
    """Σqp/Σq, or None where nothing is filled."""
    return value / quantity if quantity else None


def shared(total: Decimal, weights: Sequence[Decimal], places: int = 2) -> list[Decimal]:
    """
    Shares an amount in proportion, each rounded to ``places``, so that they sum to it exactly (largest remainder;
    ties to the larger weight, then to the earlier).
    """
    whole = sum(weights)
    if not whole:
        raise ValueError("weights sum to zero")
    units = int(total.scaleb(places))
    if Decimal(units).scaleb(-places) != total:
        raise ValueError(f"{total} has more than {places} decimals")
    exact = [Fraction(units) * Fraction(w) / Fraction(whole) for w in weights]
    floors = [e.numerator // e.denominator for e in exact]
    left = units - sum(floors)
    order = sorted(range(len(weights)), key=lambda i: (-(exact[i] - floors[i]), -weights[i], i))
    for i in order[:left]:
        floors[i] += 1
    return [Decimal(f).scaleb(-places) for f in floors]
