"""An algorithm that works a block, and the child orders it sent."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.blocks.models import Block
from apps.reference.fields import price_field, qty_field
from apps.reference.models import Broker
from apps.routing.models import Route

from ..states import A


class Algo(models.Model):
    """
    A quantity of a block, worked at one broker as a schedule of orders. ``plan``: [number, due at, quantity, time in force] of each
    slice; those up to ``base_n`` are of plans before, of which ``base_qty`` was filled or at work when the rest was planned anew.
    """

    class Kind(models.TextChoices):
        TWAP = "TWAP", "TWAP"
        VWAP = "VWAP", "VWAP"
        POV = "POV", "percentage of volume"
        IS = "IS", "implementation shortfall"
        ICEBERG = "ICEBERG", "iceberg"
        CLOSE = "CLOSE", "close"

    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="+")
    broker = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField("algorithm", max_length=8, choices=Kind.choices)
    qty = qty_field()
    limit_price = price_field(null=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    interval_seconds = models.IntegerField()
    params = models.JSONField(default=dict, help_text="what only some algorithms ask for; numbers as text")
    plan = models.JSONField(default=list)
    basis = models.CharField(max_length=300, blank=True, default="", help_text="what the plan rests on, in words")
    base_n = models.IntegerField(default=0)
    base_qty = qty_field(default=0)
    base_at = models.DateTimeField(help_text="since when the market's volume counts for the rest")
    done_n = models.IntegerField(default=0, help_text="the last slice that was dealt with")
    text = models.CharField(max_length=400, blank=True, default="", help_text="what it waits for, or why it does not go on")
    still_since = models.DateTimeField(null=True, help_text="since when it stands still of its own accord: paused by itself, or waiting")
    works_for = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False,
        help_text="in whose name it sends: who started it, or let it go on last",
    )  # fmt: skip
    planned_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    looked_at = models.DateTimeField(null=True, help_text="when a person started it, or let it go on, last")
    withdrawn_at = models.DateTimeField(null=True, help_text="when its time was over and its orders were to be cancelled")
    ended_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=8, default=A.PLANNED)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(qty__gt=0, interval_seconds__gt=0), name="an_algo_has_a_quantity_and_intervals"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="an_algo_ends_after_it_starts"),
            models.CheckConstraint(condition=Q(base_qty__gte=0, done_n__gte=0, base_n__gte=0), name="an_algo_counts_up"),
            models.CheckConstraint(
                condition=Q(status__in=["FINISHED", "STOPPED"]) ^ Q(ended_at=None), name="an_algo_that_is_over_has_its_time"
            ),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(status__in=["WORKING", "PAUSED"]), name="algos_at_work")]
        triggers = [pgtrigger.Protect(name="is_never_deleted", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"AL-{self.pk:04d}"


class Slice(models.Model):
    """One child order. It is written together with its route, so that there is neither without the other, and once a number."""

    algo = models.ForeignKey(Algo, on_delete=models.PROTECT, related_name="slices")
    n = models.IntegerField()
    due_at = models.DateTimeField()
    planned_qty = qty_field()
    qty = qty_field(help_text="with what was carried from slices before")
    route = models.OneToOneField(Route, on_delete=models.PROTECT, related_name="+")
    sent_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["algo", "n"], name="a_slice_is_sent_once"),
            models.CheckConstraint(condition=Q(qty__gt=0, n__gt=0, planned_qty__gte=0), name="a_slice_sends_something"),
        ]
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]
