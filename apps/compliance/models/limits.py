"""
Trading limits: hard, by person, desk, instrument and asset class, apart from the rules that officers write. One officer sets
one, for that only tightens; to end one takes two.
"""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from apps.reference.fields import amount_field, percent_field, qty_field
from apps.reference.models import AssetClass, Instrument
from apps.users.models import Desk

from ..states import LE

# Of a row nothing is edited but its last day. That is put sooner only as two officers agreed (``LimitEnd``).
TIGHTENS = """
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a trading limit is ended, not deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.user_id, NEW.desk_id, NEW.instrument_id, NEW.asset_class, NEW.max_qty, NEW.max_notional, NEW.max_adv_pct, NEW.collar_pct,
        NEW.stops_wrong_side) IS DISTINCT FROM (OLD.user_id, OLD.desk_id, OLD.instrument_id, OLD.asset_class, OLD.max_qty,
        OLD.max_notional, OLD.max_adv_pct, OLD.collar_pct, OLD.stops_wrong_side) OR NEW.starts_on > OLD.starts_on THEN
        RAISE EXCEPTION 'a trading limit is never edited: set another, and end this one' USING ERRCODE = 'check_violation';
    END IF;
    IF coalesce(NEW.ends_on, 'infinity') < coalesce(OLD.ends_on, 'infinity') AND NOT EXISTS (SELECT FROM compliance_limitend e
        WHERE e.limit_id = NEW.id AND e.status = 'APPROVED' AND e.ends_on <= NEW.ends_on) THEN
        RAISE EXCEPTION 'two officers agree on the end of a trading limit' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
"""


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
                condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")), name="a_trading_limit_ends_after_it_starts"
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
        triggers = [
            pgtrigger.Trigger(
                name="is_loosened_by_two", operation=pgtrigger.Update | pgtrigger.Delete, when=pgtrigger.Before, func=TIGHTENS
            )
        ]

    @property
    def ref(self) -> str:
        return f"TL-{self.pk:04d}"

    def __str__(self) -> str:
        return self.ref


class LimitEnd(models.Model):
    """One officer would have a limit end with a day, which allows more than before; another agrees, or does not."""

    limit = models.ForeignKey(TradingLimit, on_delete=models.PROTECT, related_name="ends")
    ends_on = models.DateField(help_text="the last day that it is to hold")
    reason = models.CharField(max_length=200)
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=200, blank=True, default="", help_text="what who decided, or dropped it, said")
    status = models.CharField(max_length=8, default=LE.PROPOSED)
    version = models.IntegerField(default=1)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(status__in=["APPROVED", "REFUSED"])
                | (Q(decided_by__isnull=False, decided_at__isnull=False) & ~Q(decided_by=F("written_by"))),
                name="nobody_loosens_a_limit_alone",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="an_end_of_a_limit_has_its_reason"),
            models.UniqueConstraint(fields=["limit"], condition=Q(status="PROPOSED"), name="an_end_of_a_limit_is_proposed_once"),
        ]

    @property
    def ref(self) -> str:
        return f"LE-{self.pk:04d}"

    def __str__(self) -> str:
        return self.ref
