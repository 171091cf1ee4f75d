"""
Lists: many orders as one message, and what brokers say of them.

NewOrderList (35=E) and ListStatus (35=N) as in FIX 4.4 vol. 4. Orders of one list that are sent singly name it by ListID (66) and
ClOrdLinkID (583), which is how FIX 4.4 ties "lists submitted to a broker as waves of a larger program trade".
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from .orders import STANDARD, plain
from .reconciling import Ours
from .wire import Fields, FramePart, Malformed

NOT_BIDDEN = "3"  # BidType (394): no bidding process.
IN_LIST = frozenset(STANDARD) - {152} | {11, 58, 60, 75, 100, 126, 168, 847, 849}
STATUS_WORDS = {
    "1": "BIDDING", "2": "RECEIVED", "3": "EXECUTING", "4": "CANCELLING", "5": "ALERT", "6": "DONE", "7": "REJECTED",
}  # fmt: skip
ALERT_TYPE, REJECTED_LIST, REJECTED_ORDER = "6", "7", "8"


class ListRef(NamedTuple):
    """
    :param list_id: ListID (66), unique for ever; :param link: ClOrdLinkID (583), of the program it is a wave of
    :param as_one: ids of the brokers that take it as one message
    """

    list_id: str
    link: str
    as_one: frozenset[int] = frozenset()


def fits_in_list(fields: Sequence[FramePart]) -> bool:
    """Whether an order says nothing that a NewOrderList has no place for: custom tags end its group."""
    return all(tag in IN_LIST for tag, _ in fields)


def of_list(fields: Sequence[FramePart], ref: ListRef) -> list[FramePart]:
    """A single order that says of which list it is."""
    return [fields[0], (66, ref.list_id), (583, ref.link), *fields[1:]]


def linked(fields: Sequence[FramePart], link: str) -> list[FramePart]:
    """A single order that says with which others it hangs together."""
    return [fields[0], (583, link), *fields[1:]]


def new_list(orders: Sequence[Sequence[FramePart]], ref: ListRef) -> list[FramePart]:
    """NewOrderList (35=E) of these orders, whose first field is their ClOrdID."""
    count = str(len(orders))
    fields: list[FramePart] = [(66, ref.list_id), (394, NOT_BIDDEN), (68, count), (73, count)]
    for n, order in enumerate(orders, 1):
        fields += [order[0], (67, str(n)), (583, ref.link), *order[1:]]
    return fields


class Line(NamedTuple):
    """What a ListStatus says of one order."""

    cl_ord_id: str
    status: str
    cum_qty: Decimal | None
    leaves_qty: Decimal | None
    text: str
    average: Decimal | None = None


class ListStatus(NamedTuple):
    list_id: str
    status: str
    text: str
    lines: list[Line]

    @property
    def refused(self) -> list[str]:
        """ClOrdIDs of the orders it refuses by name."""
        return [line.cl_ord_id for line in self.lines if line.status == REJECTED_ORDER]


def read_list_status(fields: Fields) -> ListStatus:
    """:raises Malformed: without a ListID, for a ListOrderStatus (431) that is none, or a quantity that is no number"""
    status = fields.text(431, 2)
    if status not in STATUS_WORDS:
        raise Malformed(f"tag 431 is no state of a list: {status}")
    word = "ALERT" if fields.find(429) == ALERT_TYPE else STATUS_WORDS[status]
    rows: list[dict[int, str]] = []
    for tag, value in fields.all:
        if tag == 11:
            rows.append({})
        if rows:
            rows[-1].setdefault(tag, value)
    lines = [
        Line(row[11], row.get(39, ""), _number(row, 14), _number(row, 151), row.get(58, "")[:200], _number(row, 6, 20)) for row in rows
    ]
    return ListStatus(fields.text(66), word, fields.find(444)[:200] or fields.find(58)[:200], lines)


def _number(row: dict[int, str], tag: int, places: int = 4) -> Decimal | None:
    return Fields.of([(tag, row[tag])]).find_decimal(tag, places) if tag in row else None


STATES = {"0": "0", "4": "4", "C": "C", "3": "3"}
"""OrdStatus (39) of a list's order that a report of its own would tell of, and the ExecType (150) of that report."""


def reports_of(
    line: Line, list_id: str, ours: Ours, is_told: bool, price: Decimal | None, at: str
) -> list[list[FramePart]]:
    """
    The reports (35=8) that a broker would have sent of an order, of which it tells by ListStatus alone: of what it counts as filled
    beyond what we have, and of the state it is in. The ExecID is the list's and the order's with the count, so the same count told again
    is the same execution.

    :param is_told: whether we know the state already; :param price: of what is missing
    """
    cum = ours.cum if line.cum_qty is None else line.cum_qty
    over = line.status in ("4", "C")
    leaves = Decimal(0) if over or cum >= ours.qty else ours.qty - cum
    head = [(8, "FIX.4.4"), (35, "8"), (37, ours.order_id or "NONE"), (11, line.cl_ord_id)]
    tail = [(38, plain(ours.qty)), (14, plain(cum)), (60, at), *([(58, line.text)] if line.text else [])]
    made: list[list[FramePart]] = []
    name = f"{list_id}/{line.cl_ord_id}/{plain(cum)}"[-60:]
    if cum > ours.cum and price is not None:
        status = "2" if cum >= ours.qty else "1"
        trade = [(17, name), (150, "F"), (39, status), (32, plain(cum - ours.cum)), (31, plain(price)), (151, plain(ours.qty - cum))]
        made.append([*head, *trade, *tail])
    if line.status in STATES and not is_told:
        state = [(17, f"{name}/{line.status}"[-60:]), (150, STATES[line.status]), (39, line.status), (151, plain(leaves))]
        made.append([*head, *state, *tail])
    return made
