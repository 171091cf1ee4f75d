"""
Celery. Redis carries nudges, never the work: what is to be done stands in the database as an open promise, and a
sweep finds what a lost nudge left. So publishing gives up within a second, and a flushed Redis needs no repair: the
one queue is reached through the default exchange, which keeps no bindings in Redis.
"""

import os

import redis
from celery import Celery, bootsteps, signals
from celery.utils.log import get_logger
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oms_portal.settings.production")

log = get_logger(__name__)


class Listening:
    """
    Whether a worker still hears the queue. Beat speaks every second, so an idle worker that hears nothing while Redis
    answers has lost its connection without noticing, as may happen where Redis goes away while a task is acknowledged.
    """

    LOOKS = 6

    def __init__(self) -> None:
        self.heard = True
        self.quiet = 0

    def is_deaf(self, *, busy: bool, answers: bool) -> bool:
        """
        One look, once a second.

        :param busy: whether a task is in hand: then none is asked for
        :param answers: whether Redis does; while it is away nothing is known and nothing forgotten
        """
        if self.heard or busy:
            self.heard, self.quiet = False, 0
        elif answers:
            self.quiet += 1
        return self.quiet >= self.LOOKS


class StaysConnected(bootsteps.StartStopStep):
    """Lets a worker that no longer hears the queue connect anew."""

    requires = {"celery.worker.consumer.tasks:Tasks"}

    def __init__(self, consumer, **options):
        super().__init__(consumer, **options)
        self.listening = Listening()
        self.look_again = None
        signals.task_received.connect(self._heard)

    def _heard(self, **said) -> None:
        self.listening.heard = True

    def start(self, consumer) -> None:
        self.listening.heard = True
        self.redis = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.3, socket_connect_timeout=0.3)
        self.look_again = consumer.timer.call_repeatedly(1.0, self._look)

    def stop(self, consumer) -> None:
        if self.look_again is not None:
            self.look_again.cancel()
            self.look_again = None

    def _look(self) -> None:
        """:raises ConnectionResetError: where the worker is deaf; the consumer then connects anew"""
        from celery.worker import state  # Brings the whole worker, which web processes do without.

        if self.listening.is_deaf(busy=bool(state.reserved_requests), answers=self._answers()):
            log.warning("Nothing was heard for %s looks while Redis answers: connecting anew.", Listening.LOOKS)
            raise ConnectionResetError("the queue is no longer heard")

    def _answers(self) -> bool:
        try:
            return bool(self.redis.ping())
        except (redis.RedisError, OSError):
            return False


app = Celery("oms_portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["consumer"].add(StaysConnected)
