"""The shares of a block's executions, one a portfolio and order and counterparty."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from apps.blocks.models import Block
from apps.orders.models import Order, Side
from apps.portfolios.models import Portfolio
from apps.reference.fields import amount_field, price_field, qty_field
from apps.reference.models import Broker, Currency, Instrument

from .states import A, Ch

COSTS = F("commission_amount") + F("fees_amount")
PAID = F("gross_amount") - F("unpaid_amount")


class Allocation(models.Model):
    """
    One order's share. Buy: net = gross − unpaid + accrued + commission + fees; sell: net = gross − unpaid + accrued −
    commission − fees. Unpaid is the whole gross of a future, which the clearer margins; zero of all else.

    Where a block was filled by several brokers, each order has one allocation a broker, at that broker's average
    price of the block's executions, so that each can be confirmed with its counterparty.
    """

    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="+")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+", db_index=False)  # The constraint's.
    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="+", db_index=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    broker = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="+", db_index=False)
    side = models.CharField(max_length=10, choices=Side.choices)
    qty = qty_field()
    price = price_field(help_text="average price as published")
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+", db_index=False)
    gross_amount = amount_field()
    accrued_amount = amount_field(default=0)
    commission_amount = amount_field(default=0)
    fees_amount = amount_field(default=0)
    fees = models.JSONField(
        default=list, help_text="what fees_amount sums: [code, MiscFeeType (FIX tag 139), amount] each"
    )
    unpaid_amount = amount_field(default=0, db_default=0)
    net_amount = amount_field()
    trade_date = models.DateField()
    settle_date = models.DateField()
    booked_at = models.DateTimeField()
    wave = models.IntegerField(
        default=1, help_text="counts the bookings of a block: 2 after a bust; of crosses, an order's sellers or buyers"
    )
    status = models.CharField(max_length=8, default=A.BOOKED)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "broker", "wave"], name="an_order_shares_once_a_booking"),
            models.CheckConstraint(condition=Q(qty__gt=0), name="an_allocation_has_a_quantity"),
            models.CheckConstraint(
                condition=Q(side="BUY", net_amount=PAID + F("accrued_amount") + COSTS)
                | (~Q(side="BUY") & Q(net_amount=PAID + F("accrued_amount") - COSTS)),
                name="an_allocation_adds_up",
            ),
        ]

    @property
    def ref(self) -> str:
        return f"A-{self.pk:06d}"


class CrossedWith(models.Model):
    """The other side of an allocation that no broker gave: the portfolio that delivered or received."""

    allocation = models.OneToOneField(Allocation, primary_key=True, on_delete=models.PROTECT, related_name="+")
    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]


class Charge(models.Model):
    """
    What one broker takes for what it executed of a block, at one booking of it: what it said with its fills, what its rate
    card says, and what was booked and shared out. Where the two differ by more than the tolerance, it is a break.
    """

    class How(models.TextChoices):
        BROKER = "BROKER", "The broker is right"
        CARD = "CARD", "The rate card is right"
        SHARED = "SHARED", "Agreed on something between"

    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="+")
    broker = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="+", db_index=False)
    wave = models.IntegerField(default=1, help_text="which booking of the block")
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+", db_index=False)
    trade_date = models.DateField()
    said_amount = amount_field(help_text="sum of what the broker said with its fills; zero where it said nothing")
    expected_amount = amount_field(help_text="by the rate cards, rounded once")
    booked_amount = amount_field()
    tolerance_amount = amount_field(default=0)
    research_amount = amount_field(default=0, help_text="part of what is booked that is put by for research")
    trace = models.JSONField(help_text="each order's card, its arithmetic, and the cards that it beat")
    how = models.CharField(max_length=6, blank=True, default="", choices=How.choices, help_text="how a difference ended")
    reason = models.CharField(max_length=400, blank=True, default="")
    booked_at = models.DateTimeField()
    status = models.CharField(max_length=9, default=Ch.AGREED)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["block", "broker", "wave"], name="a_broker_charges_once_a_booking"),
            models.CheckConstraint(
                condition=Q(research_amount__gte=0, research_amount__lte=F("booked_amount")),
                name="research_is_a_part_of_the_charge",
            ),
            models.CheckConstraint(
                condition=~Q(status="SETTLED") | (~Q(how="") & ~Q(reason="")), name="a_settled_charge_says_how_and_why"
            ),
        ]
        indexes = [models.Index(fields=["-id"], condition=Q(status="DIFFERS"), name="charges_that_differ")]

    @property
    def ref(self) -> str:
        return f"CH-{self.pk:06d}"

    @property
    def difference(self):
        return self.said_amount - self.expected_amount
