"""Where the smart router may send: lit venues, each reached through a broker, with what they cost and how much trades there."""

from django.db import models
from django.db.models import Q as Where
from simple_history.models import HistoricalRecords

from apps.reference.fields import percent_field, price_field
from apps.reference.models import Broker, Venue


class VenueAccess(models.Model):
    """A lit venue that a broker takes our orders to. Fees are ours to pay, less than nothing where it is a rebate."""

    broker = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="+", limit_choices_to={"kind": "broker"})
    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="+")
    fee_bp = price_field(default=0, help_text="for taking liquidity, basis points of the value, the broker's own included")
    unit_fee = price_field(default=0, help_text="and money a unit, in the instrument's currency")
    volume_pct = percent_field(help_text="of a day's volume of what it trades, on average: its historic liquidity")
    is_active = models.BooleanField(default=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["broker", "venue"]
        verbose_name_plural = "venue accesses"
        constraints = [
            models.UniqueConstraint(fields=["broker", "venue"], name="a_broker_reaches_a_venue_once"),
            models.CheckConstraint(condition=Where(volume_pct__gt=0, volume_pct__lte=100), name="a_venue_trades_a_part_of_the_day"),
        ]

    def __str__(self) -> str:
        return f"{self.venue} through {self.broker}"
