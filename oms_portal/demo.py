"""
``make demo``: the whole house on one machine, from nothing to an address, ended by one Ctrl-C.

``PORT`` (8000; the live stream takes the next one, the simulated street the one after, and one more is where a simulated
upstream system calls us), ``STREET_PORT``, ``HOST``
(127.0.0.1), ``RESET=1``, ``OMS_HOME``, ``DATABASE_URL`` and ``REDIS_URL`` are read from the environment.
"""

import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg

from apps.users.demo import PEOPLE
from oms_portal import embedded
from oms_portal.supervisor import Supervisor

CHECKOUT = Path(__file__).resolve().parent.parent
SECONDS_TO_ANSWER = 60


class CannotRun(Exception):
    """The demo cannot go on; one line says what to do."""


def say(line: str) -> None:
    print(line, flush=True)


class Demo:
    def __init__(self, environ: dict[str, str]):
        self.host = environ.get("HOST") or "127.0.0.1"
        self.port = _port(environ, "PORT", 8000)
        self.street_port = _port(environ, "STREET_PORT", self.port + 2)
        self.upstream_port = self.port + 3
        self.reset = environ.get("RESET", "") not in ("", "0")
        self.servers = embedded.from_environment()
        self.home = self.servers.home
        self.env = {
            **environ,
            **self.servers.environment(),
            "DJANGO_SETTINGS_MODULE": "oms_portal.settings.demo",
            "HOST": self.host,
            "PORT": str(self.port),
            "STREAM_PORT": str(self.port + 1),
            "STREET_PORT": str(self.street_port),
            "UPSTREAM_PORT": str(self.upstream_port),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environ.get('PATH', os.defpath)}",
            "PYTHONPATH": str(CHECKOUT),
            "PYTHONUNBUFFERED": "1",
        }

    @property
    def address(self) -> str:
        return f"http://{'127.0.0.1' if self.host == '0.0.0.0' else self.host}:{self.port}/"  # nosec B104

    def run(self) -> int:
        """Will run until it is ended. :returns: the exit code of the process"""
        if self.reset:
            self._wipe()
        self.home.mkdir(parents=True, exist_ok=True)
        with self._alone():
            self._refuse_taken_ports()
            try:
                say("Starting PostgreSQL and Redis")
                self.servers.start()
                self._prepare()
                say("Starting web, stream, worker, beat, gateway, feed, street and upstream")
                code = self._supervise()
            finally:
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # A second Ctrl-C must not cut the ending short.
                say("Ending PostgreSQL and Redis")
                self.servers.stop()
            say("Ended.")
        return code

    def _refuse_taken_ports(self) -> None:
        everywhere = "0.0.0.0"  # nosec B104
        called = ((self.street_port, everywhere), (self.upstream_port, everywhere))
        for port, host in ((self.port, self.host), (self.port + 1, self.host), *called):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((host, port))
                except OSError as error:
                    raise CannotRun(
                        f"Port {port} cannot be used ({error.strerror}); the demo takes {self.port}, {self.port + 1},"
                        f" {self.street_port} and {self.upstream_port}. End what uses it or choose others: make demo PORT={self.port + 100}"
                    ) from None

    def _wipe(self) -> None:
        if not (self.servers.postgres and self.servers.redis):
            raise CannotRun("RESET=1 empties only the demo's own servers; unset DATABASE_URL and REDIS_URL.")
        if self.home.exists() and any(self.home.iterdir()) and not (self.home / "demo.lock").exists():
            raise CannotRun(f"{self.home} holds something else than a demo; RESET=1 leaves it alone. Choose OMS_HOME.")
        if self.home.exists():
            with self._alone():
                say(f"Deleting {self.home}")
                self.servers.wipe()

    @contextlib.contextmanager
    def _alone(self):
        """Holds the home for this process; waits for the parts of a killed demo to end."""
        with (self.home / "demo.lock").open("a+") as lock:
            deadline = time.monotonic() + 15
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    lock.seek(0)
                    holder = lock.read().strip()
                    if time.monotonic() > deadline or _is_alive(holder):
                        raise CannotRun(
                            f"A demo already runs on {self.home} (process {holder}); end it with Ctrl-C where it was"
                            " started, or give this one its own folder: make demo OMS_HOME=…"
                        ) from None
                    time.sleep(0.2)
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def _prepare(self) -> None:
        """Will bring the database to the code's shape and load the firm, each only where something is new."""
        stamp = self.home / "prepared.json"
        done = json.loads(stamp.read_text()) if stamp.exists() and self._has_tables() else {}
        wanted = _fingerprint()
        if done.get("shape") != wanted:
            self._manage("Making the tables", "migrate", "--verbosity", "0", "--no-input")
        if not done.get("loaded"):
            self._manage("Loading the demo firm", "load_demo", "--examples")
        elif (done.get("street"), done.get("upstream")) != (self.street_port, self.upstream_port):
            self._manage(f"Pointing the FIX sessions to port {self.street_port}", "load_demo")
        ports = {"street": self.street_port, "upstream": self.upstream_port}
        stamp.write_text(json.dumps({"shape": wanted, "loaded": True, **ports}))

    def _has_tables(self) -> bool:
        with psycopg.connect(self.servers.urls().database) as connection:
            return connection.execute("SELECT to_regclass('users_user') IS NOT NULL").fetchone()[0]

    def _manage(self, doing: str, *arguments: str) -> None:
        say(doing)
        log = self.home / "log" / f"{arguments[0]}.log"
        log.parent.mkdir(exist_ok=True)
        with log.open("wb") as output:
            done = subprocess.run(
                [sys.executable, "manage.py", *arguments],
                cwd=CHECKOUT, env=self.env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                check=False,
            )  # fmt: skip
        if done.returncode:
            last = (log.read_text(errors="replace").strip().splitlines() or ["no output"])[-1]
            raise CannotRun(f"manage.py {arguments[0]} failed: {last} (all of it: {log})")

    def _supervise(self) -> int:
        supervisor = Supervisor(
            CHECKOUT / "Procfile.demo",
            env=self.env,
            logs=self.home / "log",
            say=say,
            then=lambda: self._welcome(supervisor),
            first=("web",),  # Eight parts that start at once keep the person waiting for all of them.
        )
        supervisor.loop()
        return 0 if supervisor.returncode in (130, 143) else 1

    def _welcome(self, supervisor: Supervisor) -> None:
        """Says where it is and who may come in, once it answers; then the other parts start."""
        deadline = time.monotonic() + SECONDS_TO_ANSWER
        while not self._answers():
            if time.monotonic() > deadline:
                say(f"The web part does not answer; {self.home / 'log' / 'web.log'} may say why. Still trying.")
                deadline += SECONDS_TO_ANSWER
            time.sleep(0.1)
        supervisor.turn.set()
        say(f"\nThe portal is at {self.address} (simulation). Sign in as one of:\n")
        for person in PEOPLE:
            say(f"  {person.username:<8}{person.password:<20}{person.role}")
        say(f"\nThe rebalance that mira imports is {self.home / 'demo' / 'rebalance.csv'}.")
        say(f"Logs are in {self.home / 'log'}. Ctrl-C ends everything; data stays. make demo RESET=1 starts over.")

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(
            "127.0.0.1" if self.host == "0.0.0.0" else self.host,  # nosec B104
            self.port,
            timeout=10,
        )
        try:
            connection.request("GET", "/accounts/login/", headers={"Host": f"127.0.0.1:{self.port}"})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _port(environ: dict[str, str], name: str, default: int) -> int:
    try:
        port = int(environ.get(name) or default)
    except ValueError:
        port = 0
    if not 1 <= port <= 65532:
        raise CannotRun(f"{name} must be a number between 1 and 65532, not {environ[name]!r}: make demo {name}=8100")
    return port


def _is_alive(pid: str) -> bool:
    try:
        return psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE
    except (ValueError, psutil.NoSuchProcess):
        return False


def _fingerprint() -> str:
    """Changes with any migration of ours or of a dependency."""
    digest = hashlib.sha256((CHECKOUT / "requirements.txt").read_bytes())
    for path in sorted((CHECKOUT / "apps").glob("*/migrations/*.py")):
        digest.update(str(path.relative_to(CHECKOUT)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return Demo(dict(os.environ)).run()
    except (CannotRun, embedded.CannotStart) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
