"""Numbers as text: exact, with thousands, rounded once, half-up."""

from decimal import Decimal
from fractions import Fraction

from apps.core.money import rounded

MINUS = "−"


def read_number(value) -> Decimal | Fraction | None:
    """Exact where it can be; a float is read by its shortest text, not its binary expansion."""
    if value is None or value == "":
        return None
    if isinstance(value, (Decimal, Fraction)):
        return value
    return Decimal(str(value))


def fixed(value: Decimal | Fraction, places: int, plus: bool = False) -> str:
    figure = rounded(value, places)
    sign = MINUS if figure < 0 else "+" if plus and figure > 0 else ""
    return f"{sign}{abs(figure):,.{places}f}"
