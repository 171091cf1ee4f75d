"""QuickFIX's callbacks. They come on its own thread and hand over what must be kept."""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from queue import SimpleQueue

import quickfix as fix
import structlog
from django.utils import timezone

from .. import rules
from .. import services as routing
from .inbox import Inbox
from .store import Reserving

log = structlog.get_logger(__name__)

REJECT, LOGON, LOGOUT, HEARTBEAT, RESEND = "3", "A", "5", "0", "2"
NOT_OURS = "This session is live, and you answer as a simulation (464=Y)."
NOT_SIMULATED = "This session is a simulation, and you do not answer as one (464=Y)."
NO_HEARTBEAT = "HeartBtInt (108) is not a number of seconds."
HEARS_AFTER_SECONDS = 0.3
MOST = 2**31 - 1  # A larger sequence number is a mistake; QuickFIX answers it.


@dataclass(slots=True)
class Said:
    """What was heard and sent last over a session; of what is heard, when it was said (52), unless it was said again."""

    heard_at: datetime | None = None
    heard_type: str = ""
    said: str = ""
    sent_at: datetime | None = None
    beat_at: datetime | None = None

    def lag_ms(self) -> int | None:
        """From their clock to ours, of the message heard last; None where it does not say when it was sent."""
        heard_at, said = self.heard_at, self.said
        try:
            at = rules.Fields.of([(52, said)]).find_time(52)
        except rules.Malformed:
            return None
        if at is None or heard_at is None:
            return None
        return max(min(round((heard_at - at).total_seconds() * 1000), 10**9), -(10**9))


def _noting(note: Callable) -> Callable:
    """What nobody foresaw in a message is told in the log: an exception that left a callback would end the process."""

    @wraps(note)
    def noted(self, *what, **more) -> None:
        try:
            note(self, *what, **more)
        except Exception:
            log.exception("not_noted", what=note.__name__)

    return noted


class Application(fix.Application):
    """
    :param session_ids: counterparty's CompID to the id of its session's row
    :param listening: CompIDs of those that dial in. Of theirs no RejectLogon may leave a callback: QuickFIX's acceptor lets
        it end the process. So the answer to a Logon that is refused is turned into a Logout before it leaves.
    :param is_simulation: whether our Logon carries 464=Y and the counterparty's must
    :param inbox: keeps what is heard
    :param surely: ids of sessions whose numbers begin anew at each logon: nothing of theirs comes again, so that it is committed
        before QuickFIX counts it
    :param changed: gets (session id, whether it is up now)
    """

    def __init__(
        self,
        session_ids: dict[str, int],
        *,
        listening: Collection[str] = (),
        is_simulation: bool,
        inbox: Inbox,
        surely: Collection[int] = (),
        changed: SimpleQueue,
    ):
        super().__init__()
        self.reserving: Reserving | None = None
        self.session_ids = session_ids
        self.is_simulation = is_simulation
        # A callback comes on a thread that Python forgets as it returns, and with it a connection of that thread: what it
        # keeps is kept by the inbox, on one thread that stays.
        self.inbox = inbox
        self.surely = frozenset(surely)
        self.changed = changed
        self.listening = frozenset(listening)
        self.said = {pk: Said() for pk in session_ids.values()}
        self.gaps: SimpleQueue[routing.Gap] = SimpleQueue()
        self._refused: dict[str, str] = {}
        self.sessions: dict[int, fix.SessionID] = {}
        self._handed = threading.local()
        self._hears = threading.Event()
        self._hears.set()
        self._hears_by = 0.0

    def onCreate(self, session):
        target = session.getTargetCompID().getValue()
        mine = fix.SessionID(session.getBeginString().getValue(), session.getSenderCompID().getValue(), target)
        self.sessions[self.session_ids[target]] = mine

    def onLogon(self, session):
        if self._is_refused(session):
            fix.Session.lookupSession(self.sessions[self._id(session)]).disconnect()
        else:
            self.changed.put((self._id(session), True))

    def onLogout(self, session):
        if not self._is_refused(session):
            self.changed.put((self._id(session), False))

    def toAdmin(self, message, session):
        kind = _type_of(message)
        self._note_sent(message, session)
        if kind == RESEND:
            self._note_gap(message, session, is_ours=True)
        elif kind == REJECT:
            self.inbox.do(routing.keep_refused, self._id(session), message.toString(), timezone.now())
        if kind != LOGON:
            return
        if self._is_refused(session):
            for tag in (98, 108, 141):
                message.removeField(tag)
            message.getHeader().setField(35, LOGOUT)
            message.setField(58, self._refused[session.getTargetCompID().getValue()])
        elif self.is_simulation:
            message.setField(464, "Y")

    def fromAdmin(self, message, session):
        kind = _type_of(message)
        self._note_heard(message, session, kind, timezone.now())
        if kind == RESEND:
            if _are_numbers(message):
                self._note_gap(message, session, is_ours=False)
            else:
                message.setField(7, "?")  # QuickFIX answers it with a reject; an exception of ours would end the process.
        if kind == LOGON:
            name, why = session.getTargetCompID().getValue(), self._why_not(message)
            self._refused.pop(name, None)
            if why:
                log.error("session_refused", counterparty=name, why=why)
                if name not in self.listening:
                    raise fix.RejectLogon(why)
                message.setField(108, "30")  # Its acceptor ends the process over one that is no number.
                self._refused[name] = why
        elif kind == REJECT:
            self._keep(message, session, timezone.now())

    def toApp(self, message, session):
        self._handed.seq_num = int(message.getHeader().getField(34))
        self._note_sent(message, session)

    def _why_not(self, logon) -> str:
        """Why a counterparty is not let in; empty where it is."""
        says_test = logon.isSetField(464) and logon.getField(464) == "Y"
        if says_test != self.is_simulation:
            return NOT_SIMULATED if self.is_simulation else NOT_OURS
        beat = logon.getField(108) if logon.isSetField(108) else "0"
        return "" if beat.isascii() and beat.isdigit() else NO_HEARTBEAT

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """
        What is said meanwhile goes before what is heard: all the cancels of a halt before the answers to the first. What is heard
        waits no longer than so long after the first was said.
        """
        self._hears_by = time.monotonic() + HEARS_AFTER_SECONDS
        self._hears.clear()
        try:
            yield
        finally:
            self._hears.set()

    def fromApp(self, message, session):
        at = timezone.now()
        self._hears.wait(max(0.0, self._hears_by - time.monotonic()))
        if not self._is_refused(session):
            self._note_heard(message, session, _type_of(message), at)
            self._keep(message, session, at)

    def is_wanted(self, session_id: int) -> bool:
        """Not where it is about to log out: nothing more is handed to it."""
        return fix.Session.lookupSession(self.sessions[session_id]).isEnabled()

    def last_handed(self) -> int:
        """The sequence number of the message this thread handed over last."""
        return self._handed.seq_num

    def _note_sent(self, message, session) -> None:
        """Before it leaves: its number is reserved, unless it is sent again."""
        header, pk = message.getHeader(), self._id(session)
        self.said[pk].sent_at = timezone.now()
        if self.reserving and not header.isSetField(43):
            resets = message.isSetField(141) and message.getField(141) == "Y"
            if resets:
                log.warning("numbers_begin_anew", counterparty=session.getTargetCompID().getValue())
            self.reserving.note(pk, int(header.getField(34)), resets=resets)

    def reserve(self, store_id: str, held: dict[int, int]) -> None:
        """Will keep a number that all of ours are below, from here on. :param held: session id to the one that is kept"""
        self.reserving = Reserving(held, lambda pk, n, since: self.inbox.ask(routing.raise_ceiling, pk, store_id, n, since))

    def renumbered(self, session_id: int) -> None:
        """The next number of ours is reserved anew, whatever it is."""
        if self.reserving:
            self.reserving.forget(session_id)

    @_noting
    def _note_heard(self, message, session, kind: str, at: datetime) -> None:
        said, header = self.said[self._id(session)], message.getHeader()
        said.heard_at, said.heard_type = at, kind[:2] if kind.isascii() and kind.isalnum() else "?"
        if kind == HEARTBEAT:
            said.beat_at = said.heard_at
        if header.isSetField(52) and not header.isSetField(43):
            said.said = header.getField(52)

    @_noting
    def _note_gap(self, message, session, *, is_ours: bool) -> None:
        first, last = (int(message.getField(tag)) if message.isSetField(tag) else 0 for tag in (7, 16))
        self.gaps.put(routing.Gap(self._id(session), timezone.now(), is_ours, first, last))

    def _is_refused(self, session) -> bool:
        return session.getTargetCompID().getValue() in self._refused

    def _id(self, session) -> int:
        return self.session_ids[session.getTargetCompID().getValue()]

    def _keep(self, message, session, at: datetime) -> None:
        pk = self._id(session)
        self.inbox.put(pk, int(message.getHeader().getField(34)), message.toString(), at)
        if pk in self.surely:
            self.inbox.settle()


def _are_numbers(message) -> bool:
    """
    Whether a resend request (35=2) names sequence numbers. QuickFIX looks for each message from the first on, also for two
    thousand million below zero, and nobody hears or says anything meanwhile.
    """
    said = [message.getField(tag) for tag in (7, 16) if message.isSetField(tag)]
    return all(number.isascii() and number.isdigit() and int(number[:11]) <= MOST for number in said)


def _type_of(message) -> str:
    return message.getHeader().getField(35)
