"""What the law of funds lets one of the portfolios do that others may not."""

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from apps.reference.models import Issuer

from .portfolios import Portfolio


class NamedIssuer(models.Model):
    """
    A state, local authority or public international body of which a fund may hold up to all it has (2009/65/EC Art. 54): its
    authority allowed that, and the fund's rules and prospectus name the issuer.
    """

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="named_issuers")
    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+", help_text="with its whole group")
    authority = models.CharField(max_length=200, help_text="who allowed it, with the date")
    prospectus = models.CharField(max_length=200, help_text="where the fund's rules and prospectus name it, with the date")
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True, help_text="the last day; empty: until further notice")
    history = HistoricalRecords()

    class Meta:
        ordering = ["portfolio", "issuer", "-starts_on"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(authority="") & ~Q(prospectus=""), name="a_named_issuer_is_allowed_and_in_the_prospectus"
            ),
            models.CheckConstraint(condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")), name="a_named_issuer_ends_after_it_starts"),
        ]

    def __str__(self) -> str:
        return f"{self.portfolio}: {self.issuer}"
