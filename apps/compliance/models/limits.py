"""Trading limits: hard, by person, desk, instrument and asset class, apart from the rules that officers write."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from apps.reference.fields import amount_field, percent_field, qty_field
from apps.reference.models import AssetClass, Instrument
from apps.users.models import Desk


class TradingLimit(models.Model):
    """
    A hard limit on what one person, desk, instrument or class of instruments trades in one order and in one route. It is
    asked when an order is submitted, of its author, and again before a route is sent, of whoever sends it.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name="person", null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="empty: everybody",
    )  # fmt: skip
    desk = models.ForeignKey(Desk, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="empty: every desk")
    instrument = models.ForeignKey(
        Instrument, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="empty: every instrument"
    )
    asset_class = models.CharField(
        max_length=10, choices=AssetClass.choices, blank=True, default="", help_text="empty: every asset class"
    )
    max_qty = qty_field(verbose_name="largest quantity", null=True, blank=True, help_text="QUANTITY_EXCEEDS_MAX")
    max_notional = amount_field(verbose_name="largest value, USD", null=True, blank=True, help_text="NOTIONAL_EXCEEDS_MAX")
    max_adv_pct = percent_field(verbose_name="largest part of a day's volume, %", null=True, blank=True, help_text="ADV_PCT_EXCEEDS_MAX")
    collar_pct = percent_field(
        verbose_name="price collar, %", null=True, blank=True,
        help_text="PRICE_OUTSIDE_COLLAR: how far through the middle a limit price may be",
    )  # fmt: skip
    stops_wrong_side = models.BooleanField(
        "stops the wrong side", default=False, help_text="WRONG_SIDE: selling what is not held at all and not marked as a short sale"
    )
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True, help_text="the last day; empty: until further notice")
    reason = models.CharField(max_length=200)
    history = HistoricalRecords()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=models.F("starts_on")), name="a_trading_limit_ends_after_it_starts"
            ),
            models.CheckConstraint(
                condition=Q(max_qty__isnull=False) | Q(max_notional__isnull=False) | Q(max_adv_pct__isnull=False)
                | Q(collar_pct__isnull=False) | Q(stops_wrong_side=True),
                name="a_trading_limit_limits_something",
            ),
            models.CheckConstraint(
                condition=Q(instrument=None) | Q(asset_class=""), name="a_trading_limit_names_an_instrument_or_a_class"
            ),
            models.CheckConstraint(
                condition=(Q(max_qty=None) | Q(max_qty__gt=0)) & (Q(max_notional=None) | Q(max_notional__gt=0))
                & (Q(max_adv_pct=None) | Q(max_adv_pct__gt=0)) & (Q(collar_pct=None) | Q(collar_pct__gte=0)),
                name="a_trading_limit_is_above_zero",
            ),
        ]  # fmt: skip

    @property
    def ref(self) -> str:
        return f"TL-{self.pk:04d}"

    def __str__(self) -> str:
        return self.ref
