"""Contracts by family: what counts together under a position limit."""

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from ..fields import qty_field
from .instruments import Instrument


class ContractFamily(models.Model):
    """One commodity or index with all its contracts, minis and options on them. Whoever takes room under its limits holds its row."""

    code = models.CharField(max_length=20, unique=True, help_text="the root of its contracts, such as CL")
    name = models.CharField(max_length=80)
    history = HistoricalRecords()

    class Meta:
        ordering = ["code"]
        verbose_name_plural = "contract families"

    def __str__(self) -> str:
        return self.code


class Contract(models.Model):
    """A future of a family. Options on it belong to it without a row of their own."""

    instrument = models.OneToOneField(Instrument, on_delete=models.PROTECT, related_name="+")
    family = models.ForeignKey(ContractFamily, on_delete=models.PROTECT, related_name="+")
    month = models.DateField(
        null=True, blank=True, help_text="first day of its delivery month; empty: the month in which it expires"
    )
    spot_starts_on = models.DateField(
        null=True, blank=True,
        help_text="first day of its spot month, such as its first notice day; empty: the first day of the month in which it expires",
    )  # fmt: skip
    counts = qty_field(default=1, help_text="for how many contracts of the family one counts: 0.1 for a mini of a tenth")
    history = HistoricalRecords()

    class Meta:
        ordering = ["family", "month"]
        constraints = [
            models.CheckConstraint(condition=Q(month=None) | Q(month__day=1), name="a_contract_month_is_its_first_day"),
            models.CheckConstraint(condition=Q(counts__gt=0), name="a_contract_counts_for_something"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument} of {self.family}"
