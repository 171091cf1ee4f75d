"""What dealers say they would deal in: axes and inventory."""

from django.db import models
from django.db.models import F
from django.db.models import Q as Where

from apps.reference.fields import price_field, qty_field
from apps.reference.models import Broker, Instrument

from ..states import Ax


class Axis(models.Model):
    """
    An axe (what a dealer is keen to trade) or inventory (what it holds), of one instrument and one way. The next word of the
    dealer about the same takes its place; after ``expires_at`` it is no longer shown.
    """

    class Kind(models.TextChoices):
        AXE = "AXE", "axe"
        INVENTORY = "INVENTORY", "inventory"

    class Source(models.TextChoices):
        FILE = "FILE", "file"
        FIX = "FIX", "FIX"

    dealer = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="+")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=9, choices=Kind.choices, default=Kind.AXE)
    dealer_side = models.CharField(max_length=4, choices=[("BUY", "buys"), ("SELL", "sells")], help_text="what the dealer would do")
    qty = qty_field(null=True, help_text="of face; empty: not said")
    price = price_field(null=True, help_text="percent of par; empty: not said")
    as_of = models.DateTimeField(help_text="when the dealer said it")
    expires_at = models.DateTimeField()
    ref = models.CharField(max_length=60, blank=True, default="", help_text="IOIID (23), or the file and its line")
    text = models.CharField(max_length=200, blank=True, default="")
    source = models.CharField(max_length=4, choices=Source.choices)
    status = models.CharField(max_length=5, default=Ax.LIVE)
    version = models.IntegerField(default=1)

    class Meta:
        verbose_name_plural = "axes"
        constraints = [
            models.UniqueConstraint(
                fields=["dealer", "instrument", "kind", "dealer_side"], condition=Where(status="LIVE"), name="one_live_axis_a_way"
            ),
            models.CheckConstraint(condition=Where(expires_at__gt=F("as_of")), name="an_axis_expires_after_it_was_said"),
            models.CheckConstraint(
                condition=(Where(qty=None) | Where(qty__gt=0)) & (Where(price=None) | Where(price__gt=0)),
                name="an_axis_says_nothing_or_something_above_zero",
            ),
        ]
        indexes = [models.Index(fields=["dealer", "ref"], condition=Where(status="LIVE"), name="axes_by_reference")]
