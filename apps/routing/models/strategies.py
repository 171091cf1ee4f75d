"""Strategies that brokers offer, as their files describe them, and who let them be offered."""

from django.conf import settings
from django.db import models
from django.db.models import F
from django.db.models import Q as Where

from apps.reference.models import Broker

from ..states import Sf

APPROVED = ("IN_FORCE", "ENDED")


class StrategyFile(models.Model):
    """A broker's FIXatdl file, whole and as it came. One person loads it and another approves it."""

    broker = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=120, help_text="of the file, as it was loaded")
    content = models.TextField(help_text="the XML, as it came")
    sha256 = models.CharField(max_length=64)
    loaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    loaded_at = models.DateTimeField()
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=8, default=Sf.LOADED)
    version = models.IntegerField(default=1)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Where(status__in=APPROVED, approved_by__isnull=False)
                | (~Where(status__in=APPROVED) & Where(approved_by=None)),
                name="a_strategy_file_in_force_was_approved",
            ),
            models.CheckConstraint(
                condition=Where(approved_by=None) | ~Where(approved_by=F("loaded_by")), name="another_person_approves_strategies"
            ),
            models.UniqueConstraint(
                fields=["broker", "sha256"], condition=Where(status__in=("LOADED", "IN_FORCE")), name="a_strategy_file_is_loaded_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.broker}"

    @property
    def ref(self) -> str:
        return f"SF-{self.pk:04d}"


class BrokerStrategy(models.Model):
    """One strategy of a file. Its form and its tags are what the file says; here is what it is found by."""

    file = models.ForeignKey(StrategyFile, on_delete=models.PROTECT, related_name="strategies")
    broker = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=256)
    label = models.CharField(max_length=256)
    is_offered = models.BooleanField(default=False, help_text="whether its file is in force")

    class Meta:
        ordering = ["broker__name", "label"]
        constraints = [
            models.UniqueConstraint(fields=["file", "name"], name="a_file_names_a_strategy_once"),
            models.UniqueConstraint(
                fields=["broker", "name"], condition=Where(is_offered=True), name="a_broker_offers_a_strategy_once"
            ),
        ]

    def __str__(self) -> str:
        return self.label
