"""What Celery beat asks of compliance."""

from celery import shared_task
from django.utils import timezone

from apps.audit.selectors import automated_id
from apps.core.acts import Act

from . import services


@shared_task(name="compliance.expire_overrides", ignore_result=True, expires=15)
def expire_overrides() -> None:
    """Ends overrides whose time is over; their orders are screened again."""
    services.expire_overrides(Act(by=automated_id("scheduler"), at=timezone.now(), via="worker"))
