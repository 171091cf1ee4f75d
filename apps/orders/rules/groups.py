"""What the legs of a group must be, by its kind, and how the whole stands."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple


class LegTerms(NamedTuple):
    role: str
    ratio: Decimal
    portfolio_id: int
    instrument_id: int
    side: str
    qty: Decimal


class Kind(NamedTuple):
    """
    The rules of a kind of group, as data.

    :param roles: role to (fewest, most) legs in it
    :param both_sides: buys and sales are both there
    :param in_ratio: quantities stand to each other as the ratios do
    :param one_instrument: all in one instrument
    :param exits: the legs in this role cancel each other: the first that fills ends the others
    """

    roles: dict[str, tuple[int, int]]
    both_sides: bool = False
    in_ratio: bool = False
    one_instrument: bool = False
    exits: tuple[str, ...] = ()


MANY = 1000
KINDS = {
    "PROGRAM": Kind({"LEG": (1, MANY)}),
    "PAIR": Kind({"LEG": (2, 2)}, both_sides=True),
    "SPREAD": Kind({"LEG": (2, 4)}, in_ratio=True),
    "OCO": Kind({"LEG": (2, 4)}, exits=("LEG",)),
    "OTO": Kind({"PARENT": (1, 1), "CHILD": (1, 10)}),
    "BRACKET": Kind(
        {"PARENT": (1, 1), "TARGET": (1, 1), "STOP": (1, 1)}, one_instrument=True, exits=("TARGET", "STOP")
    ),
}
WAITING_ROLES = ("CHILD", "TARGET", "STOP")


def unfit(kind: str, legs: Sequence[LegTerms]) -> str:
    """Why these legs cannot be a group of the kind; empty where they can."""
    rule = KINDS[kind]
    if odd := sorted({leg.role for leg in legs} - set(rule.roles)):
        count = sum(leg.role in odd for leg in legs)
        return f"This kind of group has parts {', '.join(rule.roles)}, and none called {odd[0][:20]}; got {count}."
    for role, (least, most) in sorted(rule.roles.items()):
        count = sum(leg.role == role for leg in legs)
        if not least <= count <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            return f"This kind of group has {wanted} of {role.lower()}; got {count}."
    if kind != "PROGRAM" and len({leg.portfolio_id for leg in legs}) > 1:
        return "All legs are of one portfolio."
    buys = {leg.side == "BUY" for leg in legs}
    if rule.both_sides and len(buys) < 2:
        return "A pair buys one leg and sells the other."
    if rule.one_instrument and len({leg.instrument_id for leg in legs}) > 1:
        return "All legs are in one instrument."
    if rule.in_ratio and len({leg.qty / leg.ratio for leg in legs}) > 1:
        return "The quantities do not stand to each other as the ratios do."
    if kind == "BRACKET":
        [parent] = [leg for leg in legs if leg.role == "PARENT"]
        if any(leg.qty != parent.qty or (leg.side == "BUY") == (parent.side == "BUY") for leg in legs if leg is not parent):
            return "Target and stop undo the first order: the opposite side, the same quantity."
    return ""


def standing(statuses: Sequence[str]) -> str:
    """How a group stands, from its orders: what needs a person first, then the least advanced that is not over."""
    for status in ("REJECTED", "HELD", "DRAFT", "IN_REVIEW", "TO_APPROVE", "WORKING", "CLEARED", "PARKED"):
        if status in statuses and (status != "REJECTED" or set(statuses) <= {"REJECTED", "CANCELLED"}):
            return status
    return "DONE" if "DONE" in statuses else "CANCELLED"
