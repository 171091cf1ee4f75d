"""What a portfolio as a whole is worth, which rules measure its parts against: net asset value, or total assets."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from ..columns import Snapshot

AGAINST = {"nav": "net asset value", "total_assets": "total assets"}


def whole_of(s: Snapshot, against: str) -> tuple[np.ndarray, Callable[[int], Fraction]]:
    """Of each portfolio, in the firm's currency: in floats, and of one exactly."""
    return (s.nav, s.exact_nav) if against == "nav" else (s.total_assets, s.exact_total_assets)


def percent_of(against: str) -> str:
    """The unit of a part of it."""
    return f"% of {'NAV' if against == 'nav' else AGAINST[against]}"
