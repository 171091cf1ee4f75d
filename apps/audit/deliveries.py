"""Keeping promises: tells a later listener its batch, in the transaction that closes the promise."""

from datetime import timedelta

import structlog
from django.db import connection, transaction
from django.utils import timezone

from apps.core.acts import Act
from apps.core.events import LISTENERS, Fact, decode

from . import selectors
from .models import Delivery, Entry

log = structlog.get_logger(__name__)

TRIES_BEFORE_SPLITTING = 3
SLOWEST_RETRY = timedelta(seconds=60)


def deliver(delivery_id: int) -> bool:
    """
    Will tell the listener and close the promise in one transaction; a failing batch is retried, then split in halves
    until the poison fact stands alone and is parked.

    :returns: whether it was delivered; False where another worker has it, it is done, or it failed
    """
    from .services import flow

    flow()  # Loads every listener.
    try:
        with transaction.atomic():
            promise = (
                Delivery.objects.select_for_update(skip_locked=True)
                .select_related("act")
                .filter(pk=delivery_id, status=Delivery.Status.OPEN)
                .first()
            )
            if promise is None:
                return False
            act = Act(by=selectors.automated_id("worker"), at=timezone.now(), via="worker", cause=promise.act_id)
            LISTENERS[promise.listener](act, facts_of(promise))
            promise.status, promise.done_at = Delivery.Status.DONE, timezone.now()
            promise.save(update_fields=["status", "done_at"])
        return True
    except Exception as error:
        log.exception("delivery_failed", delivery=delivery_id)
        _retry_later(delivery_id, error)
        return False


def facts_of(promise: Delivery) -> list[Fact]:
    rows = Entry.objects.filter(
        act_id=promise.act_id, event=promise.event, pk__range=(promise.first_entry, promise.last_entry)
    ).order_by("pk")
    return [
        Fact(subject_id, nth, decode(event, payload))
        for subject_id, nth, event, payload in rows.values_list("subject_id", "nth", "event", "payload")
    ]


@transaction.atomic
def _retry_later(delivery_id: int, error: Exception) -> None:
    promise = Delivery.objects.select_for_update().filter(pk=delivery_id, status=Delivery.Status.OPEN).first()
    if promise is None:
        return
    promise.attempts += 1
    promise.error = f"{type(error).__name__}: {error}"[:2000]
    promise.due_at = timezone.now() + min(timedelta(seconds=2**promise.attempts), SLOWEST_RETRY)
    if promise.attempts >= TRIES_BEFORE_SPLITTING:
        if promise.first_entry == promise.last_entry:
            promise.status = Delivery.Status.PARKED
        else:
            _split(promise)
    promise.save()


def _split(promise: Delivery) -> None:
    """Leaves the first half to this promise and the second to a new one, each with fresh tries."""
    ids = list(
        Entry.objects.filter(
            act_id=promise.act_id, event=promise.event, pk__range=(promise.first_entry, promise.last_entry)
        )
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    middle = len(ids) // 2
    Delivery.objects.create(
        act_id=promise.act_id,
        event=promise.event,
        listener=promise.listener,
        first_entry=ids[middle],
        last_entry=ids[-1],
        made_at=promise.made_at,
        due_at=timezone.now(),
        error=promise.error,
    )
    promise.last_entry, promise.attempts, promise.due_at = ids[middle - 1], 0, timezone.now()


def due(older_than: timedelta = timedelta(seconds=3), limit: int = 500) -> list[int]:
    """Open promises whose time has come and that no worker holds, oldest first."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM audit_delivery WHERE status = 'OPEN' AND due_at <= %s ORDER BY due_at, id LIMIT %s"
            " FOR UPDATE SKIP LOCKED",
            [timezone.now() - older_than, limit],
        )
        return [row[0] for row in cursor.fetchall()]


@transaction.atomic
def reopen_parked(delivery_ids: list[int]) -> int:
    """Will give parked promises fresh tries, after what stopped them was mended."""
    return Delivery.objects.filter(pk__in=delivery_ids, status=Delivery.Status.PARKED).update(
        status=Delivery.Status.OPEN, attempts=0, due_at=timezone.now()
    )
