"""What a change of terms comes to: numbers scaled and moved, and whether more is asked than was."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, NamedTuple


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


class Compared(NamedTuple):
    """A term that is another than was agreed to, in words, and whether it asks for more."""

    term: str
    before: str
    after: str
    asks_more: bool


LIVES = {"DAY": 0, "GTD": 1, "GTC": 2}  # The longer, the more is asked; others do not compare.
RESTRAINTS = {"CARE", "DO_NOT_INCREASE"}
UNLIKE = ("stop_price", "peg", "peg_offset", "value_date", "position_effect", "short_exempt")  # Another one is another order.


def compared(before: Mapping[str, Any], after: Mapping[str, Any], side: str) -> list[Compared]:
    """
    The terms that changed, and of each whether somebody who agreed to the old has not agreed to the new: a larger
    quantity or amount, the one in place of the other, a looser limit, no limit where there was one; another stop or peg,
    another kind of order than a limit order for one at market, a longer life, less of a minimum, more on display, fewer
    restraints on who works it. Numbers as Decimals or their text.
    """
    changed = []
    for term in dict.fromkeys(("qty", "limit_price", *before, *after)):
        old, new = before.get(term) or "", after.get(term) or ""
        if old != new and plain(old) != plain(new):
            changed.append(Compared(term, plain(old), plain(new), _is_more(term, old, new, before, after, side)))
    return changed


def _is_more(term: str, old: Any, new: Any, before: Mapping[str, Any], after: Mapping[str, Any], side: str) -> bool:
    if term in UNLIKE:
        return True
    if term == "cash_qty":
        return not (old and new) or Decimal(new) > Decimal(old)
    if term == "qty":  # Where an amount binds, its units do not.
        by_amount = before.get("cash_qty") or after.get("cash_qty")
        return not by_amount and (not (old and new) or Decimal(new) > Decimal(old))
    if term == "limit_price":
        return bool(old) and (not new or (Decimal(new) > Decimal(old) if side == "BUY" else Decimal(new) < Decimal(old)))
    if term == "order_type":
        return (old, new) != ("MARKET", "LIMIT")
    if term == "tif":
        return not ({old, new} <= LIVES.keys() and LIVES[new] < LIVES[old])
    if term == "expire_date":
        return before.get("tif") == after.get("tif") == "GTD" and new > old
    if term == "min_qty":
        return Decimal(new or 0) < Decimal(old or 0)
    if term == "display_qty":
        return bool(old) and Decimal(new or "Infinity") > Decimal(old)
    if term == "flags":
        had, has = set(str(old).split(",")), set(str(new).split(","))
        return bool((had - has) & RESTRAINTS) or "NOT_HELD" in has - had
    return False


def without_what_it_lost(new: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Terms whose order type or time in force may be another now: what belonged to the old goes, unless it is asked for."""
    kind, tif = new["order_type"], new["tif"]
    lost = {
        "limit_price": kind in ("MARKET", "STOP"), "stop_price": kind not in ("STOP", "STOP_LIMIT"),
        "peg": kind != "PEGGED", "peg_offset": kind != "PEGGED", "expire_date": tif != "GTD",
        "cash_qty": "qty" in asked,
    }  # fmt: skip
    return dict(new) | {name: None for name, is_lost in lost.items() if is_lost and name not in asked}
