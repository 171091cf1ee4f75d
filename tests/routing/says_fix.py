"""
A broker in raw FIX: bytes with header and check sum, as they come off a socket, parsed by QuickFIX and handed to the
gateway's application; what it keeps is booked by the gateway's own loop. Nothing of ours is called beside them.
"""

import threading
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue

import quickfix as fix

from apps.routing import rules
from apps.routing import services as routing
from apps.routing.gateway.application import Application
from apps.routing.gateway.inbox import Inbox
from apps.routing.gateway.loops import Booking
from apps.routing.models import Session

SOH = "\x01"
KINDS_42 = {"G": "2", "H": "1", "I": "3"}


class InThisThread(Inbox):
    """The test's transaction is this thread's: what the application hands over is kept here."""

    def put(self, *said) -> None:
        routing.keep_all_heard(self.store_id, [routing.Incoming(*said)])

    def do(self, do, *what) -> None:
        do(*what)


def framed(begin_string: str, head: dict, body: dict) -> str:
    """A message as on the wire; header fields first, as FIX wants them."""
    fields = [(tag, value) for tag, value in (head | body).items() if value not in (None, "")]
    text = "".join(f"{tag}={value}{SOH}" for tag, value in fields)
    whole = f"8={begin_string}{SOH}9={len(text.encode())}{SOH}{text}"
    return f"{whole}10={sum(whole.encode()) % 256:03d}{SOH}"


class Counterparty:
    """One broker's session under one version of FIX, with sequence numbers of its own."""

    def __init__(self, broker_id: int, begin_string: str = "FIX.4.4"):
        self.session = Session.objects.get(broker_id=broker_id)
        self.begin_string = begin_string
        self.seq = 0
        self.log: list[str] = []
        self.application = Application(
            {self.session.target_comp_id: self.session.pk},
            is_simulation=True,
            inbox=InThisThread(threading.Event(), lambda: None, ""),
            changed=SimpleQueue(),
        )
        self.booking = Booking(threading.Event())
        self.start = datetime.now(UTC) - timedelta(hours=6)

    def at(self, minute: int) -> str:
        return rules.utc_text(self.start + timedelta(minutes=minute))

    def say(self, msg_type: str, body: dict, *, flag: str = "", seq: int | None = None, book: bool = True) -> str:
        """Sends a message; ``flag`` 43 or 97 marks it as a repeat."""
        if seq is None:
            self.seq += 1
        head = {
            35: msg_type, 34: seq or self.seq, 49: self.session.target_comp_id, 56: "OMS-SIM", 52: self.at(0),
            **({int(flag): "Y"} if flag else {}), **({122: self.at(0)} if flag == "43" else {}),
        }  # fmt: skip
        raw = framed(self.begin_string, head, body)
        self.hear(raw)
        self.log.append(raw)
        if book:
            self.booking.once()
        return raw

    def hear(self, raw: str) -> None:
        session = fix.SessionID(self.begin_string, "OMS-SIM", self.session.target_comp_id)
        self.application.fromApp(fix.Message(raw, False), session)

    def say_again(self, raw: str, flag: str) -> None:
        """The same message under the same number (43), or under a new one (97, or unmarked)."""
        fields = dict(part.split("=", 1) for part in raw.split(SOH) if part)
        body = {int(t): v for t, v in fields.items() if int(t) not in (8, 9, 10, 34, 35, 43, 49, 52, 56, 97, 122)}
        self.say(fields["35"], body, flag=flag, seq=int(fields["34"]) if flag == "43" else None)
        self.log.pop()

    def report(self, kind: str, status: str, body: dict) -> str:
        """An execution report: ExecType and OrdStatus of FIX 4.4, told in this session's version."""
        return self.say("8", self.in_version(kind, status) | body)

    def in_version(self, kind: str, status: str) -> dict:
        if self.begin_string != "FIX.4.2":
            return {150: kind, 39: status}
        if kind == "5" and status == "0":
            status = "5"  # An order replaced without executions is new by precedence in later versions only.
        trade = "2" if status == "2" else "1"
        return {20: KINDS_42.get(kind, "0"), 150: trade if kind in "FGHI" else kind, 39: status}
