"""Celery's entries to the record."""

from celery import shared_task

from . import deliveries, seals


@shared_task(name="audit.deliver", ignore_result=True)
def deliver(delivery_id: int) -> None:
    deliveries.deliver(delivery_id)


@shared_task(name="audit.sweep", ignore_result=True, expires=10)
def sweep() -> None:
    """Keeps every promise whose nudge was lost. Redis is a hint; the promises stand in the database."""
    for delivery_id in deliveries.due():
        deliveries.deliver(delivery_id)


@shared_task(name="audit.seal", ignore_result=True, expires=30)
def seal() -> None:
    seals.make_seal()
