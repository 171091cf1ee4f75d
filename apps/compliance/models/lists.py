"""The restricted list."""

from django.db import models
from django.db.models import Q

from apps.portfolios.models import Portfolio
from apps.reference.models import Instrument, Issuer

from ..states import InForce


class Restriction(models.Model):
    """A line of the restricted list: an issuer with its whole group, or one instrument, between two dates."""

    issuer = models.ForeignKey(Issuer, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    instrument = models.ForeignKey(Instrument, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    portfolio = models.ForeignKey(
        Portfolio, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="empty: the whole firm"
    )
    direction = models.CharField(max_length=4, default="ALL", choices=[("ALL", "All"), ("BUY", "Buy"), ("SELL", "Sell")])
    reason = models.CharField(max_length=300)
    effective_from = models.DateField()
    effective_to = models.DateField(null=True, blank=True)
    status = models.CharField(max_length=8, default=InForce.ACTIVE)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(issuer__isnull=False, instrument__isnull=True)
                | Q(issuer__isnull=True, instrument__isnull=False),
                name="restriction_names_an_issuer_or_an_instrument",
            )
        ]
