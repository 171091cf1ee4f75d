"""What Celery beat asks of matrices that are played."""

from celery import shared_task
from django.utils import timezone

from . import services


@shared_task(name="certification.advance", ignore_result=True, expires=2)
def advance() -> None:
    """Does what is due of our own steps."""
    services.advance_plays(timezone.now())
