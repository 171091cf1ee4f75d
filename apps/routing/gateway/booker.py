"""
Booking in processes of its own, forked from the gateway's before any has a thread or a connection: each of its callbacks would
otherwise wait for Python's lock while a set is booked. A session's messages are all booked by one of them, in their order.

A pipe leads to each. A byte says that something was heard; its end, that the gateway ended, however it did: what was heard is then
booked, and the process ends too.
"""

import contextlib
import gc
import os
import signal
import threading
import time
from collections.abc import Sequence

import structlog

from .leadership import NotAlone
from .loops import Booking

log = structlog.get_logger(__name__)

BEGIN, HEARD = b"b", b"h"
FAILED, OTHER_BOOKS = 1, 3
PARTS = 2
NICE = 5  # Where there are few processors, what is to be sent goes before what is to be booked.


class Bookers:
    """All of them: they share the sessions out among them."""

    def __init__(self) -> None:
        gc.collect()
        gc.freeze()  # What is loaded stays: it need not be looked through again, and all share it.
        self._all: list[Booker] = []
        for part in range(PARTS):
            self._all.append(Booker(part, self._all))

    def begin(self) -> None:
        for one in self._all:
            one.begin()

    def wake(self) -> None:
        for one in self._all:
            one.wake()

    def refuse_gone(self) -> None:
        """:raises NotAlone: where another gateway books; :raises RuntimeError: where one ended for another reason"""
        for one in self._all:
            one.refuse_gone()

    def end(self, seconds: float) -> None:
        """Will have them book what was heard, and end; who takes too long is killed."""
        for one in self._all:
            one.close()
        deadline = time.monotonic() + seconds
        for one in self._all:
            one.end(deadline)


class Booker:
    """
    Books in a process that it forks as it is made; from ``begin`` on, until ``close`` or the end of this process.

    :param part: which sessions it books, of ``PARTS``
    :param others: made before; the process has no use for their pipes
    """

    def __init__(self, part: int, others: Sequence["Booker"]):
        theirs, self._pipe = os.pipe()
        os.set_blocking(self._pipe, False)
        self.pid = os.fork()
        if self.pid == 0:
            for one in (self, *others):
                os.close(one._pipe)
            _live(theirs, part)
        os.close(theirs)
        self._ended: int | None = None

    def begin(self) -> None:
        """From now on it may book."""
        os.write(self._pipe, BEGIN)

    def wake(self) -> None:
        with contextlib.suppress(BlockingIOError, BrokenPipeError):  # Full, it is awake; gone, ``refuse_gone`` says so.
            os.write(self._pipe, HEARD)

    def refuse_gone(self) -> None:
        """:raises NotAlone: where another gateway books; :raises RuntimeError: where it ended for another reason"""
        if not self._is_over():
            return
        if self._ended == OTHER_BOOKS:
            raise NotAlone("Another gateway took the sessions over. This one ends.")
        raise RuntimeError(f"The process that books ended with {self._ended}; what was heard is booked at the next start.")

    def close(self) -> None:
        """Will have it book what was heard, and end."""
        os.close(self._pipe)

    def end(self, deadline: float) -> None:
        """Waits until it is over. :param deadline: of the monotonic clock, when it is killed"""
        while not self._is_over():
            if time.monotonic() > deadline:
                log.warning("left_unbooked")
                os.kill(self.pid, signal.SIGKILL)
                deadline += 10
            time.sleep(0.02)

    def _is_over(self) -> bool:
        if self._ended is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._ended = os.waitstatus_to_exitcode(status)
        return self._ended is not None


def _live(pipe: int, part: int) -> None:
    """The life of the process. It ends here: what called it is the gateway's."""
    code = FAILED
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # The gateway is told, and ends the pipe when it heard the last.
        if os.read(pipe, 1) == BEGIN:
            os.nice(NICE)
            booking = Booking(threading.Event(), part, PARTS)
            threading.Thread(target=_listen, args=(pipe, booking), name="pipe", daemon=True).start()
            booking.run()
            failed = booking.failed
            code = OTHER_BOOKS if isinstance(failed, NotAlone) else FAILED if failed else 0
        else:
            code = 0
    except BaseException:
        log.exception("booker_failed")
    finally:
        os._exit(code)


def _listen(pipe: int, booking: Booking) -> None:
    while os.read(pipe, 65536):
        booking.wake()
    booking.stopping.set()
    booking.wake()
