"""What Celery beat asks of crosses."""

from celery import shared_task
from django.utils import timezone

from apps.audit.selectors import automated_id
from apps.core.acts import Act

from . import services


@shared_task(name="crossing.expire_crosses", ignore_result=True, expires=30)
def expire_crosses() -> None:
    """Ends the crosses whose time is over."""
    services.expire_crosses(Act(by=automated_id("scheduler"), at=timezone.now(), via="worker"))
