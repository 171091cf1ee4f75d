"""What an operator may make the street do, to play what brokers, dealers and custodians do on bad days."""

import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from .book import Book, CommandRefused
from .broker import VERBAL, Broker
from .control import Command
from .dealer import Dealer
from .strays import strays
from .wire import indication

if TYPE_CHECKING:
    from .engine import Street


class Commands:
    """
    bust                exec_id (a dealer's trade is then off; a broker may execute the quantity again)
    correct             exec_id, price and/or qty
    unsolicited_cancel  cl_ord_id
    reject_next         broker (or dealer: declines), n=1
    answer_counter      dealer, how: accept, requote, pass; n=1 (the next counters are answered so)
    indicate            dealer, symbol, side: buy, sell (the dealer's), qty; seconds=3600 (an IOI)
    withdraw            dealer, ioi_id
    quote_size          dealer, part: 0..1; n=1 (for that part of what is asked the next quotes are good)
    duplicate           times, count (absent: all reports from now on; times=0 ends it)
    replay              n (absent: all), broker (absent: each): sends the last n reports of executions again
    stray               broker (absent: each), n=1: reports on orders that are not the client's, or not of this broker
    shuffle             n: holds the next n reports of brokers, a second at most, and sends them in any order
    hang_up             broker (or dealer; absent: all): cuts the connection without a word
    reset               broker, told=true: cuts the connection, and begins its numbers anew; told, it says so (141=Y)
    fail_settlement     n=1, custodian (absent: each)
    unmatch             n=1, custodian (absent: each)
    set                 broker (absent: all), completion (0..1, null: as drawn), reject_probability, cancel_probability
    state               what the street holds
    """

    def __init__(self, street: "Street"):
        self.street = street
        self._draw = random.Random(street.options.seed)
        self._known: dict[str, Callable[[Command], Command]] = {
            "bust": self._bust,
            "correct": self._correct,
            "unsolicited_cancel": self._unsolicited_cancel,
            "reject_next": self._reject_next,
            "answer_counter": self._answer_counter,
            "quote_size": self._quote_size,
            "indicate": self._indicate,
            "withdraw": self._withdraw,
            "duplicate": self._duplicate,
            "replay": self._replay,
            "stray": self._stray,
            "shuffle": self._shuffle,
            "hang_up": self._hang_up,
            "reset": self._reset,
            "fail_settlement": self._fail_settlement,
            "unmatch": self._unmatch,
            "set": self._set,
            "state": self._state,
        }

    def do(self, command: Command) -> Command:
        """:raises CommandRefused: if it is unknown, incomplete or cannot be done"""
        name = command.get("do")
        if name not in self._known:
            raise CommandRefused(f"{name!r} is no command. Known are {', '.join(self._known)}.")
        try:
            return self._known[name](command)
        except KeyError as missing:
            raise CommandRefused(f"{name} needs {missing}.") from missing
        except (TypeError, ValueError, InvalidOperation) as wrong:
            raise CommandRefused(f"{name}: a value cannot be read ({wrong!r}).") from wrong

    def _bust(self, command: Command) -> Command:
        book = self._book_of(command["exec_id"])
        report = book.bust(command["exec_id"])
        told = [report]
        order = book.by_exec_id[command["exec_id"]]
        if book.party.code in self.street.dealers and order.working:
            told.append(book.close(order, "the trade is off", restatement=VERBAL))
        self.street.say(told)
        return {"exec_id": report.exec_id, "ref": report.ref, "cl_ord_id": report.cl_ord_id}

    def _correct(self, command: Command) -> Command:
        price, qty = (_decimal(command.get(name)) for name in ("price", "qty"))
        if price is None and qty is None:
            raise CommandRefused("correct needs a price or a qty.")
        report = self._book_of(command["exec_id"]).correct(command["exec_id"], qty=qty, price=price)
        self.street.say([report])
        return {"exec_id": report.exec_id, "ref": report.ref, "cl_ord_id": report.cl_ord_id}

    def _book_of(self, exec_id: str) -> Book:
        for book in self.street.books.values():
            if exec_id in book.by_exec_id:
                return book
        raise CommandRefused(f"No execution {exec_id} is known here.")

    def _unsolicited_cancel(self, command: Command) -> Command:
        for broker in self.street.brokers.values():
            if command["cl_ord_id"] in broker.book.by_cl_ord_id:
                report = broker.cancel_unsolicited(command["cl_ord_id"])
                self.street.say([report])
                return {"exec_id": report.exec_id, "cum_qty": str(report.cum)}
        raise CommandRefused(f"No order {command['cl_ord_id']} is known here.")

    def _reject_next(self, command: Command) -> Command:
        code, times = command["broker"], int(command.get("n", 1))
        if code in self.street.brokers:
            self.street.brokers[code].reject_next = times
        elif code in self.street.dealers:
            self.street.dealers[code].decline_next = times
        else:
            raise CommandRefused(f"{code} is no broker or dealer of this street.")
        return {"broker": code, "n": times}

    def _answer_counter(self, command: Command) -> Command:
        how, times = command["how"], int(command.get("n", 1))
        if how not in ("accept", "requote", "pass"):
            raise CommandRefused("A counter is answered by accept, requote or pass.")
        self._dealer(command).counter_next += [how] * times
        return {"dealer": command["dealer"], "how": how, "n": times}

    def _quote_size(self, command: Command) -> Command:
        part, times = Decimal(str(command["part"])), int(command.get("n", 1))
        if not 0 < part <= 1:
            raise CommandRefused("A part is above 0 and at most 1.")
        self._dealer(command).size_next += [part] * times
        return {"dealer": command["dealer"], "part": str(part), "n": times}

    def _indicate(self, command: Command) -> Command:
        dealer, side = self._dealer(command), {"buy": "1", "sell": "2"}.get(command["side"])
        instrument = self.street.universe.find("", command["symbol"])
        if side is None or instrument is None:
            raise CommandRefused("An indication is to buy or sell something that is traded here.")
        said = dealer.indicate(instrument, side, Decimal(str(command["qty"])), float(command.get("seconds", 3600)))
        self.street.gateway.send(dealer.code, indication(said))
        return {"ioi_id": said.ioi_id, "price": str(said.price)}

    def _withdraw(self, command: Command) -> Command:
        dealer = self._dealer(command)
        if command["ioi_id"] not in dealer.indications:
            raise CommandRefused(f"{dealer.code} has no indication {command['ioi_id']}.")
        self.street.gateway.send(dealer.code, indication(dealer.withdraw(command["ioi_id"])))
        return {"ioi_id": command["ioi_id"]}

    def _dealer(self, command: Command) -> Dealer:
        if command["dealer"] not in self.street.dealers:
            raise CommandRefused(f"{command['dealer']} is no dealer of this street.")
        return self.street.dealers[command["dealer"]]

    def _duplicate(self, command: Command) -> Command:
        self.street.repeats = int(command["times"])
        self.street.repeat_left = int(command["count"]) if "count" in command else None
        return {"times": self.street.repeats, "count": self.street.repeat_left}

    def _replay(self, command: Command) -> Command:
        mine = {broker.code for broker in self._brokers(command)} if "broker" in command else self.street.books.keys()
        told = [(code, out) for code, out in self.street.sent if code in mine and dict(out.fields)[150] in ("F", "G", "H")]
        chosen = told[-int(command["n"]) :] if "n" in command else told
        for code, out in chosen:
            self.street.gateway.repeat(code, out, poss_resend=True)
        return {"replayed": len(chosen)}

    def _stray(self, command: Command) -> Command:
        n, told = int(command.get("n", 1)), []
        if not 1 <= n <= 1000:
            raise CommandRefused("From 1 to 1,000 reports go astray at a time.")
        for broker in self._brokers(command):
            others = [name for book in self.street.books.values() if book is not broker.book for name in book.by_cl_ord_id]
            told += strays(broker.book, self.street.market, others, n, self._draw)
        self.street.say(told)
        return {"exec_ids": [report.exec_id for report in told]}

    def _shuffle(self, command: Command) -> Command:
        n = int(command["n"])
        if not 1 < n <= 10_000:
            raise CommandRefused("Two reports at least come in another order, and 10,000 at most.")
        self.street.disorder.begin(n)
        return {"n": n}

    def _hang_up(self, command: Command) -> Command:
        code = command.get("broker")
        if code is not None and code not in self.street.books:
            raise CommandRefused(f"{code} is no counterparty of this street.")
        return {"cut": self.street.gateway.hang_up([code] if code else list(self.street.books))}

    def _reset(self, command: Command) -> Command:
        (broker,) = self._brokers({"broker": command["broker"]})
        self.street.gateway.reset(broker.code, told=bool(command.get("told", True)))
        return {"broker": broker.code}

    def _fail_settlement(self, command: Command) -> Command:
        for custodian in self._custodians(command):
            custodian.fail_next = int(command.get("n", 1))
        return {"n": int(command.get("n", 1))}

    def _unmatch(self, command: Command) -> Command:
        for custodian in self._custodians(command):
            custodian.unmatch_next = int(command.get("n", 1))
        return {"n": int(command.get("n", 1))}

    def _custodians(self, command: Command) -> list[Any]:
        code = command.get("custodian")
        if code is not None and code not in self.street.custodians:
            raise CommandRefused(f"{code} is no custodian of this street.")
        return [self.street.custodians[code]] if code else list(self.street.custodians.values())

    def _brokers(self, command: Command) -> list[Broker]:
        code = command.get("broker")
        if code is not None and code not in self.street.brokers:
            raise CommandRefused(f"{code} is no broker of this street.")
        return [self.street.brokers[code]] if code else list(self.street.brokers.values())

    def _set(self, command: Command) -> Command:
        chosen = self._brokers(command)
        chances = {
            name: float(command[name]) for name in ("reject_probability", "cancel_probability") if name in command
        }
        for broker in chosen:
            broker.style = replace(broker.style, **chances)
            if "completion" in command:
                broker.completion = None if command["completion"] is None else float(command["completion"])
        return {"brokers": [broker.code for broker in chosen]}

    def _state(self, command: Command) -> Command:
        return {
            "simulated_seconds": self.street.market.now,
            "orders": sum(len(book.orders) for book in self.street.books.values()),
            "working": sum(order.working for book in self.street.books.values() for order in book.orders.values()),
            "executions": sum(len(book.by_exec_id) for book in self.street.books.values()),
            "instructions": {code: len(custodian.held) for code, custodian in self.street.custodians.items()},
        }


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))
