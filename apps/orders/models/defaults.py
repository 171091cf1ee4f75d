"""What the firm sets up about orders: fields of its own, and what orders get where nobody said otherwise."""

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from apps.portfolios.models import Portfolio
from apps.reference.models import AssetClass, Broker
from apps.reference.rules import STRATEGIES
from apps.users.models import Desk

from .orders import OrderType, Side, TimeInForce


class DefaultRule(models.Model):
    """
    What orders of a kind get where nobody said otherwise. An empty condition asks nothing. Of several rules in force
    that fit, the one of the lowest rank that has something to say of a field fills it in.
    """

    rank = models.IntegerField(unique=True, help_text="lower goes first")
    name = models.CharField(max_length=80)
    asset_class = models.CharField(max_length=8, choices=AssetClass.choices, blank=True, default="")
    country = models.CharField(max_length=2, blank=True, default="", help_text="of the instrument")
    side = models.CharField(max_length=10, choices=Side.choices, blank=True, default="")
    order_type = models.CharField(max_length=10, choices=OrderType.choices, blank=True, default="")
    portfolio = models.ForeignKey(Portfolio, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    own_field = models.ForeignKey(
        "OwnField", null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="a field of the firm's own, which says this:",
    )  # fmt: skip
    own_value = models.CharField("its value", max_length=200, blank=True, default="")
    broker = models.ForeignKey(
        Broker, null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="where the desk routes it, if all orders of the block agree and the trader says nothing else",
    )  # fmt: skip
    strategy = models.CharField(max_length=20, blank=True, default="", help_text="of that broker, such as VWAP")
    tif = models.CharField(max_length=4, choices=TimeInForce.choices, blank=True, default="")
    desk = models.ForeignKey(Desk, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    instructions = models.CharField(max_length=200, blank=True, default="")
    effective_from = models.DateField(help_text="first day on which orders get it")
    effective_to = models.DateField(null=True, blank=True, help_text="last day")
    history = HistoricalRecords()

    class Meta:
        ordering = ["rank"]
        constraints = [
            models.CheckConstraint(
                condition=Q(effective_to=None) | Q(effective_to__gte=F("effective_from")),
                name="a_default_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=Q(broker__isnull=False) | Q(desk__isnull=False) | ~Q(strategy="", tif="", instructions=""),
                name="a_default_has_something_to_say",
            ),
            models.CheckConstraint(
                condition=Q(own_field=None, own_value="") | Q(own_field__isnull=False) & ~Q(own_value=""),
                name="a_default_asks_for_a_value_of_an_own_field",
                violation_error_message="A field of the firm's own and its value go together.",
            ),
            models.CheckConstraint(
                condition=Q(strategy="") | Q(broker__isnull=False), name="a_default_strategy_is_of_a_broker"
            ),
            models.CheckConstraint(
                condition=Q(strategy__in=("", *STRATEGIES)), name="a_default_strategy_is_one_that_brokers_take",
                violation_error_message=f"A strategy is one of {', '.join(STRATEGIES)}, or left to the routing rules.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rank} {self.name}"


class OwnField(models.Model):
    """A field of the firm's own on orders. Its values stand in ``Order.own`` by its code."""

    class Kind(models.TextChoices):
        TEXT = "text", "Text"
        NUMBER = "number", "Number"
        DATE = "date", "Date"
        YES_NO = "yes_no", "Yes or no"
        LIST = "list", "One of a list"

    code = models.SlugField(max_length=30, unique=True, help_text="in files and the API; never changed once in use")
    label = models.CharField(max_length=60)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="the list on whose value the choices hang",
    )  # fmt: skip
    choices = models.JSONField(
        default=list,
        blank=True,
        help_text='["Core", "Satellite"], or with a parent {"Core": ["Growth"], "Satellite": ["Themes"]}',
    )
    place = models.SmallIntegerField(default=0, help_text="lower stands first")
    is_asked = models.BooleanField(
        "must be said", default=False, help_text="whoever types an order says it, as a reason for the decision"
    )
    is_screened = models.BooleanField(
        "compliance may ask", default=False,
        help_text="rules of compliance may ask for it, so that changing it opens an order again",
    )  # fmt: skip
    is_active = models.BooleanField(default=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["place", "code"]

    def __str__(self) -> str:
        return self.label
