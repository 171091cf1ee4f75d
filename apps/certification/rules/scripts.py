"""
A matrix as a script that goes out with an order (tag 5999), for a counterparty that plays what it is asked for; and what must hold of
the order when it was played. Quantities are the matrix's, made smaller; prices are about the market's. A counterparty that knows no
scripts passes the tag over, as FIX has it.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import orjson

from apps.routing.rules import plain

from .steps import STATES, Again, Asks, Refuses, Says, Vector

SCRIPT_TAG = 5999
PIECE = 100  # What all their quantities are multiples of.
FACTORS = tuple(Fraction(one) for one in ("1/100", "1/10", "1", "10", "100", "1000"))


class BadScript(ValueError):
    """A matrix cannot be played on an order; says why."""


class Scale(NamedTuple):
    """
    From a matrix's numbers to an order's.

    :param limit: of the order; None for one at the market
    """

    qty: Fraction
    price: Decimal
    limit: Decimal | None = None
    is_buy: bool = True

    def amount(self, number: int | str) -> Decimal:
        scaled = Fraction(number) * self.qty
        return Decimal(scaled.numerator) / scaled.denominator

    def at(self, price: str) -> Decimal:
        return Decimal(price) * self.price


class Order(NamedTuple):
    """What is asked of an order before a matrix is played on it. ``room``: how much of its block is left to place."""

    tif: str
    order_type: str
    begin_string: str
    room: Decimal
    increment: Decimal


class Expected(NamedTuple):
    """What holds when all of it was played: state, quantity, filled, open, and how many reports wait for a person."""

    status: str
    qty: Decimal
    cum_qty: Decimal
    leaves_qty: Decimal
    held: int


def obstacle(vector: Vector, order: Order) -> str:
    """Why the matrix cannot be played on such an order; empty where it can."""
    if order.begin_string not in vector.versions:
        return f"it is of {' and '.join(vector.versions)}, and the session speaks {order.begin_string}"
    if any(isinstance(step, Again) and step.flag == "43" for step in vector.steps):
        return "it retransmits messages under their old sequence numbers (43=Y), which the session itself does"
    if (tif := vector.order.get("tif", "DAY")) != order.tif:
        return f"it is for an order that is {tif}, and the block's are {order.tif}"
    if (kind := vector.order.get("order_type", "MARKET")) != order.order_type:
        return f"it is for a {kind.lower()} order, and the block's are {order.order_type.lower()}"
    try:
        scale_of(vector, order)
    except BadScript as problem:
        return str(problem)
    return ""


def scale_of(vector: Vector, order: Order) -> Fraction:
    """The smallest scale at which all quantities are whole steps. :raises BadScript: where that is more than is left to place"""
    for factor in FACTORS:
        if Fraction(PIECE) * factor % Fraction(order.increment) == 0:
            needed = Scale(factor, Decimal(1)).amount(vector.qty + vector.unplaced)
            if needed > order.room:
                raise BadScript(f"it needs {plain(needed)} that are not placed, and {plain(order.room)} are left")
            return factor
    raise BadScript(f"its quantities are no multiples of {plain(order.increment)}")


def script(vector: Vector, scale: Scale, name: str) -> str:
    """
    The steps as a counterparty reads them (``street/scripts.py``), one JSON list.

    :param name: makes ExecIDs the order's own
    """
    fills: dict[str, tuple[Decimal, Decimal]] = {}
    roots: dict[str, str] = {}
    told: list[dict[str, Any]] = []
    for n, step in enumerate(vector.steps):
        if isinstance(step, Says):
            told.append(_report(step, scale, name, n, fills, roots))
        elif isinstance(step, Refuses):
            told.append({"k": "9", "on": step.on, "s": step.status, "r": step.reason, "to": step.to})
        elif isinstance(step, Asks):
            told.append({"k": "ask", "on": step.name})
        else:
            told.append({"k": "again", "n": step.place, "f": step.flag})
    return orjson.dumps(told).decode()


def _report(
    step: Says, scale: Scale, name: str, n: int, fills: dict[str, tuple[Decimal, Decimal]], roots: dict[str, str]
) -> dict[str, Any]:
    kind, (qty, cum, leaves) = step.told.partition("/")[0], step.amounts.split("/")
    exec_id, last, ref = step.exec_id or f"E{n}", step.last.partition("@"), step.ref
    root = roots.get(ref, ref) or exec_id
    roots[exec_id] = root
    price = scale.at(last[2]) if last[2] else Decimal(0)
    if kind in ("F", "G"):
        fills[root] = scale.amount(last[0]), price
    elif kind == "H":
        fills.pop(root, None)
    total = sum((q for q, _ in fills.values()), Decimal(0))
    average = sum((q * p for q, p in fills.values()), Decimal(0)) / total if total else Decimal(0)
    said = {"k": "8", "on": step.on, "t": step.told, "a": "/".join(plain(scale.amount(one)) for one in (qty, cum, leaves)),
            "x": f"{name}-{exec_id}", "p": plain(round(average, 8))}  # fmt: skip
    if step.last:
        said |= {"q": plain(scale.amount(last[0])), "px": plain(price)}
    if ref:
        said["ref"] = f"{name}-{ref}"
    if step.minute is not None:
        said["at"] = step.minute
    if step.more:
        said["m"] = {str(tag): plain(scale.amount(value)) if tag in (424, 425) else value for tag, value in step.more.items()}
    return said


def change_of(step: Asks, scale: Scale, tick: Decimal) -> Mapping[str, Decimal]:
    """What a replace asks for; empty for a cancel. A limit goes to the passive side of the order's own."""
    change = {"qty": scale.amount(step.qty)} if step.qty else {}
    if step.limit and scale.limit is not None:
        change["limit_price"] = scale.limit - tick if scale.is_buy else scale.limit + tick
    return change


def told_before(vector: Vector, n: int) -> int | None:
    """The last report that must be booked before step n is done, by its place; None where there is none."""
    return max((place for place, step in enumerate(vector.steps[:n]) if isinstance(step, Says | Refuses)), default=None)


def asks(vector: Vector) -> Sequence[tuple[int, Asks]]:
    """Our own steps by their places."""
    return [(n, step) for n, step in enumerate(vector.steps) if isinstance(step, Asks)]


def expected(vector: Vector, scale: Scale) -> Expected:
    """What holds of the order at the end."""
    status, amounts, held = "PENDING_SEND", (vector.qty, 0, vector.qty), 0
    for step, after in _steps(vector):
        if isinstance(step, Says) and not after.ours:
            status, amounts = STATES[step.told.partition("/")[2]], tuple(map(int, step.amounts.split("/")))
        elif after.ours:
            status, said = after.ours.split()
            amounts = tuple(map(int, said.split("/")))
        held = held if after.held is None else len(after.held)
    return Expected(status, *map(scale.amount, amounts), held)


def _steps(vector: Vector) -> Iterator[tuple[Any, Any]]:
    for step in vector.steps:
        yield step, step.after
