"""What Celery beat asks of groups."""

from celery import shared_task
from django.utils import timezone

from apps.audit.selectors import automated_id
from apps.core.acts import Act

from . import services


@shared_task(name="groups.follow_behind", ignore_result=True, expires=5)
def follow_behind() -> None:
    """Follows the groups whose nudge was lost, and tries again what was refused."""
    services.follow_behind(Act(by=automated_id("scheduler"), at=timezone.now(), via="worker"))
