"""What a counterparty is tried by: the order state matrices of FIX, and a script of each for one that plays them on request."""

from .matrix_days import CHAINS, DAYS, REPEATS
from .matrix_orders import CANCELS, ORDERS
from .matrix_replaces import REPLACES
from .scripts import (
    SCRIPT_TAG,
    BadScript,
    Expected,
    Order,
    Scale,
    asks,
    change_of,
    expected,
    obstacle,
    scale_of,
    script,
    told_before,
)  # fmt: skip
from .steps import STATES, After, Again, Asks, Refuses, Says, Vector

PRICE = 50
"""About what the matrices trade at."""
GROUPS = {
    "Orders": ORDERS, "Cancels": CANCELS, "Replaces": REPLACES, "Over days": DAYS, "Busts and corrections": CHAINS,
    "Repeats": REPEATS,
}  # fmt: skip
ENDS = list(GROUPS.values())
VECTORS = [vector for group in ENDS for vector in group]
BY_NAME = {vector.name: vector for vector in VECTORS}

__all__ = [
    "BY_NAME", "CANCELS", "CHAINS", "DAYS", "ENDS", "GROUPS", "ORDERS", "PRICE",
    "REPEATS", "REPLACES", "SCRIPT_TAG", "STATES", "VECTORS", "After",
    "Again", "Asks", "BadScript", "Expected", "Order", "Refuses", "Says", "Scale", "Vector", "asks", "change_of", "expected", "obstacle",
    "scale_of", "script", "told_before",
]  # fmt: skip
