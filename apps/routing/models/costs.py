"""What blocks and routes were expected to cost, as it was reckoned at the time."""

import pgtrigger
from django.db import models
from django.db.models import Q as Where

from apps.blocks.models import Block
from apps.reference.fields import amount_field, price_field, qty_field, value_field
from apps.reference.models import Currency

from .routes import Route


class CostEstimate(models.Model):
    """
    The cost of trading as it was expected before: of a block as the desk got it or it grew (decision), and of each route as it
    was asked for (arrival). Never changed: what it came to is compared with it. A part that was not known is null.
    """

    class Moment(models.TextChoices):
        DECISION = "DECISION", "at decision"
        ARRIVAL = "ARRIVAL", "at arrival"

    moment = models.CharField(max_length=8, choices=Moment.choices)
    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="+")
    block_version = models.IntegerField(help_text="of the block when it was reckoned")
    route = models.OneToOneField(Route, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    qty = qty_field()
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+", db_index=False)
    mid = price_field(null=True)
    value = value_field(null=True, help_text="quantity × mid × price factor")
    spread_bp = amount_field(null=True)
    fees_bp = amount_field(null=True)
    impact_bp = amount_field(null=True)
    total_bp = amount_field(null=True, help_text="of what is known")
    spread_amount = amount_field(null=True)
    fees_amount = amount_field(null=True)
    impact_amount = amount_field(null=True)
    total_amount = amount_field(null=True, help_text="of what is known")
    is_whole = models.BooleanField(help_text="whether every part was known")
    detail = models.JSONField(help_text="each part with its arithmetic, and what was missing, in words")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Where(moment="DECISION", route=None) | Where(moment="ARRIVAL", route__isnull=False),
                name="an_estimate_at_arrival_is_of_a_route",
            ),
            models.UniqueConstraint(
                fields=["block", "block_version"], condition=Where(moment="DECISION"), name="a_block_is_estimated_once_a_version"
            ),
        ]
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]

    @property
    def ref(self) -> str:
        return f"CE-{self.pk:04d}"
