"""Celery entries of the feeds to and from custodians; beat starts them, and one that finds another at it does nothing."""

from celery import shared_task
from django.utils import timezone

from apps.audit.selectors import automated_id
from apps.core.acts import Act

from . import services


def _act() -> Act:
    return Act(by=automated_id("custodian"), at=timezone.now(), via="feed")


@shared_task(name="settlement.write_instructions", ignore_result=True)
def write_instructions() -> int:
    """Will write what is ready to the custodians' folders. :returns: files written"""
    return services.write_instructions(_act)


@shared_task(name="settlement.read_statuses", ignore_result=True)
def read_statuses() -> int:
    """Will book what custodians answered. :returns: files booked"""
    return services.read_statuses(_act)


@shared_task(name="settlement.open_due_close_outs", ignore_result=True)
def open_due_close_outs() -> int:
    """Will have failing sales closed out whose settlement date has come. :returns: how many"""
    return services.open_due_close_outs(_act())


@shared_task(name="settlement.settle_exchanges", ignore_result=True)
def settle_exchanges() -> int:
    """Will settle the exchanges of currencies whose day has come. :returns: how many"""
    return services.settle_exchanges(_act())
