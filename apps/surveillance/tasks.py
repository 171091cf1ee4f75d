"""What Celery beat asks of surveillance."""

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from apps.audit.selectors import automated_id
from apps.core.acts import Act

from . import services
from .models import Day


@shared_task(name="surveillance.report_day", ignore_result=True, expires=600)
def report_day() -> None:
    """Makes the day's report once the hour has come, on weekdays; once, whoever asks again."""
    now = timezone.now()
    if now.hour < settings.SURVEILLANCE_HOUR or now.weekday() > 4 or Day.objects.filter(date=now.date()).exists():
        return
    services.report_day(Act(by=automated_id("scheduler"), at=now, via="worker"))
