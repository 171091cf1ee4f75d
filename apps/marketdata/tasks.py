"""Celery's entries to market data."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from . import services


@shared_task(name="marketdata.store_closes", ignore_result=True)
def store_closes() -> None:
    services.store_closes(timezone.now())


@shared_task(name="marketdata.trip_breakers", ignore_result=True)
def trip_breakers() -> None:
    services.trip_breakers(timezone.now())


@shared_task(name="marketdata.drop_old_bars", ignore_result=True)
def drop_old_bars() -> None:
    services.drop_old_bars(timezone.now() - timedelta(days=settings.BARS_KEPT_DAYS))
