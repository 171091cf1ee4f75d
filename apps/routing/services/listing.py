"""Booking what brokers say of lists (35=N): their state, and the orders of them that they refuse."""

from .. import rules
from ..rules.lists import REJECTED_LIST, STATUS_WORDS, read_list_status
from .batch import Batch
from .refusals import reject_list
from .rows import Heard, Unbookable


def book_list_status(batch: Batch, message: Heard) -> None:
    """
    Will keep the state of a list and end the orders that it refuses. Quantities are kept as the broker counts them, and booked by
    its reports alone.

    :raises Unbookable: where it names neither a list of ours nor an order at this broker
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
    lines = [
        [line.cl_ord_id, line.status, *("" if number is None else rules.plain(number) for number in (line.cum_qty, line.leaves_qty))]
        for line in known
    ]
    batch.list_heard(message, said.list_id, said.status, said.text, lines)
