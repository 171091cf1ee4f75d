"""
python -m street.upstream: a simulated portfolio system that dials in to the OMS and stages small orders of one manager.

It sends one message at a time, slowly: an order, a basket, a change of what still waits, a cancel, and now and then one
that must be refused. Like the street it speaks only FIX, says 464=Y, and imports nothing of the portal.
"""

import argparse
import csv
import logging
import os
import random
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import quickfix

from .versions import dictionary

log = logging.getLogger("street.upstream")
DATA = Path(__file__).resolve().parent.parent / "apps" / "reference" / "demo"
PENDING = "A"  # OrdStatus of an order that waits with us: only then is it replaced or cancelled.
Fields = list[tuple[int, str]]


@dataclass(frozen=True)
class Share:
    symbol: str
    isin: str
    price: Decimal


@dataclass
class Outgoing:
    """A message to be sent: of a list (35=E) its orders apart."""

    type: str
    fields: Fields
    orders: list[Fields] = field(default_factory=list)


class Book:
    """
    What this system has staged, by ClOrdID, and what comes next.

    :param accounts: portfolios of the one manager it works for
    """

    STEPS = ("order", "basket", "replace", "cancel", "order", "unknown")

    def __init__(self, accounts: list[str], shares: list[Share], *, seed: int, prefix: str):
        self._accounts, self._shares = accounts, shares
        self._random = random.Random(seed)
        self._prefix = prefix
        self._count = 0
        self.asked: dict[str, Fields] = {}
        self.status: dict[str, str] = {}

    def steps(self) -> Iterator[Outgoing]:
        """The messages in their order, for ever; one that has nothing to change is an order instead."""
        while True:
            for step in self.STEPS:
                yield getattr(self, f"_{step}")()

    def hear(self, cl_ord_id: str, orig: str, status: str) -> None:
        if orig:
            self.status.pop(orig, None)
        self.status[cl_ord_id] = status

    def _name(self) -> str:
        self._count += 1
        return f"{self._prefix}-{self._count}"

    def _wish(self, share: Share | None = None) -> Fields:
        """One small order: a few dozen to a few hundred shares, some with a limit a little away from the price."""
        share = share or self._random.choice(self._shares)
        side = self._random.choice("12")
        qty = 10 * self._random.randint(2, 30)
        fields = [
            (11, self._name()), (1, self._random.choice(self._accounts)), (55, share.symbol), (48, share.isin), (22, "4"),
            (54, side), (38, str(qty)), (21, "1"), (60, _now()), (58, self._random.choice(("Model drift", "Cash flow", "Tilt"))),
        ]  # fmt: skip
        if self._random.random() < 0.5:
            away = Decimal("0.99") if side == "1" else Decimal("1.01")
            fields += [(40, "2"), (44, str((share.price * away).quantize(Decimal("0.01"))))]
        else:
            fields.append((40, "1"))
        self.asked[fields[0][1]] = fields
        return fields

    def _order(self) -> Outgoing:
        return Outgoing("D", self._wish())

    def _basket(self) -> Outgoing:
        shares = self._random.sample(self._shares, 3)
        return Outgoing("E", [(66, f"Tilt {self._count + 1}"), (394, "3"), (68, "3")], [self._wish(share) for share in shares])

    def _unknown(self) -> Outgoing:
        return Outgoing("D", self._wish(Share("ZZZZ", "US0000000000", Decimal(10))))

    def _waiting(self) -> str | None:
        return next((name for name, status in self.status.items() if status == PENDING and name in self.asked), None)

    def _replace(self) -> Outgoing:
        orig = self._waiting()
        if orig is None:
            return self._order()
        name, before = self._name(), dict(self.asked[orig])
        after = before | {11: name, 38: str(int(before[38]) // 20 * 10 or 10), 60: _now()}
        self.asked[name] = list(after.items())
        return Outgoing("G", [*after.items(), (41, orig)])

    def _cancel(self) -> Outgoing:
        orig = self._waiting()
        if orig is None:
            return self._order()
        before = dict(self.asked[orig])
        return Outgoing("F", [(11, self._name()), (41, orig), (55, before[55]), (54, before[54]), (60, _now())])


class Application(quickfix.Application):
    def __init__(self, book: Book):
        super().__init__()
        self.book = book
        self.session: quickfix.SessionID | None = None
        self.is_up = threading.Event()

    def onCreate(self, session):
        self.session = quickfix.SessionID("FIX.4.4", session.getSenderCompID().getValue(), session.getTargetCompID().getValue())

    def onLogon(self, session):
        self.is_up.set()

    def onLogout(self, session):
        self.is_up.clear()

    def toAdmin(self, message, session):
        if message.getHeader().getField(35) == "A":
            message.setField(464, "Y")

    def fromAdmin(self, message, session):
        """Sessions need no answer of ours."""

    def toApp(self, message, session):
        """Nothing is held back."""

    def fromApp(self, message, session):
        kind = message.getHeader().getField(35)
        said = {tag: message.getField(tag) if message.isSetField(tag) else "" for tag in (11, 41, 39, 58)}
        if kind in ("8", "9"):
            self.book.hear(said[11], said[41] if kind == "8" else "", said[39] if kind == "8" else "")
        log.info("heard %s %s %s %s", kind, said[11], said[39], said[58])


def framed(out: Outgoing) -> quickfix.Message:
    message = quickfix.Message()
    message.getHeader().setField(35, out.type)
    for tag, value in out.fields:
        message.setField(tag, value)
    for number, entry in enumerate(out.orders, start=1):
        group = quickfix.Group(73, 11)
        for tag, value in [*entry, (67, str(number))]:
            group.setField(tag, value)
        message.addGroup(group)
    return message


def settings(folder: Path, *, host: str, port: int, name: str, client: str) -> str:
    return "\n".join(
        [
            "[DEFAULT]", "ConnectionType=initiator", "ReconnectInterval=2", "HeartBtInt=10", "SocketNodelay=Y",
            f"FileStorePath={folder / 'store'}", "StartDay=sunday", "StartTime=00:00:00", "EndDay=sunday",
            "EndTime=00:00:00", "UseDataDictionary=Y", f"DataDictionary={dictionary()}", "ValidateUserDefinedFields=N",
            "AllowUnknownMsgFields=Y", "ValidateFieldsHaveValues=N", "[SESSION]", "BeginString=FIX.4.4",
            f"SenderCompID={name}", f"TargetCompID={client}", f"SocketConnectHost={host}", f"SocketConnectPort={port}", "",
        ]
    )  # fmt: skip


def accounts_of(data: Path, team: str) -> list[str]:
    with (data / "portfolios.csv").open(newline="", encoding="utf-8") as file:
        return [row["code"] for row in csv.DictReader(file) if row["manager_team"] == team][:5]


def shares_in(data: Path) -> list[Share]:
    with (data / "instruments.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["asset_class"] == "EQUITY" and row["currency"] == "USD"]
    return [Share(row["symbol"], row["isin"], Decimal(row["price"])) for row in rows]


def _now() -> str:
    return f"{datetime.now(UTC):%Y%m%d-%H:%M:%S}"


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    env = os.environ.get
    parser = argparse.ArgumentParser(prog="python -m street.upstream", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="where the OMS listens")
    parser.add_argument("--port", type=int, default=int(env("UPSTREAM_PORT") or "9881"))
    parser.add_argument("--name", default="HORIZON", help="CompID of this system")
    parser.add_argument("--client", default="OMS-SIM", help="CompID of the OMS")
    parser.add_argument("--team", default="B", help="whose portfolios it works for")
    parser.add_argument("--every", type=float, default=float(env("UPSTREAM_SECONDS") or "90"), help="seconds between messages")
    parser.add_argument("--most", type=int, default=60, help="messages, then it only listens")
    parser.add_argument("--seed", type=int, default=int(env("STREET_SEED") or "1"))
    parser.add_argument("--home", type=Path, default=Path(env("OMS_HOME") or ".oms"))
    parser.add_argument("--data", type=Path, default=DATA)
    given = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    book = Book(
        accounts_of(given.data, given.team), shares_in(given.data), seed=given.seed,
        prefix=f"H{datetime.now(UTC):%y%m%d%H%M%S}",
    )  # fmt: skip
    run(book, given, stop)
    return 0


def run(book: Book, given: argparse.Namespace, stop: threading.Event) -> None:
    """Will send the book's messages, one each time, while the session is up, until told to stop."""
    folder = given.home.resolve() / "upstream"
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "initiator.cfg"
    text = settings(folder, host=given.host, port=given.port, name=given.name, client=given.client)
    config.write_text(text, encoding="utf-8")
    application = Application(book)
    told = quickfix.SessionSettings(str(config))
    store = quickfix.FileStoreFactory(told)
    initiator = quickfix.SocketInitiator(application, store, told)
    initiator.start()
    steps, sent = book.steps(), 0
    while not stop.wait(given.every):
        if sent < given.most and application.is_up.is_set():
            out = next(steps)
            quickfix.Session.sendToTarget(framed(out), application.session)
            log.info("sent %s %s", out.type, dict(out.fields).get(11) or dict(out.fields).get(66))
            sent += 1
    initiator.stop()


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    os._exit(code)  # As the street: a thread of QuickFIX's that still calls back could keep the interpreter from ending.
