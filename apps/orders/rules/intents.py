"""
Quantity by intent: an amount of money, a part of the portfolio's value or of its position, or all of it, made a number of
units at the prices of now. What it was made from is kept with the order.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import NamedTuple

from .changes import plain

INTENTS = {
    "AMOUNT": "amount of money", "NAV_PCT": "percent of the portfolio's value", "TARGET_PCT": "target weight in percent",
    "POSITION_PCT": "percent of the position", "CLOSE": "the whole position",
}  # fmt: skip
PRICED = ("AMOUNT", "NAV_PCT", "TARGET_PCT")
FROM_HOLDING = ("TARGET_PCT", "POSITION_PCT", "CLOSE")  # The side follows from what is held.


class Known(NamedTuple):
    """What a quantity is made from: price and rate with their times, value of the portfolio in USD, units held."""

    symbol: str
    increment: Decimal
    price_factor: Decimal
    price: Decimal | None
    price_at: datetime | None
    usd_rate: Decimal | None
    usd_rate_at: datetime | None
    nav_usd: Decimal | None
    held: Decimal


class Derived(NamedTuple):
    """Side and quantity as a person would type them, what they were made from, or why there are none."""

    side: str
    qty: str
    made_from: dict[str, str] | None
    problem: str | None = None


def derived(kind: str, value: str, side: str, known: Known) -> Derived:
    """The quantity that an intent comes to, down to what trades. A sale by intent never sells more than is held."""
    code = kind.strip().upper().replace(" ", "_")
    if code not in INTENTS:
        return _none(side, f"“{kind[:40]}” is no intent. Use {', '.join(INTENTS)}, or leave it empty and give units.")
    number = Decimal(100) if code == "CLOSE" else _number(value)
    if number is None:
        return _none(side, f"Give the {INTENTS[code]} as a number above zero{', or 0' if code == 'TARGET_PCT' else ''}.")
    if code not in ("AMOUNT", "TARGET_PCT") and not 0 < number <= 100 or code == "TARGET_PCT" and not 0 <= number <= 100:
        return _none(side, f"{plain(number)} is no percentage between 0 and 100.")
    if code == "AMOUNT" and number <= 0:
        return _none(side, "The amount must be above zero. The side says whether to buy or sell.")
    if code in PRICED and not known.price:
        return _none(side, f"{known.symbol} has no quote, so no quantity can be derived. Give units.")
    if code in ("NAV_PCT", "TARGET_PCT") and not (known.nav_usd and known.usd_rate):
        return _none(side, "The portfolio cannot be valued now, so no quantity can be derived. Give units.")
    wanted, side, problem = _wanted(code, number, side.strip().upper(), known)
    if problem:
        return _none(side, problem)
    qty = (wanted / known.increment).to_integral_value(ROUND_DOWN) * known.increment
    if qty <= 0:
        return _none(side, f"It comes to less than {plain(known.increment)}, the least of {known.symbol} that trades.")
    if side == "SELL" and qty > known.held:
        return _none(
            side, f"It comes to {plain(qty)}, but only {plain(known.held)} {known.symbol} is held. Sell less, or sell short."
        )
    return Derived(side, plain(qty), _made_from(code, number, qty, known))


def _wanted(code: str, number: Decimal, side: str, known: Known) -> tuple[Decimal, str, str | None]:
    unit = (known.price or Decimal(0)) * known.price_factor
    if code == "AMOUNT":
        return number / unit, side, None
    if code == "NAV_PCT":
        return number / 100 * known.nav_usd / (unit * known.usd_rate), side, None
    if code == "TARGET_PCT":
        change = number / 100 * known.nav_usd / (unit * known.usd_rate) - known.held
    else:
        change = -known.held * number / 100
    if not change:
        return change, side, f"{plain(known.held)} {known.symbol} is held, so there is nothing to do."
    needed = ("BUY",) if change > 0 else ("SELL", "SELL_SHORT")
    if side and side not in needed:
        return change, side, f"{plain(known.held)} {known.symbol} is held, so this is a {needed[0].lower()}. Change the side."
    return abs(change), side or needed[0], None


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.replace(",", "").strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and 0 <= number < 10**14 else None


def _none(side: str, problem: str) -> Derived:
    return Derived(side, "", None, problem)


def _made_from(code: str, number: Decimal, qty: Decimal, known: Known) -> dict[str, str]:
    said: Mapping[str, str | None] = {
        "kind": code,
        "value": plain(number),
        "qty": plain(qty),
        "held": plain(known.held),
        "price": plain(known.price) if code in PRICED else None,
        "price_at": known.price_at.isoformat() if code in PRICED and known.price_at else None,
        "nav_usd": f"{known.nav_usd:.2f}" if code in ("NAV_PCT", "TARGET_PCT") else None,
        "usd_rate": f"{known.usd_rate:.8f}" if code in ("NAV_PCT", "TARGET_PCT") else None,
        "usd_rate_at": known.usd_rate_at.isoformat() if code in ("NAV_PCT", "TARGET_PCT") else None,
    }
    return {name: text for name, text in said.items() if text is not None}
