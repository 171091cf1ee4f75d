"""A broker with algorithms: takes orders, works them over their schedule, answers cancels and replaces."""

import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from .book import Book, CommandRefused
from .clock import SESSION_SECONDS
from .market import Market
from .orders import (
    ALREADY_PENDING,
    BROKER_OPTION,
    CANCELED,
    DUPLICATE_REQUEST,
    FILLED,
    OTHER_REJECT,
    PENDING_CANCEL,
    PENDING_REPLACE,
    REJECTED,
    TOO_LATE,
    UNKNOWN_SYMBOL,
    UNKNOWN_TO_CANCEL,
    WRONG_QUANTITY,
    CancelReject,
    Order,
    Report,
    Request,
    Terms,
)
from .tactics import Schedule, Strategy, Style, Worker, completion, spread_evenly, whole

END_OF_SCHEDULE = "end of schedule"
BY_BROKER, VERBAL = 4, 2  # ExecRestatementReason(378): broker option, verbal change.
DEFAULT_RATE = 0.1
SHORTEST_SCHEDULE = 60.0
ACKNOWLEDGE_STEPS = 2  # Market steps between a request's pending report and its outcome.
# OrdType: whether it goes with a price (None: either) and with a stop price.
ORD_TYPES = {"1": (False, False), "2": (True, False), "3": (False, True), "4": (True, True), "P": (None, False)}
IMMEDIATE = frozenset({"3", "4"})  # TimeInForce: immediate or cancel, fill or kill.

Answer = Report | CancelReject


class Broker:
    """
    :param market: where it trades
    :param seed: of its draws
    :param arrivals: how many orders the street has accepted before (shared by all its brokers)
    """

    def __init__(self, book: Book, market: Market, *, seed: int, style: Style, arrivals: Callable[[], int]):
        self.book = book
        self.market = market
        self.style = style
        self.completion: float | None = None
        self.reject_next = 0
        self._seed = seed
        self._arrivals = arrivals
        self._workers: dict[str, Worker] = {}
        self._goals: dict[str, Decimal] = {}
        self._accidents: dict[str, float] = {}
        self._woken: set[str] = set()
        self._luck = random.Random(f"{seed}/{book.party.code}")
        self._first = random.Random(f"{seed}/completion").random()

    @property
    def code(self) -> str:
        return self.book.party.code

    def new_order(self, terms: Terms, *, poss_resend: bool = False) -> list[Answer]:
        """Will take an order, or say why not. A known ClOrdID never makes a second one."""
        if terms.cl_ord_id in self.book.by_cl_ord_id:
            return list(self.book.again(terms, poss_resend))
        instrument = self.market.universe.find(terms.isin, terms.symbol)
        problem = self._problem(terms, instrument)
        if problem:
            return [self.book.refuse(terms, *problem)]
        start = self.market.now
        seconds = SESSION_SECONDS if terms.seconds is None else terms.seconds
        end = start + min(max(seconds, SHORTEST_SCHEDULE), SESSION_SECONDS)
        goal = self._goal(terms, instrument.increment)
        order = self.book.open(terms, instrument, start=start, end=end, goal=goal)
        self._employ(order, start, end, goal)
        return [self.book.report(order, "0")]

    def _problem(self, terms: Terms, instrument) -> tuple[int, str] | None:
        if self.reject_next:
            self.reject_next -= 1
            return BROKER_OPTION, "Rejected by the broker: not accepting this order."
        if instrument is None:
            return UNKNOWN_SYMBOL, f"No instrument {terms.isin or terms.symbol} is traded here."
        if terms.qty <= 0 or terms.qty % instrument.increment:
            return WRONG_QUANTITY, f"Quantity {terms.qty} is not a positive multiple of {instrument.increment}."
        if terms.side not in ("1", "2", "5"):
            return OTHER_REJECT, f"Side {terms.side} is not supported: send 1 buy, 2 sell or 5 sell short."
        if terms.ord_type not in ORD_TYPES:
            return OTHER_REJECT, f"OrdType {terms.ord_type} is not supported: send {', '.join(ORD_TYPES)}."
        limited, stopped = ORD_TYPES[terms.ord_type]
        if limited is not None and limited != (terms.limit is not None):
            return OTHER_REJECT, f"OrdType {terms.ord_type} goes {'with' if limited else 'without'} a price (44)."
        if stopped != (terms.stop is not None):
            return OTHER_REJECT, f"OrdType {terms.ord_type} goes {'with' if stopped else 'without'} a stop price (99)."
        if terms.strategy not in set(Strategy):
            return OTHER_REJECT, f"TargetStrategy {terms.strategy} is not offered: 1 VWAP, 2 participate, 1001 TWAP."
        if self._luck.random() < self.style.reject_probability:
            return BROKER_OPTION, "Rejected by the broker: credit check failed."
        return None

    def _goal(self, terms: Terms, step: Decimal) -> Decimal:
        """How much of the order the other side will be found for."""
        if terms.strategy == Strategy.DIRECT:
            return terms.qty
        found = self.completion
        if found is None:
            found = completion(spread_evenly(self._first, self._arrivals()))
        return terms.qty if found >= 1 else whole(terms.qty * Decimal(f"{found:.6f}"), step)

    def _employ(self, order: Order, start: float, end: float, goal: Decimal) -> None:
        draws = random.Random(f"{self._seed}/{order.terms.cl_ord_id}/{order.cum}")
        schedule = Schedule(start, end)
        rate = DEFAULT_RATE if order.terms.rate is None else order.terms.rate
        self._workers[order.order_id] = Worker(self.style, schedule, Strategy(order.terms.strategy), rate, draws)
        self._goals[order.order_id] = goal
        if draws.random() < self.style.cancel_probability:
            self._accidents[order.order_id] = draws.uniform(start, end)

    def cancel(self, cl_ord_id: str, orig_cl_ord_id: str, *, poss_resend: bool = False) -> list[Answer]:
        """Will acknowledge a cancel as pending; it takes effect two market steps later, and fills may cross it."""
        return self._request("cancel", cl_ord_id, orig_cl_ord_id, None, poss_resend)

    def replace(self, terms: Terms, orig_cl_ord_id: str, *, poss_resend: bool = False) -> list[Answer]:
        """Will acknowledge a replace as pending; the old terms hold until it takes effect."""
        return self._request("replace", terms.cl_ord_id, orig_cl_ord_id, terms, poss_resend)

    def _request(
        self, kind: str, cl_ord_id: str, orig_cl_ord_id: str, terms: Terms | None, poss_resend: bool
    ) -> list[Answer]:
        order = self.book.by_cl_ord_id.get(orig_cl_ord_id)
        if order is None:
            text = f"No order {orig_cl_ord_id} is known here."
            return [self._refusal(kind, None, cl_ord_id, orig_cl_ord_id, UNKNOWN_TO_CANCEL, text)]
        if cl_ord_id in self.book.by_cl_ord_id:
            if poss_resend:
                return [self.book.state(self.book.by_cl_ord_id[cl_ord_id])]
            text = f"ClOrdID {cl_ord_id} has been used before."
            return [self._refusal(kind, order, cl_ord_id, orig_cl_ord_id, DUPLICATE_REQUEST, text)]
        if not order.working:
            text = f"Too late: the order is {_WORDS[order.status]}."
            return [self._refusal(kind, order, cl_ord_id, orig_cl_ord_id, TOO_LATE, text)]
        if order.pending:
            text = f"Request {order.pending.cl_ord_id} is still pending; wait for its outcome."
            return [self._refusal(kind, order, cl_ord_id, orig_cl_ord_id, ALREADY_PENDING, text)]
        due = self.market.now + ACKNOWLEDGE_STEPS * self.market.tick
        order.pending = Request(kind, cl_ord_id, order.terms.cl_ord_id, due, terms)
        self.book.by_cl_ord_id[cl_ord_id] = order
        self.book.note_pending(order)
        state = PENDING_CANCEL if kind == "cancel" else PENDING_REPLACE
        return [self.book.report(order, state, cl_ord_id=cl_ord_id, orig_cl_ord_id=order.terms.cl_ord_id)]

    def _refusal(self, kind: str, order: Order | None, cl_ord_id: str, orig: str, reason: int, text: str):
        return CancelReject(
            broker=self.code,
            order_id=order.order_id if order else "NONE",
            cl_ord_id=cl_ord_id,
            orig_cl_ord_id=orig,
            status=order.status if order else REJECTED,
            responds_to="1" if kind == "cancel" else "2",
            reason=reason,
            text=text,
            at=self.book.utc(),
        )

    def status(self, terms: Terms) -> Report:
        order = self.book.by_cl_ord_id.get(terms.cl_ord_id)
        return self.book.state(order) if order else self.book.unknown_state(terms)

    def step(self) -> list[Answer]:
        """Will work every order once at the market's present moment."""
        told: list[Answer] = []
        for order_id in list(self._workers):
            order = self.book.orders[order_id]
            if order.closed:
                del self._workers[order_id]
            elif order.working or order.pending:
                told += self._work(order)
        return told

    def _work(self, order: Order) -> list[Answer]:
        now, worker = self.market.now, self._workers[order.order_id]
        if order.pending and (now >= order.pending.due or not order.working):
            return self._settle(order)
        told: list[Answer] = []
        step = order.instrument.increment
        goal = self._goals[order.order_id]
        if self._awake(order) and (now < worker.schedule.end or order.terms.tif in IMMEDIATE):
            volume, _ = self.market.traded(order.instrument)
            worker.plan(now=now, goal=goal, done=order.cum, step=step, share=self.market.share_of_day, volume=volume)
            done = worker.fill(
                now=now,
                tick=self.market.tick,
                quote=self.market.quote(order.instrument),
                buying=order.terms.buying,
                limit=order.terms.limit,
                step=step,
            )
            if done and (order.terms.tif != "4" or done[0] == order.terms.qty):
                told.append(self.book.fill(order, *done))
        if order.pending or not order.working:
            return told
        if order.terms.tif in IMMEDIATE:
            return [*told, self.book.close(order, "immediate order: the rest is cancelled", restatement=BY_BROKER)]
        if now >= worker.schedule.end:
            return [*told, self.book.close(order, END_OF_SCHEDULE, restatement=BY_BROKER)]
        if now >= self._accidents.get(order.order_id, worker.schedule.end):
            return [*told, self.book.close(order, "cancelled by the broker", restatement=BY_BROKER)]
        return told

    def _awake(self, order: Order) -> bool:
        """Whether it trades: a stop sleeps until the middle of the market was at its price."""
        stop = order.terms.stop
        if stop is None or order.order_id in self._woken:
            return True
        mid = self.market.quote(order.instrument).mid
        if mid >= stop if order.terms.buying else mid <= stop:
            self._woken.add(order.order_id)
            return True
        return False

    def _settle(self, order: Order) -> list[Answer]:
        """The outcome of the pending request."""
        request = order.pending
        if not order.working:
            order.pending = None
            self.book.note_refused(order, request)
            text = f"Too late: the order is {_WORDS[order.status]}."
            return [self._refusal(request.kind, order, request.cl_ord_id, request.orig_cl_ord_id, TOO_LATE, text)]
        if request.kind == "cancel":
            return [self.book.close(order, "cancelled on request", request=request)]
        asked = request.terms
        qty = max(asked.qty, order.cum)
        order.terms = replace(
            order.terms,
            cl_ord_id=asked.cl_ord_id,
            qty=qty,
            ord_type=asked.ord_type,
            limit=asked.limit,
            stop=asked.stop,
            tif=asked.tif,
        )
        order.pending = None
        self.book.note_replaced(order, request)
        self._goals[order.order_id] = self._goal(order.terms, order.instrument.increment)
        self._workers[order.order_id].deadline = 0.0
        return [self.book.report(order, "5", cl_ord_id=request.cl_ord_id, orig_cl_ord_id=request.orig_cl_ord_id)]

    def cancel_unsolicited(self, cl_ord_id: str) -> Report:
        """:raises CommandRefused: if no such order is working"""
        order = self.book.by_cl_ord_id.get(cl_ord_id)
        if order is None or not order.working:
            raise CommandRefused(f"{self.code} has no working order {cl_ord_id}.")
        return self.book.close(order, "cancelled by the broker", restatement=VERBAL)

    def recover(self) -> None:
        """Will go on with what the journal says was working."""
        kept: dict[str, dict[str, Any]] = self.book.recover(self.market.universe.find)
        for order_id, row in kept.items():
            order = self.book.orders[order_id]
            if "goal" in row and not order.closed:
                goal = min(order.terms.qty, Decimal(row["goal"]))
                if order.terms.qty != Decimal(row["qty"]):
                    goal = order.terms.qty
                self._employ(order, row["start"], row["end"], goal)


_WORDS = {FILLED: "filled", CANCELED: "cancelled", REJECTED: "rejected"}
