"""What a change of terms comes to: numbers scaled and moved, and whether more is asked than was."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any


def plain(number: Decimal | str | None) -> str:
    """The shortest spelling of a number: 1200 for 1200.0000; text stays as it was typed."""
    if number is None:
        return ""
    if not isinstance(number, Decimal):
        return str(number)
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def scaled(qty: Decimal, percent: Decimal, increment: Decimal) -> Decimal:
    """A percentage of a quantity, down to what trades in steps of ``increment``."""
    return (qty * percent / 100 // increment) * increment


def moved(limit: Decimal, bp: Decimal, side: str, tick: Decimal) -> Decimal:
    """A limit moved by basis points, to the tick that pays no more (a buy) or takes no less (a sale) than asked."""
    steps = limit * (1 + bp / 10_000) / tick
    return steps.to_integral_value(ROUND_FLOOR if side == "BUY" else ROUND_CEILING) * tick


def opposite(side: str) -> str:
    """The side that undoes a fill: a purchase is sold, a sale (short or long) is bought back."""
    return "SELL" if side == "BUY" else "BUY"


def asks_more(before: Mapping[str, Any], after: Mapping[str, Any], side: str) -> bool:
    """
    Whether terms changed so that somebody who agreed to the old ones has not agreed to the new: a larger quantity or
    amount, the one in place of the other, a looser limit, no limit where there was one; another stop or peg, another kind
    of order than a limit order for one at market, a longer life, less of a minimum, more on display, fewer restraints on
    who works it. Numbers as Decimals or their text.
    """
    amounts = before.get("cash_qty") or "", after.get("cash_qty") or ""
    was, becomes = amounts if any(amounts) else (before["qty"], after["qty"])  # Where an amount binds, its units do not.
    if not (was and becomes) or Decimal(becomes) > Decimal(was) or _is_another_order(before, after):
        return True
    old, new = before["limit_price"], after["limit_price"]
    if not new:
        return bool(old)
    if not old:
        return False
    return Decimal(new) > Decimal(old) if side == "BUY" else Decimal(new) < Decimal(old)


LIVES = {"DAY": 0, "GTD": 1, "GTC": 2}  # The longer, the more is asked; others do not compare.
RESTRAINTS = {"CARE", "DO_NOT_INCREASE"}


def _is_another_order(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    def both(name: str) -> tuple[Any, Any]:
        return before.get(name) or "", after.get(name) or ""

    kinds, tifs = both("order_type"), both("tif")
    if kinds[0] != kinds[1] and kinds != ("MARKET", "LIMIT"):
        return True
    if tifs[0] != tifs[1] and not (set(tifs) <= LIVES.keys() and LIVES[tifs[1]] < LIVES[tifs[0]]):
        return True
    if tifs == ("GTD", "GTD") and after.get("expire_date", "") > before.get("expire_date", ""):
        return True
    if any(old != new for old, new in map(both, ("stop_price", "peg", "peg_offset", "value_date", "position_effect"))):
        return True
    least, shown = both("min_qty"), both("display_qty")
    if Decimal(least[1] or 0) < Decimal(least[0] or 0) or (shown[0] and Decimal(shown[1] or "Infinity") > Decimal(shown[0])):
        return True
    had, has = (set(flags.split(",")) for flags in both("flags"))
    return bool((had - has) & RESTRAINTS) or "NOT_HELD" in has - had


def without_what_it_lost(new: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Terms whose order type or time in force may be another now: what belonged to the old goes, unless it is asked for."""
    kind, tif = new["order_type"], new["tif"]
    lost = {
        "limit_price": kind in ("MARKET", "STOP"), "stop_price": kind not in ("STOP", "STOP_LIMIT"),
        "peg": kind != "PEGGED", "peg_offset": kind != "PEGGED", "expire_date": tif != "GTD",
        "cash_qty": "qty" in asked,
    }  # fmt: skip
    return dict(new) | {name: None for name, is_lost in lost.items() if is_lost and name not in asked}
