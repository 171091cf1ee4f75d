"""
What was heard and is not committed yet: kept in sets by one thread, in order, so that a message costs no commit of its own.

QuickFIX counts a message as received before it is committed here. Whoever starts after a kill therefore expects the number that
the database has, not the one in QuickFIX's files (``store.take_over``), and the other side says again what lies between.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from queue import Empty, Queue
from typing import Any, NamedTuple

import structlog
from django.db import InterfaceError, OperationalError, connection

from .. import services as routing

log = structlog.get_logger(__name__)

UNKEPT = 75  # EX_TEMPFAIL: ends as if it had been killed.
MOST_WAITING = 10_000
AT_ONCE = 1_000


class _Call(NamedTuple):
    do: Callable
    what: tuple
    done: Future


class Inbox(threading.Thread):
    """
    :param stopping: set where the process is told to stop
    :param heard: told after messages were committed
    :param store_id: of QuickFIX's files, whose numbers go on with what is kept
    """

    def __init__(self, stopping: threading.Event, heard: Callable[[], None], store_id: str):
        super().__init__(name="inbox", daemon=True)
        self.stopping, self.heard, self.store_id = stopping, heard, store_id
        self._waiting: Queue[routing.Incoming | _Call | None] = Queue(MOST_WAITING)

    def put(self, session_id: int, seq_num: int, raw: str, at: datetime) -> None:
        """Will keep a message. Waits only where too many do, as while the database is away: then QuickFIX hears no more."""
        self._waiting.put(routing.Incoming(session_id, seq_num, raw, at))

    def do(self, do: Callable, *what: Any) -> None:
        """Returns once it is committed, and all that was put before."""
        self.ask(do, *what).result()

    def ask(self, do: Callable, *what: Any) -> Future:
        """The same, to be waited for later."""
        call = _Call(do, what, Future())
        self._waiting.put(call)
        return call.done

    def settle(self) -> None:
        """Returns once all that was put before is committed."""
        self.do(_nothing)

    def end(self) -> None:
        """Will keep what was put, and end."""
        self._waiting.put(None)
        self.join()

    def run(self) -> None:
        """Where something cannot be kept the process ends here, as if it had been killed: it is asked for again."""
        try:
            while self._once():
                pass
            connection.close()
        except BaseException:
            log.exception("not_kept")
            os._exit(UNKEPT)

    def _once(self) -> bool:
        """Whether there may be more."""
        said: list[routing.Incoming] = []
        found = self._waiting.get()
        while isinstance(found, routing.Incoming):
            said.append(found)
            if len(said) == AT_ONCE:
                break
            try:
                found = self._waiting.get_nowait()
            except Empty:
                break
        if said:
            self._borne(routing.keep_all_heard, self.store_id, said)
            self.heard()
        if isinstance(found, _Call):
            self._borne(found.do, *found.what)
            found.done.set_result(None)
        return found is not None

    def _borne(self, do: Callable, *what: Any) -> None:
        """
        While the database is away this waits.

        :raises OperationalError, InterfaceError: where it is away as the process is told to stop
        """
        wait = 0.05
        while True:
            try:
                do(*what)
                return
            except (OperationalError, InterfaceError) as error:
                log.warning("database_away", error=str(error))
                connection.close()
                if self.stopping.wait(wait):
                    raise
                wait = min(wait * 2, 2.0)


def _nothing() -> None:
    """What a call does that waits alone."""
