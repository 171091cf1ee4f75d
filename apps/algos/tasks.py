"""What Celery beat asks of algorithms."""

from celery import shared_task
from django.utils import timezone

from apps.audit.selectors import automated_id
from apps.core.acts import Act

from . import services


@shared_task(name="algos.work", ignore_result=True, expires=2)
def work() -> None:
    """Sends what is due; what another worker has in hand is left to it."""
    services.work_algos(timezone.now())


@shared_task(name="algos.raise_alerts", ignore_result=True, expires=5)
def raise_alerts() -> None:
    """Tells the desk of those that stand still."""
    services.raise_alerts(Act(by=automated_id("scheduler"), at=timezone.now(), via="worker"))


@shared_task(name="algos.close_seasons", ignore_result=True, expires=600)
def close_seasons() -> None:
    """Tells the seeds of wheels' seasons whose time is over, and opens the next."""
    services.close_due_seasons(Act(by=automated_id("scheduler"), at=timezone.now(), via="worker"))
