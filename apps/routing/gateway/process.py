"""The process: checks, start, and an end in order."""

import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue

import quickfix as fix
import structlog
from django.conf import settings
from django.db import connection

from .. import rules
from .. import services as routing
from ..models import Session
from .application import Application
from .booker import Bookers
from .inbox import Inbox
from .keeper import Keeper
from .leadership import NotAlone, hold_folder
from .loops import Hints, Sending, act_now
from .settings import lenient_dictionaries, listening_text, settings_text, tls_files
from .store import store_id, take_over

log = structlog.get_logger(__name__)

STANDBY_SECONDS = 15
SWITCH_SECONDS = 0.0005  # The sender and QuickFIX's callbacks take turns: ten times as often as usual, for each turn is short.


class CannotStart(RuntimeError):
    """The gateway must not or cannot start; one line says why and what to do."""


class StillLed(CannotStart):
    """Another gateway is at work after all."""


class Gateway:
    """
    :param environment: must be that of the settings; sessions of another are never loaded
    :param bookers: will book what is heard
    :param simulation_port: where the simulated street answers, if elsewhere than the sessions say
    :raises CannotStart: on mixed environments, no session, a port that is taken, or another gateway at work
    """

    def __init__(self, environment: str, folder: Path, bookers: Bookers, *, simulation_port: int | None = None):
        if environment != settings.ENVIRONMENT:
            raise CannotStart(
                f"This installation is {settings.ENVIRONMENT}; a gateway for {environment} must not start in it."
            )
        problems = rules.session_problems(environment, routing.session_facts())
        if problems:
            raise CannotStart(" ".join(problems))
        rows = list(Session.objects.filter(environment=environment, is_enabled=True).order_by("pk"))
        if not rows:
            raise CannotStart(f"There is no enabled session in {environment}: load the demo firm, or add sessions.")
        self.folder = folder / environment
        self.folder.mkdir(parents=True, exist_ok=True)
        self._held = hold_folder(self.folder)
        self.session_ids = {row.target_comp_id: row.pk for row in rows}
        self.stopping = threading.Event()
        words = {version: lenient_dictionaries(self.folder, version) for version in {row.begin_string for row in rows}}
        changed: SimpleQueue = SimpleQueue()
        self.bookers = bookers
        self.inbox = Inbox(self.stopping, bookers.wake, store_id(self.folder))
        self.application = Application(
            self.session_ids,
            listening=[row.target_comp_id for row in rows if row.dials_in],
            is_simulation=environment == "simulation",
            inbox=self.inbox,
            surely=[row.pk for row in rows if row.resets_on_logon],
            changed=changed,
        )
        self.sending = Sending(self.stopping, self.application, changed, {row.pk: row.begin_string for row in rows}, words)
        self.hints = Hints(self.stopping, self.sending.wake)
        self.keeper = Keeper(self.stopping, self.application, {row.pk: row for row in rows}, act_now, store_id(self.folder))
        self._ports = sorted({row.port for row in rows if row.dials_in})
        self._kept: list[object] = []  # QuickFIX's connectors refer to their settings and stores, and keep none.
        self._connectors = []
        self._rows, self._words, self._simulation_port = rows, words, simulation_port
        for row in rows:
            self._refuse_no_files(row)

    def _connect(self) -> None:
        """Makes QuickFIX's connectors, which open the stores: by then those that another gateway had are written here."""
        taken = take_over(self.folder, self._rows)
        self.application.reserve(store_id(self.folder), {})
        if taken:
            log.warning("sessions_taken_over", sessions=taken)
        for (dials_in, tls), some in _by_transport(self._rows).items():
            name = f"{'acceptor' if dials_in else 'initiator'}{f'-{tls}' if tls else ''}"
            if dials_in:
                text = listening_text(some, self.folder, self._words)
                kind = fix.SSLSocketAcceptor if tls else fix.SocketAcceptor
            else:
                text = settings_text(some, self.folder, self._words, self._simulation_port)
                kind = fix.SSLSocketInitiator if tls else fix.SocketInitiator
            self._connectors.append(self._connector(kind, name, text))

    @staticmethod
    def _refuse_no_files(session: Session) -> None:
        missing = [path for path in tls_files(session).values() if not path.is_file()] if session.uses_tls else []
        if missing:
            raise CannotStart(f"The session with {session.target_comp_id} uses TLS, and there is no {missing[0]}. Put it there.")

    def _connector(self, kind, name: str, text: str):
        config = self.folder / f"{name}.cfg"
        config.write_text(text, encoding="utf-8")
        told = fix.SessionSettings(str(config))
        store = fix.FileStoreFactory(told)
        self._kept += [told, store]
        return kind(self.application, store, told)

    def run(self) -> None:
        """Will run until told to stop (SIGTERM, SIGINT), then log off, book what was heard, and return."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())
        sys.setswitchinterval(SWITCH_SECONDS)
        if not self._wait_for_leadership():
            self.let_go()
            return
        self._refuse_taken_ports()
        routing.mark_sessions(act_now(), self.session_ids.values(), is_up=False)
        self._connect()
        connection.close()
        self.bookers.begin()
        for thread in (self.inbox, self.sending, self.hints):
            thread.start()
        self.keeper.start_up()
        connection.close()
        self.keeper.start()
        for connector in self._connectors:
            connector.start()
        log.info("gateway_started", sessions=sorted(self.session_ids))
        try:
            while not self.stopping.wait(0.5):
                self.bookers.refuse_gone()
        finally:
            self.stopping.set()
            for connector in self._connectors:
                connector.stop()
            self.sending.wake()
            self.sending.join(10)
            self.inbox.end()
            self.bookers.end(10)
            self.keeper.leave()
        if self.sending.failed:
            raise self.sending.failed
        log.info("gateway_stopped")

    def _refuse_taken_ports(self) -> None:
        """QuickFIX would end the process without a word."""
        for port in self._ports:
            try:
                with socket.create_server(("", port)):
                    pass
            except OSError as error:
                raise CannotStart(
                    f"Port {port}, where an upstream system calls us, cannot be had ({error.strerror}). End what uses it, or"
                    " change the session's port."
                ) from error

    def _wait_for_leadership(self) -> bool:
        """
        A gateway that was just killed may hold its locks for a moment more. False where this one is told to stop meanwhile: what the
        sessions are at is then another's.
        """
        for _ in range(STANDBY_SECONDS * 10):
            if self.sending.leadership.holds():
                return True
            if self.stopping.wait(0.1):
                return False
        raise StillLed("Another gateway sends on this database. Stop it first.")

    def let_go(self) -> None:
        """Of the folder and the signals, where it never led."""
        self._held.close()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        connection.close()


def _by_transport(rows: Sequence[Session]) -> dict[tuple[bool, str], list[Session]]:
    """Sessions that one connector serves, by whether they call us and the name of their certificates."""
    found: dict[tuple[bool, str], list[Session]] = {}
    for row in rows:
        found.setdefault((row.dials_in, row.tls_name), []).append(row)
    return found


__all__ = ["CannotStart", "Gateway", "NotAlone", "StillLed"]
