"""What a broker says of an open order as its session comes back (35=H, answered by 35=8), held against what we have."""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import NamedTuple

from ..states import BY_ORD_STATUS, DEAD, Rt
from .orders import Terms, instrument_fields, plain
from .reports import RESTATED, STATUS, kind_of
from .wire import Fields, FramePart, Malformed, utc_text

UNKNOWN_ORDER = "5"  # OrdRejReason (103).
FILLED, REJECTED, CANCELED, NOT_ACCEPTED = "2", "8", "4", "8"
WRITTEN_HERE = (50, "OMS-RECONCILIATION")
"""SenderSubID of reports that a person has written from what a broker said: they are in our terms, whatever its dialect."""


class Found(StrEnum):
    ASKED = "ASKED"  # Not answered yet.
    AGREES = "AGREES"
    MORE = "MORE"  # More is filled there: executions are missing here.
    LESS = "LESS"  # Less is filled there: executions are here that it does not count.
    OVER = "OVER"  # It is over there.
    ALIVE = "ALIVE"  # It works there, and is over here.
    UNKNOWN = "UNKNOWN"  # Not known there.
    SILENT = "SILENT"  # Not answered in time.


DIFFERENCES = frozenset(Found) - {Found.ASKED, Found.AGREES}
MENDABLE = frozenset({Found.MORE, Found.OVER, Found.UNKNOWN})


class Told(NamedTuple):
    """What a broker says of an order; None where it does not."""

    status: str
    cum: Decimal | None
    leaves: Decimal | None
    price: Decimal | None
    order_id: str
    is_unknown: bool
    text: str


class Ours(NamedTuple):
    """An order as it stands here."""

    cl_ord_id: str
    order_id: str
    side_tag: str
    status: Rt
    qty: Decimal
    cum: Decimal
    value: Decimal


def order_status(cl_ord_id: str, order_id: str, terms: Terms) -> list[FramePart]:
    """OrderStatusRequest (35=H)."""
    order: list[FramePart] = [(37, order_id)] if order_id else []
    return [*order, (11, cl_ord_id), *instrument_fields(terms), (54, terms.side_tag)]


def tells_state(fields: Fields) -> bool:
    """Whether a report answers a status request: it says so, or does not know the order, which nobody says of a new one."""
    return kind_of(fields) == STATUS or (fields.find(150) == NOT_ACCEPTED and fields.find(103) == UNKNOWN_ORDER)


def read_state(fields: Fields) -> Told:
    """:raises Malformed: where it does not say a state, or a number is none"""
    status = fields.text(39)
    if status not in BY_ORD_STATUS and status != "5":
        raise Malformed(f"OrdStatus (39) “{status}” is not the state of an order")
    is_unknown = status == REJECTED and fields.find(103) == UNKNOWN_ORDER
    return Told(
        status, fields.find_decimal(14, 4), fields.find_decimal(151, 4), fields.find_decimal(6, 20),
        "" if is_unknown else fields.find(37)[:40], is_unknown, fields.find(58)[:300],
    )  # fmt: skip


def difference(ours: Ours, told: Told) -> Found:
    """
    How they differ; how much is filled counts before the state, for a state follows from it. Pending states are no
    difference: what waits for an answer is told of later.
    """
    if told.is_unknown:
        return Found.UNKNOWN
    if told.cum is not None and told.cum != ours.cum:
        return Found.MORE if told.cum > ours.cum else Found.LESS
    over = is_over(told.status)
    if over == (ours.status in DEAD):
        return Found.AGREES
    return Found.OVER if over else Found.ALIVE


def is_over(status: str) -> bool:
    return status in BY_ORD_STATUS and BY_ORD_STATUS[status][0] in DEAD


def mend_words(found: Found, ours: Ours, told: Told) -> str:
    """What would be done to an order for it to be as the broker says; empty where a person must call it first."""
    if found == Found.MORE:
        price = missing_price(ours, told)
        if price is None:
            return ""
        end = f", and end it as {BY_ORD_STATUS[told.status][0].lower()}" if _ends_after_fill(told) else ""
        return f"Book what is missing: {plain(told.cum - ours.cum)} at {plain(price)}{end}."
    if found == Found.OVER:
        return f"End it here, as {str(BY_ORD_STATUS[told.status][0]).lower().replace('_', ' ')} with {plain(ours.cum)} filled."
    if found == Found.UNKNOWN:
        return f"End it here, with {plain(ours.cum)} filled: the broker has no such order."
    return ""


def missing_price(ours: Ours, told: Told) -> Decimal | None:
    """
    The average price of what is missing: the shortest with which the broker's average (6) comes out, as exactly as it is
    said, to four decimals at least; None where there is none.
    """
    if told.price is None or told.cum is None or told.cum <= ours.cum:
        return None
    qty = told.cum - ours.cum
    exact = (told.cum * told.price - ours.value) / qty
    near = Decimal("0.5").scaleb(-max(4, -int(told.price.normalize().as_tuple().exponent)))
    for places in range(9):
        price = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        if price > 0 and abs((ours.value + qty * price) / told.cum - told.price) <= near:
            return price
    return None


def _ends_after_fill(told: Told) -> bool:
    return is_over(told.status) and BY_ORD_STATUS[told.status][0] != Rt.FILLED


def mending_reports(found: Found, ours: Ours, told: Told, name: str, at: datetime) -> list[list[FramePart]]:
    """
    The reports (35=8) that the broker would have sent for the order to be here as it is there, in our terms; none where
    it cannot be mended so.

    :param name: makes their ExecIDs, which no broker gives
    """
    said: list[tuple[str, str, list[FramePart], Decimal, Decimal]] = []
    qty = ours.qty
    price = missing_price(ours, told)
    if found == Found.MORE and price is not None and told.cum is not None:
        trade = [(32, plain(told.cum - ours.cum)), (31, plain(price))]
        ends = _ends_after_fill(told)
        leaves = ours.qty - told.cum if ends or told.leaves is None else told.leaves
        said.append(("F", "1" if ends or told.status not in BY_ORD_STATUS else told.status, trade, told.cum, leaves))
        if ends:
            said.append((told.status, told.status, [], told.cum, Decimal(0)))
    elif found == Found.OVER:
        if told.status == FILLED:  # Of less than we ordered: the order is smaller there.
            qty = ours.cum
        said.append((RESTATED if told.status == FILLED else told.status, told.status, [], ours.cum, Decimal(0)))
    elif found == Found.UNKNOWN:
        code = CANCELED if ours.cum else REJECTED
        said.append((code, code, [], ours.cum, Decimal(0)))
    return [
        [
            (8, "FIX.4.4"), (35, "8"), WRITTEN_HERE, (52, utc_text(at)), (37, ours.order_id or told.order_id or "NONE"),
            (11, ours.cl_ord_id), (17, f"{name}-{n}"), (150, kind), (39, status), (54, ours.side_tag), (38, plain(qty)),
            *trade, (14, plain(cum)), (151, plain(leaves)), (60, utc_text(at)),
            (58, "as the broker answered when its session came back"),
        ]
        for n, (kind, status, trade, cum, leaves) in enumerate(said, 1)
    ]  # fmt: skip
