"""Execution reports (35=8): reading one, judging a fill, what is left, which execution a bust means."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from apps.core.money import rounded

from ..states import BY_ORD_STATUS, DEAD, Rt
from .wire import Fields, Malformed

__all__ = ["Malformed"]

FILL, CORRECT, BUST, STATUS = "F", "G", "H", "I"
EXEC_TYPES = frozenset("03456789ABCDEFGHI")
SIDES = {"1": "BUY", "2": "SELL", "5": "SELL_SHORT"}
SIDE_TAGS = {side: tag for tag, side in SIDES.items()}
FUND_SIDE_TAGS = {"BUY": "D", "SELL": "E"}  # Subscribe and redeem.
SIDES |= {tag: side for side, tag in FUND_SIDE_TAGS.items()}
SHORT_EXEMPT = "6"
SIDES[SHORT_EXEMPT] = "SELL_SHORT"  # Its reason stands in 1688.

# What FIX 5.0 SP2 vol. 4 app. D illustrates. It says that what it does not show is not forbidden.
ILLUSTRATED: dict[Rt, frozenset[Rt]] = {
    Rt.PENDING_SEND: frozenset({Rt.PENDING_NEW, Rt.NEW, Rt.PARTLY_FILLED, Rt.FILLED, Rt.REJECTED, Rt.CANCELED}),
    Rt.PENDING_NEW: frozenset({Rt.NEW, Rt.REJECTED}),
    Rt.NEW: frozenset(
        {
            Rt.NEW,
            Rt.PARTLY_FILLED,
            Rt.FILLED,
            Rt.DONE_FOR_DAY,
            Rt.PENDING_CANCEL,
            Rt.PENDING_REPLACE,
            Rt.REJECTED,
            Rt.STOPPED,
            Rt.CANCELED,
        }
    ),
    Rt.PARTLY_FILLED: frozenset(
        {Rt.PARTLY_FILLED, Rt.FILLED, Rt.DONE_FOR_DAY, Rt.PENDING_CANCEL, Rt.PENDING_REPLACE, Rt.CANCELED}
    ),
    Rt.FILLED: frozenset({Rt.PARTLY_FILLED, Rt.FILLED, Rt.PENDING_REPLACE}),
    Rt.DONE_FOR_DAY: frozenset({Rt.PARTLY_FILLED, Rt.DONE_FOR_DAY}),
    Rt.PENDING_CANCEL: frozenset({Rt.NEW, Rt.PARTLY_FILLED, Rt.FILLED, Rt.PENDING_CANCEL, Rt.CANCELED}),
    Rt.PENDING_REPLACE: frozenset({Rt.NEW, Rt.PARTLY_FILLED, Rt.FILLED, Rt.PENDING_REPLACE, Rt.CANCELED}),
    Rt.STOPPED: frozenset({Rt.PARTLY_FILLED, Rt.FILLED}),
    Rt.CANCELED: frozenset({Rt.CANCELED}),
}


class Report(NamedTuple):
    """An execution report as the broker sent it."""

    cl_ord_id: str
    orig_cl_ord_id: str
    order_id: str
    exec_id: str
    exec_ref: str
    exec_type: str
    ord_status: str
    side: str
    isin: str
    currency: str
    qty: Decimal | None
    cum_qty: Decimal | None
    last_qty: Decimal | None
    last_price: Decimal | None
    limit_price: Decimal | None
    commission: Decimal
    commission_type: str
    market: str
    at: datetime
    trade_date: date
    reject_reason: str
    text: str
    settle_date: date | None = None

    @property
    def status(self) -> Rt:
        return BY_ORD_STATUS[self.ord_status][0]


class Order(NamedTuple):
    """What a fill is held against: our order as it stands."""

    side: str
    qty: Decimal
    cum_qty: Decimal
    limit_price: Decimal | None
    isin: str
    currency: str
    settle_date: date | None = None  # Where it was agreed with the order, as in currencies.


def read_report(fields: Fields) -> Report:
    """:raises Malformed: where a required tag is missing or says nothing sensible (FIX 4.4 vol. 4)"""
    exec_type, ord_status = fields.text(150), fields.text(39)
    if exec_type not in EXEC_TYPES:
        raise Malformed(f"ExecType (150) “{exec_type}” is not one of FIX 4.4's")
    if ord_status not in BY_ORD_STATUS:
        raise Malformed(f"OrdStatus (39) “{ord_status}” is not the state of an order in FIX 4.4")
    at = fields.find_time(60) or fields.time(52)
    last_qty, last_price = fields.find_decimal(32, 4), fields.find_decimal(31, 8)
    if exec_type in (FILL, CORRECT):
        if not last_qty or last_qty < 0:
            raise Malformed("a fill without a quantity (tag 32)")
        if not last_price or last_price < 0:
            raise Malformed("a fill without a price (tag 31)")
    return Report(
        cl_ord_id=fields.find(11),
        orig_cl_ord_id=fields.find(41),
        order_id=fields.find(37)[:40],
        exec_id=fields.text(17),
        exec_ref=fields.text(19) if exec_type in (CORRECT, BUST) else fields.find(19),
        exec_type=exec_type,
        ord_status=ord_status,
        side=fields.find(54),
        isin=fields.find(48) if fields.find(22, "4") == "4" else "",
        currency=fields.find(15),
        qty=fields.find_decimal(38, 4),
        cum_qty=fields.find_decimal(14, 4),
        last_qty=last_qty,
        last_price=last_price,
        limit_price=fields.find_decimal(44, 8),
        commission=fields.find_decimal(12, 8, Decimal(0)),
        commission_type=fields.find(13, "3"),
        market=fields.find(30)[:4],
        at=at,
        trade_date=fields.find_date(75) or at.date(),
        reject_reason=fields.find(103) or fields.find(378),
        text=fields.find(58)[:200],
        settle_date=fields.find_date(64),
    )


def report_key(fields: Fields) -> str:
    """
    What makes a report the same report, however often and under whichever sequence number it comes: its ExecID and
    trade date (ExecID may be unique for a day only). Empty where the message has no ExecID.
    """
    exec_id = fields.find(17)
    day = fields.find(75) or fields.find(60)[:8]
    return f"{day[:8]}/{exec_id}" if exec_id and len(exec_id) <= 60 else ""


def fill_problem(order: Order, report: Report, limit: Decimal | None, replaces: Decimal = Decimal(0)) -> str | None:
    """
    Why a fill must not be booked on its order; None where it may.

    :param limit: of the request that the report names by ClOrdID
    :param replaces: the quantity of the execution that this one corrects
    """
    if report.side and SIDES.get(report.side) != order.side:
        return f"It is a {SIDES.get(report.side, 'side ' + report.side)} of an order to {order.side}."
    if report.isin and order.isin and report.isin != order.isin:
        return f"It is in {report.isin}, the order in {order.isin}."
    if report.currency and report.currency != order.currency:
        return f"It is in {report.currency}, the order in {order.currency}."
    if report.settle_date and order.settle_date and report.settle_date != order.settle_date:
        return f"It settles on {report.settle_date}, the order on {order.settle_date}."
    after = order.cum_qty - replaces + report.last_qty
    if after > order.qty:
        return f"It would fill {after.normalize():f} of an order for {order.qty.normalize():f}."
    return outside_limit(order.side, report.last_price, limit)


def outside_limit(side: str, price: Decimal, limit: Decimal | None) -> str | None:
    if limit is not None and (price > limit if side == "BUY" else price < limit):
        return f"Its price {price.normalize():f} is outside the limit {limit.normalize():f}."
    return None


def leaves_of(status: Rt, qty: Decimal, cum_qty: Decimal, reported_cum: Decimal, good_till: bool) -> Decimal:
    """
    What the broker may still fill: quantity less cum while it works, nothing once it is dead, save fills that the
    broker counts and we have not heard yet. Done for day ends a day order; one good till cancelled works on.
    """
    dead = status in DEAD and not (status == Rt.DONE_FOR_DAY and good_till)
    left = max(qty - cum_qty, Decimal(0))
    return min(left, max(reported_cum - cum_qty, Decimal(0))) if dead else left


def is_late(at: datetime, last_at: datetime | None) -> bool:
    """Whether a report tells of a time before the last one that moved the route: of it only the fill counts."""
    return last_at is not None and at < last_at


def is_unusual(before: Rt, after: Rt) -> bool:
    seen_as = Rt.CANCELED if after == Rt.EXPIRED else after  # Of the same precedence.
    return before != after and seen_as not in ILLUSTRATED.get(before, frozenset())


def live_link(exec_ref: str, by_exec_id: Mapping[str, int], heirs: Mapping[int, int]) -> int | None:
    """
    The latest execution of the chain that a bust or correction means: it may name any ancestor.

    :param by_exec_id: ExecID to execution id
    :param heirs: execution id to the id of the one that corrected it
    """
    at = by_exec_id.get(exec_ref)
    while at is not None and at in heirs:
        at = heirs[at]
    return at


def commission_amount(report: Report, qty: Decimal, price: Decimal, factor: Decimal, units: int) -> Decimal:
    """
    The commission of a fill in its currency, rounded half-up to minor units.

    Tag 13 says of what tag 12 is: 1 per unit, 2 percent of value, 3 absolute.
    """
    if report.commission_type == "1":
        return rounded(report.commission * qty, units)
    if report.commission_type == "2":
        return rounded(report.commission * qty * price * factor / 100, units)
    if report.commission_type == "3":
        return rounded(report.commission, units)
    return Decimal(0)
