"""
The parts of the demo under one supervisor (honcho): each writes its own log, is started again when it dies, and ends
with the supervisor, even one that was killed.
"""

import multiprocessing
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from pathlib import Path

from honcho.environ import parse_procfile
from honcho.manager import SYSTEM_PRINTER_NAME, Manager
from honcho.process import Popen, Process

FAILS_BEFORE_GIVING_UP = 5
WITHIN_SECONDS = 60
SECONDS_TO_END = 8
SECONDS_TO_WAIT = 20


class Part(Process):
    """One part: runs in a process of the supervisor's that waits for it."""

    log: Path
    ending: "multiprocessing.synchronize.Event"
    turn: "multiprocessing.synchronize.Event"

    def run(self, events=None, ignore_signals=False) -> None:
        self._events = events
        for number in (signal.SIGINT, signal.SIGTERM):
            # The supervisor says when. A handler, for a child would inherit that a signal is ignored.
            signal.signal(number, lambda *_: None)
        supervisor, deaths = os.getppid(), deque(maxlen=FAILS_BEFORE_GIVING_UP)
        code = 0
        self._wait_for_turn(supervisor)
        while not self.ending.is_set():
            code = self._live_once(supervisor)
            if self.ending.is_set() or os.getppid() != supervisor:
                break
            deaths.append(time.monotonic())
            if len(deaths) == FAILS_BEFORE_GIVING_UP and deaths[-1] - deaths[0] < WITHIN_SECONDS:
                self._send_message(f"{self.name} keeps ending (code {code}); read {self.log}\n")
                break
            self._send_message(f"{self.name} ended (code {code}) and is started again; {self.log} may say why\n")
            time.sleep(0.5)
        self._send_message({"returncode": code}, type="stop")

    def _wait_for_turn(self, supervisor: int) -> None:
        """Leaves the machine to the parts that somebody waits for, for a while."""
        if self.turn.is_set():
            return
        self._send_message({"pid": os.getpid()}, type="start")  # The manager ends only what has a pid.
        deadline = time.monotonic() + SECONDS_TO_WAIT
        while not self.turn.wait(0.1) and not self.ending.is_set():
            if os.getppid() != supervisor or time.monotonic() > deadline:
                break

    def _live_once(self, supervisor: int) -> int:
        with self.log.open("ab") as output:
            child = Popen(self.cmd, env=self.env, cwd=self.cwd, stdin=subprocess.DEVNULL, stdout=output)
        self._send_message({"pid": child.pid}, type="start")
        if self.ending.is_set():
            _signal_group(child.pid, signal.SIGTERM)
        ending = 0
        while (code := _waited(child, 1)) is None:
            ending += self.ending.is_set()
            if ending == 2:  # The manager had not heard of this child when it told all to end.
                _signal_group(child.pid, signal.SIGTERM)
            if os.getppid() != supervisor:  # It was killed: nobody else will end this part.
                _signal_group(child.pid, signal.SIGTERM)
                code = _waited(child, SECONDS_TO_END)
                break
        _signal_group(child.pid, signal.SIGKILL)  # What a killed part leaves behind would hold its port or queue.
        return child.wait() if code is None else code


def _waited(child: subprocess.Popen, seconds: float) -> int | None:
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


class _Calm:
    """Honcho's printer: passes on what parts say of themselves, keeps quiet about pids and signals."""

    width = 0

    def __init__(self, say: Callable[[str], None]):
        self._say = say

    def write(self, message) -> None:
        if message.name != SYSTEM_PRINTER_NAME:
            self._say(message.data.rstrip("\n"))


class Supervisor(Manager):
    """
    :param procfile: the parts and their commands
    :param logs: the folder of their logs
    :param say: prints a line to the person
    :param then: called in a thread once the first parts are started
    :param first: parts to start before the rest, which wait until ``turn`` is set or 20 seconds have passed; all, if none
    """

    def __init__(
        self,
        procfile: Path,
        *,
        env: dict[str, str],
        logs: Path,
        say: Callable[[str], None],
        then: Callable[[], None] | None = None,
        first: Collection[str] = (),
    ):
        super().__init__(_Calm(say))
        self._process_ctor = Part
        self._then = then
        self.ending, self.turn, now = multiprocessing.Event(), multiprocessing.Event(), multiprocessing.Event()
        now.set()
        logs.mkdir(parents=True, exist_ok=True)
        for name, command in parse_procfile(procfile.read_text()).processes.items():
            part = self.add_process(name, command, env={**env, "OMS_PROCESS": name}, cwd=str(procfile.parent))
            part.log, part.ending = logs / f"{name}.log", self.ending
            part.turn = now if not first or name in first else self.turn

    def terminate(self) -> None:
        self.ending.set()
        super().terminate()

    def _killall(self, force: bool = False) -> None:
        """Tells every part whose pid is known; honcho stumbles over one that is not, which sees by itself that all ends."""
        tell = self._procmgr.kill if force else self._procmgr.terminate
        for part in self._processes.values():
            if part.get("pid") is not None and "returncode" not in part:
                tell(part["pid"])

    def _start(self) -> None:
        super()._start()
        if self._then:
            threading.Thread(target=self._then, daemon=True).start()
