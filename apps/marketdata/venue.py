"""
The FIX session to the venue: QuickFIX's threads only put what they hear into a queue.

A simulated house talks to simulated venues only, and says so: its Logon carries 464=Y (TestMessageIndicator), and a
venue that does not answer with 464=Y is left. A live house never sends it and leaves a venue that does.
"""

import queue
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import quickfix

HEARTBEAT_SECONDS = 10
TEST = 464
LIVE_MEETS_TEST = "This session is live and takes no test messages (464=Y)."
TEST_MEETS_LIVE = "This session is a simulation; only a venue that answers with TestMessageIndicator 464=Y may serve it."


class Heard(NamedTuple):
    """``what`` is logon, logout, refused (by us; ``raw`` says why), message or wake; ``at`` the time it came in."""

    what: str
    raw: str
    at: datetime


class Session(quickfix.Application):
    """
    An initiator with one session, which connects again whenever it is cut off.

    Quotes that were missed are of no use and a subscription must not be sent twice, so the sequence starts over at each
    logon and nothing is kept for resending.

    No exception may leave a callback: QuickFIX's Python binding ends the process instead of passing it on. So a venue
    is refused by logging out.

    :param folder: where its settings and its sequence numbers are kept
    :param live: whether this is a real market
    """

    def __init__(self, folder: Path, *, host: str, port: int, sender: str, target: str, live: bool):
        super().__init__()
        self.heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        self.live = live
        self._is_refused = False
        self._id = quickfix.SessionID("FIX.4.4", sender, target)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "initiator.cfg"
        path.write_text(_configuration(folder, host, port, sender, target), encoding="utf-8")
        self._settings = quickfix.SessionSettings(str(path))
        self._store = quickfix.FileStoreFactory(self._settings)
        self._initiator = quickfix.SocketInitiator(self, self._store, self._settings)

    def start(self) -> None:
        self._initiator.start()

    def stop(self) -> None:
        """
        Logs out and ends QuickFIX's threads, for good.

        QuickFIX finds a session by its name in a table of the process. The initiator and this object point at each
        other, so without letting go here the name would stay taken until garbage is collected, and the next session
        of this name would send into the void.
        """
        self._initiator.stop()
        del self._initiator

    def try_again(self) -> None:
        """Lets a session whose venue was refused connect again."""
        quickfix.Session.lookupSession(self._id).logon()

    def wake(self) -> None:
        """Lets whoever waits for the queue look up at once. May be called from a signal handler."""
        self._put("wake")

    def subscribe(self, request_id: str, names: Sequence[dict[int, str]]) -> None:
        """
        Asks for a snapshot of each now and on every change: bid, offer, last trade, volume and VWAP of the day.

        :param names: of each instrument its identifying fields, tag to value, 55 among them
        """
        message = quickfix.Message()
        message.getHeader().setField(35, "V")
        for tag, value in ((262, request_id), (263, "1"), (264, "1"), (265, "0")):
            message.setField(tag, value)
        for kind in ("0", "1", "2", "B", "9"):
            entry = quickfix.Group(267, 269)
            entry.setField(269, kind)
            message.addGroup(entry)
        for fields in names:
            entry = quickfix.Group(146, 55)
            for tag, value in fields.items():
                entry.setField(tag, value)
            message.addGroup(entry)
        quickfix.Session.sendToTarget(message, self._id)

    # --- called by QuickFIX, on its threads --------------------------------------------------------------------------

    def onCreate(self, session):
        """There is one, and its id is known."""

    def onLogon(self, session):
        if self._is_refused:
            quickfix.Session.lookupSession(self._id).logout(self._why)
            self._put("refused", self._why)
        else:
            self._put("logon")

    def onLogout(self, session):
        self._put("logout")

    def toAdmin(self, message, session):
        if not self.live and _is_logon(message):
            message.setField(TEST, "Y")

    def fromAdmin(self, message, session):
        if _is_logon(message):
            is_test = message.isSetField(TEST) and message.getField(TEST) == "Y"
            self._is_refused = is_test == self.live

    def toApp(self, message, session):
        """Nothing is held back."""

    def fromApp(self, message, session):
        if not self._is_refused:
            self._put("message", message.toString())

    @property
    def _why(self) -> str:
        return LIVE_MEETS_TEST if self.live else TEST_MEETS_LIVE

    def _put(self, what: str, raw: str = "") -> None:
        self.heard.put(Heard(what, raw, datetime.now(UTC)))


def _is_logon(message) -> bool:
    return message.getHeader().getField(35) == "A"


def _configuration(folder: Path, host: str, port: int, sender: str, target: str) -> str:
    lines = [
        "[DEFAULT]",
        "ConnectionType=initiator",
        "ReconnectInterval=1",
        "LogonTimeout=3",
        f"HeartBtInt={HEARTBEAT_SECONDS}",
        "SocketNodelay=Y",
        f"FileStorePath={folder / 'store'}",
        "StartDay=sunday",
        "StartTime=00:00:00",
        "EndDay=sunday",
        "EndTime=00:00:00",
        "ResetOnLogon=Y",
        "PersistMessages=N",
        "UseDataDictionary=Y",
        f"DataDictionary={_dictionary()}",
        "ValidateUserDefinedFields=N",
        "AllowUnknownMsgFields=Y",
        "[SESSION]",
        "BeginString=FIX.4.4",
        f"SenderCompID={sender}",
        f"TargetCompID={target}",
        f"SocketConnectHost={host}",
        f"SocketConnectPort={port}",
    ]
    return "\n".join(lines) + "\n"


def _dictionary() -> Path:
    """:raises RuntimeError: where QuickFIX's own dictionary is not installed beside it"""
    for prefix in (sys.prefix, sys.base_prefix):
        path = Path(prefix) / "share" / "quickfix" / "FIX44.xml"
        if path.is_file():
            return path
    raise RuntimeError("FIX44.xml is not installed: install the quickfix wheel into this environment.")
