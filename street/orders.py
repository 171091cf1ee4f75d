"""
What an order says, what state it is in, and what is reported of it. Plain values, no behaviour of a broker.

States follow FIX 4.4 volume 4 appendix D: a report carries the state of highest precedence, and leaves are order
quantity less executed while the order works, zero once it is over.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from .universe import Instrument

ZERO = Decimal(0)

NEW, PARTIAL, FILLED, CANCELED, PENDING_CANCEL, REJECTED, PENDING_REPLACE = "0", "1", "2", "4", "6", "8", "E"
DUPLICATE_ORDER, UNKNOWN_ORDER, UNKNOWN_SYMBOL, BROKER_OPTION, WRONG_QUANTITY, OTHER_REJECT = 6, 5, 1, 0, 13, 99
TOO_LATE, UNKNOWN_TO_CANCEL, ALREADY_PENDING, DUPLICATE_REQUEST = 0, 1, 3, 6


@dataclass(frozen=True)
class Terms:
    """
    What an order says: quantities in units or face (none of a fund's order by amount, which says its `cash`); `seconds` is
    the simulated length of its schedule.
    """

    cl_ord_id: str
    side: str
    isin: str
    symbol: str
    currency: str
    qty: Decimal
    ord_type: str = "1"
    limit: Decimal | None = None
    stop: Decimal | None = None
    tif: str = "0"
    strategy: str = ""
    rate: float | None = None
    seconds: float | None = None
    account: str = ""
    mic: str = ""
    trade_date: date | None = None
    settle_date: date | None = None
    position_effect: str = ""
    cash: Decimal | None = None

    @property
    def buying(self) -> bool:
        return self.side in ("1", "D")


@dataclass(frozen=True)
class Execution:
    """One live execution: `root` is the ExecID it first had, before corrections."""

    exec_id: str
    root: str
    qty: Decimal
    price: Decimal
    commission: Decimal


@dataclass
class Request:
    """A cancel or replace that was taken and is not yet done; due at a simulated time."""

    kind: str
    cl_ord_id: str
    orig_cl_ord_id: str
    due: float
    terms: Terms | None = None


@dataclass(frozen=True)
class LegOf:
    """Of an order that is a leg: its package's, and what the client calls the leg (654)."""

    package: "Order"
    ref: str


@dataclass
class Order:
    order_id: str
    terms: Terms
    instrument: Instrument | None
    trade_date: date
    closed: str = ""
    text: str = ""
    pending: Request | None = None
    live: dict[str, Execution] = field(default_factory=dict)
    cum: Decimal = ZERO
    spent: Decimal = ZERO
    leg: LegOf | None = None

    def add(self, execution: Execution) -> None:
        self.live[execution.exec_id] = execution
        self.cum += execution.qty
        self.spent += execution.qty * execution.price

    def drop(self, exec_id: str) -> None:
        execution = self.live.pop(exec_id)
        self.cum -= execution.qty
        self.spent -= execution.qty * execution.price

    @property
    def leaves(self) -> Decimal:
        return ZERO if self.closed else self.terms.qty - self.cum

    @property
    def avg_px(self) -> Decimal:
        """Exact to 28 digits; zero while nothing is executed."""
        return self.spent / self.cum if self.cum else ZERO

    @property
    def status(self) -> str:
        """OrdStatus by precedence: pending cancel, pending replace, filled, canceled, partly filled, new."""
        if self.pending:
            return PENDING_CANCEL if self.pending.kind == "cancel" else PENDING_REPLACE
        if self.closed == REJECTED:
            return REJECTED
        if self.cum and self.cum >= self.terms.qty:
            return FILLED
        return self.closed or (PARTIAL if self.cum else NEW)

    @property
    def working(self) -> bool:
        return not self.closed and (self.leaves > 0 or self.terms.cash is not None and not self.cum)


@dataclass(frozen=True)
class Report:
    """What an ExecutionReport (35=8) says."""

    broker: str
    order: Order
    exec_id: str
    exec_type: str
    status: str
    cl_ord_id: str
    order_qty: Decimal
    cum: Decimal
    leaves: Decimal
    avg_px: Decimal
    at: datetime
    orig_cl_ord_id: str = ""
    last_qty: Decimal | None = None
    last_px: Decimal | None = None
    commission: Decimal | None = None
    ref: str = ""
    reject_reason: int | None = None
    restatement: int | None = None
    text: str = ""


@dataclass(frozen=True)
class CancelReject:
    """What an OrderCancelReject (35=9) says; `responds_to` 1 cancel, 2 replace."""

    broker: str
    order_id: str
    cl_ord_id: str
    orig_cl_ord_id: str
    status: str
    responds_to: str
    reason: int
    text: str
    at: datetime


def terms_row(terms: Terms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in Terms.__dataclass_fields__ if getattr(terms, name) is not None}


def row_terms(row: dict[str, Any]) -> Terms:
    values = {name: row[name] for name in Terms.__dataclass_fields__ if row.get(name) is not None}
    values["qty"] = Decimal(values["qty"])
    for name in {"limit", "cash"} & values.keys():
        values[name] = Decimal(values[name])
    for name in {"trade_date", "settle_date"} & values.keys():
        values[name] = date.fromisoformat(values[name])
    return Terms(**values)
