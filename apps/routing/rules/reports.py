"""Execution reports (35=8): reading one, judging a fill, what is left, which execution a bust means."""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from apps.core.money import rounded

from ..states import BY_ORD_STATUS, Rt
from .order_states import by_quantity
from .wire import NUMBER, Fields, Malformed

__all__ = ["Malformed"]

TRADES = ("F", "G", "H")
FILL, CORRECT, BUST, STATUS, RESTATED = "F", "G", "H", "I", "D"
EXEC_TYPES = frozenset("03456789ABCDEFGHI")
OLD, NEWEST = "FIX.4.2", "FIXT.1.1"
OLD_EXEC_TYPES = frozenset("0123456789ABCDE")
OLD_TRANSACTIONS = {"1": BUST, "2": CORRECT, "3": STATUS}
OLD_FILLS = ("1", "2")
REPLACED = "5"  # An OrdStatus of FIX 4.2 alone: an order replaced, with or without executions.
TRIGGERED = "L"  # An ExecType of FIX 5.0.
SIDES = {"1": "BUY", "2": "SELL", "5": "SELL_SHORT"}
SIDE_TAGS = {side: tag for tag, side in SIDES.items()}
FUND_SIDE_TAGS = {"BUY": "D", "SELL": "E"}  # Subscribe and redeem.
SIDES |= {tag: side for side, tag in FUND_SIDE_TAGS.items()}
SHORT_EXEMPT = "6"
SIDES[SHORT_EXEMPT] = "SELL_SHORT"  # Its reason stands in 1688.

# What stands in LastPx (31) where PriceType (423) says so is no price; LastParPx (669) has it then, in percent of par.
NO_PRICES = {"4": "a discount", "5": "a premium", "6": "a spread", "7": "a TED price", "8": "a TED yield", "9": "a yield"}
# The fields of a report that a repeat of it has in common with it.
ECONOMY = {150: "ExecType", 20: "ExecTransType", 11: "ClOrdID", 54: "Side", 48: "SecurityID", 32: "LastQty", 31: "LastPx",
           19: "ExecRefID"}  # fmt: skip
OF_THE_SENDING = frozenset({8, 9, 10, 34, 43, 49, 50, 52, 56, 57, 97, 115, 116, 122, 128, 129, 142, 143, 144, 145, 369})


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
    leaves_qty: Decimal | None = None
    avg_price: Decimal | None = None
    day_qty: Decimal | None = None
    day_cum_qty: Decimal | None = None
    day_average: Decimal | None = None
    restated: str = ""  # ExecRestatementReason (378).
    begin_string: str = "FIX.4.4"

    @property
    def status(self) -> Rt:
        if self.ord_status == REPLACED:
            return by_quantity(self.qty or Decimal(0), self.cum_qty or Decimal(0))
        return BY_ORD_STATUS[self.ord_status][0]


class DK(StrEnum):
    """DKReason (127): why a trade is not known."""

    SYMBOL = "A"
    SIDE = "B"
    OVER = "C"
    NO_ORDER = "D"
    LIMIT = "E"
    SUMS = "F"
    OTHER = "Z"


class Problem(NamedTuple):
    """Why a message is not booked, in words for a person; ``waits``: it may be once something else is heard."""

    text: str
    code: str = DK.OTHER
    waits: bool = False


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
    """
    Whatever version of FIX its BeginString (8) says, in the terms of FIX 4.4: what 4.2 calls a cancel or correction of an
    execution by ExecTransType (20) is a bust or correction, and its partial fill or fill a trade.

    :raises Malformed: where a required tag is missing or says nothing sensible (FIX 4.4 vol. 4, FIX 4.2)
    """
    exec_type, ord_status = _kind(fields)
    at = fields.find_time(60) or fields.time(52)
    last_qty, last_price = fields.find_decimal(32, 4), fields.find_decimal(31, 8)
    if exec_type in (FILL, CORRECT):
        last_price = _price(fields, last_price)
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
        leaves_qty=fields.find_decimal(151, 4),
        avg_price=fields.find_decimal(6, 20),
        day_qty=fields.find_decimal(424, 4),
        day_cum_qty=fields.find_decimal(425, 4),
        day_average=fields.find_decimal(426, 20),
        restated=fields.find(378),
        begin_string=fields.find(8, "FIX.4.4"),
    )


def _kind(fields: Fields) -> tuple[str, str]:
    """ExecType as FIX 4.4 has it, and OrdStatus as it was said."""
    version = fields.find(8)
    exec_type, ord_status = fields.text(150), fields.text(39)
    if version == OLD:
        transaction = fields.find(20, "0")
        if transaction not in ("0", *OLD_TRANSACTIONS):
            raise Malformed(f"ExecTransType (20) “{transaction}” is not one of FIX 4.2's")
        if exec_type not in OLD_EXEC_TYPES:
            raise Malformed(f"ExecType (150) “{exec_type}” is not one of FIX 4.2's")
        if ord_status not in BY_ORD_STATUS and ord_status != REPLACED:
            raise Malformed(f"OrdStatus (39) “{ord_status}” is not the state of an order in FIX 4.2")
        return kind_of(fields), ord_status
    if exec_type not in EXEC_TYPES and not (version == NEWEST and exec_type == TRIGGERED):
        raise Malformed(f"ExecType (150) “{exec_type}” is not one of FIX 4.4's")
    if ord_status not in BY_ORD_STATUS:
        raise Malformed(f"OrdStatus (39) “{ord_status}” is not the state of an order in FIX 4.4")
    return exec_type, ord_status


def _price(fields: Fields, last_price: Decimal | None) -> Decimal | None:
    """What was paid. :raises Malformed: where LastPx is a yield or the like, and LastParPx is missing"""
    what = NO_PRICES.get(fields.find(423))
    if what is None:
        return last_price
    par = fields.find_decimal(669, 8)
    if par is None:
        raise Malformed(f"LastPx (tag 31) is {what} as PriceType (423) says, and LastParPx (669) is missing")
    return par


def kind_of(fields: Fields) -> str:
    """ExecType (150) as FIX 4.4 has it, whatever it is; in FIX 4.2 ExecTransType (20) may say more."""
    kind = fields.find(150)
    if fields.find(8) != OLD:
        return kind
    return OLD_TRANSACTIONS.get(fields.find(20)) or (FILL if kind in OLD_FILLS else kind)


def report_key(fields: Fields) -> str:
    """
    What makes a report or a refusal (35=9) the same one, however often and under whichever sequence number it comes: its
    ExecID and trade date (ExecID may be unique for a day only); where it has none, what it says.
    """
    exec_id = fields.find(17)
    day = fields.find(75) or fields.find(60)[:8]
    if exec_id and len(exec_id) <= 60:
        return f"{day[:8]}/{exec_id}"
    said = "|".join(f"{tag}={value}" for tag, value in fields.all if tag not in OF_THE_SENDING)
    return f"says/{hashlib.sha256(said.encode()).hexdigest()[:40]}"


def says_another(first: Fields, again: Fields) -> str:
    """How two messages differ that have one ExecID; empty where the second repeats the first."""
    for tag, name in ECONOMY.items():
        one, other = first.find(tag), again.find(tag)
        if one != other and not _same_number(one, other):
            return f"{name} ({tag}) {other or 'none'}, not {one or 'none'}"
    return ""


def _same_number(one: str, other: str) -> bool:
    return bool(NUMBER.fullmatch(one) and NUMBER.fullmatch(other)) and Decimal(one) == Decimal(other)


def fill_problem(
    order: Order, report: Report, limit: Decimal | None, replaces: Decimal = Decimal(0), *, may_grow: bool = False
) -> Problem | None:
    """
    Why a fill must not be booked on its order; None where it may.

    :param limit: of the request that the report names by ClOrdID
    :param replaces: the quantity of the execution that this one corrects
    :param may_grow: whether the order may become larger by it: a person said so
    """
    if report.side and SIDES.get(report.side) != order.side:
        return Problem(f"It is a {SIDES.get(report.side, 'side ' + report.side)} of an order to {order.side}.", DK.SIDE)
    if report.isin and order.isin and report.isin != order.isin:
        return Problem(f"It is in {report.isin}, the order in {order.isin}.", DK.SYMBOL)
    if report.currency and report.currency != order.currency:
        return Problem(f"It is in {report.currency}, the order in {order.currency}.", DK.OTHER)
    if report.settle_date and order.settle_date and report.settle_date != order.settle_date:
        return Problem(f"It settles on {report.settle_date}, the order on {order.settle_date}.", DK.OTHER)
    after = order.cum_qty - replaces + report.last_qty
    if after > order.qty and not may_grow:
        # An order that the broker calls larger may have been replaced: that is then heard later.
        waits = report.qty is not None and report.qty >= after
        return Problem(f"It would fill {after.normalize():f} of an order for {order.qty.normalize():f}.", DK.OVER, waits)
    outside = outside_limit(order.side, report.last_price, limit)
    return Problem(outside, DK.LIMIT) if outside else None


def outside_limit(side: str, price: Decimal, limit: Decimal | None) -> str | None:
    if limit is not None and (price > limit if side == "BUY" else price < limit):
        return f"Its price {price.normalize():f} is outside the limit {limit.normalize():f}."
    return None


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
