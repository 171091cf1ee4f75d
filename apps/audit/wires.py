"""What leaves the process when an act commits: a nudge to the workers, a line to the open pages. Both are hints."""

import time
from collections.abc import Sequence

import orjson
import structlog
from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError
from redis import Redis, RedisError

from apps.core.acts import Act
from apps.core.events import Event, Fact

log = structlog.get_logger(__name__)

CHANNEL = "oms:facts"
IDS_IN_A_HINT = 500
_down_until = 0.0
_lost = False  # Pages were not told of something: the next line says so, and they reload.
_client: Redis | None = None


def on_commit(act: Act, by_event: dict[type[Event], list[Fact]], delivery_ids: Sequence[int]) -> None:
    subjects: dict[str, set[int]] = {}
    for event, batch in by_event.items():
        subjects.setdefault(event.subject, set()).update(f.subject_id for f in batch)
    transaction.on_commit(lambda: _tell(subjects, delivery_ids))


def _tell(subjects: dict[str, set[int]], delivery_ids: Sequence[int]) -> None:
    """Best effort: whoever misses it finds the open promise by the sweep, or reloads at the gap in the stream."""
    global _down_until, _lost
    if time.monotonic() < _down_until:
        _lost = True
        return
    try:
        publish(subjects)
        for delivery_id in delivery_ids:
            current_app.send_task("audit.deliver", args=[delivery_id], retry=False)
    except (RedisError, OSError, OperationalError) as error:
        _down_until, _lost = time.monotonic() + 2, True
        log.warning("redis_away", error=str(error))


def publish(subjects: dict[str, set[int]]) -> None:
    """Tells open pages which rows changed: one message, of ids only; each page asks for what its user may see."""
    global _lost
    lines = {subject: sorted(ids) if len(ids) <= IDS_IN_A_HINT else None for subject, ids in subjects.items()}
    client().publish(CHANNEL, orjson.dumps({"at": time.time(), "changed": lines, "lost": _lost}))
    _lost = False


def tell_progress(subject: str, subject_id: int, step: int) -> None:
    """Best effort: keeps how far long work has come, which no other transaction sees yet, and tells the open pages."""
    try:
        client().set(f"oms:progress:{subject}:{subject_id}", step, ex=3600)
        publish({subject: {subject_id}})
    except (RedisError, OSError) as error:
        log.warning("redis_away", error=str(error))


def progress(subject: str, subject_id: int) -> int:
    """The last step told of; 0 where none is known."""
    try:
        return int(client().get(f"oms:progress:{subject}:{subject_id}") or 0)
    except (RedisError, OSError):
        return 0


def client() -> Redis:
    global _client
    if _client is None:
        _client = Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=0.5)
    return _client
