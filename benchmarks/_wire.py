"""What ``fills`` and ``wire`` stand on: the counterparty, the gateway and bare QuickFIX as processes, and routed blocks."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WAIT_SECONDS = 600


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_until(what: str, done, seconds: float = WAIT_SECONDS, every: float = 0.02) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := done()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {seconds} s")
        time.sleep(every)
    return found


class Counterparty:
    """The process of ``_counterparty``."""

    def __init__(self, port: int):
        self.port = port
        self.run = _process("-m", "benchmarks._counterparty", str(port))
        self._answer()

    def do(self, what: str, **more) -> Any:
        self.start(what, **more)
        return self._answer()

    def start(self, what: str, **more) -> None:
        """Like ``do``, whose answer ``finish`` waits for."""
        self.run.stdin.write(json.dumps({"do": what} | more) + "\n")
        self.run.stdin.flush()

    def finish(self) -> Any:
        return self._answer()

    def _answer(self) -> Any:
        line = self.run.stdout.readline()
        if not line:
            raise RuntimeError("the counterparty ended")
        return json.loads(line)


def _process(*arguments: str, **env: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env=os.environ | env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@contextlib.contextmanager
def counterparty() -> Iterator[Counterparty]:
    made = Counterparty(free_port())
    try:
        yield made
    finally:
        made.run.kill()
        made.run.wait()


@contextlib.contextmanager
def gateway(home: Path, port: int) -> Iterator[None]:
    """The portal's gateway, its brokers' sessions up."""
    from apps.routing.models import Session

    brokers = Session.objects.filter(broker__kind="broker", purpose="ROUTING")
    Session.objects.exclude(pk__in=brokers.values("pk")).update(is_enabled=False)
    Session.objects.update(is_up=False)  # What orders to work at brokers need, before any gateway says so.
    run = _process("manage.py", "fix_gateway", f"--folder={home / 'fix'}", f"--street-port={port}")
    try:
        wait_until("sessions up", lambda: run.poll() is not None or not brokers.filter(is_up=False).exists(), 120)
        if run.poll() is not None:
            raise RuntimeError("the gateway did not start")
        yield
        if run.poll() is not None:
            raise RuntimeError("the gateway ended")
    finally:
        run.terminate()
        run.wait()


@contextlib.contextmanager
def bare(home: Path, port: int, comp: str) -> Iterator[None]:
    """Bare QuickFIX, its session up."""
    run = _process("-m", "benchmarks._bare_fix", str(port), str(home / "bare"), comp)
    try:
        if run.stdout.readline().strip() != "up":
            raise RuntimeError("bare QuickFIX did not log on")
        yield
    finally:
        run.kill()
        run.wait()


def prices() -> dict[str, str]:
    """The middle of the market by ISIN."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.isin, round((q.bid + q.ask) / 2, 2)::text FROM reference_instrument i"
            " JOIN marketdata_quote q ON q.instrument_id = i.id"
        )
        return dict(cursor.fetchall())


def one(query: str, *values) -> Any:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchone()[0]
