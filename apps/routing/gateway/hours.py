"""Opens and closes sessions by their schedules: QuickFIX knows one day or week in UTC, counterparties have time zones."""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import quickfix as fix
import structlog
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from .. import rules
from .. import services as routing
from ..models import Session
from .application import Application

log = structlog.get_logger(__name__)
LOOK_SECONDS = 0.5
OUT_OF_HOURS = "The session is over."
DAY = timedelta(days=1)


def boundary_of(schedule: rules.Schedule, now: datetime) -> datetime:
    """
    A moment of the week at which the session is closed, for QuickFIX to begin its own week at: it resets the numbers
    then. Of a session that never closes, when its numbers begin anew.
    """
    period = rules.period_at(schedule, now)
    start = period.closes if period else now
    while (period := rules.period_at(schedule, start)) is not None:
        if start - now > 8 * DAY:
            return rules.period_at(schedule, now).closes
        start = period.closes
    return start.astimezone(UTC)


def is_gapless(schedule: rules.Schedule, now: datetime) -> bool:
    """Whether it never closes: what ends begins again at once."""
    return rules.period_at(schedule, boundary_of(schedule, now)) is not None


class Hours(threading.Thread):
    """
    Logs sessions out as they close and lets them log on as they open, with numbers that begin at 1.

    :param sessions: those of the gateway
    """

    def __init__(self, stopping: threading.Event, application: Application, sessions: Mapping[int, Session], act_now):
        super().__init__(name="hours", daemon=True)
        self.stopping, self.application, self.act_now = stopping, application, act_now
        self.sessions = dict(sessions)

    def run(self) -> None:
        while not self.stopping.wait(LOOK_SECONDS):
            try:
                self.once(timezone.now())
            except (OperationalError, InterfaceError) as error:
                log.warning("database_away", loop=self.name, error=str(error))
                connection.close()
        connection.close()

    def once(self, now: datetime) -> None:
        """Brings every session to what its schedule says of this moment."""
        opened = {}
        for pk, row in self.sessions.items():
            session = fix.Session.lookupSession(self.application.sessions[pk])
            period = rules.period_at(row.schedule, now)
            if period is None:
                if session.isEnabled():
                    log.info("session_closes", counterparty=row.target_comp_id)
                    session.logout(OUT_OF_HOURS)
                continue
            if row.opened_at != period.opens:
                if row.opened_at is not None and not is_gapless(row.schedule, now):
                    log.info("session_begins", counterparty=row.target_comp_id)
                    session.reset()
                row.opened_at = opened[pk] = period.opens
            if not session.isEnabled():
                session.logon()
        if opened:
            routing.mark_opened(self.act_now(), opened)
