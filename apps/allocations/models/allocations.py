"""The shares of a block's executions, one a portfolio and order and counterparty."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from apps.blocks.models import Block
from apps.orders.models import Order, Side
from apps.portfolios.models import Portfolio
from apps.reference.fields import amount_field, price_field, qty_field
from apps.reference.models import Broker, Currency, Instrument

from ..states import A

COSTS = F("commission_amount") + F("fees_amount")
# ProcessCode (FIX 4.4 tag 81): how a broker's part is to be taken. Step-outs stay with who executed, and are not confirmed.
PROCESS_CODES = {"0": "regular", "1": "soft dollar", "2": "step-in", "4": "soft-dollar step-in"}
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
    process_code = models.CharField(
        max_length=1, choices=list(PROCESS_CODES.items()), default="0", db_default="0", help_text="FIX tag 81, as its broker is told"
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
