"""
The smart router: how much of a marketable order to send where, so that it is expected to cost least.

An outlet is a lit venue reached through a broker. Of q units it is expected to cost, against the mid:

    q × (distance of its touch from the mid + its fees) + q × (1 − fill rate) × what missing costs + impact of what is not shown

Up to the quantity it shows the touch is had; what is beyond it, x = q − shown, moves the price by the square-root law,
Y·σ·√(x ÷ V) with V what trades there in a day (sources: ``apps.marketdata.costs``). Of what was sent there earlier the fill rate
is what was filled; the rest is sent again, at a price that is worse by what missing costs.

Each outlet's cost is convex in q, so what is cheapest together is found by marginal costs alone: no lot could be had cheaper
elsewhere. The lots are whole, so this is the separable convex allocation problem in integers, solved exactly by greedy steps
that halve (D. S. Hochbaum, *Lower and upper bounds for the allocation problem*, Math. Oper. Res. 19 (1994), 390-409): at each
step size lots go where the next one is cheapest, and the last step of each outlet is taken back before the step is halved. All
costs are whole numbers of 10⁻¹⁸ of a unit of money, so ties are ties and the answer is always the same.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from heapq import heapify, heappop, heapreplace
from math import isqrt
from typing import NamedTuple

UNIT = 10**18  # Steps of cost in one unit of money.
DAYS_OF_A_YEAR = 252


class NoRoom(ValueError):
    """All outlets together take less than is to be sent."""


class Outlet(NamedTuple):
    """
    Where some of it could go. Prices and fees are money for one unit of quantity.

    :param distance: how far its touch is from the mid, against us; less than nothing where it is better
    :param fee: what is paid a unit, rebates being less than nothing
    :param shown_qty: at its touch, to be had at once; :param daily_qty: what trades there in a day
    :param fill_rate: of what was sent there, how much was filled: 0 to 1
    :param most_qty: no more is sent there
    """

    name: str
    distance: Decimal
    fee: Decimal
    shown_qty: Decimal
    daily_qty: Decimal
    fill_rate: Decimal = Decimal(1)
    most_qty: Decimal | None = None


class Order(NamedTuple):
    """
    What is to be sent.

    :param lot: it goes in whole lots of so many units; :param mid: the price of one unit; :param annual_volatility: a fraction
    :param y: the constant of the square-root law; :param miss: what one unit that is not filled costs more later
    """

    qty: Decimal
    lot: Decimal
    mid: Decimal
    annual_volatility: Decimal
    y: Decimal = Decimal(1)
    miss: Decimal = Decimal(0)


class Curve(NamedTuple):
    """An outlet's cost of whole lots, in steps of 10⁻¹⁸: ``linear`` each, and √(``square`` × x³) for x lots beyond ``shown``."""

    linear: int
    shown: int
    square: int
    most: int

    def impact(self, lots: int) -> int:
        beyond = lots - self.shown
        return isqrt(self.square * beyond**3) if beyond > 0 and self.square else 0

    def cost(self, lots: int) -> int:
        return self.linear * lots + self.impact(lots)

    def next(self, lots: int) -> int:
        """What one more costs."""
        return self.linear + self.impact(lots + 1) - self.impact(lots)


def curve_of(order: Order, outlet: Outlet) -> Curve:
    """
    :raises ValueError: for a fill rate that is no rate, or an outlet of whose volume nothing is known
    """
    if not 0 <= outlet.fill_rate <= 1:
        raise ValueError(f"{outlet.name}: a fill rate is between 0 and 1")
    if outlet.daily_qty <= 0:
        raise ValueError(f"{outlet.name}: nothing is known of what trades there")
    lot, lots = Fraction(order.lot), _lots(order)
    unit = Fraction(outlet.distance) + Fraction(outlet.fee) + (1 - Fraction(outlet.fill_rate)) * Fraction(order.miss)
    of_day = (Fraction(order.y) * Fraction(order.annual_volatility) * Fraction(order.mid)) ** 2 / DAYS_OF_A_YEAR
    square = int(of_day * lot**3 / Fraction(outlet.daily_qty) * UNIT**2)
    if 9 * square < 64 * lots:  # Below that, whole numbers could not hold that it bends upwards; and it is nothing.
        square = 0
    most = lots if outlet.most_qty is None else min(int(Fraction(outlet.most_qty) / lot), lots)
    return Curve(round(unit * lot * UNIT), int(Fraction(outlet.shown_qty) / lot), square, most)


def _lots(order: Order) -> int:
    lots = Fraction(order.qty) / Fraction(order.lot)
    if lots.denominator != 1 or lots <= 0:
        raise ValueError(f"{order.qty} is no whole number of lots of {order.lot}")
    return int(lots)


def cheapest(curves: Sequence[Curve], lots: int) -> list[int]:
    """
    How many lots go to each, so that no other split in whole lots costs less.

    :raises NoRoom: where all together take less
    """
    if sum(curve.most for curve in curves) < lots:
        raise NoRoom("All outlets together take less than is to be sent.")
    given, left = [0] * len(curves), lots
    step = max(1, 1 << max(0, (lots // (2 * len(curves))).bit_length() - 1))
    while True:
        last = [0] * len(curves)
        queue = [(curve.next(given[n]), n) for n, curve in enumerate(curves) if given[n] < curve.most]
        heapify(queue)
        while left:
            _, n = queue[0]
            add = min(step, left, curves[n].most - given[n])
            given[n], left, last[n] = given[n] + add, left - add, add
            if given[n] < curves[n].most:
                heapreplace(queue, (curves[n].next(given[n]), n))
            else:
                heappop(queue)
        if step == 1:
            return given
        given = [has - back for has, back in zip(given, last, strict=True)]
        left, step = sum(last), step // 2


class Share(NamedTuple):
    """
    An outlet's part of the order, in money, with what its last lot cost and what one more would; None where it has none, or
    takes no more.
    """

    outlet: Outlet
    qty: Decimal
    spread: Decimal
    fees: Decimal
    miss: Decimal
    impact: Decimal
    last: Decimal | None
    next: Decimal | None

    @property
    def cost(self) -> Decimal:
        return self.spread + self.fees + self.miss + self.impact


class Split(NamedTuple):
    """
    The split and its proof: what the dearest lot sent costs, ``dearest``, is no more than the cheapest not sent would, ``cheaper``.
    """

    shares: tuple[Share, ...]
    cost: Decimal
    bp: Decimal
    dearest: Decimal
    cheaper: Decimal | None


def split(order: Order, outlets: Sequence[Outlet]) -> Split:
    """
    The cheapest split of the order among outlets, with its arithmetic. Nothing is rounded but what whole steps of cost are.

    :raises NoRoom: where there is no outlet, or all together take less; :raises ValueError: where lots or rates are none
    """
    curves = [curve_of(order, outlet) for outlet in outlets]
    return explained(order, outlets, curves, cheapest(curves, _lots(order)) if curves else _no_outlet())


def _no_outlet() -> list[int]:
    raise NoRoom("There is no outlet that it could be sent to.")


def explained(order: Order, outlets: Sequence[Outlet], curves: Sequence[Curve], lots: Sequence[int]) -> Split:
    """Any split of whole lots, with what each part costs."""
    shares = []
    for outlet, curve, n in zip(outlets, curves, lots, strict=True):
        qty = n * order.lot
        shares.append(
            Share(
                outlet, qty, qty * outlet.distance, qty * outlet.fee, qty * (1 - outlet.fill_rate) * order.miss,
                _money(curve.impact(n)), _a_unit(order, curve.next(n - 1)) if n else None,
                _a_unit(order, curve.next(n)) if n < curve.most else None,
            )
        )  # fmt: skip
    cost = _money(sum(curve.cost(n) for curve, n in zip(curves, lots, strict=True)))
    return Split(
        tuple(shares), cost, cost / (order.qty * order.mid) * 10_000,
        max(one.last for one in shares if one.last is not None),
        min((one.next for one in shares if one.next is not None), default=None),
    )  # fmt: skip


def costs_at(order: Order, outlet: Outlet, points: int = 5) -> list[tuple[Decimal, Decimal]]:
    """The outlet's cost curve: quantity, and basis points of its money, if so much of the order went there alone."""
    curve, lots = curve_of(order, outlet), _lots(order)
    found = []
    for n in sorted({max(1, lots * point // points) for point in range(1, points + 1)}):
        if n <= curve.most:
            qty = n * order.lot
            found.append((qty, _money(curve.cost(n)) / (qty * order.mid) * 10_000))
    return found


def _a_unit(order: Order, steps: int) -> Decimal:
    return _money(steps) / order.lot


def _money(steps: int) -> Decimal:
    return Decimal(steps).scaleb(-18)
