"""What Celery beat asks of compliance."""

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from apps.audit.selectors import automated_id
from apps.core.acts import Act

from . import services


@shared_task(name="compliance.expire_overrides", ignore_result=True, expires=15)
def expire_overrides() -> None:
    """Ends overrides whose time is over; their orders are screened again."""
    services.expire_overrides(Act(by=automated_id("scheduler"), at=timezone.now(), via="worker"))


@shared_task(name="compliance.load_sanctions", ignore_result=True, expires=600)
def load_sanctions() -> None:
    """Puts the sanctions list of the firm's folder in force, where it is another than before."""
    if settings.SANCTIONS_FOLDER:
        act = Act(by=automated_id("scheduler"), at=timezone.now(), via="worker")
        services.load_sanctions(act, settings.SANCTIONS_FOLDER)


@shared_task(name="compliance.screen_names", ignore_result=True, expires=10)
def screen_names() -> None:
    """Holds issuers, brokers and custodians that are new, or called otherwise, against the sanctions list."""
    services.screen_names(Act(by=automated_id("scheduler"), at=timezone.now(), via="worker"))


@shared_task(name="compliance.expire_reservations", ignore_result=True, expires=60)
def expire_reservations() -> None:
    """Ends room kept for drafts whose time is over."""
    services.expire_reservations(Act(by=automated_id("scheduler"), at=timezone.now(), via="worker"))
