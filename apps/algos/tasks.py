"""What Celery beat asks of algorithms."""

from celery import shared_task
from django.utils import timezone

from . import services


@shared_task(name="algos.work", ignore_result=True, expires=2)
def work() -> None:
    """Sends what is due; what another worker has in hand is left to it."""
    services.work_algos(timezone.now())
