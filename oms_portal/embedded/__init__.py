"""
A real PostgreSQL and a real Redis from wheels, run by the project itself under ``OMS_HOME``.

Both listen on unix sockets only, in a directory of their owner alone, and outlive the process that started them:
``start`` finds them running, mends what a kill left behind, and ``stop`` ends them in order (Redis, then PostgreSQL).
``DATABASE_URL`` or ``REDIS_URL`` in the environment takes the place of the one it names.

    python -m oms_portal.embedded start|stop|urls
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from .places import CannotStart
from .postgresql import Postgres
from .redis_server import Redis

__all__ = ["CannotStart", "Postgres", "Redis", "Servers", "Urls", "from_environment", "start", "stop", "urls"]

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Urls:
    """Where the two servers answer, as ``DATABASE_URL`` and ``REDIS_URL`` take it."""

    database: str
    redis: str


def home_from_environment() -> Path:
    return Path(os.environ.get("OMS_HOME") or CHECKOUT / ".oms").expanduser().resolve()


class Servers:
    """
    The two servers of one home.

    :param home: the folder that holds their data; made when absent
    :param durable: False for runs whose data nobody keeps
    :param database_url: a PostgreSQL of somebody else's, used as it is
    :param redis_url: a Redis of somebody else's, used as it is
    """

    def __init__(self, home: Path, *, durable: bool = True, database_url: str = "", redis_url: str = ""):
        self.home = Path(home).expanduser().resolve()
        self.postgres = None if database_url else Postgres(self.home, durable)
        self.redis = None if redis_url else Redis(self.home, durable)
        self._given = Urls(database_url, redis_url)

    def urls(self) -> Urls:
        return Urls(
            database=self.postgres.url if self.postgres else self._given.database,
            redis=self.redis.url if self.redis else self._given.redis,
        )

    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to find the servers."""
        urls = self.urls()
        return {"OMS_HOME": str(self.home), "DATABASE_URL": urls.database, "REDIS_URL": urls.redis}

    def start(self) -> Urls:
        self.home.mkdir(parents=True, exist_ok=True)
        for server in (self.redis, self.postgres):
            if server:
                server.start()
        return self.urls()

    def stop(self) -> None:
        for server in (self.redis, self.postgres):
            if server:
                server.stop()

    def wipe(self) -> None:
        """Will stop the servers and delete the home with all in it."""
        for server in (self.redis, self.postgres):
            if server:
                server.wipe()
        shutil.rmtree(self.home, ignore_errors=True)


def from_environment() -> Servers:
    return Servers(
        home_from_environment(),
        database_url=os.environ.get("DATABASE_URL", ""),
        redis_url=os.environ.get("REDIS_URL", ""),
    )


def start() -> Urls:
    return from_environment().start()


def stop() -> None:
    from_environment().stop()


def urls() -> Urls:
    return from_environment().urls()
