"""
The engine: one thread that hears what came in, moves the market on, and says what follows.

QuickFIX calls back on threads of its own, which only put messages into a queue; everything else happens here, in
the order of arrival. The custodians, which speak by files alone, have a thread to themselves.
"""

import logging
import queue
import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from . import wire
from .agent import Agent
from .book import Book
from .broker import Broker
from .clock import Clock, tick_seconds, utc_now
from .commands import Commands
from .confirmations import objection
from .control import Control
from .custodian import Custodian
from .dealer import Dealer
from .disorder import Disorder
from .feed import Feed
from .fix import Gateway
from .journal import Journal
from .lists import Lists
from .market import Market
from .orders import OTHER_REJECT, CancelReject, Report
from .packages import Packages
from .scripts import TAG as SCRIPT_TAG
from .scripts import BadScript, Scripts
from .tactics import STYLES, Style
from .universe import CUSTODIANS, load_universe

log = logging.getLogger("street")

STEP_SECONDS = 0.05
MOST_TICKS = 400  # In one step; a process that was stopped for long goes on from where it was.
CONTROL_SECONDS = 0.2
SAVE_SECONDS = 5.0
CUSTODIAN_SECONDS = 0.25
LATELY_SECONDS = 5.0  # What was said this shortly before a kill is said again: it may not have left.
NOT_OFFERED, MISSING, OTHER = 3, 5, 0


@dataclass(frozen=True)
class Options:
    """How the street is run; `home` is the folder that it and the portal's files share."""

    home: Path
    data: Path
    port: int = 9880
    speed: float = 120.0
    seed: int = 1
    client: str = "OMS-SIM"
    sessions: tuple[str, ...] = ()
    quote_life: float = 60.0
    completion: float | None = None
    reject_probability: float = 0.0
    cancel_probability: float = 0.0
    unmatched_share: float | None = None
    keep_fix_log: bool = False


class Street:
    """:raises ValueError: if the files that name instruments and counterparties cannot be read"""

    def __init__(self, options: Options):
        self.options = options
        self.folder = options.home / "street"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.universe = load_universe(options.data)
        tick = tick_seconds(options.speed)
        self.market = Market(self.universe, seed=options.seed, tick=tick, speed=options.speed)
        self.market.restore(self.folder / "market.json")
        self.clock = Clock(options.speed, self.market.now)
        self.journal = Journal(self.folder)
        self.feed = Feed(self.market)
        self.repeats = 0
        self.repeat_left: int | None = None
        self.sent: deque[tuple[str, wire.Out]] = deque(maxlen=10_000)
        numbers, run = count(1), _next_run(self.folder / "runs")
        self._ids = lambda code: f"{code}-{run}-{next(numbers)}"
        codes = [c for c in self.universe.counterparties if not options.sessions or c in options.sessions]
        self.brokers: dict[str, Broker] = {}
        self.dealers: dict[str, Dealer] = {}
        self.agents: dict[str, Agent] = {}
        for code in codes:
            self._open(code)
        self.lists = {code: Lists(code) for code in self.brokers}
        self.packages = {code: Packages(broker) for code, broker in self.brokers.items()}
        self.custodians = {code: self._custodian(code) for code in CUSTODIANS}
        self.gateway = Gateway(
            self.folder, port=options.port, codes=codes, client=options.client, keep_log=options.keep_fix_log
        )
        self.disorder = Disorder(self.gateway.send)
        self.scripts = Scripts(self.gateway.send)
        self.control = Control(self.folder / "control", Commands(self).do)
        self._stopping = threading.Event()

    def _open(self, code: str) -> None:
        party, options = self.universe.counterparties[code], self.options
        is_broker = party.kind == "broker"
        utc = (lambda: self.clock.utc(self.market.now)) if is_broker else utc_now
        book = Book(party, self.journal, lambda: self._ids(code), utc)
        if is_broker:
            style = replace(
                STYLES.get(code, Style()),
                reject_probability=options.reject_probability,
                cancel_probability=options.cancel_probability,
            )
            broker = Broker(book, self.market, seed=options.seed, style=style, arrivals=self._arrivals)
            broker.completion = options.completion
            broker.recover()
            self.brokers[code] = broker
        elif party.kind == "dealer":
            self.dealers[code] = Dealer(book, self.market, seed=options.seed, quote_life=options.quote_life)
            self.dealers[code].recover()
        elif party.kind == "agent":
            self.agents[code] = Agent(book, self.market)
            self.agents[code].recover()

    def _arrivals(self) -> int:
        return sum(len(broker.book.orders) for broker in self.brokers.values())

    def _custodian(self, code: str) -> Custodian:
        share = {} if self.options.unmatched_share is None else {"unmatched_share": self.options.unmatched_share}
        return Custodian(
            code,
            self.options.home / "custodian" / code,
            self.folder / f"custodian-{code}.jsonl",
            seed=self.options.seed,
            now=self.clock.now,
            **share,
        )

    @property
    def books(self) -> dict[str, Book]:
        return {code: keeper.book for code, keeper in (self.brokers | self.dealers | self.agents).items()}

    def run(self) -> None:
        """Serves until `stop`. :raises RuntimeError: if the port cannot be had"""
        self.gateway.start()
        settling = threading.Thread(target=self._settle, name="custodians", daemon=True)
        settling.start()
        log.info("The street is open on port %s at %s times real time.", self.options.port, self.options.speed)
        try:
            self._repeat_latest()
            self._serve()
        finally:
            self._stopping.set()
            settling.join(timeout=10)
            self.gateway.stop()
            self.market.save(self.folder / "market.json")
            self.journal.close()
            log.info("The street is closed.")

    def stop(self) -> None:
        """
        Ends `run`. May be called from a signal handler: the wake is needed, for a signal that comes just as a wait for the
        inbox runs out would make CPython 3.11 wait without end.
        """
        self._stopping.set()
        self.gateway.inbox.put(("wake", "", ""))

    def _serve(self) -> None:
        now = time.monotonic()
        step_at, control_at, save_at = now, now, now + SAVE_SECONDS
        while not self._stopping.is_set():
            now = time.monotonic()
            if now >= step_at:
                self.step()
                step_at = max(step_at + STEP_SECONDS, now)
            if now >= control_at:
                self.control.run_pass()
                control_at = now + CONTROL_SECONDS
            if now >= save_at:
                self.market.save(self.folder / "market.json")
                save_at = now + SAVE_SECONDS
            try:
                self.hear(*self.gateway.inbox.get(timeout=max(0.001, step_at - time.monotonic())))
            except queue.Empty:
                continue

    def _settle(self) -> None:
        while not self._stopping.wait(CUSTODIAN_SECONDS):
            for code, custodian in self.custodians.items():
                try:
                    custodian.run_pass()
                except Exception:  # The others go on; what stands in its folder is read again in the next pass.
                    log.exception("%s could not finish its pass.", code)
        for custodian in self.custodians.values():
            custodian.close()

    def step(self) -> None:
        """Will bring the market to the present and send what came of it."""
        target = self.clock.now()
        for _ in range(MOST_TICKS):
            if self.market.now + self.market.tick > target:
                break
            self.market.step()
            for keeper in (*self.brokers.values(), *self.packages.values(), *self.agents.values()):
                self.say(keeper.step())
            for code, lists in self.lists.items():
                for told in lists.step(utc_now()):
                    self.gateway.send(code, wire.list_status(told))
            for code, dealer in self.dealers.items():
                for answer in dealer.step():
                    self.feed.hurry(self.universe.find(answer.inquiry.isin, answer.inquiry.symbol))
                    self.gateway.send(code, wire.quote(answer))
        else:
            self.clock.resume_at(self.market.now)
        self.scripts.step(time.monotonic())
        self.disorder.look()
        self.gateway.look()
        for due in self.feed.due(time.monotonic()):
            at = self.clock.utc(due.at)
            self.gateway.send("SIMX", wire.snapshot(due.request_id, due.instrument, due.quote, at))

    def hear(self, what: str, code: str, raw: str) -> None:
        """Will deal with one thing that came in; what cannot be dealt with is told so, and the street goes on."""
        if what == "wake":
            return
        if what == "logout" and code == "SIMX":
            self.feed.unsubscribe()
        if what != "message":
            log.info("%s: %s", code, what)
            return
        message = wire.Message(raw)
        try:
            self._answer(code, message)
        except wire.Unreadable as problem:
            self.gateway.send(code, wire.business_reject(message, reason=MISSING, text=str(problem)))
        except Exception:
            log.exception("%s: could not deal with %s", code, raw.replace(wire.SOH, "|"))
            text = "The message could not be dealt with; see the street's own log."
            self.gateway.send(code, wire.business_reject(message, reason=OTHER, text=text))

    def _answer(self, code: str, message: wire.Message) -> None:
        keeper = self.brokers.get(code) or self.dealers.get(code) or self.agents.get(code)
        if message.type == "V" and code == "SIMX":
            self._subscribe(code, message)
        elif message.type == "AK" and keeper:
            refused = objection(message, keeper.book, self.universe)
            self.gateway.send(code, wire.confirmation_ack(message, refused=refused, at=utc_now()))
        elif message.type in ("F", "G", "H") and self.scripts.takes(code, message):
            pass
        elif message.type == "D" and code in self.brokers and message.get(SCRIPT_TAG):
            self._play(code, message)
        elif message.type == "H" and keeper:
            self.say([keeper.status(wire.terms(message))])
        elif message.type == "Q" and keeper:  # What is to be done about it is for people to agree on.
            keeper.book.note_not_known(message.get(17), message.get(127), message.get(58))
        elif message.type == "D" and keeper:
            terms = wire.terms(message)
            self._received(code, "new", message, terms)
            self.say(keeper.new_order(terms, poss_resend=message.poss_resend))
        elif message.type == "E" and code in self.brokers:
            self._take_list(self.brokers[code], message)
        elif message.type == "AB" and code in self.brokers:
            self._take_package(code, message)
        elif message.type in ("F", "G", "AC") and code in self.brokers:
            self._change(self.brokers[code], message)
        elif message.type == "F" and code in self.agents:
            terms = wire.terms(message)
            self._received(code, "cancel", message, terms)
            self.say(self.agents[code].cancel(terms.cl_ord_id, message.get(41), poss_resend=message.poss_resend))
        elif message.type == "R" and code in self.dealers:
            for answer in self.dealers[code].inquire(wire.inquiry(message)):
                self.gateway.send(code, wire.quote(answer))
        elif message.type == "AJ" and code in self.dealers:
            hit = wire.hit(message)
            if hit.terms:
                self._received(code, "hit" if hit.kind == "1" else "counter", message, hit.terms)
            self.say(self.dealers[code].respond(hit, poss_resend=message.poss_resend))
        else:
            text = f"{code} does not take messages of type {message.type}."
            self.gateway.send(code, wire.business_reject(message, reason=NOT_OFFERED, text=text))

    def _play(self, code: str, message: wire.Message) -> None:
        book, terms = self.brokers[code].book, wire.terms(message)
        self._received(code, "new", message, terms)
        try:
            self.scripts.begin(book, terms, message.get(SCRIPT_TAG), time.monotonic())
        except BadScript as problem:
            self.say([book.refuse(terms, OTHER_REJECT, str(problem))])

    def _take_list(self, broker: Broker, message: wire.Message) -> None:
        """A list that is known, as after a resend, is told as it stands and makes no second order."""
        lists, list_id, at = self.lists[broker.code], message.get(66), utc_now()
        asked = wire.list_terms(message)
        if not list_id or not asked or len({terms.cl_ord_id for terms in asked}) < len(asked):
            raise wire.Unreadable(73, "A list needs a ListID (66), and orders of which each has a ClOrdID of its own.")
        if not lists.knows(list_id):
            for terms in asked:
                self._received(broker.code, "new", message, terms)
                self.say(broker.new_order(terms, poss_resend=message.poss_resend))
        orders = [broker.book.by_cl_ord_id[terms.cl_ord_id] for terms in asked if terms.cl_ord_id in broker.book.by_cl_ord_id]
        self.gateway.send(broker.code, wire.list_status(lists.take(list_id, orders, at)))

    def _take_package(self, code: str, message: wire.Message) -> None:
        terms, packages = wire.terms(message), self.packages[code]
        self._received(code, "new", message, terms)
        self.say(packages.take(terms, wire.legs(message), message.get(563), poss_resend=message.poss_resend))

    def _change(self, broker: Broker, message: wire.Message) -> None:
        terms = wire.terms(message)
        orig, repeated = message.get(41), message.poss_resend
        self._received(broker.code, "cancel" if message.type == "F" else "replace", message, terms)
        if message.type == "F":
            self.say(broker.cancel(terms.cl_ord_id, orig, poss_resend=repeated))
        else:
            self.say(broker.replace(terms, orig, poss_resend=repeated))

    def _received(self, code: str, kind: str, message: wire.Message, terms) -> None:
        self.journal.received(
            code,
            terms.cl_ord_id,
            kind,
            orig_cl_ord_id=message.get(41),
            poss_resend=message.poss_resend,
            side=terms.side,
            isin=terms.isin,
            qty=terms.qty,
        )

    def _subscribe(self, code: str, message: wire.Message) -> None:
        request_id = message.get(262)
        if message.get(263) == "2":
            self.feed.unsubscribe(request_id)
            return
        asked = message.groups(146, 55)
        found = [
            self.universe.find(entry.get(48), entry.get(55)) or self.universe.find_fund(entry.get(48), entry.get(55))
            for entry in asked
        ]
        known = list(dict.fromkeys(instrument for instrument in found if instrument))
        if not known:
            self.gateway.send(code, wire.market_data_reject(message, "Nothing that was asked for is traded here."))
            return
        if len(known) < len(asked):
            log.warning("%s of %s instruments asked for are not traded here.", len(asked) - len(known), len(asked))
        self.feed.subscribe(request_id, known)

    def say(self, answers: list[Report | CancelReject]) -> None:
        """Will send reports, each as often as the operator's repertoire wants."""
        for answer in answers:
            if isinstance(answer, CancelReject):
                self.gateway.send(answer.broker, wire.cancel_reject(answer))
                continue
            out = wire.execution_report(answer)
            self.disorder.send(answer.broker, out)
            self.sent.append((answer.broker, out))
            if answer.order.instrument and (answer.exec_type == "0" or not answer.order.working):
                self.feed.hurry(answer.order.instrument)
            if self.repeats and (self.repeat_left is None or self.repeat_left > 0):
                self.repeat_left = None if self.repeat_left is None else self.repeat_left - 1
                for n in range(self.repeats):
                    self.gateway.repeat(answer.broker, out, poss_resend=n % 2 == 0)

    def _repeat_latest(self) -> None:
        """After a restart: the last seconds' executions again (97=Y, same ExecID), and the state of their orders."""
        for code, book in self.books.items():
            touched, executions = book.lately(LATELY_SECONDS)
            for report in executions:
                out = wire.execution_report(report)
                out.header = [(97, "Y")]
                self.gateway.send(code, out)
            for order in touched:
                self.gateway.send(code, wire.execution_report(book.state(order)))


def _next_run(path: Path) -> int:
    """Counts the street's openings, so that no id is given twice."""
    run = int(path.read_text()) + 1 if path.is_file() else 1
    part = path.with_suffix(".part")
    part.write_text(str(run))
    part.replace(path)
    return run
