"""Confirmations to counterparties, instructions to custodians, and the files between."""

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from apps.allocations.models import Allocation
from apps.portfolios.models import Portfolio
from apps.reference.fields import amount_field, qty_field
from apps.reference.models import Broker, Currency, Custodian
from apps.routing.models import Message

from .states import C, E, I


class SettlementInstructionSet(models.Model):
    """Standing settlement instructions (SSI): where a broker delivers and receives, by country."""

    broker = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="+")
    country = models.CharField(max_length=2)
    agent_bic = models.CharField(max_length=11, help_text="its delivering or receiving agent")
    agent_account = models.CharField(max_length=35)
    depository_bic = models.CharField(max_length=11, help_text="place of settlement (PSET)")
    effective_from = models.DateField()
    effective_to = models.DateField(null=True, blank=True)
    history = HistoricalRecords()

    class Meta:
        verbose_name = "standing settlement instruction"
        ordering = ["broker", "country", "-effective_from"]
        constraints = [
            models.UniqueConstraint(fields=["broker", "country", "effective_from"], name="one_ssi_starts_on_a_date")
        ]

    def __str__(self) -> str:
        return f"{self.broker} {self.country} from {self.effective_from}"


class FeedFile(models.Model):
    """
    A file written to a custodian, or read from one, once by its name.

    A file to write is first decided (which instructions it carries), then written, then marked done: killed in between,
    the next run writes the same content under the same name again.
    """

    custodian = models.ForeignKey(Custodian, on_delete=models.PROTECT, related_name="+")
    is_out = models.BooleanField(help_text="to the custodian")
    name = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    messages = models.IntegerField(default=0)
    problems = models.JSONField(default=list, help_text="[{place, reference, problem}] of what could not be booked")
    at = models.DateTimeField(help_text="when it was decided, or read")
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["custodian", "is_out", "name"], name="a_feed_file_is_taken_once")
        ]
        indexes = [
            models.Index(fields=["custodian", "id"], condition=Q(is_out=True, done_at=None), name="files_to_write"),
            models.Index(fields=["-id"], condition=~Q(problems=[]), name="files_with_problems"),
        ]

    def __str__(self) -> str:
        return self.name


class Confirmation(models.Model):
    """Our confirmation of one allocation to its counterparty (FIX 35=AK), and the counterparty's answer (35=AU)."""

    allocation = models.OneToOneField(Allocation, on_delete=models.PROTECT, related_name="+")
    broker = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="+", db_index=False)
    sent_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=200, blank=True, default="")
    status = models.CharField(max_length=10, default=C.SENT)
    version = models.IntegerField(default=1)

    @property
    def ref(self) -> str:
        return f"C-{self.pk:06d}"


class StrayAnswer(models.Model):
    """A counterparty's answer to a confirmation that is not ours, for a person to look into."""

    broker = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="+", db_index=False)
    message = models.OneToOneField(Message, on_delete=models.PROTECT, related_name="+")
    confirm_ref = models.CharField(max_length=60)
    answer = models.CharField(max_length=200)
    at = models.DateTimeField()


class Instruction(models.Model):
    """
    One ISO 20022 sese.023 to the custodian of the allocation's portfolio. What it says is never changed: it is
    cancelled, and another takes its place under a reference of its own.

    Of a future there is no message: it is born cleared, so that every allocation has its row, and stays so.

    The four statuses of sese.024 are kept apart, each as the custodian said it last.
    """

    allocation = models.ForeignKey(Allocation, on_delete=models.PROTECT, related_name="+", db_index=False)
    attempt = models.SmallIntegerField(default=1, db_default=1, help_text="2 where the first was cancelled and sent anew")
    replaces = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="+", db_index=False)
    custodian = models.ForeignKey(Custodian, on_delete=models.PROTECT, related_name="+", db_index=False)
    reference = models.CharField(max_length=16, help_text="TxId: ours, at most 16 characters")
    is_receipt = models.BooleanField(help_text="RECE for buys, DELI for sells; always against payment")
    settle_date = models.DateField()
    qty = qty_field()
    amount = amount_field()
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+", db_index=False)
    standing = models.ForeignKey(
        SettlementInstructionSet, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    file = models.ForeignKey(
        FeedFile, null=True, on_delete=models.PROTECT, related_name="+", help_text="the file it is decided to go out in"
    )
    processing_status = models.CharField(max_length=4, blank=True, default="")
    matching_status = models.CharField(max_length=4, blank=True, default="")
    settlement_status = models.CharField(max_length=4, blank=True, default="")
    inferred_matching_status = models.CharField(max_length=4, blank=True, default="")
    reason = models.CharField(max_length=200, blank=True, default="")
    settled_date = models.DateField(null=True)
    settled_amount = amount_field(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    cancel_file = models.ForeignKey(FeedFile, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    note = models.CharField(max_length=400, blank=True, default="", help_text="what operations wrote down last")
    status = models.CharField(max_length=10, default=I.READY)
    version = models.IntegerField(default=1)

    class Meta:
        # No index looks at the status, so that its changes stay on the row's page and touch no index (see 0003).
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="a_reference_instructs_once"),
            models.UniqueConstraint(fields=["allocation", "attempt"], name="an_attempt_instructs_once"),
            models.UniqueConstraint(
                fields=["replaces"], condition=Q(replaces__isnull=False), name="an_instruction_is_replaced_once"
            ),
            models.CheckConstraint(
                condition=Q(attempt=1, replaces=None) | Q(attempt__gt=1, replaces__isnull=False),
                name="a_later_attempt_replaces_one",
            ),
        ]
        indexes = [
            models.Index(fields=["custodian", "id"], condition=Q(file=None), name="instructions_to_write"),
            models.Index(
                fields=["custodian", "id"],
                condition=Q(cancel_requested_at__isnull=False, cancel_file=None),
                name="cancellations_to_write",
            ),
            models.Index(fields=["cancel_file"], condition=~Q(cancel_file=None), name="cancellations_of_a_file"),
            models.Index(fields=["settle_date"], name="instructions_by_date"),
        ]

    @property
    def ref(self) -> str:
        return f"I-{self.pk:06d}"


class Exchange(models.Model):
    """
    Two moneys of a trade in currencies that change hands on one day, the one against the other, between the custodian's
    cash accounts and the counterparty. No depository takes part and no instruction goes out: it rests on the confirmation,
    and has settled once its day has come and the counterparty has affirmed it.
    """

    allocation = models.OneToOneField(Allocation, on_delete=models.PROTECT, related_name="+")
    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="+", db_index=False)
    custodian = models.ForeignKey(Custodian, on_delete=models.PROTECT, related_name="+", db_index=False)
    value_date = models.DateField(db_index=True)
    paid_currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+", db_index=False)
    paid_amount = amount_field()
    received_currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+", db_index=False)
    received_amount = amount_field()
    settled_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=10, default=E.DUE)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(paid_amount__gt=0, received_amount__gt=0) & ~Q(paid_currency=models.F("received_currency")),
                name="an_exchange_has_two_moneys",
            ),
            models.CheckConstraint(
                condition=Q(status="SETTLED", settled_at__isnull=False) | ~Q(status="SETTLED"),
                name="a_settled_exchange_has_its_time",
            ),
        ]

    @property
    def ref(self) -> str:
        return f"E-{self.pk:06d}"
