"""
The live stream: one Redis subscription shared by every open page of this process.

A page opens ``/stream/?topics=block,route`` and hears ``{"seq", "subject", "ids"}`` for what changed; which of the rows
it may see is decided when it asks for them. Each line has an id, so a page that was away for a moment is told what it
missed; where that is no longer known it is told ``gap`` and reloads. ``beat`` says that the line is alive. A page says
with ``since`` (seconds of the Unix clock) when it was made, and first hears what changed on the way to its reader.
"""

import asyncio
import contextlib
import secrets
import time
from collections import deque
from http.cookies import SimpleCookie
from importlib import import_module
from urllib.parse import parse_qs

import orjson
import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db import close_old_connections
from redis import asyncio as aredis
from redis.exceptions import RedisError

from apps.audit.wires import CHANNEL
from apps.users.models import User
from apps.users.services import can

log = structlog.get_logger(__name__)

BEAT_SECONDS = 10
REMEMBERED = 5000
CHECK_AGAIN_SECONDS = 120
AROUND_SECONDS = 2.0  # What a page shows was read a little before it was written, and the two clocks may differ.

# Whoever may not see a kind of thing is not even told that one changed.
NEEDED = {
    "order": "orders.see",
    "group": "orders.see",
    "import": "orders.import",
    "approval": "orders.see_approvals",
    "chain": "orders.see_approvals",
    "deputy": "orders.see_approvals",
    "proposal": "orders.create",
    "review": "compliance.see",
    "rule": "compliance.see",
    "restriction": "compliance.see",
    "block": "blocks.see",
    "route": "routing.see",
    "execution": "routing.see",
    "inquiry": "routing.see",
    "message": "routing.see",
    "session": "routing.see",
    "halt": "routing.see",
    "grant": "routing.see_staging",
    "alert": "routing.see",
    "note": "blocks.see",
    "opposition": "blocks.see",
    "cross": "crossing.see",
    "rotation": "reference.see",
    "allocation": "allocations.see",
    "confirmation": "settlement.see",
    "instruction": "settlement.see",
    "exchange": "settlement.see",
    "quote": "marketdata.see",
    "health": "desk.see",
}


class Hub:
    """Takes facts from Redis and hands them to the pages. ``epoch`` changes whenever something may have been missed."""

    def __init__(self):
        self.epoch = secrets.token_hex(4)
        self.seq = 0
        self.lines: deque[tuple[int, str, bytes, float]] = deque(maxlen=REMEMBERED)
        self.heard_since: float | None = None  # Unix seconds; None: not listening yet.
        self.changed = asyncio.Condition()
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
                    await self._forget()
                    async for message in subscription.listen():
                        if message["type"] == "message":
                            await self._take(message["data"])
            except (RedisError, OSError) as error:
                log.warning("stream_lost_redis", error=str(error))
                await asyncio.sleep(0.5)
            finally:
                await client.aclose()

    async def _forget(self) -> None:
        """What happened while nobody listened is not known: every page is to reload."""
        async with self.changed:
            self.epoch, self.lines = secrets.token_hex(4), deque(maxlen=REMEMBERED)
            self.heard_since = time.time()
            self.changed.notify_all()

    async def _take(self, data: bytes) -> None:
        said = orjson.loads(data)
        if said.get("lost"):  # A process could not reach Redis for a while, though we could.
            await self._forget()
        changed = said["changed"]
        async with self.changed:
            for subject, ids in changed.items():
                self.seq += 1
                if ids is None:  # More rows than a hint carries: lists reload.
                    text = b"event: gap\ndata: {}"
                else:
                    text = b"data: " + orjson.dumps({"seq": self.seq, "subject": subject, "ids": ids})
                self.lines.append((self.seq, subject, text, time.time()))
            self.changed.notify_all()

    def after(self, seq: int, topics: set[str]) -> list[bytes] | None:
        """What was said after ``seq`` on these topics, with ids; None where that is no longer known."""
        if self.lines and self.lines[0][0] > seq + 1:
            return None
        found = []
        for number, subject, text, _ in reversed(self.lines):
            if number <= seq:
                break
            if subject in topics:
                found.append(b"id: %s-%d\n%s\n\n" % (self.epoch.encode(), number, text))
        return found[::-1]

    def seq_at(self, moment: float) -> int | None:
        """The number of the last line heard before a moment (Unix seconds); None where that is not known."""
        if self.heard_since is None or moment < self.heard_since:
            return None
        if len(self.lines) == REMEMBERED and self.lines[0][3] >= moment:
            return None
        return next((number for number, _, _, at in reversed(self.lines) if at < moment), self._before_first())

    def _before_first(self) -> int:
        return self.lines[0][0] - 1 if self.lines else self.seq


hub = Hub()


def _person(cookies: str) -> User | None:
    close_old_connections()
    morsel = SimpleCookie(cookies).get(settings.SESSION_COOKIE_NAME)
    if morsel is None:
        return None
    session = import_module(settings.SESSION_ENGINE).SessionStore(morsel.value)
    user = User.objects.filter(pk=session.get(SESSION_KEY) or 0, is_active=True).first()
    close_old_connections()
    return user


def _topics(user: User | None, asked: str) -> set[str]:
    if user is None:
        return set()
    wanted = {topic for topic in asked.split(",") if topic in NEEDED} or set(NEEDED)
    return {topic for topic in wanted if can(user, NEEDED[topic])}


async def application(scope, receive, send) -> None:
    """ASGI: the stream of a signed-in person; 401 for anybody else, 403 where the role may hear none of it."""
    headers = dict(scope["headers"])
    cookies = headers.get(b"cookie", b"").decode("latin-1")
    query = parse_qs(scope["query_string"].decode("latin-1"))
    asked = query.get("topics", [""])[0]
    user = await sync_to_async(_person)(cookies)
    topics = await sync_to_async(_topics)(user, asked)
    if not topics:
        await send({"type": "http.response.start", "status": 403 if user else 401, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", b"text/event-stream; charset=utf-8"),
                (b"cache-control", b"no-store"),
                (b"x-accel-buffering", b"no"),
            ],
        }
    )
    hub.start()
    gone = asyncio.create_task(_until_gone(receive))
    try:
        position = _position(headers.get(b"last-event-id", b"").decode("latin-1"), query.get("since", [""])[0])
        await _tell(send, gone, topics, position, cookies, asked)
    finally:
        gone.cancel()


async def _until_gone(receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def _position(last: str, since: str) -> int | None:
    """The line after which a page is to hear, by the last it heard or when it was made; None: it missed some."""
    if last:
        epoch, _, number = last.partition("-")
        return int(number) if epoch == hub.epoch and number.isdigit() else None
    try:
        return hub.seq_at(float(since) - AROUND_SECONDS) if since else hub.seq
    except ValueError:
        return hub.seq


async def _tell(send, gone: asyncio.Task, topics: set[str], position: int | None, cookies: str, asked: str) -> None:
    seq, epoch = hub.seq if position is None else position, hub.epoch
    await _send(send, b"retry: 1000\n" + _mark(b"gap" if position is None else b"beat", seq))
    checked = asyncio.get_running_loop().time()
    while not gone.done():
        async with hub.changed:
            if hub.seq == seq and hub.epoch == epoch:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(hub.changed.wait(), BEAT_SECONDS)
            lines = None if hub.epoch != epoch else hub.after(seq, topics)
            idle, seq, epoch = hub.seq == seq, hub.seq, hub.epoch
        if lines is None:
            await _send(send, _mark(b"gap", seq))
        elif lines:
            await _send(send, b"".join(lines))
        elif idle:
            await _send(send, _mark(b"beat", seq))
        if asyncio.get_running_loop().time() - checked > CHECK_AGAIN_SECONDS:
            checked = asyncio.get_running_loop().time()
            topics = await sync_to_async(_topics)(await sync_to_async(_person)(cookies), asked)
            if not topics:
                break
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _mark(event: bytes, seq: int) -> bytes:
    return b"event: %s\nid: %s-%d\ndata: {}\n\n" % (event, hub.epoch.encode(), seq)


async def _send(send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})
