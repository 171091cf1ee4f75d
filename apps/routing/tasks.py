"""What Celery beat asks of routing."""

from celery import shared_task
from django.utils import timezone

from apps.audit.selectors import automated_id
from apps.core.acts import Act

from . import services


@shared_task(name="routing.decide_inquiries", ignore_result=True, expires=2)
def decide_inquiries() -> None:
    """Decides the inquiries whose time is up; those answered by all are decided as the last answer is heard."""
    services.decide_due_inquiries(Act(by=automated_id("scheduler"), at=timezone.now(), via="worker"))


@shared_task(name="routing.raise_alerts", ignore_result=True, expires=5)
def raise_alerts() -> None:
    """Looks at everything the desk wants to be told of."""
    services.raise_alerts(Act(by=automated_id("scheduler"), at=timezone.now(), via="worker"))


@shared_task(name="routing.record_drifts", ignore_result=True, expires=30)
def record_drifts() -> None:
    """Looks at the mid some minutes after inquiries were decided."""
    services.record_drifts(Act(by=automated_id("scheduler"), at=timezone.now(), via="worker"))
