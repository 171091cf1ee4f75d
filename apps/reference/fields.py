"""The columns in which quantities, prices and amounts are kept, so that they are the same everywhere."""

from django.db.models import DecimalField


def qty_field(**kwargs) -> DecimalField:
    """Shares, units or contracts; face value in currency for bonds. Four decimals (fund units)."""
    return DecimalField(max_digits=20, decimal_places=4, **kwargs)


def price_field(**kwargs) -> DecimalField:
    """Price of one unit in the instrument's currency; percent of par for bonds. Eight decimals."""
    return DecimalField(max_digits=20, decimal_places=8, **kwargs)


def amount_field(**kwargs) -> DecimalField:
    """Money, already rounded to its currency's minor units; four decimals hold every ISO 4217 currency in use."""
    return DecimalField(max_digits=20, decimal_places=4, **kwargs)


def value_field(**kwargs) -> DecimalField:
    """An exact sum of quantity times price, before any rounding."""
    return DecimalField(max_digits=34, decimal_places=12, **kwargs)


def percent_field(**kwargs) -> DecimalField:
    """Percent, 5 meaning five per hundred."""
    return DecimalField(max_digits=9, decimal_places=4, **kwargs)
