"""
``make scenario``: the rebalance whole and headless, against the same parts as the demo, in a fresh temporary home.

``SCALE`` multiplies portfolios and orders, ``SEED`` chooses the draw. The last line printed is one JSON object; the exit
code is not zero where an invariant breaks, the record does not verify, or money does not sum to the cent.
"""

import io
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from oms_portal import embedded
from oms_portal.parts import Parts

SPEED = 1500  # Simulated seconds in one: a session of 6.5 hours takes 16 s.
PATIENCE = 240  # Seconds a stage may stand still.
PARTS = ("street", "gateway", "feed", "worker", "beat", "web")  # The street first: the gateway calls it.


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class House:
    """Servers, parts and a loaded firm in a home of its own. Makes this process a Django process of that house."""

    def __init__(self, *, scale: int, seed: int, speed: int = SPEED, home: Path | None = None, durable: bool = True):
        self.home = home or Path(tempfile.mkdtemp(prefix="oms-scenario-"))
        self.home.chmod(0o711)  # PostgreSQL runs as another user where this runs as root.
        self.servers = embedded.Servers(self.home, durable=durable)
        port = free_port()
        self.env = {
            **os.environ,
            **self.servers.environment(),
            "DJANGO_SETTINGS_MODULE": "oms_portal.settings.demo",
            "OMS_HOME": str(self.home),
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "STREAM_PORT": str(port + 1),
            "STREET_PORT": str(free_port()),
            "UPSTREAM_PORT": "",  # Nobody stages anything beside the rebalance.
            "STREET_SPEED": str(speed),
            "STREET_SEED": str(seed),
            "OMS_BAR_SECONDS": "0.1",
        }
        self.scale, self.seed = scale, seed
        self.parts = Parts(self.env, self.home / "log")

    def open(self, parts: Sequence[str] = PARTS) -> None:
        """Will start the servers, make the tables, load the firm and start the parts."""
        self.servers.start()
        os.environ.update(self.env)
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        call_command("load_demo", scale=self.scale, seed=self.seed, stdout=io.StringIO())
        self.parts.start(*parts)

    def shut(self) -> None:
        """Will end parts and servers; what they keep stays."""
        from django.db import connections

        self.parts.stop()
        connections.close_all()
        self.servers.stop()

    def close(self) -> None:
        self.shut()
        shutil.rmtree(self.home, ignore_errors=True)


def wait_for(what: str, done: Callable[[], bool], progress: Callable[[], object], parts: Parts | None = None) -> None:
    """Waits until it is done, for as long as it makes progress. :raises TimeoutError: once it has stood still"""
    last, since = progress(), time.monotonic()
    while not done():
        time.sleep(0.1)
        now = progress()
        if now != last:
            last, since = now, time.monotonic()
        if time.monotonic() - since > PATIENCE:
            dead = "; ".join(parts.dead()) if parts else ""
            raise TimeoutError(f"{what}: stood still for {PATIENCE} s at {last}. {dead}".strip())


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # What ends it ends its parts too.
    scale, seed = int(os.environ.get("SCALE") or 1), int(os.environ.get("SEED") or 1)
    began = time.monotonic()
    house = House(scale=scale, seed=seed)
    try:
        print("Starting servers and parts, loading the firm", flush=True)
        house.open()
        from oms_portal.rebalance import Rebalance

        run = Rebalance(house)
        run.whole()
        answer = run.answer(round(time.monotonic() - began, 1))
        run.print_tables()
    except KeyboardInterrupt:
        print("Stopped before its end.", file=sys.stderr)
        return 130
    finally:
        house.close()
    print(json.dumps(answer, default=str))
    return 0 if all(answer["invariants"].values()) and answer["audit_verified"] and answer["money_sums"] else 1


if __name__ == "__main__":
    sys.exit(main())
