"""Booking what brokers refuse: cancels and replaces (35=9), and messages of any type (35=j and 3)."""

from collections.abc import Iterable

from .. import events, rules
from ..states import BY_ORD_STATUS, DEAD, Rt
from .answers import decline, settle_inquiry
from .batch import Batch
from .rows import ZERO, Heard, Request, RouteRow, Unbookable

UNKNOWN_ORDER = "1"


def book_refusal(batch: Batch, message: Heard) -> None:
    """
    Will book an OrderCancelReject (35=9): the request is refused, and the order goes on as it was before it.

    An order that the broker does not know keeps its state, and its ClOrdID goes on to be the one that requests name (FIX 4.4
    vol. 4 app. D, B.1.f).
    """
    if batch.is_repeat(message):
        return
    fields = batch.fields[message.id]
    route, request = batch.route_named(message, fields.text(11))
    if request.msg_type not in ("F", "G"):
        raise Unbookable(f"ClOrdID {request.cl_ord_id} is no cancel or replace of ours.")
    if request.answer != "WAITING":
        batch.repeats[message.id] = "The request was answered before."
        return
    at = fields.find_time(60)  # Before anything is changed: it may be none.
    refuse(batch, route, request, fields.find(102), fields.find(58)[:200])
    if at is not None:  # What was pending until then is told late from now on.
        route.reported_at = max(route.reported_at or at, min(at, batch.act.at))
    unknown = fields.find(102) == UNKNOWN_ORDER
    said = BY_ORD_STATUS.get(fields.find(39), (None,))[0]
    after = rules.after_refusal(route.status, None if unknown else said, route.qty, route.cum_qty)
    if unknown:
        batch.note(route, f"does not know the order, which is {rules.in_words(after)} here; it answers our request so")
    elif said in DEAD and said != after and route.status not in DEAD:
        batch.note(route, f"calls the order {rules.in_words(said)} as it refuses our request, and did not report that")
    if after != route.status:
        if after in DEAD:
            route.ended_at = route.ended_at or at or message.at
        batch.route_reported(route, after, code=fields.find(39), note="as the refusal says")


def refuse(batch: Batch, route: RouteRow, request: Request, reason: str, text: str) -> None:
    before = route.exposure()
    request.answered("REJECTED")
    waiting = route.waiting()
    route.pending_cl_ord_id = waiting.cl_ord_id if waiting else ""
    batch.blocks[route.block_id].placed += route.exposure() - before
    batch.route_happens(route, events.RouteRequestRefused(cl_ord_id=request.cl_ord_id, reason=reason, text=text))


def book_reject(batch: Batch, message: Heard) -> None:
    """Will book a reject (35=j names our reference, 35=3 our sequence number): what we asked did not happen."""
    fields = batch.fields[message.id]
    if message.msg_type == "3":
        sent, ref = batch.sent.get(message.id, ("", ""))
    else:
        sent, ref = fields.text(372), fields.find(379)
    text = (fields.find(58) or f"rejected, reason {fields.find(380) or fields.find(373) or 'not given'}")[:200]
    if sent in ("R", "AJ") and batch.dealing.quote_named(ref):
        decline(batch, message, text, ref)
    elif sent in ("D", "AJ", "F", "G") and ref in batch.requests:
        reject_request(batch, message, ref, text)
    elif sent == "E" and ref in batch.lists:
        reject_list(batch, message, batch.lists[ref], text)
        batch.list_heard(message, ref, "REJECTED", text)
    elif sent == "Q":
        raise Unbookable(f"The broker does not take our refusal of a trade ({ref or 'it does not say which'}): {text}")
    elif sent and ref:
        answer = events.PostTradeHeard(
            broker_id=message.broker_id, msg_type=message.msg_type, ref=ref[:60], answer="rejected", text=text
        )
        batch.message_happens(message, answer)
    else:
        raise Unbookable(f"It rejects a message we cannot find: {text}")


def reject_list(batch: Batch, message: Heard, names: Iterable[str], text: str) -> None:
    """Will end the orders of a list that a broker does not take; those it answered one by one stay as it said."""
    for name in names:
        if name in batch.requests and batch.requests[name].answer == "WAITING":
            reject_request(batch, message, name, text)


def reject_request(batch: Batch, message: Heard, ref: str, text: str) -> None:
    route, request = batch.route_named(message, ref)
    if request.answer != "WAITING":
        batch.repeats[message.id] = "The request was answered before."
        return
    if request.msg_type in ("F", "G"):
        refuse(batch, route, request, "", text)
        return
    before = route.exposure()
    request.answered("REJECTED")
    route.leaves_qty, route.text = ZERO, text
    batch.blocks[route.block_id].placed += route.exposure() - before
    batch.route_reported(route, Rt.REJECTED, code="8", text=text)
    settle_inquiry(batch, route)
