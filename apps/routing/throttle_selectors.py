"""Message throttles in force, with what is used of them."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from apps.core.refusals import NotFound
from apps.reference.kept import with_version

from .models import Halt, Message, Throttle, ThrottleUse

SECOND = timedelta(seconds=1)


class Throttled(NamedTuple):
    """``waiting``: messages of its session that the gateway has not taken yet; ``stopped``: whether its strategy is halted."""

    throttle: Throttle
    in_second: int
    in_day: int
    waiting: int
    stopped: bool


def get_throttle(throttle_id: int) -> Throttle:
    """One with its ``version``. :raises NotFound: where there is none"""
    row = with_version(Throttle.objects.filter(pk=throttle_id).select_related("session__broker")).first()
    if row is None:
        raise NotFound("There is no such throttle.")
    return row


def throttles(at: datetime) -> list[Throttled]:
    """Each throttle with its ``version``. Four queries for any number."""
    rows = list(with_version(Throttle.objects.filter(is_active=True).select_related("session__broker").order_by("pk")))
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    used = {
        pk: (second, whole)
        for pk, second, whole in ThrottleUse.objects.filter(throttle__in=rows, at__gte=min(day, at - SECOND))
        .values_list("throttle_id")
        .annotate(
            second=Coalesce(Sum("messages", filter=Q(at__gt=at - SECOND)), 0), whole=Coalesce(Sum("messages", filter=Q(at__gte=day)), 0)
        )
    }
    sessions = [row.session_id for row in rows if row.session_id]
    waiting = dict(
        Message.objects.filter(session__in=sessions, status="QUEUED").values_list("session_id").annotate(n=Count("pk"))
    )
    stopped = set(Halt.objects.filter(scope=Halt.Scope.STRATEGY, status="ACTIVE").values_list("strategy", flat=True))
    return [
        Throttled(row, *used.get(row.pk, (0, 0)), waiting.get(row.session_id, 0), bool(row.strategy) and row.strategy in stopped)
        for row in rows
    ]
