"""Booking execution reports (35=8): what each makes of its route, worked out whole before anything is changed."""

from collections.abc import Callable
from decimal import Decimal

import structlog

from .. import rules
from ..states import DEAD, Rt
from .answers import settle_inquiry
from .batch import Batch
from .days import day_told
from .fills import Fill
from .refusals import refuse
from .rows import ZERO, Heard, Request, RouteRow, Unbookable

log = structlog.get_logger(__name__)
NOT_ACCEPTED = "8"
DUPLICATE_ORDER = "6"
OVER = (Rt.CANCELED, Rt.REJECTED, Rt.EXPIRED)


def book_report(batch: Batch, message: Heard) -> None:
    """
    Will book an execution report on its route: its fill, bust or correction once, its state as OrdStatus (39) says.

    :raises Unbookable: where it must not be booked, before anything of it was
    """
    fields = batch.fields[message.id]
    if rules.tells_state(fields):  # What it tells was or will be reported: it is held against what we have.
        route, _ = batch.route_named(message, fields.find(11), fields.find(41))
        batch.told.append((message, route, rules.read_state(fields), ours_of(route)))
        return
    if batch.is_repeat(message):
        return
    weigh(batch, message, rules.read_report(fields))()


def weigh(batch: Batch, message: Heard, report: rules.Report) -> Callable[[], None]:
    """
    What a report makes of the route it names, worked out whole; calling it does it.

    :raises Unbookable: where it must not be booked
    """
    route, request = batch.route_named(message, report.cl_ord_id, report.orig_cl_ord_id)
    if report.exec_type == NOT_ACCEPTED and request.msg_type in ("F", "G"):
        return lambda: refuse(batch, route, request, report.reject_reason, report.text)
    if report.reject_reason == DUPLICATE_ORDER and report.exec_type == NOT_ACCEPTED and route.status != Rt.PENDING_SEND:
        raise Unbookable(f"It rejects ClOrdID {report.cl_ord_id} as a duplicate, but the broker has that order.")
    fill = Fill(batch, message, report, route, request)
    if fill.is_known:
        if message.id in batch.trusted and report.exec_type in rules.TRADES:
            raise Unbookable(f"An execution with ExecID {report.exec_id} of this broker is booked already. Enter this one by hand.")
        return lambda: None
    return _Outcome(batch, message, report, route, request, fill).book


class _Outcome:
    """What a report makes of its route: worked out whole before anything is changed."""

    def __init__(
        self, batch: Batch, message: Heard, report: rules.Report, route: RouteRow, request: Request, fill: Fill
    ):
        self.batch, self.message, self.report, self.route, self.fill = batch, message, report, route, fill
        self.block = block = fill.block
        self.request = self._meant(request)
        self.before = route.exposure()
        # A broker's clock may be ahead: nothing is told before it happens, and what comes next must not look late.
        self.at = min(report.at, batch.act.at)
        # Of what a person links to the route only the execution counts: the rest was said of another order.
        self.is_linked = message.id in batch.linked
        answered = report.status in rules.PENDING and request.msg_type in ("F", "G") and request.answer != "WAITING"
        self.is_late = self.is_linked or answered or rules.is_late(self.at, route.reported_at)
        if self.is_late and fill.qty > 0 and route.is_mended and not (self.is_linked or message.id in batch.trusted):
            raise Unbookable(
                "It may be of what was booked as missing when the session came back. Set it aside if it is; book it if it is not."
            )
        self.cum, self.value = route.cum_qty + fill.qty, route.cum_value + fill.value
        self.answer = self._answer()
        self.qty, self.limit = self._terms()
        if self.cum < 0:
            raise Unbookable("It takes away more than was filled.")
        if self.cum > self.qty:
            waits = report.qty is not None and report.qty >= self.cum
            said = f"It would fill {rules.plain(self.cum)} of an order for {rules.plain(self.qty)}."
            raise Unbookable(said, rules.DK.OVER, waits)
        self.told_cum = self._told_cum()
        self.status = self._status()
        self.leaves = rules.leaves_of(self.status, self.qty, self.cum, self.told_cum, block.good_till)
        self.more = self.cum + self.leaves + self._reserved() - self.before
        if self.more > max(block.unplaced(), ZERO):
            raise Unbookable(
                f"It leaves {rules.plain(self.more)} more at the broker than the block has unplaced"
                f" ({rules.plain(block.unplaced())}).",
                rules.DK.OVER,
            )

    def _meant(self, request: Request) -> Request:
        """The request that it answers: a cancel that names the order alone carries out the cancel that waits."""
        if self.report.exec_type != "4" or self.report.restated or request.msg_type == "F":
            return request
        asked = [r for r in self.route.requests if r.msg_type == "F" and r.answer == "WAITING"]
        return asked[-1] if asked else request

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
        """
        Quantity and limit after it: an accepted replace, or a restatement, brings new ones. What a person accepts beyond the
        order makes it larger.
        """
        route, report, request = self.route, self.report, self.request
        if report.exec_type == "5" and request.msg_type == "G":
            current = route.current() or request
            if request.id < current.id:
                return route.qty, route.limit_price  # A later replace was accepted before this was heard.
            return max(_or(report.qty, request.qty), self.cum), request.limit_price
        if report.exec_type in ("5", rules.RESTATED) and not self.is_late and report.qty:
            return max(report.qty, self.cum), route.limit_price
        if self.message.id in self.batch.trusted:
            return max(route.qty, self.cum), route.limit_price
        return route.qty, route.limit_price

    def _told_cum(self) -> Decimal:
        """
        What the broker counts as filled, without what was refused to it.

        :raises Unbookable: where the report does not add up; a person may accept its executions all the same
        """
        report = self.report
        if self.message.id in self.batch.trusted:
            return self.cum
        wrong = rules.contradiction(report)
        if wrong:
            raise Unbookable(f"It does not add up. {wrong}", rules.DK.SUMS)
        if self.is_late:
            return self.route.reported_cum_qty
        refused = sum(self.batch.refused.get(self.route.id, {}).values(), ZERO)
        qty = None if self.block.by_amount else self.qty  # Its units are known by its fills alone.
        differs = rules.disagreement(report, qty, self.cum, self.value, refused)
        if differs:
            raise Unbookable(f"It does not add up. {differs}", rules.DK.SUMS, waits=True)
        return self.cum

    def _status(self) -> Rt:
        is_asked = self.answer is None and self.route.waiting() is not None
        said = self.report.status
        if self.message.id in self.batch.trusted and said == Rt.FILLED:
            said = rules.by_quantity(self.qty, self.cum)
        return rules.status_after(
            self.route.status, said, self.report.exec_type, self.qty, self.cum, is_late=self.is_late,
            fills=bool(self.fill.qty or self.fill.value), is_asked=is_asked,
        )  # fmt: skip

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
        unasked = self._unasked()
        note = self._note(unasked)
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
        route.cum_qty, route.cum_value = self.cum, self.value
        route.qty, route.limit_price, route.leaves_qty = self.qty, self.limit, self.leaves
        if not self.is_linked:
            route.order_id = report.order_id or route.order_id
        if report.exec_type in ("0", "F"):
            route.accepted_at = min(route.accepted_at or report.at, report.at)
        route.ended_at = (route.ended_at or report.at) if self.status in DEAD else None
        if not self.is_late:
            route.reported_at, route.reported_cum_qty = self.at, self.told_cum
            route.text = report.text
            route.day = day_told(report, self.at) or route.day
        if block.status in ("DONE", "ALLOCATED") and (self.fill.qty or self.fill.value or self.more):
            block.reopen_reason = block.reopen_reason or self.fill.why_reopened()
        block.placed += self.more
        batch.route_reported(
            route, self.status, code=report.ord_status, kind=report.exec_type, exec_id=report.exec_id, text=report.text,
            note=note, at_broker=report.at.isoformat(), heard_at=self.message.at.isoformat(),
            actor=self.message.party if unasked else "",
        )  # fmt: skip
        settle_inquiry(batch, route)

    def _unasked(self) -> str:
        """What the broker did of its own accord, in words; empty where we asked for it, or had to expect it."""
        report, block = self.report, self.block
        if self.request.msg_type in ("F", "G") or report.restated == rules.RENEWAL:
            return ""
        if report.exec_type == "4" and block.immediate:
            return ""  # What is not filled at once is cancelled: so it was ordered.
        return rules.unasked_words(report.exec_type, report.restated)

    def _note(self, unasked: str) -> str:
        """What a person should know of it; what is more than a matter of course is told to the desk too."""
        notes = []
        before = self.route.status
        if self.is_late:
            notes.append("linked" if self.is_linked else "late")
        if unasked:
            notes.append("unsolicited")
            self.batch.note(self.route, unasked)
        if rules.is_unusual(before, self.status, self.report.exec_type):
            notes.append("unusual")
            log.warning("unusual_transition", route=self.route.id, before=str(before), after=str(self.status))
            if not unasked:
                said = f"went from {rules.in_words(before)} to {rules.in_words(self.status)}, which is unusual"
                self.batch.note(self.route, said)
        return ", ".join(notes)


def ours_of(route: RouteRow) -> rules.Ours:
    return rules.Ours(route.cl_ord_id, route.order_id, "", route.status, route.qty, route.cum_qty, route.cum_value)


def _or(value: Decimal | None, other: Decimal) -> Decimal:
    return other if value is None else value
