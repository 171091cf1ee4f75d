"""Booking what brokers report: execution reports (35=8), refused cancels and replaces (35=9), rejects (35=j and 3)."""

from decimal import Decimal

import structlog

from apps.core.events import Fact

from .. import events, rules
from ..states import BY_ORD_STATUS, DEAD, Rt, X
from .answers import decline
from .batch import Batch
from .rows import ZERO, ExecutionRow, Heard, Request, RouteRow, Unbookable

log = structlog.get_logger(__name__)
NOT_ACCEPTED = "8"
DUPLICATE_ORDER = "6"
OVER = (Rt.CANCELED, Rt.REJECTED, Rt.EXPIRED)


def book_report(batch: Batch, message: Heard) -> None:
    """
    Will book an execution report on its route: its fill, bust or correction once, its state as OrdStatus (39) says.

    :raises Unbookable: where it must not be booked, before anything of it was
    """
    report = rules.read_report(batch.fields[message.id])
    if batch.is_repeat(message):
        return
    route, request = batch.route_named(message, report.cl_ord_id, report.orig_cl_ord_id)
    if report.exec_type == "I":
        return  # A reply about status; what it tells was or will be reported.
    if report.exec_type == NOT_ACCEPTED and request.msg_type in ("F", "G"):
        _refuse(batch, route, request, report.reject_reason, report.text)
        return
    if report.reject_reason == DUPLICATE_ORDER and report.exec_type == NOT_ACCEPTED and route.status != Rt.PENDING_SEND:
        raise Unbookable(f"It rejects ClOrdID {report.cl_ord_id} as a duplicate, but the broker has that order.")
    fill = _Fill(batch, message, report, route, request)
    if fill.is_known:
        return
    _Outcome(batch, report, route, request, fill).book()


class _Fill:
    """What an F, G or H does to the route's executions; nothing, for any other report."""

    def __init__(self, batch: Batch, message: Heard, report: rules.Report, route: RouteRow, request: Request):
        self.batch, self.message, self.report, self.route = batch, message, report, route
        self.block = batch.blocks[route.block_id]
        self.qty = self.value = ZERO
        self.old: ExecutionRow | None = None
        self.is_known = False
        if report.exec_type not in ("F", "G", "H"):
            return
        if report.exec_type in ("F", "G"):
            self.is_known = (message.broker_id, report.trade_date, report.exec_id) in batch.known
        if report.exec_type in ("G", "H") and not self.is_known:
            self._find_old()
        if self.is_known:
            return
        if self.old is not None:
            self.qty, self.value = -self.old.qty, -self.old.qty * self.old.price
        if report.exec_type in ("F", "G"):
            self._judge(request)
            self.qty += report.last_qty
            self.value += report.last_qty * report.last_price

    def _find_old(self) -> None:
        mine = [e for e in self.batch.executions.values() if e.route_id == self.route.id]
        heirs = {e.corrects_id: e.id for e in mine if e.corrects_id is not None}
        found = rules.live_link(self.report.exec_ref, {e.exec_id: e.id for e in mine}, heirs)
        if found is None:
            raise Unbookable(f"It means execution {self.report.exec_ref}, which this order does not have.")
        self.old = self.batch.executions[found]
        if self.old.status != X.LIVE:
            if self.report.exec_type == "G":
                raise Unbookable(f"It corrects execution {self.old.exec_id}, which was busted.")
            self.is_known = True

    def _judge(self, request: Request) -> None:
        limit = request.limit_price if request.msg_type in ("D", "G", "AJ") else self.route.limit_price
        order = rules.Order(
            self.block.side, self.route.qty, self.route.cum_qty, limit, self.block.isin, self.block.currency,
            self.block.value_date,
        )  # fmt: skip
        replaces = self.old.qty if self.old else ZERO
        problem = rules.fill_problem(order, self.report, None if self.batch.trusting else limit, replaces)
        if problem:
            raise Unbookable(problem)

    def book(self) -> None:
        report = self.report
        if report.exec_type in ("F", "G"):
            self._add()
        if self.old is not None:
            ended = events.ExecutionBusted if report.exec_type == "H" else events.ExecutionCorrected
            self.batch.execution_ends(self.old, ended(block_id=self.block.id, exec_id=self.old.exec_id))
        if self.qty > 0 or report.exec_type == "F":
            self.route.first_fill_at = min(self.route.first_fill_at or report.at, report.at)
            self.route.last_fill_at = max(self.route.last_fill_at or report.at, report.at)
        self.block.filled += self.qty
        self.block.value += self.value

    def _add(self) -> None:
        batch, report, route, block = self.batch, self.report, self.route, self.block
        commission = rules.commission_amount(
            report, report.last_qty, report.last_price, block.price_factor, block.minor_units
        )
        row = ExecutionRow(
            id=batch.new_ids.pop(0),
            route_id=route.id,
            block_id=block.id,
            broker_id=route.broker_id,
            exec_id=report.exec_id,
            corrects_id=self.old.id if self.old else None,
            trade_date=report.trade_date,
            qty=report.last_qty,
            price=report.last_price,
            status=X.LIVE,
            version=1,
            rest=(commission, report.currency or block.currency, report.market, report.at, self.message.id),
        )
        batch.add_execution(row)
        batch.facts.append(
            Fact(
                row.id,
                1,
                events.ExecutionBooked(
                    route_id=route.id,
                    block_id=block.id,
                    exec_id=row.exec_id,
                    qty=rules.plain(row.qty),
                    price=rules.plain(row.price),
                ),
            )
        )


class _Outcome:
    """What a report makes of its route: worked out whole before anything is changed."""

    def __init__(self, batch: Batch, report: rules.Report, route: RouteRow, request: Request, fill: _Fill):
        self.batch, self.report, self.route, self.fill = batch, report, route, fill
        self.block = block = fill.block
        self.request = request
        self.before = route.exposure()
        self.is_late = rules.is_late(report.at, route.reported_at)
        self.status = route.status if self.is_late else report.status
        self.cum = route.cum_qty + fill.qty
        self.told_cum = route.reported_cum_qty if self.is_late else _or(report.cum_qty, self.cum)
        self.answer = self._answer()
        self.qty, self.limit = self._terms()
        if self.cum > self.qty:
            raise Unbookable(f"It would fill {rules.plain(self.cum)} of an order for {rules.plain(self.qty)}.")
        if self.cum < 0:
            raise Unbookable("It takes away more than was filled.")
        self.leaves = rules.leaves_of(self.status, self.qty, self.cum, self.told_cum, block.good_till)
        self.more = self.cum + self.leaves + self._reserved() - self.before
        if self.more > max(block.unplaced(), ZERO):
            raise Unbookable(
                f"It leaves {rules.plain(self.more)} more at the broker than the block has unplaced"
                f" ({rules.plain(block.unplaced())})."
            )

    def _answer(self) -> str | None:
        """Whether the report accepts the request it names."""
        kind, request = self.report.exec_type, self.request
        if request.answer != "WAITING":
            return None
        if request.msg_type == "F":
            return "ACCEPTED" if kind == "4" else None
        if request.msg_type == "G":
            return "ACCEPTED" if kind == "5" else None
        return "REJECTED" if kind == NOT_ACCEPTED else "ACCEPTED"

    def _terms(self) -> tuple[Decimal, Decimal | None]:
        """Quantity and limit after it: an accepted replace, or a restatement, brings new ones."""
        route, report, request = self.route, self.report, self.request
        if report.exec_type == "5" and request.msg_type == "G":
            current = next((r for r in route.requests if r.cl_ord_id == route.cl_ord_id), request)
            if request.id < current.id:
                return route.qty, route.limit_price  # A later replace was accepted before this was heard.
            return max(_or(report.qty, request.qty), self.cum), request.limit_price
        if report.exec_type in ("5", "D") and not self.is_late and report.qty:
            return max(report.qty, self.cum), route.limit_price
        return route.qty, route.limit_price

    def _dies(self) -> bool:
        return self.status in OVER

    def _reserved(self) -> Decimal:
        if self._dies():
            return ZERO
        wanted = [
            r.qty - self.qty
            for r in self.route.requests
            if r.msg_type == "G" and r.answer == "WAITING" and not (r is self.request and self.answer)
        ]
        return max([ZERO, *wanted])

    def book(self) -> None:
        batch, report, route, block, request = self.batch, self.report, self.route, self.block, self.request
        note = self._note()
        if self.answer:
            request.answered(self.answer)
        if self.answer == "ACCEPTED" and request.msg_type == "G":
            route.cl_ord_id = request.cl_ord_id
        if self._dies():
            for other in route.requests:
                if other.msg_type == "G" and other.answer == "WAITING":
                    other.answered("REJECTED")
        waiting = route.waiting()
        route.pending_cl_ord_id = waiting.cl_ord_id if waiting else ""
        self.fill.book()
        route.cum_qty, route.cum_value = self.cum, route.cum_value + self.fill.value
        route.qty, route.limit_price, route.leaves_qty = self.qty, self.limit, self.leaves
        route.order_id = report.order_id or route.order_id
        if report.exec_type in ("0", "F"):
            route.accepted_at = min(route.accepted_at or report.at, report.at)
        route.ended_at = (route.ended_at or report.at) if self.status in DEAD else None
        if not self.is_late:
            route.reported_at, route.reported_cum_qty = report.at, self.told_cum
            route.text = report.text
        if block.status in ("DONE", "ALLOCATED") and (self.fill.qty or self.fill.value or self.more):
            block.reopen_reason = block.reopen_reason or _why_reopened(report, self.fill)
        block.placed += self.more
        if "unusual" in note:
            log.warning("unusual_transition", route=route.id, before=str(route.status), after=str(self.status))
        batch.route_reported(
            route, self.status, code=report.ord_status, kind=report.exec_type, exec_id=report.exec_id, text=report.text,
            note=note,
        )  # fmt: skip
        settle_inquiry(batch, route)

    def _note(self) -> str:
        notes = []
        if self.is_late:
            notes.append("late")
        if self.report.exec_type in ("4", "5", "D", "3") and self.request.msg_type not in ("F", "G"):
            notes.append("unsolicited")
        if rules.is_unusual(self.route.status, self.status):
            notes.append("unusual")
        return ", ".join(notes)


def settle_inquiry(batch: Batch, route: RouteRow) -> None:
    """Will end the inquiry whose hit this route is, once the dealer has answered it: traded, or failed."""
    inquiry = batch.inquiry_of_route.get(route.id)
    if inquiry is None or inquiry.status != "AWARDED" or route.status not in DEAD:
        return
    if route.cum_qty:
        batch.inquiry_happens(inquiry, events.InquiryTraded())
    else:
        batch.inquiry_happens(inquiry, events.InquiryFailed(reason=route.text))


def _or(value: Decimal | None, other: Decimal) -> Decimal:
    return other if value is None else value


def _why_reopened(report: rules.Report, fill: _Fill) -> str:
    if report.exec_type == "H":
        return f"Execution {fill.old.exec_id} was busted by the broker."
    if report.exec_type == "G":
        return f"Execution {fill.old.exec_id} was corrected by the broker."
    return f"Execution {report.exec_id} came after the block was done."


def book_refusal(batch: Batch, message: Heard) -> None:
    """Will book an OrderCancelReject (35=9): the request is refused, the order stands as it was."""
    fields = batch.fields[message.id]
    route, request = batch.route_named(message, fields.text(11))
    if request.msg_type not in ("F", "G"):
        raise Unbookable(f"ClOrdID {request.cl_ord_id} is no cancel or replace of ours.")
    if request.answer != "WAITING":
        batch.repeats[message.id] = "The request was answered before."
        return
    _refuse(batch, route, request, fields.find(102), fields.find(58)[:200])
    after = BY_ORD_STATUS.get(fields.find(39), (None,))[0]
    back = route.status in (Rt.PENDING_CANCEL, Rt.PENDING_REPLACE) and after not in (None, *DEAD, route.status)
    if back and fields.find(102) != "1":  # 1: the broker does not know the order; that says nothing of its state.
        batch.route_reported(route, after, code=fields.find(39), note="as the refusal says")


def _refuse(batch: Batch, route: RouteRow, request: Request, reason: str, text: str) -> None:
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
    if sent == "R" and ref in batch.quotes:
        decline(batch, message, ref, text)
    elif sent in ("D", "AJ", "F", "G") and ref in batch.requests:
        _reject_request(batch, message, ref, text)
    elif sent and ref:
        answer = events.PostTradeHeard(
            broker_id=message.broker_id, msg_type=message.msg_type, ref=ref[:60], answer="rejected", text=text
        )
        batch.message_happens(message, answer)
    else:
        raise Unbookable(f"It rejects a message we cannot find: {text}")


def _reject_request(batch: Batch, message: Heard, ref: str, text: str) -> None:
    route, request = batch.route_named(message, ref)
    if request.answer != "WAITING":
        batch.repeats[message.id] = "The request was answered before."
        return
    if request.msg_type in ("F", "G"):
        _refuse(batch, route, request, "", text)
        return
    before = route.exposure()
    request.answered("REJECTED")
    route.leaves_qty, route.text = ZERO, text
    batch.blocks[route.block_id].placed += route.exposure() - before
    batch.route_reported(route, Rt.REJECTED, code="8", text=text)
    settle_inquiry(batch, route)
