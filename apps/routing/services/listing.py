"""Booking what brokers say of lists (35=N): their state, and the orders of them that they refuse."""

from collections.abc import Callable, Sequence

from .. import rules
from ..rules.lists import REJECTED_LIST, STATUS_WORDS, Line, read_list_status, reports_of
from ..rules.reconciling import missing_price
from ..states import BY_ORD_STATUS
from .batch import Batch
from .refusals import reject_list
from .reports import ours_of, weigh
from .rows import Heard, Unbookable

DONE = "DONE"


def book_list_status(batch: Batch, message: Heard) -> None:
    """
    Will keep the state of a list and end the orders that it refuses. Quantities are kept as the broker counts them, and booked by
    its reports alone; of a broker whose dialect says that fills of lists come by ListStatus alone, from it, and where a person accepts
    it.

    :raises Unbookable: where it names neither a list of ours nor an order at this broker, what it counts cannot be booked, or a list
        that is done counts more than its reports brought
    """
    said = read_list_status(batch.fields[message.id])
    mine = batch.lists.get(said.list_id, [])
    known = [line for line in said.lines if line.cl_ord_id in batch.requests]
    if not mine and not known:
        raise Unbookable(f"No list of ours has ListID {said.list_id}.")
    for name in [*mine, *(line.cl_ord_id for line in known)]:
        if name in batch.requests:
            batch.route_named(message, name)  # Refuses another counterparty's before anything is done.
    text = said.text or "rejected with its list"
    if said.status == STATUS_WORDS[REJECTED_LIST]:
        reject_list(batch, message, mine or [line.cl_ord_id for line in known], text)
    for line in known:
        if line.cl_ord_id in said.refused:
            reject_list(batch, message, [line.cl_ord_id], line.text or text)
    from_list = message.session_id in batch.list_fills or message.id in batch.trusted
    if from_list:
        mine = [line for line in known if line.cl_ord_id not in said.refused]
        done = [_weighed(batch, message, said.list_id, line) for line in mine]
        for book in done:  # All of them, or none.
            book()
    lines = [
        [line.cl_ord_id, line.status, *("" if number is None else rules.plain(number) for number in (line.cum_qty, line.leaves_qty))]
        for line in known
    ]
    batch.list_heard(message, said.list_id, said.status, said.text, lines)
    if said.status == DONE and not from_list:
        _refuse_missing(batch, message, known)


def _refuse_missing(batch: Batch, message: Heard, lines: Sequence[Line]) -> None:
    """:raises Unbookable: where the broker counts fills that it did not report, though it says that the list is done"""
    for line in lines:
        route, _ = batch.route_named(message, line.cl_ord_id)
        if line.cum_qty is not None and line.cum_qty > route.cum_qty:
            raise Unbookable(
                f"The list is done, and it counts {rules.plain(line.cum_qty)} of {line.cl_ord_id}, of which reports came to"
                f" {rules.plain(route.cum_qty)}. Accept it to book what is missing at its average price; else dismiss it and call.",
                rules.DK.SUMS,
            )  # fmt: skip


def _weighed(batch: Batch, message: Heard, list_id: str, line: Line) -> Callable[[], None]:
    """
    What a list says of one order, as reports of its own would; calling it books that.

    :raises Unbookable: where it counts less than is booked, fills without a price, or more than was ordered
    """
    route, request = batch.route_named(message, line.cl_ord_id)
    ours = ours_of(route)
    if line.cum_qty is not None and line.cum_qty < route.cum_qty:
        raise Unbookable(
            f"It counts {rules.plain(line.cum_qty)} of {line.cl_ord_id}, of which {rules.plain(route.cum_qty)} are booked. A ListStatus"
            " does not say which fill is taken back.",
            rules.DK.SUMS,
        )  # fmt: skip
    price = None
    if line.cum_qty is not None and line.cum_qty > route.cum_qty:
        price = missing_price(ours, rules.Told(line.status, line.cum_qty, line.leaves_qty, line.average, "", False, ""))
        if price is None:
            raise Unbookable(f"It counts fills of {line.cl_ord_id} and no average price (6) that they come to.", rules.DK.SUMS)
    told = request.answer != "WAITING" if line.status == "0" else BY_ORD_STATUS.get(line.status, (None,))[0] == route.status
    at = batch.fields[message.id].find(60) or rules.utc_text(message.at)
    reports = [rules.read_report(rules.Fields.of(fields)) for fields in reports_of(line, list_id, ours, told, price, at)]
    first = weigh(batch, message, reports[0]) if reports else None

    def book() -> None:
        if first:
            first()
        for report in reports[1:]:
            weigh(batch, message, report)()

    return book
