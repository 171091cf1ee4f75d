"""What a fixture says of a portfolio's mandate: its limits in percent of net asset value, as ``columns.Portfolio`` has them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from . import columns as c
from .fixture_words import BadFixture, number_in

LIMITS = tuple(name for name in c.Portfolio._fields if name.endswith("_pct"))


def mandate_said(told: Mapping[str, Any], at: str) -> dict[str, Decimal]:
    """The limits that are said, each a percentage from 0 to 100, no least above its most."""
    limits = {name: number_in(told[name], f"{at}.{name}") for name in LIMITS if name in told}
    for name, limit in limits.items():
        if not 0 <= limit <= 100:
            raise BadFixture(f"A mandate's limit is a percentage from 0 to 100; got {limit:f}.", field=f"{at}.{name}")
        most = limits.get(name.replace("_min_", "_max_"))
        if most is not None and limit > most:
            raise BadFixture(f"The least, {limit:f}%, is above the most, {most:f}%.", field=f"{at}.{name}")
    return limits
