"""The gateway's threads: booking what was heard, sending what was committed, listening for hints."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from queue import Empty, SimpleQueue

import orjson
import psycopg
import quickfix as fix
import redis
import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from apps.audit import wires
from apps.audit.selectors import automated_id
from apps.core.acts import Act

from .. import rules
from .. import services as routing
from ..rules.throttles import COUNTED
from .application import Application
from .leadership import Leadership, NotAlone
from .settings import Dictionaries

log = structlog.get_logger(__name__)

AT_ONCE = 2000
SEND_AT_ONCE = 500
LOOK_SECONDS = 0.2
TAKEN_SECONDS = 10
ASK_AGAIN_SECONDS = 5.0
AWAY = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)  # COPY's come unwrapped.
WAKES = ("route", "inquiry", "message", "confirmation")


def act_now() -> Act:
    return Act(by=automated_id("gateway"), at=timezone.now(), via="gateway")


class Loop(threading.Thread):
    """Does ``once`` for ever, each time it is woken and at least every 0.2 s; bears the database being away."""

    def __init__(self, name: str, stopping: threading.Event):
        super().__init__(name=name, daemon=True)
        self.stopping = stopping
        self.woken = threading.Event()
        self.leadership = Leadership(name)
        self.failed: BaseException | None = None

    def wake(self) -> None:
        self.woken.set()

    def run(self) -> None:
        wait = 0.1
        try:
            while not self.stopping.is_set():
                try:
                    if not self.leadership.holds():
                        self.end_if_taken()
                        self.stopping.wait(0.5)
                        continue
                    more = self.once()
                    wait = 0.1
                except AWAY as error:
                    log.warning("database_away", loop=self.name, error=str(error))
                    connection.close()
                    self.stopping.wait(wait)
                    wait = min(wait * 2, 2.0)
                    continue
                if not more:
                    self.woken.wait(LOOK_SECONDS)
                    self.woken.clear()
            self.last()
        except BaseException as error:  # noqa: BLE001 - handed to the main thread, which ends the process.
            log.exception("loop_failed", loop=self.name)
            self.failed = error
            self.stopping.set()
        finally:
            self.leadership.release()
            connection.close()

    def end_if_taken(self) -> None:
        """A moment is borne: a connection of our own that was cut may hold the lock for so long."""
        since = self.leadership.taken_since
        if since is not None and time.monotonic() - since > TAKEN_SECONDS:
            raise NotAlone("Another gateway took the sessions over. This one ends.")

    def once(self) -> bool:
        """Does what is to be done now; returns whether there may be more at once."""
        raise NotImplementedError

    def last(self) -> None:
        """Does what is left when the process is told to stop."""


class Booking(Loop):
    """
    Books messages heard, in sets, in their order; what upstream systems ask for, one by one. A set that fails is halved
    until the message at fault is alone.

    :param part: which sessions, of so many parts; what upstream systems ask for is the first's
    """

    def __init__(self, stopping: threading.Event, part: int = 0, parts: int = 1):
        super().__init__(f"booking.{part}", stopping)
        self.part, self.parts = part, parts

    def once(self) -> bool:
        ids = routing.heard_ids(AT_ONCE, part=self.part, parts=self.parts)
        if ids:
            self.book(ids)
        asked = routing.heard_ids(AT_ONCE, purpose="STAGING") if self.part == 0 else []
        for pk in asked:
            self.book([pk], enter=True)
        return AT_ONCE in (len(ids), len(asked))

    def last(self) -> None:
        try:
            self.once()
        except AWAY:
            log.warning("left_unbooked")  # They are kept; the next start books them.

    def book(self, ids: Sequence[int], *, enter: bool = False) -> None:
        try:
            if enter:
                routing.enter_message(act_now(), ids[0])
            else:
                routing.hear_messages(act_now(), ids)
        except AWAY:
            raise
        except Exception as error:
            log.exception("booking_failed", messages=len(ids))
            if len(ids) == 1:
                problem = f"Booking failed: {type(error).__name__}: {error}"
                routing.quarantine_messages(act_now(), ids, problem[:300])
                return
            middle = len(ids) // 2
            self.book(ids[:middle])
            self.book(ids[middle:])


class Pace:
    """When messages were handed to paced sessions in the last second."""

    def __init__(self) -> None:
        self.handed: dict[int, deque[float]] = {}

    def left(self, paces: Mapping[int, int], now: float) -> dict[int, int]:
        """:param paces: of each paced session how many a second :returns: how many of each may be handed over now"""
        found = {}
        for session, most in paces.items():
            recent = self.handed.setdefault(session, deque())
            while recent and now - recent[0] >= 1:
                recent.popleft()
            found[session] = max(0, most - len(recent))
        return found

    def note(self, session: int, now: float) -> None:
        self.handed.setdefault(session, deque()).append(now)


class Sending(Loop):
    """
    Sends committed messages of sessions that are up, in order; what is unsure, first and marked PossResend.

    :param spoken: session id to the BeginString of its messages
    :param words: BeginString to its dictionaries
    """

    def __init__(
        self, stopping: threading.Event, application: Application, changed: SimpleQueue, spoken: Mapping[int, str],
        words: Mapping[str, Dictionaries],
    ):  # fmt: skip
        super().__init__("sending", stopping)
        self.application = application
        self.changed = changed
        self.spoken = spoken
        self.words = {version: _loaded(found) for version, found in words.items()}
        self.up: set[int] = set()
        self.unsure: set[int] = set()
        self.unasked: dict[int, float] = {}
        self.unmarked: dict[int, tuple[int, datetime]] = {}  # What was handed over and is not yet said to be.
        self.untold: dict[int, bool] = {}  # Sessions that came or went, which is not yet kept.
        self.pace = Pace()

    def once(self) -> bool:
        self.mark()
        self.note_sessions()
        up = sorted(pk for pk in self.up if self.application.is_wanted(pk))
        if not up:
            return False
        most = self.pace.left(routing.paces(up), time.monotonic())
        self.reconcile([pk for pk, due in self.unasked.items() if due <= time.monotonic()])
        held = routing.reconciling(up) | self.unasked.keys()
        rows = routing.take_to_send(up, again=sorted(self.unsure), limit=SEND_AT_ONCE, most=most, held=held)
        with self.application.speaking():
            for row in rows:
                if row.session_id in self.up and self.hand_over(row):
                    self.unmarked[row.id] = self.application.last_handed(), timezone.now()
                    if row.session_id in most and row.msg_type in COUNTED:
                        self.pace.note(row.session_id, time.monotonic())
        self.mark()
        if self.unsure:
            self.unsure -= (set(up) & self.up) - routing.with_unsure(up)
        return len(rows) == SEND_AT_ONCE

    def mark(self) -> None:
        """Keeps what was handed over; while the database is away it is remembered, or it would be unsure though it is not."""
        if self.unmarked:
            routing.mark_sent(self.unmarked)
            self.unmarked = {}

    def hand_over(self, row: routing.ToSend) -> bool:
        """Whether the session took it; where not, it stays marked and goes out again once the session is back."""
        try:
            version = self.spoken[row.session_id]
            raw = rules.frame(version, row.msg_type, rules.fields_of(row.text))
            message = fix.Message(raw, *self.words[version], False)
            if row.is_repeat:
                message.getHeader().setField(97, "Y")
            if fix.Session.sendToTarget(message, self.application.sessions[row.session_id]):
                return True
        except (fix.SessionNotFound, fix.InvalidMessage):
            log.exception("not_sent", message=row.id)
        self.up.discard(row.session_id)
        self.unsure.add(row.session_id)
        return False

    def note_sessions(self) -> None:
        """Takes in which sessions came and went, and lets the pages know."""
        states, self.untold = self.untold, {}
        while True:
            try:
                session_id, is_up = self.changed.get_nowait()
            except Empty:
                break
            states[session_id] = is_up
            if is_up:
                self.up.add(session_id)
                self.unsure.add(session_id)
            else:
                self.up.discard(session_id)
                self.unasked.pop(session_id, None)
        try:
            for is_up in (True, False):
                ids = [pk for pk, state in states.items() if state == is_up]
                if ids:
                    routing.mark_sessions(act_now(), ids, is_up=is_up)
                    if is_up:
                        self.doubt(ids)
                        self.reconcile(ids)
        except AWAY:
            self.untold = states  # What comes meanwhile is newer.
            raise

    def doubt(self, session_ids: Sequence[int]) -> None:
        """What a counterparty may have lost with its numbers is unsure, as these sessions are."""
        unsure = routing.doubt_unanswered(session_ids)
        if unsure:
            log.warning("in_doubt", messages=len(unsure), sessions=session_ids)

    def reconcile(self, session_ids: Sequence[int]) -> None:
        """
        Asks for what is open there. Where that fails for a reason nobody foresaw, new orders of the session wait, cancels go, and
        it is asked again soon.
        """
        if not session_ids:
            return
        try:
            routing.begin_reconciliations(act_now(), session_ids)
        except AWAY:
            raise
        except Exception:
            log.exception("not_reconciled", sessions=session_ids)
            self.unasked |= dict.fromkeys(session_ids, time.monotonic() + ASK_AGAIN_SECONDS)
        else:
            for pk in session_ids:
                self.unasked.pop(pk, None)

    def last(self) -> None:
        try:
            self.mark()
            self.note_sessions()
            routing.mark_sessions(act_now(), self.application.session_ids.values(), is_up=False)
        except AWAY:
            log.warning("sessions_not_marked_down")


def _loaded(found: Dictionaries) -> list[fix.DataDictionary]:
    return [fix.DataDictionary(str(path)) for path in found if path is not None]


class Hints(threading.Thread):
    """Wakes the sender when Redis says that routes, inquiries or confirmations changed. Losing a hint costs 0.2 s."""

    def __init__(self, stopping: threading.Event, wake: Callable[[], None]):
        super().__init__(name="hints", daemon=True)
        self.stopping = stopping
        self.wake = wake

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                self.listen()
            except (redis.RedisError, OSError) as error:
                log.warning("redis_away", error=str(error))
                self.stopping.wait(1.0)

    def listen(self) -> None:
        client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, health_check_interval=5)
        with client.pubsub(ignore_subscribe_messages=True) as channel:
            channel.subscribe(wires.CHANNEL)
            while not self.stopping.is_set():
                said = channel.get_message(timeout=0.5)
                if said and any(subject in WAKES for subject in orjson.loads(said["data"]).get("changed", ())):
                    self.wake()
                    time.sleep(0.005)  # A burst of hints is one look.
