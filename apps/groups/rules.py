"""
How much of each leg may be at brokers, and what to ask of them so that it is.

One-cancels-other and one-updates-other are FIX 5.0 SP2 ContingencyType (1385) 1, 3 and 4; one-triggers-other is 2. A
group's rule is a function of what is filled alone: however many fills came since it was last asked, in whatever order, the
answer is that of their sum. So nothing is counted twice, and nothing is left out after a kill.
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from fractions import Fraction
from math import gcd
from typing import NamedTuple

ZERO = Decimal(0)
PARENT, CHILD, ONE, LEADER, FOLLOWER = "PARENT", "CHILD", "ONE", "LEADER", "FOLLOWER"
REFUSALS_BEFORE_A_PERSON = 3


class Kind(StrEnum):
    OCO = "OCO"
    OTO = "OTO"
    BRACKET = "BRACKET"
    PROGRAM = "PROGRAM"
    PAIR = "PAIR"
    MULTILEG = "MULTILEG"


class How(StrEnum):
    """What a fill of one does to those beside it."""

    REDUCE = "REDUCE"  # It takes from them the share of itself that is filled.
    CANCEL = "CANCEL"  # The first that fills at all stays; the others are cancelled.


class Leg(NamedTuple):
    """
    :param allowed: how much of it the rule let at brokers so far
    :param lot: every quantity is a multiple of it; :param round_lot: in which a program's waves are cut
    :param won: its place among the legs that filled, by when each first did; none where it has not
    """

    id: int
    role: str
    qty: Decimal
    lot: Decimal
    filled: Decimal
    allowed: Decimal = ZERO
    won: int | None = None
    round_lot: Decimal | None = None

    @property
    def part(self) -> Fraction:
        """How much of it is filled, of 1."""
        return Fraction(self.filled) / Fraction(self.qty)


def roles_of(kind: str, count: int) -> list[str]:
    """The roles of a group's legs in their order. :raises ValueError: in words, where there are too few or too many"""
    if kind == Kind.OCO:
        if count < 2:
            raise ValueError("One cancels the other of at least two blocks.")
        return [ONE] * count
    if kind == Kind.PROGRAM:
        return [ONE] * count
    if kind == Kind.MULTILEG:
        if count < 2:
            raise ValueError("A package has at least two legs.")
        return [ONE] * count
    if kind == Kind.PAIR:
        if count != 2:
            raise ValueError("A pair has two blocks: the one that leads and the one that follows.")
        return [LEADER, FOLLOWER]
    if kind == Kind.OTO and count < 2:
        raise ValueError("One triggers the other of at least two blocks: the first triggers the rest.")
    if kind == Kind.BRACKET and count != 3:
        raise ValueError("A bracket has three blocks: the one that opens, its target and its stop.")
    return [PARENT, *[CHILD] * (count - 1)]


def targets(kind: str, how: str, legs: Sequence[Leg], up_to_pct: Decimal = ZERO) -> dict[int, Decimal]:
    """
    Leg id to how much of it, filled included, may be at brokers now; in whole lots, rounded down, never below what is filled.

    A child may have of its quantity the part that its parent has filled: exactly, up and down. Of legs beside each other each
    may have what the fills of the others leave; legs without a parent only ever become less. Of a
    program each may have what its waves come to.
    """
    if kind == Kind.PROGRAM:
        return {leg.id: max(up_to(leg.qty, leg.round_lot or leg.lot, up_to_pct), leg.filled) for leg in legs}
    parents = [leg for leg in legs if leg.role == PARENT]
    beside = [leg for leg in legs if leg.role != PARENT]
    opened = parents[0].part if parents else Fraction(1)
    first = min((leg for leg in beside if leg.won is not None and leg.filled), key=lambda leg: leg.won, default=None)
    found = {leg.id: leg.qty for leg in parents}
    for leg in beside:
        share = opened
        if kind != Kind.OTO and how == How.REDUCE:
            share -= sum((other.part for other in beside if other is not leg), Fraction(0))
        elif kind != Kind.OTO and first is not None and leg is not first:
            share = Fraction(0)
        target = max(in_lots(Fraction(leg.qty) * share, leg.lot), leg.filled)
        if not parents:
            target = max(min(target, leg.allowed), leg.filled)
        found[leg.id] = target
    return found


def pair_targets(lead: Leg, follow: Leg, tolerance_pct: Decimal | Fraction, *, is_open: bool) -> dict[int, Decimal]:
    """
    Of a pair: the follower may have the part that the leader has filled; the leader no more than the tolerance beyond the part that
    the follower has, so that what is not hedged is never more than that, whatever fills at once. A tolerance that is less than a lot
    of the follower is that lot, or neither would move.

    :param is_open: whether the market gives the ratio that is asked for; where not, the leader has nothing at brokers
    """
    ahead = max(Fraction(tolerance_pct) / 100, Fraction(follow.lot) / Fraction(follow.qty))
    lots = -(-(Fraction(lead.qty) * (follow.part + ahead)) // Fraction(lead.lot))
    leading = min(lead.qty, lots * lead.lot) if is_open else lead.filled
    return {
        lead.id: max(leading, lead.filled),
        follow.id: max(in_lots(Fraction(follow.qty) * lead.part, follow.lot), follow.filled),
    }


def package_target(leg: Leg, routes: "Sequence[RouteNow]", ratio: Decimal, packages: Decimal) -> Decimal:
    """
    Of a leg of a package: what was asked of its broker last, for a package is changed as a whole and by people alone; with nothing of
    it at a broker, what so many packages have of it.
    """
    if any(not route.is_over for route in routes):
        return max(sum((route.counts for route in routes), ZERO), leg.filled)
    return max(min(ratio * packages, leg.qty), leg.filled)


def ratio_of(qty: Decimal, packages: Decimal, increment: Decimal) -> Decimal:
    """How much of a leg one package has. :raises ValueError: in words, where it is no whole number of increments"""
    found = Fraction(qty) / Fraction(packages)
    if found % Fraction(increment):
        raise ValueError(f"{qty.normalize():f} is not a whole multiple of {packages.normalize():f} packages.")
    return in_lots(found, increment)


def most_packages(legs: Sequence[tuple[Decimal, Decimal]]) -> Decimal:
    """As many packages as the quantities of legs can be cut into. :param legs: quantity and increment of each, which divides it"""
    return Decimal(gcd(*(int(Fraction(qty) / Fraction(increment)) for qty, increment in legs)))


def tolerance_of(amount: Decimal, leader_worth: Decimal) -> Fraction:
    """An amount of money in percent of what the whole leader is worth, at most all of it. :param leader_worth: above zero"""
    return min(Fraction(amount) * 100 / Fraction(leader_worth), Fraction(100))


def ratio(bid_of_sold: Decimal, offer_of_bought: Decimal) -> Decimal:
    """The price of what is sold, at its bid, in prices of what is bought, at its offer; both in one currency. Eight decimals, down."""
    return (bid_of_sold / offer_of_bought).quantize(Decimal("0.00000001"), ROUND_DOWN)


def up_to(qty: Decimal, lot: Decimal, pct: Decimal) -> Decimal:
    """
    So many percent of a quantity in whole lots, rounded down; all of it at 100. What a wave sends of a block is the difference to
    the wave before, so waves that come to 100 come to the block exactly.
    """
    return qty if pct >= 100 else in_lots(Fraction(qty) * Fraction(pct) / 100, lot)


def in_lots(qty: Fraction, lot: Decimal) -> Decimal:
    """The most whole lots in a quantity; nothing where it is below zero."""
    return lot * max(qty // Fraction(lot), 0)


class RouteNow(NamedTuple):
    """
    A route of a leg, as it is.

    :param asked: its quantity, or that of the last replace which waits for an answer
    :param given_back: the group itself had it cancelled, or a person said that what it lost is to be placed again
    """

    id: int
    qty: Decimal
    asked: Decimal
    filled: Decimal
    is_over: bool
    waits: bool
    is_known: bool = True
    given_back: bool = False
    is_cancelling: bool = False

    @property
    def counts(self) -> Decimal:
        """What it is to have filled in the end, as far as the group has asked. What its broker did not take counts as asked for."""
        if self.is_over:
            return self.filled if self.given_back else max(self.qty, self.filled)
        return self.filled if self.is_cancelling else max(self.asked, self.filled)

    @property
    def lost(self) -> Decimal:
        """What it was to fill and its broker ended unasked."""
        return max(self.qty - self.filled, ZERO) if self.is_over and not self.given_back else ZERO

    @property
    def exposed(self) -> Decimal:
        """What may still fill at the broker, whatever we asked of it meanwhile."""
        return ZERO if self.is_over else max(self.qty, self.asked) - self.filled


class Asks(NamedTuple):
    """What to ask of brokers for a leg: a new route of so much, replaces by route id, cancels by route id."""

    place: Decimal = ZERO
    replace: Mapping[int, Decimal] = {}
    cancel: Sequence[int] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.place or self.replace or self.cancel)


def asks(target: Decimal, lot: Decimal, routes: Sequence[RouteNow], *, may_grow: bool, apart: bool = False) -> Asks:
    """
    :param apart: what is added is an order of its own, as a wave is, rather than more of the one that works


    What brings a leg from what its routes count to its target. A route is asked one thing at a time: what waits for an answer
    is left until it is answered, for not every broker takes a request upon a request.
    """
    gap = target - sum((route.counts for route in routes), ZERO)
    live = [route for route in routes if not route.is_over]
    if gap > 0:
        gap = in_lots(Fraction(gap), lot)
        if not may_grow or not gap:
            return Asks()
        if apart or not live:
            return Asks(place=gap)
        free = [route for route in live if not route.waits and route.is_known]
        return Asks(replace={free[-1].id: free[-1].asked + gap}) if free else Asks()
    replaces, cancels = {}, []
    for route in reversed(live):  # The youngest first: the oldest has the best place in its queue.
        if gap >= 0:
            break
        if route.waits:
            continue
        less = max(route.asked + gap, route.filled)
        if less <= route.filled or in_lots(Fraction(less), lot) != less:
            less = max(in_lots(Fraction(less), lot), route.filled)
        if less <= route.filled:
            cancels.append(route.id)
        else:
            replaces[route.id] = less
        gap += route.asked - less
    return Asks(ZERO, replaces, cancels)


def at_worst(legs: Sequence[Leg], routes: Mapping[int, Sequence[RouteNow]]) -> Fraction:
    """
    Of legs beside each other: what is filled of them in the end if all that is at brokers fills before they hear of us, of 1
    leg's whole. What is above 1 may cross in flight.
    """
    return sum(
        (Fraction(leg.filled + sum((r.exposed for r in routes.get(leg.id, ())), ZERO)) / Fraction(leg.qty) for leg in legs),
        Fraction(0),
    )


def plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
