"""
Orders in a fund by an amount of money. How many units it comes to is known at the valuation point alone, so the order's
quantity is the most it can come to: the amount at a net asset value ``MOVE_PCT`` below the last. The agent's fill says the
units, and what is left of the quantity is cancelled with it; a fill of more than that is kept apart for a person.
"""

from decimal import ROUND_CEILING, ROUND_DOWN, Decimal

from .changes import plain
from .intents import Known

MOVE_PCT = 5


def by_amount(text: str, known: Known) -> tuple[str, dict[str, str] | None, str | None]:
    """
    The most units that an amount can come to, as a person would type them; what was made of what, with the estimate at the
    last net asset value; or why it cannot be.
    """
    amount = _number(text)
    if amount is None or amount <= 0:
        return "", None, "The amount must be a number above zero. The side says whether to subscribe or redeem."
    if not known.price:
        return "", None, f"{known.symbol} has no net asset value yet, so the units cannot be estimated. Give units."
    estimate = _steps(amount / known.price, known.increment, ROUND_DOWN)
    if not estimate:
        return "", None, f"It comes to less than {plain(known.increment)}, the least of {known.symbol} that trades."
    most = _steps(amount / known.price * 100 / (100 - MOVE_PCT), known.increment, ROUND_CEILING)
    made = {
        "kind": "AMOUNT", "value": plain(amount), "qty": plain(estimate), "held": plain(known.held),
        "price": plain(known.price), "price_at": known.price_at.isoformat() if known.price_at else "",
    }  # fmt: skip
    return plain(most), made, None


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.replace(",", "").strip())
    except ArithmeticError:
        return None
    return number if number.is_finite() and number < 10**14 else None


def _steps(qty: Decimal, increment: Decimal, rounding: str) -> Decimal:
    return (qty / increment).to_integral_value(rounding) * increment
