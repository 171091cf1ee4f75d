"""On which terms it is traded, what that costs, and when it settles."""

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from ..fields import price_field
from .instruments import AssetClass, Currency, Venue
from .parties import Broker


class OrderType(models.TextChoices):
    MARKET = "MARKET", "Market"
    LIMIT = "LIMIT", "Limit"
    STOP = "STOP", "Stop"
    STOP_LIMIT = "STOP_LIMIT", "Stop limit"
    PEGGED = "PEGGED", "Pegged"


class TimeInForce(models.TextChoices):
    DAY = "DAY", "Day"
    GTC = "GTC", "Good till cancelled"
    GTD = "GTD", "Good till a date"
    IOC = "IOC", "Immediate or cancel"
    FOK = "FOK", "Fill or kill"
    OPG = "OPG", "On the open"
    CLS = "CLS", "On the close"


class Combination(models.Model):
    """
    An order type with a time in force that is taken for a class of instruments: everywhere, on one market, or by one
    broker. The rows of a market stand in place of those of everywhere, as the rows of a broker do.
    """

    asset_class = models.CharField(max_length=8, choices=AssetClass.choices)
    venue = models.ForeignKey(Venue, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    broker = models.ForeignKey(Broker, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    order_type = models.CharField(max_length=10, choices=OrderType.choices)
    tif = models.CharField("time in force", max_length=4, choices=TimeInForce.choices)
    takes_min_qty = models.BooleanField("takes a minimum quantity", default=False)
    takes_display_qty = models.BooleanField("takes a displayed quantity", default=False)
    history = HistoricalRecords()

    class Meta:
        ordering = ["asset_class", "order_type", "tif"]
        constraints = [
            models.UniqueConstraint(
                fields=["asset_class", "venue", "broker", "order_type", "tif"], nulls_distinct=False,
                name="a_combination_is_listed_once",
            ),
            models.CheckConstraint(
                condition=Q(venue=None) | Q(broker=None), name="a_combination_is_of_a_market_or_a_broker"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.asset_class} {self.order_type} {self.tif}"


class SettlementCycle(models.Model):
    """Days from trade date to settlement, by country and class, from a trade date on."""

    country = models.CharField(max_length=2)
    asset_class = models.CharField(max_length=8, default="*", help_text="* for all others")
    days = models.SmallIntegerField()
    effective_from = models.DateField()
    effective_to = models.DateField(null=True, blank=True, help_text="last trade date it holds for")
    history = HistoricalRecords()

    class Meta:
        ordering = ["country", "asset_class", "effective_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["country", "asset_class", "effective_from"], name="one_cycle_starts_on_a_date"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.country} {self.asset_class} T+{self.days}"


class Fee(models.Model):
    """
    A fee or tax that a trade bears beside commission, by country, class and side, from a trade date on. Amounts are in
    the instrument's currency; ``rate_bp`` is of the trade's gross amount.
    """

    class Kind(models.TextChoices):  # MiscFeeType, FIX 4.4 tag 139.
        REGULATORY = "1", "Regulatory"
        TAX = "2", "Tax"
        EXCHANGE = "4", "Exchange fee"
        STAMP = "5", "Stamp duty"
        LEVY = "6", "Levy"
        OTHER = "7", "Other"

    class Rounding(models.TextChoices):
        HALF_UP = "HALF_UP", "to the nearest"
        UP = "UP", "always up"
        DOWN = "DOWN", "always down"

    code = models.CharField(max_length=12)
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=2, choices=Kind.choices)
    country = models.CharField(max_length=2, help_text="of the instrument")
    asset_class = models.CharField(max_length=8, default="*", help_text="* for all others")
    side = models.CharField(max_length=4, choices=[("BUY", "Buy"), ("SELL", "Sell")])
    rate_bp = price_field(default=0, help_text="basis points of the gross amount")
    unit_amount = price_field(default=0, help_text="money a unit of quantity")
    least_amount = price_field(null=True, blank=True, help_text="of the whole trade; blank for none")
    most_amount = price_field(null=True, blank=True, help_text="of the whole trade; blank for none")
    rounding = models.CharField(max_length=8, choices=Rounding.choices, default=Rounding.HALF_UP)
    effective_from = models.DateField(help_text="first trade date")
    effective_to = models.DateField(null=True, blank=True, help_text="last trade date it holds for")
    history = HistoricalRecords()

    class Meta:
        ordering = ["country", "code", "asset_class", "side", "effective_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["code", "country", "asset_class", "side", "effective_from"], name="one_fee_starts_on_a_date"
            ),
            models.CheckConstraint(condition=Q(rate_bp__gte=0, unit_amount__gte=0), name="a_fee_is_not_negative"),
            models.CheckConstraint(
                condition=Q(effective_to=None) | Q(effective_to__gte=models.F("effective_from")),
                name="a_fee_ends_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.country} {self.side.lower()}"


class SettlementHoliday(models.Model):
    """A date on which a currency does not settle, whether or not its markets trade."""

    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+")
    date = models.DateField()
    name = models.CharField(max_length=80)
    history = HistoricalRecords()

    class Meta:
        ordering = ["date"]
        constraints = [models.UniqueConstraint(fields=["currency", "date"], name="a_holiday_is_listed_once")]

    def __str__(self) -> str:
        return f"{self.currency_id} {self.date} {self.name}"
