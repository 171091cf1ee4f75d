"""What leaves the process when an act commits: a nudge to the workers, a line to the open pages. Both are hints."""

import threading
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
AGAIN_SECONDS = 2.0
_down_until = 0.0
_losses = _told = 0  # How often pages were not told of something, and of how many of those they know: then they reload.
_guard = threading.Lock()
_speaks = False  # Whether a thread is about to say so.
_client: Redis | None = None


def on_commit(act: Act, by_event: dict[type[Event], list[Fact]], delivery_ids: Sequence[int]) -> None:
    subjects: dict[str, set[int]] = {}
    for event, batch in by_event.items():
        subjects.setdefault(event.subject, set()).update(f.subject_id for f in batch)
    transaction.on_commit(lambda: _tell(subjects, delivery_ids))


def _tell(subjects: dict[str, set[int]], delivery_ids: Sequence[int]) -> None:
    """Best effort: whoever misses it finds the open promise by the sweep, or reloads at the gap in the stream."""
    global _down_until
    if time.monotonic() < _down_until:
        _lose()
        return
    try:
        publish(subjects)
        for delivery_id in delivery_ids:
            current_app.send_task("audit.deliver", args=[delivery_id], retry=False)
    except (RedisError, OSError, OperationalError) as error:
        _down_until = time.monotonic() + AGAIN_SECONDS
        _lose()
        log.warning("redis_away", error=str(error))


def _lose() -> None:
    """Whoever has nothing more to tell says so all the same, as soon as Redis answers: pages would stand still for ever."""
    global _losses, _speaks
    with _guard:
        _losses += 1
        if not _speaks:
            _speaks = True
            threading.Thread(target=_say_lost, name="lost", daemon=True).start()


def _say_lost() -> None:
    global _speaks
    while True:
        time.sleep(AGAIN_SECONDS)
        with _guard:
            if _told == _losses:
                _speaks = False
                return
        try:
            publish({})
        except (RedisError, OSError) as error:
            log.warning("redis_away", error=str(error))


def publish(subjects: dict[str, set[int]]) -> None:
    """Tells open pages which rows changed: one message, of ids only; each page asks for what its user may see."""
    global _told
    losses = _losses
    lines = {subject: sorted(ids) if len(ids) <= IDS_IN_A_HINT else None for subject, ids in subjects.items()}
    client().publish(CHANNEL, orjson.dumps({"at": time.time(), "changed": lines, "lost": losses > _told}))
    _told = max(_told, losses)


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
