"""What the desk wants to be told of, as rules; and what it was told."""

from django.conf import settings
from django.db import models
from django.db.models import Q as Where
from simple_history.models import HistoricalRecords

from apps.blocks.models import Block
from apps.users.models import Desk

from ..states import Al
from .routes import Route


class AlertRule(models.Model):
    """What to be told of, on every desk or on one. The threshold's unit is the kind's."""

    class Kind(models.TextChoices):
        NO_ACK = "NO_ACK", "no answer from a broker for (seconds)"
        LIMIT_AWAY = "LIMIT_AWAY", "market away from the limit by (bp)"
        IDLE = "IDLE", "working but idle for (minutes)"
        NEAR_CLOSE = "NEAR_CLOSE", "unfilled before the close by (minutes)"
        RECHECK = "RECHECK", "orders at a broker that the day's check would hold (number)"
        UNASKED = "UNASKED", "a broker did what nobody asked for, or out of order, within (minutes)"
        HELD = "HELD", "reports not booked, waiting for a person (number)"
        STILL = "STILL", "an algorithm of ours that paused itself, or waits for (minutes)"
        FILL_BURST = "FILL_BURST", "fills of a block within the window (number)"

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    threshold = models.DecimalField(max_digits=12, decimal_places=2)
    window_seconds = models.IntegerField(null=True, blank=True, help_text="of a burst: over how many seconds to count")
    desk = models.ForeignKey(Desk, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    is_active = models.BooleanField(default=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["kind", "name"]
        constraints = [
            models.CheckConstraint(condition=Where(threshold__gt=0), name="an_alert_rule_has_a_threshold"),
            models.CheckConstraint(
                condition=(~Where(kind="FILL_BURST") & Where(window_seconds=None))
                | Where(kind="FILL_BURST", window_seconds__gt=0),
                name="a_burst_is_counted_over_a_window",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Alert(models.Model):
    """A rule met by a block, or by one route or algorithm of it: one at a time, until it is met no longer."""

    rule = models.ForeignKey(AlertRule, on_delete=models.PROTECT, related_name="+")
    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="+")
    route = models.ForeignKey(Route, null=True, on_delete=models.PROTECT, related_name="+")
    algo_id = models.BigIntegerField(null=True, help_text="the algorithm of our own that it tells of")
    value = models.DecimalField(max_digits=20, decimal_places=4, help_text="what met the rule, in its unit")
    text = models.CharField(max_length=200)
    opened_at = models.DateTimeField()
    snoozed_until = models.DateTimeField(null=True)
    snoozes = models.IntegerField(default=0)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    acknowledged_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=12, default=Al.OPEN)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "block", "route", "algo_id"],
                condition=Where(status__in=["OPEN", "ACKNOWLEDGED"]),
                nulls_distinct=False,
                name="one_alert_a_rule_and_subject",
            )
        ]
        indexes = [models.Index(fields=["opened_at"], name="alerts_by_time")]

    @property
    def ref(self) -> str:
        return f"L-{self.pk:04d}"

    @property
    def algo_ref(self) -> str:
        """Of its algorithm; empty where it tells of none."""
        return f"AL-{self.algo_id:04d}" if self.algo_id else ""
