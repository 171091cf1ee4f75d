"""Position limits of futures, as the exchange, the regulator or the firm sets them."""

from django.db import models
from django.db.models import F, Q

from apps.reference.fields import qty_field
from apps.reference.models import ContractFamily

from ..engine.contracts import KINDS, MONTHS, SOURCES
from ..states import InForce


class PositionLimit(models.Model):
    """So many contracts of a family, net long or short, that one owner may hold; or the level from which that is told."""

    family = models.ForeignKey(ContractFamily, on_delete=models.PROTECT, related_name="+")
    months = models.CharField(max_length=6, choices=list(MONTHS.items()))
    kind = models.CharField(max_length=5, choices=list(KINDS.items()))
    qty = qty_field()
    source = models.CharField(max_length=9, choices=list(SOURCES.items()))
    citation = models.CharField(max_length=120, help_text="where it is set, such as 17 CFR 150.2 or NYMEX chapter 5")
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)
    reason = models.CharField(max_length=200, blank=True, default="")
    status = models.CharField(max_length=8, default=InForce.ACTIVE)
    version = models.IntegerField(default=1)

    class Meta:
        ordering = ["family__code", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(qty__gt=0), name="a_position_limit_is_above_zero"),
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")), name="a_position_limit_ends_after_it_starts"
            ),
            models.CheckConstraint(
                condition=Q(months__in=list(MONTHS), kind__in=list(KINDS), source__in=list(SOURCES)),
                name="a_position_limit_is_of_a_kind_that_there_is",
            ),
        ]
        indexes = [models.Index(fields=["family"], condition=Q(status="ACTIVE"), name="position_limits_in_force")]

    @property
    def ref(self) -> str:
        return f"PL-{self.pk:04d}"

    def __str__(self) -> str:
        return self.ref
