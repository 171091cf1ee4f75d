"""
Orders that say what is to become of them: a broker's part in a race, played on request.

A new order (35=D) may carry a script in tag 5999, a JSON list of steps. Such an order does not go to market: what is said of it is what
the script says, a step about every half second of real time, and where the script waits for a request (35=F or G) until that comes.

    {"k": "8", "on": "X", "t": "F/1", "a": "100/20/80", "q": "20", "px": "50.01", "p": "50.01", "x": "E1", "ref": "", "at": 1, "m": {}}
        an execution report: on which request (and, after a comma, on which order before it), ExecType and OrdStatus, OrderQty,
        CumQty and LeavesQty, LastQty and LastPx, AvgPx, ExecID, ExecRefID, seconds after the order of TransactTime, other tags
    {"k": "9", "on": "Y,X", "s": "1", "r": "2", "to": "1"}
        a refusal: OrdStatus, CxlRejReason, CxlRejResponseTo
    {"k": "ask", "on": "Y"}             waits for the next request on the order, which is called Y from then on
    {"k": "again", "n": 1, "f": "97"}   what step 1 said again, marked PossResend, or unmarked

The order is X. What a step says carries 5999=<the order's ClOrdID>.<the step's place>, so that whoever plays against it knows how far
it is. Scripts are not kept over a restart.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from . import wire
from .book import Book
from .orders import Order, Terms

TAG = 5999
STEP_SECONDS = 0.5
MOST_STEPS = 100


class BadScript(Exception):
    """A script that cannot be played; its text says why."""


def read(text: str) -> list[dict[str, Any]]:
    """:raises BadScript: where it is no list of known steps"""
    try:
        steps = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadScript(f"Tag {TAG} is no JSON: {error}.") from error
    needed = {"8": {"on", "t", "a", "x"}, "9": {"on", "s", "r", "to"}, "ask": {"on"}, "again": {"n"}}
    if not isinstance(steps, list) or not 0 < len(steps) <= MOST_STEPS:
        raise BadScript(f"Tag {TAG} is a list of 1 to {MOST_STEPS} steps.")
    for n, step in enumerate(steps):
        kind = step.get("k") if isinstance(step, dict) else None
        if kind not in needed or not needed[kind] <= step.keys():
            raise BadScript(f"Step {n} of tag {TAG} is no step: a report (8), a refusal (9), ask or again, each with its parts.")
    return steps


@dataclass
class Play:
    """A script being played. ``names``: what requests are called in it, to their ClOrdIDs."""

    broker: str
    order: Order
    steps: list[dict[str, Any]]
    began: datetime
    names: dict[str, str]
    due: float
    n: int = 0
    said: dict[int, wire.Out] = field(default_factory=dict)
    status: tuple[str, str] = ("A", "")
    average: str = "0"


class Scripts:
    """
    All scripts being played.

    :param send: gives a broker's session a message
    """

    def __init__(self, send: Callable[[str, wire.Out], None]):
        self._send = send
        self._by_name: dict[tuple[str, str], Play] = {}
        self._plays: list[Play] = []

    def begin(self, book: Book, terms: Terms, text: str, now: float) -> None:
        """:raises BadScript: where the order's script cannot be played, or its ClOrdID is known"""
        steps = read(text)
        if terms.cl_ord_id in book.by_cl_ord_id:
            raise BadScript(f"ClOrdID {terms.cl_ord_id} has been used before.")
        order = book.open(terms, None)
        play = Play(book.party.code, order, steps, book.utc(), {"X": terms.cl_ord_id}, now + STEP_SECONDS)
        self._plays.append(play)
        self._by_name[play.broker, terms.cl_ord_id] = play

    def takes(self, broker: str, message: wire.Message) -> bool:
        """Whether a request, or a question about its state, is about an order of a script; then it is dealt with."""
        name = message.get(11) if message.type == "H" else message.get(41)
        play = self._by_name.get((broker, name))
        if play is None:
            return False
        if message.type == "H":
            self._send(broker, self._state(play, name))
            return True
        self._by_name[broker, message.get(11)] = play
        if play.n >= len(play.steps):
            self._send(broker, self._over(play, message))
            return True
        waiting = next((step for step in play.steps[play.n :] if step["k"] == "ask" and step["on"] not in play.names), None)
        if waiting is not None:
            play.names[waiting["on"]] = message.get(11)
        return True

    def step(self, now: float) -> None:
        for play in list(self._plays):
            while play.n < len(play.steps) and now >= play.due:
                told = play.steps[play.n]
                if told["k"] == "ask":
                    if told["on"] not in play.names:
                        break
                    play.n += 1
                    continue
                try:
                    out = self._again(play, told) if told["k"] == "again" else self._said(play, told)
                except (KeyError, ValueError):
                    play.n = len(play.steps)  # A script that names what was not said ends there.
                    break
                self._send(play.broker, out)
                play.n, play.due = play.n + 1, now + STEP_SECONDS
            if play.n >= len(play.steps):
                self._plays.remove(play)

    def _again(self, play: Play, told: dict[str, Any]) -> wire.Out:
        out = wire.Out("8", [])
        out.type, out.fields = play.said[told["n"]].type, play.said[told["n"]].fields
        out.header = [(97, "Y")] if told.get("f") == "97" else []
        return out

    def _said(self, play: Play, told: dict[str, Any]) -> wire.Out:
        on, _, orig = told["on"].partition(",")
        names = [(11, play.names[on]), (41, play.names[orig] if orig else None), (TAG, f"{play.names['X']}.{play.n}")]
        if told["k"] == "9":
            order_id = "NONE" if told["r"] == "1" else play.order.order_id
            fields = [(37, order_id), *names, (39, told["s"]), (434, told["to"]), (102, told["r"]), (60, play.began)]
            out = wire.Out("9", fields)
        else:
            kind, _, status = told["t"].partition("/")
            qty, cum, leaves = told["a"].split("/")
            terms, at = play.order.terms, play.began + timedelta(seconds=told.get("at", play.n + 1))
            fields = [
                (37, play.order.order_id), (17, told["x"]), *names, (150, kind), (39, status), (1, terms.account), (55, terms.symbol),
                (48, terms.isin), (22, "4" if terms.isin else None), (54, terms.side), (38, qty), (40, terms.ord_type), (44, terms.limit),
                (59, terms.tif), (15, terms.currency), (32, told.get("q")), (31, told.get("px")), (151, leaves), (14, cum),
                (6, told.get("p", "0")), (19, told.get("ref")), (60, at), (75, play.order.trade_date),
                *((int(tag), value) for tag, value in told.get("m", {}).items()),
            ]  # fmt: skip
            out = wire.Out("8", fields)
            play.status, play.average = (status, told["a"]), told.get("p", "0")
        play.said[play.n] = out
        return out

    def _over(self, play: Play, message: wire.Message) -> wire.Out:
        """The answer to a request after the script: what is open is cancelled, and nothing is replaced any more."""
        status, amounts = play.status
        qty, cum, leaves = amounts.split("/") if amounts else (play.order.terms.qty, Decimal(0), play.order.terms.qty)
        names = [(37, play.order.order_id), (11, message.get(11)), (41, message.get(41))]
        if message.type == "G" or not Decimal(leaves):
            return wire.Out("9", [*names, (39, status), (434, "1" if message.type == "F" else "2"), (102, "0"), (60, datetime.now(UTC))])
        play.status = "4", f"{qty}/{cum}/0"
        terms = play.order.terms
        return wire.Out("8", [
            *names, (17, f"S{message.get(11)}"), (150, "4"), (39, "4"), (55, terms.symbol), (48, terms.isin), (54, terms.side), (38, qty),
            (14, cum), (151, "0"), (6, play.average), (60, datetime.now(UTC)), (75, play.order.trade_date),
        ])  # fmt: skip

    def _state(self, play: Play, name: str) -> wire.Out:
        terms, (status, amounts) = play.order.terms, play.status
        qty, cum, leaves = amounts.split("/") if amounts else (terms.qty, Decimal(0), terms.qty)
        return wire.Out("8", [
            (37, play.order.order_id), (17, f"S{name}-{play.n}"), (11, name), (150, "I"), (39, status), (55, terms.symbol),
            (48, terms.isin), (54, terms.side), (38, qty), (14, cum), (151, leaves), (6, "0"), (60, play.began),
            (75, play.order.trade_date),
        ])  # fmt: skip
