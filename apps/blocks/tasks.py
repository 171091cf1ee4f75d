"""What Celery beat asks of blocks."""

from celery import shared_task
from django.utils import timezone

from apps.audit.selectors import automated_id
from apps.core.acts import Act

from . import services


@shared_task(name="blocks.find_oppositions", ignore_result=True, expires=5)
def find_oppositions() -> None:
    """Finds where the firm stands on both sides."""
    services.find_oppositions(Act(by=automated_id("scheduler"), at=timezone.now(), via="worker"))
