"""
Keeps each session as its hours and people want it: logs it out and on, sets approved sequence numbers once, and says each
second how it stands.
"""

import os
import socket
import threading
import time
from collections.abc import Mapping
from concurrent.futures import wait
from datetime import datetime
from functools import partial
from queue import Empty, SimpleQueue

import quickfix as fix
import structlog
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from redis import RedisError

from apps.audit import wires

from .. import rules
from .. import services as routing
from ..models import SequenceReset, Session
from .application import MOST, Application
from .hours import is_gapless

log = structlog.get_logger(__name__)
LOOK_SECONDS = 0.25
TELL_SECONDS = 1.0
OUT_OF_HOURS, STOPPED = "The session is over.", "The session was stopped here."


class Keeper(threading.Thread):
    """
    :param sessions: those of the gateway, by id
    :param act_now: makes the act of the gateway
    :param store_id: of the store that has their numbers
    """

    def __init__(
        self, stopping: threading.Event, application: Application, sessions: Mapping[int, Session], act_now, store_id: str = ""
    ):
        super().__init__(name="keeper", daemon=True)
        self.store_id = store_id
        self.stopping, self.application, self.act_now = stopping, application, act_now
        self.sessions = dict(sessions)
        self.holder = f"{socket.gethostname()[:60]}, process {os.getpid()}"
        self.told: dict[int, routing.Seen] = {}
        self.told_at = 0.0
        self.gaps: SimpleQueue[routing.Gap] = application.gaps

    def run(self) -> None:
        while not self.stopping.wait(LOOK_SECONDS):
            self.bearing(self.once)
        self.bearing(lambda _: self.tell(timezone.now(), is_last=True))
        connection.close()

    def bearing(self, do) -> None:
        """Does it; where the database is away, the next look does it again."""
        try:
            do(timezone.now())
        except (OperationalError, InterfaceError) as error:
            log.warning("database_away", loop=self.name, error=str(error))
            connection.close()
        except Exception:
            log.exception("not_looked_after")  # The other sessions' hours go on.

    def start_up(self) -> None:
        """What a gateway that ended left half done is a person's to look at; then all is brought to what is wanted."""
        routing.mark_numbers_unsure(self.act_now(), self.sessions)
        self.once(timezone.now())

    def once(self, now: datetime) -> None:
        """Brings every session to what its schedule and people say of this moment."""
        wanted = routing.wanted_of(self.sessions)
        opened = {}
        for pk, row in self.sessions.items():
            session = fix.Session.lookupSession(self.application.sessions[pk])
            period = rules.period_at(row.schedule, now)
            if period is None or pk in wanted.stopped or pk in wanted.numbers:
                if session.isEnabled():
                    why = OUT_OF_HOURS if period is None else STOPPED
                    log.info("session_closes", counterparty=row.target_comp_id, why=why)
                    session.logout(why)
                elif pk in wanted.numbers and not session.isLoggedOn():
                    self.set_numbers(session, wanted.numbers[pk])
                continue
            if row.opened_at != period.opens:
                if row.opened_at is not None and not is_gapless(row.schedule, now):
                    log.info("session_begins", counterparty=row.target_comp_id)
                    session.reset()
                    self.renumbered(pk, session, now)
                row.opened_at = opened[pk] = period.opens
            if not session.isEnabled():
                log.info("session_opens", counterparty=row.target_comp_id)
                session.logon()
        if opened:
            routing.mark_opened(self.act_now(), opened)
        if time.monotonic() - self.told_at >= TELL_SECONDS:
            routing.end_due_reconciliations(self.act_now())
            self.tell(now)

    def set_numbers(self, session: fix.Session, reset: SequenceReset) -> None:
        """Once at most: it is begun before, and what is begun and not ended is never done again."""
        begun = routing.begin_numbers(
            self.act_now(), reset.pk, out_before=session.getExpectedSenderNum(), in_before=_expected(session)
        )
        if not begun:
            return
        if reset.next_out is not None:
            session.setNextSenderMsgSeqNum(reset.next_out)
        if reset.next_in is not None:
            session.setNextTargetMsgSeqNum(reset.next_in)
        self.renumbered(reset.session_id, session, timezone.now())
        log.warning("sequence_numbers_set", reset=reset.pk, out=reset.next_out, expected=reset.next_in)
        routing.mark_numbers_set(self.act_now(), reset.pk)

    def renumbered(self, pk: int, session: fix.Session, now: datetime) -> None:
        """
        Whoever takes the session over goes on from the new numbers; what was sent under the old is not sent again. Kept by the inbox,
        after what it has of the old.
        """
        self.application.renumbered(pk)  # A Logon may go out meanwhile, by what is known before.
        hold = partial(routing.hold_numbers, out_ceiling=session.getExpectedSenderNum() + 1, next_in=_expected(session), since=now)
        self.application.inbox.do(hold, pk, self.store_id)
        self.application.renumbered(pk)

    def leave(self) -> None:
        """As the process ends in order: the numbers as they are, so that whoever comes next leaves no gap."""
        try:
            for pk in self.sessions:
                session = fix.Session.lookupSession(self.application.sessions[pk])
                routing.hold_numbers(
                    pk, self.store_id, out_ceiling=session.getExpectedSenderNum(), next_in=_expected(session)
                )
        except (OperationalError, InterfaceError):
            log.warning("numbers_not_left")  # What is kept is above them.
        connection.close()

    def tell(self, now: datetime, *, is_last: bool = False) -> None:
        """Keeps how each session stands, and lets open pages know of those that changed."""
        self.told_at = time.monotonic()
        seen = [self.seen(pk, is_last=is_last) for pk in self.sessions]
        gaps = self._gaps()
        try:
            routing.keep_states(self.holder, now, seen)
            routing.keep_gaps(gaps)
            # By then what was counted as received is kept; where that takes long, the next look tells the same.
            expected = {one.session_id: one.next_in for one in seen}
            wait([self.application.inbox.ask(routing.note_expected, self.store_id, expected, now)], TELL_SECONDS)
        except BaseException:
            for gap in gaps:
                self.gaps.put(gap)
            raise
        changed = {one.session_id for one in seen if self.told.get(one.session_id) != one}
        self.told = {one.session_id: one for one in seen}
        if changed:
            try:
                wires.publish({"gateway": changed})
            except (RedisError, OSError) as error:
                log.warning("redis_away", error=str(error))

    def seen(self, pk: int, *, is_last: bool = False) -> routing.Seen:
        session = fix.Session.lookupSession(self.application.sessions[pk])
        said = self.application.said[pk]
        return routing.Seen(
            pk, session.isLoggedOn() and not is_last, session.getExpectedSenderNum(), _expected(session),
            said.heard_at, said.heard_type, said.sent_at, said.beat_at, said.lag_ms(),
        )  # fmt: skip

    def _gaps(self) -> list[routing.Gap]:
        found = []
        while True:
            try:
                found.append(self.gaps.get_nowait())
            except Empty:
                return found


def _expected(session: fix.Session) -> int:
    """A counterparty may set its numbers (35=4) beyond all that can be kept."""
    return min(session.getExpectedTargetNum(), MOST)
