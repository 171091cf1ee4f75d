"""
Orders of several legs (35=AB): packages, of which each has so much of every leg, with a limit on their net price.

A package and each of its legs is an order in the book. Legs are executed together at the far touch, where the net price is within
the limit; each leg's execution is reported of that leg (442=2), and then the package's count and net price (442=3). Cancels and
replaces are of the package alone.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import gcd

from .broker import IMMEDIATE, Answer, Broker
from .orders import (
    OTHER_REJECT,
    TOO_LATE,
    UNKNOWN_SYMBOL,
    WRONG_QUANTITY,
    ZERO,
    CancelReject,
    Execution,
    LegOf,
    Order,
    Terms,
)

SIDES = ("1", "2", "5", "6")
PARTS = 4  # A package that is large is filled in about so many parts.


@dataclass(frozen=True)
class LegTerms:
    """A leg as it was ordered: how much of it one package has, its reference (654) and its own limit (566)."""

    ref: str
    side: str
    isin: str
    symbol: str
    ratio: Decimal
    limit: Decimal | None = None


@dataclass
class Package:
    order: Order
    legs: list[tuple[LegTerms, Order]]
    reports: str
    asked: bool = False  # Whether it was looked at once, which is all that an immediate order gets.


class Packages:
    """The packages of one broker; kept in memory alone, as lists are: after a restart they work no more."""

    def __init__(self, broker: Broker):
        self.broker = broker
        self._open: dict[str, Package] = {}

    def take(self, terms: Terms, legs: list[LegTerms], reports: str, *, poss_resend: bool = False) -> list[Answer]:
        """Will take a package, or say why not. A known ClOrdID never makes a second one."""
        book = self.broker.book
        if terms.cl_ord_id in book.by_cl_ord_id:
            return list(book.again(terms, poss_resend))
        found = [self.broker.market.universe.find(leg.isin, leg.symbol) for leg in legs]
        problem = self._problem(terms, legs, found)
        if problem:
            return [book.refuse(terms, *problem)]
        order = book.open(terms, None)
        parts = []
        for leg, instrument in zip(legs, found, strict=True):
            own = replace(
                terms, cl_ord_id=f"{terms.cl_ord_id}/{leg.ref}", side=leg.side, isin=leg.isin, symbol=leg.symbol,
                qty=leg.ratio * terms.qty, limit=leg.limit,
            )  # fmt: skip
            part = book.open(own, instrument)
            part.leg = LegOf(order, leg.ref)
            parts.append((leg, part))
        self._open[order.order_id] = Package(order, parts, reports)
        return [book.report(order, "0")]

    def _problem(self, terms: Terms, legs: list[LegTerms], found: list) -> tuple[int, str] | None:
        if self.broker.reject_next:
            self.broker.reject_next -= 1
            return 0, "Rejected by the broker: not accepting this order."
        if len(legs) < 2 or len({leg.ref for leg in legs}) < len(legs):
            return OTHER_REJECT, "A package has two legs or more, each with a LegRefID (654) of its own."
        for leg, instrument in zip(legs, found, strict=True):
            if instrument is None:
                return UNKNOWN_SYMBOL, f"No instrument {leg.isin or leg.symbol} is traded here."
            if leg.side not in SIDES:
                return OTHER_REJECT, f"LegSide {leg.side} is not supported."
            if leg.ratio <= 0 or leg.ratio % instrument.increment:
                return WRONG_QUANTITY, f"LegRatioQty {leg.ratio} is not a positive multiple of {instrument.increment}."
        if terms.qty <= 0 or terms.qty % 1:
            return WRONG_QUANTITY, f"Quantity {terms.qty} is not a positive number of packages."
        return None

    def knows(self, order: Order) -> bool:
        return order.order_id in self._open

    def step(self) -> list[Answer]:
        """Will settle requests and work each package once at the market's present moment."""
        told: list[Answer] = []
        for order_id, package in list(self._open.items()):
            order = package.order
            if order.pending and (self.broker.market.now >= order.pending.due or not order.working):
                told += self._settle(package)
            if order.working:
                told += self._work(package)
            if not order.working and not order.pending:
                self._close_legs(package)
                del self._open[order_id]
        return told

    def _work(self, package: Package) -> list[Answer]:
        order = package.order
        told = self._fill(package)
        if order.terms.tif in IMMEDIATE and order.working and not order.pending:
            told.append(self.broker.book.close(order, "immediate order: the rest is cancelled", restatement=4))
        return told

    def _fill(self, package: Package) -> list[Answer]:
        order, book = package.order, self.broker.book
        prices = []
        for leg, part in package.legs:
            quote = self.broker.market.quote(part.instrument)
            price = quote.offer if part.terms.buying else quote.bid
            if leg.limit is not None and (price > leg.limit if part.terms.buying else price < leg.limit):
                return []
            prices.append(price)
        priced = list(zip(package.legs, prices, strict=True))
        net = net_price([(part.terms.buying, leg.ratio, part.instrument, price) for (leg, part), price in priced])
        if order.terms.limit is not None and net > order.terms.limit:
            return []
        qty = order.leaves if order.terms.tif == "4" else min(order.leaves, max(order.leaves // PARTS, Decimal(1)))
        told: list[Answer] = [book.fill(part, leg.ratio * qty, price) for (leg, part), price in priced]
        execution = Execution(book.ids(), "", qty, net, ZERO)
        order.add(execution)
        if package.reports != "2":
            told.append(book.report(order, "F", exec_id=execution.exec_id, last_qty=qty, last_px=net))
        return told

    def _settle(self, package: Package) -> list[Answer]:
        order, book = package.order, self.broker.book
        request = order.pending
        if not order.working:
            order.pending = None
            book.note_refused(order, request)
            text = "Too late: the package is over."
            return [self._refusal(request, order, text)]
        if request.kind == "cancel":
            return [book.close(order, "cancelled on request", request=request)]
        asked = request.terms
        qty = max(asked.qty, order.cum)
        order.terms = replace(order.terms, cl_ord_id=asked.cl_ord_id, qty=qty, ord_type=asked.ord_type, limit=asked.limit)
        for leg, part in package.legs:
            part.terms = replace(part.terms, qty=leg.ratio * qty)
        order.pending = None
        book.note_replaced(order, request)
        return [book.report(order, "5", cl_ord_id=request.cl_ord_id, orig_cl_ord_id=request.orig_cl_ord_id)]

    def _refusal(self, request, order: Order, text: str) -> CancelReject:
        return CancelReject(
            broker=self.broker.code, order_id=order.order_id, cl_ord_id=request.cl_ord_id, orig_cl_ord_id=request.orig_cl_ord_id,
            status=order.status, responds_to="1" if request.kind == "cancel" else "2", reason=TOO_LATE, text=text,
            at=self.broker.book.utc(),
        )  # fmt: skip

    def _close_legs(self, package: Package) -> None:
        for _, part in package.legs:
            if part.working:
                self.broker.book.close(part, "its package is over")


def net_price(legs: list[tuple[bool, Decimal, object, Decimal]]) -> Decimal:
    """What one package costs, below zero what it brings: prices times ratios and multipliers, without their common divisor."""
    worth = [Fraction(ratio) * Fraction(instrument.multiplier) for _, ratio, instrument, _ in legs]
    unit = Fraction(gcd(*(w.numerator for w in worth)), 1)
    weights = [w / unit for w in worth]
    signed = [weight * (1 if buys else -1) for (buys, *_), weight in zip(legs, weights, strict=True)]
    exact = sum((Fraction(price) * weight for (*_, price), weight in zip(legs, signed, strict=True)), Fraction(0))
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(Decimal("0.00000001"))

