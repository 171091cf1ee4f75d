"""Rows that booking holds in memory: what was locked, and what of it changed."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from ..rules import DK, Problem
from ..states import Q, Rt, X
from .days import DayTold

ZERO = Decimal(0)


class Unbookable(Exception):
    """
    Why a message cannot be booked, in words for the person who will look at it.

    :param code: DKReason (127), where it is a trade
    :param waits: whether it may be booked by itself once something else is heard
    """

    def __init__(self, text: str, code: str = DK.OTHER, waits: bool = False):
        super().__init__(text)
        self.problem = Problem(text, code, waits)


class Heard(NamedTuple):
    """:param at: when it was heard; ``party``: who sent it, as its session names them"""

    id: int
    session_id: int
    broker_id: int
    msg_type: str
    ref: str
    text: str
    version: int
    at: datetime
    party: str


@dataclass(slots=True)
class Request:
    id: int
    route_id: int
    cl_ord_id: str
    msg_type: str
    qty: Decimal
    limit_price: Decimal | None
    answer: str
    is_changed: bool = False

    def answered(self, answer: str) -> None:
        self.answer, self.is_changed = answer, True


@dataclass(slots=True)
class RouteRow:
    id: int
    block_id: int
    broker_id: int
    kind: str
    qty: Decimal
    limit_price: Decimal | None
    cum_qty: Decimal
    cum_value: Decimal
    leaves_qty: Decimal
    cl_ord_id: str
    pending_cl_ord_id: str
    order_id: str
    accepted_at: datetime | None
    first_fill_at: datetime | None
    last_fill_at: datetime | None
    ended_at: datetime | None
    reported_at: datetime | None
    reported_cum_qty: Decimal
    text: str
    noted_at: datetime | None
    note: str
    status: Rt
    version: int
    is_mended: bool = False  # Whether a person booked on it what was missing as its session came back.
    requests: list[Request] = field(default_factory=list)
    is_changed: bool = False
    day: DayTold | None = None  # What is told now of its day.

    def reserved(self) -> Decimal:
        """What a replace that is not yet answered would add; placed already, so that nobody else places it."""
        wanted = [r.qty - self.qty for r in self.requests if r.msg_type == "G" and r.answer == "WAITING"]
        return max([ZERO, *wanted])

    def exposure(self) -> Decimal:
        return self.cum_qty + self.leaves_qty + self.reserved()

    def current(self) -> Request | None:
        """The request that the broker accepted last."""
        return next((r for r in self.requests if r.cl_ord_id == self.cl_ord_id), None)

    def waiting(self) -> Request | None:
        """The last cancel or replace the broker has not answered."""
        waiting = [r for r in self.requests if r.msg_type in ("F", "G") and r.answer == "WAITING"]
        return max(waiting, key=lambda r: r.id, default=None)


@dataclass(slots=True)
class BlockRow:
    """A block as locked, and what this batch changes in it."""

    id: int
    side: str
    qty: Decimal
    placed_qty: Decimal
    filled_qty: Decimal
    cancelled_qty: Decimal
    status: str
    good_till: bool
    immediate: bool
    by_amount: bool
    isin: str
    price_factor: Decimal
    currency: str
    minor_units: int
    value_date: date | None
    placed: Decimal = ZERO
    filled: Decimal = ZERO
    value: Decimal = ZERO
    reopen_reason: str = ""

    def unplaced(self) -> Decimal:
        """What could still be placed; what the trader gave up stays given up, also where the block is opened again."""
        return self.qty - self.cancelled_qty - self.placed_qty - self.placed


@dataclass(slots=True)
class InquiryRow:
    id: int
    block_id: int
    side: str
    status: Q
    version: int
    is_changed: bool = False


@dataclass(slots=True)
class QuoteRow:
    id: int
    inquiry_id: int
    dealer_id: int
    request_ref: str
    quote_ref: str
    price: Decimal | None
    qty: Decimal | None
    valid_until: datetime | None
    answered_at: datetime | None
    text: str
    result: str
    is_changed: bool = False


@dataclass(slots=True)
class ExecutionRow:
    id: int
    route_id: int
    block_id: int
    broker_id: int
    exec_id: str
    corrects_id: int | None
    trade_date: date
    qty: Decimal
    price: Decimal
    status: X
    version: int
    is_changed: bool = False
    rest: tuple | None = None  # commission, currency, market, time at broker, message, when heard: of a new one
