"""What Celery beat asks of orders."""

from celery import shared_task
from django.utils import timezone

from apps.audit.selectors import automated_id
from apps.core.acts import Act

from . import services


@shared_task(name="orders.escalate_approvals", ignore_result=True, expires=15)
def escalate_approvals() -> None:
    services.escalate_approvals(Act(by=automated_id("scheduler"), at=timezone.now(), via="worker"))


@shared_task(name="orders.carry_orders", ignore_result=True, expires=60)
def carry_orders() -> None:
    """Every minute, for markets open their day at different times; an order is carried once a day of its market."""
    services.carry_orders(Act(by=automated_id("scheduler"), at=timezone.now(), via="worker"))
