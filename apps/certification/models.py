"""Matrices that were played."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.reference.fields import price_field
from apps.routing.models import Route

from .states import P


class Play(models.Model):
    """
    A matrix on one route: the broker plays its part by the script that went out with the order, ours is done as its steps come.

    ``scale``: numerator/denominator from the matrix's quantities to the order's; ``limit_price``: of the order, where it has one
    """

    route = models.OneToOneField(Route, on_delete=models.PROTECT, related_name="+")
    matrix = models.CharField(max_length=40)
    scale = models.CharField(max_length=12)
    price = price_field(help_text="from the matrix's prices to the order's")
    limit_price = price_field(null=True)
    asked = models.IntegerField(default=0, help_text="how many of our own steps were done")
    heard = models.IntegerField(default=0, help_text="how many of the broker's steps were booked")
    heard_at = models.DateTimeField(help_text="when that last grew")
    found = models.CharField(max_length=400, blank=True, default="")
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=8, default=P.PLAYING)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status="PLAYING") ^ Q(ended_at__isnull=False), name="a_play_that_is_over_has_its_time"),
            models.CheckConstraint(condition=Q(status="FAILED") ^ Q(found=""), name="a_play_that_failed_says_why"),
            models.CheckConstraint(condition=Q(asked__gte=0, heard__gte=0), name="a_play_counts_up"),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(status="PLAYING"), name="plays_at_work")]
        triggers = [pgtrigger.Protect(name="is_never_deleted", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"PY-{self.pk:04d}"
