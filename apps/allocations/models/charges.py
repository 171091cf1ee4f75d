"""What brokers take for what they executed, and what of it is put by for research."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.blocks.models import Block
from apps.reference.fields import amount_field
from apps.reference.models import Broker, Currency

from ..states import Ch


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
    booked_amount = amount_field(help_text="below zero where a rebate was more than the commission")
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
                condition=Q(research_amount=0) | Q(research_amount__gt=0, research_amount__lte=F("booked_amount")),
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


class CsaAccount(models.Model):
    """
    A commission sharing agreement with a broker (soft dollars): credits from the research part of its commission, in a
    currency, out of which research is paid. Its balance is that of its last entry; who writes one holds the account.
    """

    broker = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="+")
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+", db_index=False)
    balance_amount = amount_field(default=0)
    version = models.IntegerField(default=0, help_text="how many entries it has")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["broker", "currency"], name="a_broker_has_one_csa_a_currency")]

    @property
    def ref(self) -> str:
        return f"CSA-{self.pk:04d}"


class CsaEntry(models.Model):
    """A line of the ledger: never changed, its balance the sum of all amounts up to it. What was wrong is written back."""

    class Kind(models.TextChoices):
        CREDIT = "CREDIT", "Credit of a commission"
        TAKEN_BACK = "BACK", "Booking taken back"
        PAYMENT = "PAYMENT", "Research paid"
        CORRECTION = "CORRECT", "Correction"

    account = models.ForeignKey(CsaAccount, on_delete=models.PROTECT, related_name="entries")
    nth = models.IntegerField()
    kind = models.CharField(max_length=8, choices=Kind.choices)
    amount = amount_field(help_text="signed: what comes in is above zero")
    balance_amount = amount_field(help_text="after it")
    charge = models.ForeignKey(Charge, null=True, on_delete=models.PROTECT, related_name="+")
    provider = models.CharField(max_length=80, blank=True, default="", help_text="of research that was paid")
    invoice_ref = models.CharField(max_length=60, blank=True, default="")
    overdraws = models.BooleanField(default=False, help_text="a person said that it goes below zero")
    reason = models.CharField(max_length=400, blank=True, default="")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "nth"], name="entries_of_a_csa_are_counted"),
            models.UniqueConstraint(
                fields=["account", "charge", "kind"], condition=~Q(charge=None), name="a_charge_is_credited_once_an_account"
            ),
            models.UniqueConstraint(
                fields=["account", "provider", "invoice_ref"], condition=Q(kind="PAYMENT"), name="an_invoice_is_paid_once"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["CREDIT", "BACK"]) | Q(overdraws=True) | Q(amount__gt=0) | Q(balance_amount__gte=0),
                name="a_csa_goes_below_zero_only_if_said",
            ),
            models.CheckConstraint(
                condition=Q(kind="CREDIT", amount__gt=0) | Q(kind__in=["BACK", "PAYMENT"], amount__lt=0)
                | (Q(kind="CORRECT") & ~Q(amount=0)),
                name="an_entry_of_a_csa_has_its_sign",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["CREDIT", "BACK"], charge__isnull=False)
                | (Q(kind__in=["PAYMENT", "CORRECT"], charge=None) & ~Q(reason="")),
                name="an_entry_of_a_csa_says_where_it_comes_from",
            ),
        ]
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]
