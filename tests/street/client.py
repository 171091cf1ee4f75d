"""A small FIX initiator for tests: logs on to the street as its client and keeps all that it hears."""

import sys
import threading
import time
from pathlib import Path

import quickfix

Fields = dict[int, str]


def parse(raw: str) -> Fields:
    """The first value of each tag."""
    fields: Fields = {}
    for field in raw.split("\x01"):
        tag, _, value = field.partition("=")
        if tag:
            fields.setdefault(int(tag), value)
    return fields


class _Application(quickfix.Application):
    def __init__(self, client: "Client"):
        super().__init__()
        self.client = client

    def onCreate(self, session):
        code = session.getTargetCompID().getValue()
        self.client.sessions[code] = quickfix.SessionID("FIX.4.4", session.getSenderCompID().getValue(), code)

    def onLogon(self, session):
        self.client.hear(session, "logon", {})

    def onLogout(self, session):
        self.client.hear(session, "logout", {})

    def toAdmin(self, message, session):
        if message.getHeader().getField(35) == "A" and self.client.test_indicator:
            message.setField(464, "Y")

    def fromAdmin(self, message, session):
        self.client.hear(session, "admin", parse(message.toString()))

    def toApp(self, message, session):
        pass

    def fromApp(self, message, session):
        self.client.hear(session, "message", parse(message.toString()))


class Client:
    """
    :param folder: where it keeps its sequence numbers and messages
    :param test_indicator: whether its Logon carries 464=Y
    """

    def __init__(self, folder: Path, port: int, codes: list[str], *, sender="OMS-SIM", test_indicator=True):
        folder.mkdir(parents=True, exist_ok=True)
        self.test_indicator = test_indicator
        self.sessions: dict[str, quickfix.SessionID] = {}
        self.heard: list[tuple[str, str, Fields]] = []
        self._changed = threading.Condition()
        lines = [
            "[DEFAULT]",
            "ConnectionType=initiator",
            "ReconnectInterval=1",
            "HeartBtInt=10",
            "SocketConnectHost=127.0.0.1",
            f"SocketConnectPort={port}",
            "SocketNodelay=Y",
            f"FileStorePath={folder / 'store'}",
            "StartDay=sunday",
            "StartTime=00:00:00",
            "EndDay=sunday",
            "EndTime=00:00:00",
            "ResetOnLogon=N",
            f"DataDictionary={Path(sys.prefix) / 'share' / 'quickfix' / 'FIX44.xml'}",
            f"SenderCompID={sender}",
        ]
        for code in codes:
            lines += ["[SESSION]", "BeginString=FIX.4.4", f"TargetCompID={code}"]
        (folder / "initiator.cfg").write_text("\n".join(lines) + "\n")
        self._settings = quickfix.SessionSettings(str(folder / "initiator.cfg"))
        self._application = _Application(self)
        self._store = quickfix.FileStoreFactory(self._settings)
        self._initiator = quickfix.SocketInitiator(self._application, self._store, self._settings)

    def __enter__(self) -> "Client":
        self._initiator.start()
        return self

    def __exit__(self, *_) -> None:
        self._initiator.stop()

    def hear(self, session, what: str, fields: Fields) -> None:
        with self._changed:
            self.heard.append((session.getTargetCompID().getValue(), what, fields))
            self._changed.notify_all()

    def wait(self, wanted, *, seconds: float = 10.0, after: int = 0) -> Fields:
        """The first thing heard since the `after`-th for which `wanted(code, what, fields)` holds."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                for code, what, fields in self.heard[after:]:
                    if wanted(code, what, fields):
                        return fields
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"Not heard in {seconds} s; heard instead: {self.heard[-5:]}")
                self._changed.wait(left)

    def wait_logon(self, code: str) -> None:
        self.wait(lambda c, what, _: (c, what) == (code, "logon"))

    def wait_report(self, cl_ord_id: str, *, seconds: float = 10.0, after: int = 0, **tags: str) -> Fields:
        """The first execution report (or cancel reject) of an order with these values: t150="4" and so on."""

        def wanted(_, what, fields):
            return (
                what == "message"
                and fields[35] in ("8", "9")
                and fields[11] == cl_ord_id
                and all(fields.get(int(tag[1:])) == value for tag, value in tags.items())
            )

        return self.wait(wanted, seconds=seconds, after=after)

    def wait_message(self, type_: str, *, seconds: float = 10.0, **tags: str) -> Fields:
        def wanted(_, what, fields):
            named = all(fields.get(int(tag[1:])) == value for tag, value in tags.items())
            return what == "message" and fields[35] == type_ and named

        return self.wait(wanted, seconds=seconds)

    def reports(self, cl_ord_id: str) -> list[Fields]:
        with self._changed:
            return [f for _, what, f in self.heard if what == "message" and f[35] == "8" and f[11] == cl_ord_id]

    def send(self, code: str, type_: str, fields: dict[int, object], *, groups=(), poss_resend: bool = False) -> None:
        """:param groups: (count tag, [entries]), each entry a dict whose first tag delimits the group"""
        message = quickfix.Message()
        message.getHeader().setField(35, type_)
        if poss_resend:
            message.getHeader().setField(97, "Y")
        for tag, value in fields.items():
            message.setField(tag, str(value))
        for counter, entries in groups:
            for entry in entries:
                group = quickfix.Group(counter, next(iter(entry)))
                for tag, value in entry.items():
                    group.setField(tag, str(value))
                message.addGroup(group)
        quickfix.Session.sendToTarget(message, self.sessions[code])
