"""Through whom it is traded and by whom it is kept."""

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from ..fields import price_field
from .instruments import Currency, Issuer


class Broker(models.Model):
    """Who executes for us: a broker (algorithms), a dealer (inquiry), a fund's transfer agent or a venue."""

    class Kind(models.TextChoices):
        BROKER = "broker", "Broker"
        DEALER = "dealer", "Dealer"
        VENUE = "venue", "Venue"
        AGENT = "agent", "Transfer agent"
        INTERNAL = "internal", "Internal cross"

    NOT_ROUTED = (Kind.VENUE, Kind.INTERNAL)

    class Commission(models.TextChoices):
        BPS = "bps", "basis points of value"
        PER_SHARE = "per_share", "an amount a share"
        NONE = "none", "none (in the price)"

    code = models.CharField(max_length=20, unique=True, help_text="also its FIX CompID")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    lei = models.CharField(max_length=20, blank=True, default="")
    bic = models.CharField(max_length=11, blank=True, default="")
    issuer = models.ForeignKey(
        Issuer, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False,
        help_text="the body that it is: what it owes counts with that body's securities; empty: not known",
    )  # fmt: skip
    commission_kind = models.CharField(max_length=10, choices=Commission.choices, default=Commission.NONE)
    commission_rate = price_field(default=0)
    is_active = models.BooleanField(default=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class Custodian(models.Model):
    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=80)
    bic = models.CharField(max_length=11)
    country = models.CharField(max_length=2)
    issuer = models.ForeignKey(
        Issuer, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False,
        help_text="the body that it is: money kept there counts with that body's securities; empty: not known",
    )  # fmt: skip
    transfer_fee = price_field(
        null=True, blank=True, help_text="money it takes for a delivery between two of our clients; empty: none"
    )
    transfer_fee_currency = models.ForeignKey(
        Currency, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    history = HistoricalRecords()

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(transfer_fee=None, transfer_fee_currency=None)
                | Q(transfer_fee__gt=0, transfer_fee_currency__isnull=False),
                name="a_transfer_fee_has_its_currency",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Depository(models.Model):
    """The central securities depository where a country's instruments of a class settle (PSET)."""

    country = models.CharField(max_length=2)
    asset_class = models.CharField(max_length=8, default="*", help_text="* for all others")
    name = models.CharField(max_length=80)
    bic = models.CharField(max_length=11)
    history = HistoricalRecords()

    class Meta:
        verbose_name_plural = "depositories"
        constraints = [models.UniqueConstraint(fields=["country", "asset_class"], name="one_depository_a_class")]

    def __str__(self) -> str:
        return self.name
