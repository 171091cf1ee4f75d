"""What changed, as this process hears it: one Redis subscription for all its open pages, and a memory of the last lines."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Collection, Mapping
from typing import NamedTuple

import orjson
import structlog
from django.conf import settings
from redis import asyncio as aredis
from redis.exceptions import RedisError

from apps.audit.wires import CHANNEL

log = structlog.get_logger(__name__)

REMEMBERED = 5000


class Line(NamedTuple):
    """``ids`` is None where more rows changed than a hint carries; ``at`` is in seconds of the Unix clock."""

    seq: int
    subject: str
    ids: Collection[int] | None
    at: float


class Hub:
    """Takes facts from Redis. ``epoch`` changes whenever something may have been missed; ``turned`` is set at any change."""

    def __init__(self):
        self.epoch = secrets.token_hex(4)
        self.seq = 0
        self.lines: deque[Line] = deque(maxlen=REMEMBERED)
        self.heard_since: float | None = None  # Unix seconds; None: not listening yet.
        self.turned = asyncio.Event()
        self.listening: asyncio.Task | None = None

    def start(self) -> None:
        if self.listening is None or self.listening.done():
            self.listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        while True:
            client = aredis.from_url(settings.REDIS_URL, socket_connect_timeout=1, health_check_interval=5)
            try:
                async with client.pubsub() as subscription:
                    await subscription.subscribe(CHANNEL)
                    self.forget()
                    async for message in subscription.listen():
                        if message["type"] == "message":
                            self.take(message["data"])
            except (RedisError, OSError) as error:
                log.warning("stream_lost_redis", error=str(error))
                await asyncio.sleep(0.5)
            finally:
                await client.aclose()

    def forget(self) -> None:
        """What happened while nobody listened is not known: every page is to reload."""
        self.epoch, self.lines = secrets.token_hex(4), deque(maxlen=REMEMBERED)
        self.heard_since = time.time()
        self._turn()

    def take(self, data: bytes) -> None:
        said = orjson.loads(data)
        if said.get("lost"):  # A process could not reach Redis for a while, though we could.
            self.forget()
        for subject, ids in said["changed"].items():
            self.seq += 1
            self.lines.append(Line(self.seq, subject, ids, time.time()))
        self._turn()

    def _turn(self) -> None:
        self.turned.set()
        self.turned = asyncio.Event()

    async def beyond(self, seq: int, epoch: str) -> None:
        """Returns once something was said after ``seq``, or may have been missed."""
        while self.seq == seq and self.epoch == epoch:
            await self.turned.wait()

    def after(self, seq: int, topics: Collection[str]) -> Mapping[str, set[int]] | None:
        """What changed after ``seq`` on these topics, ids by subject; None where that is no longer known."""
        if self.lines and self.lines[0].seq > seq + 1:
            return None
        changed: dict[str, set[int]] = {}
        for line in reversed(self.lines):
            if line.seq <= seq:
                break
            if line.subject in topics:
                if line.ids is None:
                    return None
                changed.setdefault(line.subject, set()).update(line.ids)
        return changed

    def seq_at(self, moment: float) -> int | None:
        """The number of the last line heard before a moment (Unix seconds); None where that is not known."""
        if self.heard_since is None or moment < self.heard_since:
            return None
        if len(self.lines) == REMEMBERED and self.lines[0].at >= moment:
            return None
        return next((line.seq for line in reversed(self.lines) if line.at < moment), self._before_first())

    def _before_first(self) -> int:
        return self.lines[0].seq - 1 if self.lines else self.seq


hub = Hub()
