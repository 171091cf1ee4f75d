"""A small venue: a QuickFIX acceptor that answers what a test tells it to."""

import queue
import socket
import sys
from pathlib import Path

import quickfix


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Venue(quickfix.Application):
    """:param test: whether its Logon carries 464=Y; every Logon it gets is kept in ``logons``"""

    def __init__(self, folder: Path, *, port: int, test: bool = True, unknown: frozenset[str] = frozenset()):
        super().__init__()
        self.test, self.unknown = test, unknown
        self.logons: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.asked: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
        folder.mkdir(parents=True, exist_ok=True)
        dictionary = Path(sys.prefix) / "share" / "quickfix" / "FIX44.xml"
        path = folder / "acceptor.cfg"
        path.write_text(
            "[DEFAULT]\nConnectionType=acceptor\nSocketReuseAddress=Y\nStartTime=00:00:00\nEndTime=00:00:00\n"
            f"StartDay=sunday\nEndDay=sunday\nUseDataDictionary=Y\nDataDictionary={dictionary}\n"
            f"FileStorePath={folder / 'store'}\nSocketAcceptPort={port}\n"
            "[SESSION]\nBeginString=FIX.4.4\nSenderCompID=SIMX\nTargetCompID=OMS-SIM\n"
        )
        self._id = quickfix.SessionID("FIX.4.4", "SIMX", "OMS-SIM")
        self._kept = quickfix.SessionSettings(str(path))
        self._store = quickfix.FileStoreFactory(self._kept)
        self._acceptor = quickfix.SocketAcceptor(self, self._store, self._kept)

    def __enter__(self) -> "Venue":
        self._acceptor.start()
        return self

    def __exit__(self, *error) -> None:
        self._acceptor.stop()
        del self._acceptor  # QuickFIX knows a session by its name; the next venue in this process has the same.

    def snapshot(self, symbol: str, bid: str, ask: str, volume: str = "0", vwap: str = "1") -> None:
        message = quickfix.Message()
        message.getHeader().setField(35, "W")
        message.setField(262, "any")
        message.setField(55, symbol)
        entries = (("0", 270, bid), ("1", 270, ask), ("2", 270, bid), ("B", 271, volume), ("9", 270, vwap))
        for kind, tag, value in entries:
            entry = quickfix.Group(268, 269)
            entry.setField(269, kind)
            entry.setField(tag, value)
            message.addGroup(entry)
        quickfix.Session.sendToTarget(message, self._id)

    def onCreate(self, session):
        pass

    def onLogon(self, session):
        pass

    def onLogout(self, session):
        pass

    def toAdmin(self, message, session):
        if self.test and message.getHeader().getField(35) == "A":
            message.setField(464, "Y")

    def fromAdmin(self, message, session):
        if message.getHeader().getField(35) == "A":
            self.logons.put(message.toString())

    def toApp(self, message, session):
        pass

    def fromApp(self, message, session):
        text = message.toString()
        symbols = [part[3:] for part in text.split("\x01") if part.startswith("55=")]
        self.asked.put(symbols)
        if self.unknown & set(symbols):
            refusal = quickfix.Message()
            refusal.getHeader().setField(35, "Y")
            refusal.setField(262, message.getField(262))
            refusal.setField(281, "0")
            refusal.setField(58, "unknown")
            quickfix.Session.sendToTarget(refusal, self._id)
