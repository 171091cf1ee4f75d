"""One gateway at a time: a lock in the database for booking and sending, a lock on the folder for the FIX store."""

import fcntl
import os
import time
from pathlib import Path
from typing import TextIO

import psycopg
import structlog
from django.db import connection

STANDBY_LOOK_SECONDS = 0.3
log = structlog.get_logger(__name__)


class NotAlone(RuntimeError):
    """Another gateway has the sessions; the message says which and what to do."""


def hold_folder(folder: Path) -> TextIO:
    """Will hold the folder until this process ends, however it ends. :raises NotAlone:"""
    file = (folder / "gateway.lock").open("a+", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        raise NotAlone(f"A gateway (process {file.read().strip()}) runs on {folder}; stop it first.") from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


class Leadership:
    """
    An advisory lock of the database, held by a connection of its own for as long as that connection lives.

    :param role: what is done under it; one holder per database and role
    """

    def __init__(self, role: str):
        self.role = role
        self.taken_since: float | None = None  # Since when another process was seen to hold it.
        self._connection: psycopg.Connection | None = None

    def holds(self) -> bool:
        """Whether this process holds the lock now, taking it where nobody does. False also where the database is away."""
        try:
            if self._connection is not None:
                self._connection.execute("SELECT 1")
                return True
            return self._take()
        except psycopg.Error as error:
            log.warning("leadership_lost", role=self.role, error=str(error))
            self.release()
            return False

    def _take(self) -> bool:
        wanted = {"dbname", "user", "password", "host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey"}
        given = connection.get_connection_params()
        mine = psycopg.connect(
            **{k: v for k, v in given.items() if k in wanted}, autocommit=True, connect_timeout=3,
            application_name=f"gateway {self.role}",
        )  # fmt: skip
        taken = mine.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [f"gateway.{self.role}"]).fetchone()[0]
        if not taken:
            mine.close()
            self.taken_since = self.taken_since or time.monotonic()
            return False
        self._connection, self.taken_since = mine, None
        return True

    def wait_until_free(self) -> None:
        """Returns once nobody holds the lock; whoever stands by takes it then as any gateway that starts."""
        while not self.holds():
            time.sleep(STANDBY_LOOK_SECONDS)
        self.release()

    def release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
