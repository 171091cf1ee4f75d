"""
The FIX side: one QuickFIX acceptor, a session per counterparty and version of FIX. Callbacks only put what came into a queue.

Only tests are let in: a Logon without 464=Y is refused, and our own Logon carries 464=Y. So a session marked live
can neither stay here (it drops whoever answers 464=Y) nor be answered.
"""

import json
import queue
import socket
from copy import copy
from enum import Enum
from pathlib import Path

import quickfix

from .versions import FIX44, VERSIONS, said, session_lines
from .wire import Out

NOT_A_TEST = "This is a simulation: log on with TestMessageIndicator 464=Y, or connect to the real counterparty."



class Reset(Enum):
    """
    How far a counterparty is that has its numbers begin anew with the answer to a Logon. QuickFIX's initiator answers that with a
    Logon once more, and its acceptor would again, without end: its second is turned into what changes nothing.
    """

    WANTED = "with the next Logon"
    SAID = "with 141=Y, and the client is to say so too"
    ANSWERED = "the client said so"


Inbound = tuple[str, str, str]


class Application(quickfix.Application):
    """
    No exception may leave a callback: QuickFIX's Python binding ends the process instead of passing it on. So a
    logon is refused without RejectLogon: the answer to it is turned into a Logout before it leaves.

    :param inbox: gets (what, counterparty code, raw message), what being logon, logout or message
    :param spoken: file of the version each counterparty was spoken to in last, in which it says what comes up meanwhile
    """

    def __init__(self, inbox: "queue.SimpleQueue[Inbound]", spoken: Path):
        super().__init__()
        self.inbox = inbox
        self.sessions: dict[tuple[str, str], quickfix.SessionID] = {}
        self._file = spoken
        self.spoken: dict[str, str] = json.loads(spoken.read_text()) if spoken.is_file() else {}
        self._refused: set[str] = set()
        self.resets: dict[str, Reset] = {}

    def version(self, code: str) -> str:
        return self.spoken.get(code, FIX44)

    def session(self, code: str) -> quickfix.SessionID:
        return self.sessions[code, self.version(code)]

    def onCreate(self, session):
        code, version = session.getSenderCompID().getValue(), session.getBeginString().getValue()
        self.sessions[code, version] = quickfix.SessionID(version, code, session.getTargetCompID().getValue())

    def onLogon(self, session):
        code, version = session.getSenderCompID().getValue(), session.getBeginString().getValue()
        if code in self._refused:
            quickfix.Session.lookupSession(self.sessions[code, version]).disconnect()
        else:
            if version != self.version(code):
                self.spoken[code] = version
                part = self._file.with_suffix(".part")
                part.write_text(json.dumps(self.spoken))
                part.replace(self._file)
            if self.resets.get(code) == Reset.ANSWERED:
                del self.resets[code]
            self.inbox.put(("logon", code, ""))

    def onLogout(self, session):
        code = session.getSenderCompID().getValue()
        self.resets.pop(code, None)
        if code not in self._refused:
            self.inbox.put(("logout", code, ""))

    def toAdmin(self, message, session):
        if not _is_logon(message):
            return
        code = session.getSenderCompID().getValue()
        if code in self._refused:
            for tag in (98, 108, 141):
                message.removeField(tag)
            message.getHeader().setField(35, "5")
            message.setField(58, NOT_A_TEST)
        elif self.resets.get(code) == Reset.ANSWERED:
            for tag in (98, 108, 141):
                message.removeField(tag)
            message.getHeader().setField(35, "4")
            message.setField(123, "N")
            message.setField(36, "2")
        else:
            message.setField(464, "Y")
            if self.resets.get(code) == Reset.WANTED:
                message.setField(141, "Y")
                self.resets[code] = Reset.SAID

    def fromAdmin(self, message, session):
        if not _is_logon(message):
            return
        code = session.getSenderCompID().getValue()
        if message.isSetField(464) and message.getField(464) == "Y":
            self._refused.discard(code)
            if self.resets.get(code) == Reset.WANTED:
                message.getHeader().setField(34, "1")  # It is the first message of the new numbers.
            elif self.resets.get(code) == Reset.SAID:
                self.resets[code] = Reset.ANSWERED
        else:
            self._refused.add(code)
            self.inbox.put(("refused", code, ""))

    def toApp(self, message, session):
        """Everything the street sends is for this one client; nothing is held back."""

    def fromApp(self, message, session):
        code = session.getSenderCompID().getValue()
        if code not in self._refused:
            self.inbox.put(("message", code, message.toString()))


def _is_logon(message) -> bool:
    return message.getHeader().getField(35) == "A"


class Gateway:
    """
    Starts and stops the acceptor, and sends.

    :param folder: where settings and the message store are kept
    :param codes: the counterparties, each a session of its own
    :raises RuntimeError: from `start`, if the port cannot be had
    """

    def __init__(self, folder: Path, *, port: int, codes: list[str], client: str, keep_log: bool = False):
        folder.mkdir(parents=True, exist_ok=True)
        self.inbox: queue.SimpleQueue[Inbound] = queue.SimpleQueue()
        self.application = Application(self.inbox, folder / "spoken.json")
        self._port = port
        path = folder / "acceptor.cfg"
        path.write_text(settings(folder, port=port, codes=codes, client=client), encoding="utf-8")
        self._settings = quickfix.SessionSettings(str(path))
        self._store = quickfix.FileStoreFactory(self._settings)
        log = quickfix.FileLogFactory(self._settings) if keep_log else None
        self._held: list[tuple[str, Out]] = []
        self._acceptor = quickfix.SocketAcceptor(self.application, self._store, self._settings, log)

    def start(self) -> None:
        try:
            with socket.create_server(("", self._port)):  # QuickFIX would end the process if it were taken.
                pass
        except OSError as error:
            raise RuntimeError(f"Port {self._port} cannot be had ({error}): choose another with --port.") from error
        self._acceptor.start()

    def stop(self) -> None:
        self._acceptor.stop()

    def send(self, code: str, out: Out) -> None:
        """Hands a message to its session, which keeps it and sends it now or, if logged off, on the next logon."""
        reset = self.application.resets.get(code)
        if reset:
            if reset != Reset.WANTED:  # Else it is lost.
                self._held.append((code, out))
            return
        out = said(out, self.application.version(code))
        message = quickfix.Message()
        header = message.getHeader()
        header.setField(35, out.type)
        for tag, value in out.header:
            header.setField(tag, value)
        for tag, value in out.fields:
            message.setField(tag, value)
        for counter, first, entries in out.groups:
            for entry in entries:
                group = quickfix.Group(counter, first)
                for tag, value in entry:
                    group.setField(tag, value)
                message.addGroup(group)
        quickfix.Session.sendToTarget(message, self.application.session(code))

    def hang_up(self, codes: list[str]) -> list[str]:
        """Cuts the connections of those that are on, without a Logout (35=5); returns which."""
        cut = []
        for code in codes:
            session = quickfix.Session.lookupSession(self.application.session(code))
            if session is not None and session.isLoggedOn():
                session.disconnect()
                cut.append(code)
        return cut

    def look(self) -> None:
        """Will send what was held while numbers began anew."""
        held, self._held = self._held, []
        for code, out in held:
            self.send(code, out)

    def reset(self, code: str, *, told: bool) -> None:
        """
        Cuts the connection and forgets all numbers, and what was not delivered. The next Logon is answered under number 1.

        :param told: whether that answer says so (141=Y); what comes up until then is lost too
        """
        session = quickfix.Session.lookupSession(self.application.session(code))
        session.disconnect()
        session.reset()
        if told:
            self.application.resets[code] = Reset.WANTED

    def repeat(self, code: str, out: Out, *, poss_resend: bool) -> None:
        """Sends a message again under a new sequence number, flagged 97=Y or not at all."""
        again = copy(out)
        again.header = [(97, "Y")] if poss_resend else []
        self.send(code, again)


def settings(folder: Path, *, port: int, codes: list[str], client: str) -> str:
    """The acceptor's configuration. Sessions last from Sunday to Sunday, UTC; market data is not kept for resending."""
    lines = [
        "[DEFAULT]",
        "ConnectionType=acceptor",
        f"SocketAcceptPort={port}",
        "SocketReuseAddress=Y",
        "SocketNodelay=Y",
        f"FileStorePath={folder / 'store'}",
        f"FileLogPath={folder / 'log'}",
        "StartDay=sunday",
        "StartTime=00:00:00",
        "EndDay=sunday",
        "EndTime=00:00:00",
        "ResetOnLogon=N",
        "ResetOnLogout=N",
        "ResetOnDisconnect=N",
        "UseDataDictionary=Y",
        "ValidateUserDefinedFields=N",
        "AllowUnknownMsgFields=Y",
        f"TargetCompID={client}",
    ]
    versions = {version: session_lines(folder, version) for version in VERSIONS}
    for code in codes:
        feeds = code == "SIMX"
        for version in (FIX44,) if feeds else VERSIONS:
            lines += ["[SESSION]", f"SenderCompID={code}", *versions[version], *(["PersistMessages=N"] if feeds else [])]
    return "\n".join(lines) + "\n"
