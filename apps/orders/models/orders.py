"""Orders, the groups that link them, and the files they came in."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from apps.portfolios.models import Portfolio
from apps.reference.fields import price_field, qty_field
from apps.reference.models import Currency, Instrument, OrderType, TimeInForce
from apps.users.models import Desk

from ..states import GroupStatus, ImportStatus, ProposalStatus, S
from .families import PARTS_SUM


class Side(models.TextChoices):
    BUY = "BUY", "Buy"
    SELL = "SELL", "Sell"
    SELL_SHORT = "SELL_SHORT", "Sell short"


STOPS = ("STOP", "STOP_LIMIT")
LIMITED = ("LIMIT", "STOP_LIMIT")


def _said(name: str) -> Cast:
    return Cast(KeyTextTransform(name, "terms"), models.DecimalField(max_digits=20, decimal_places=8))


class GroupKind(models.TextChoices):
    PROGRAM = "PROGRAM", "Program"
    PAIR = "PAIR", "Pair"
    SPREAD = "SPREAD", "Spread or option strategy"
    OCO = "OCO", "One cancels the other"
    OTO = "OTO", "One triggers the other"
    BRACKET = "BRACKET", "Bracket"


class OrderGroup(models.Model):
    """Orders that belong together: a program, or legs under the rules of their kind (``rules.groups``)."""

    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=20, choices=GroupKind.choices, default=GroupKind.PROGRAM)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    status = models.CharField(max_length=12, default=GroupStatus.OPEN)
    version = models.IntegerField(default=1)

    def __str__(self) -> str:
        return self.name


class ImportTemplate(models.Model):
    """What the columns and words of a file with these headings mean; its owner's, and a desk's where it is shared."""

    name = models.CharField(max_length=80)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    desk = models.ForeignKey(Desk, null=True, on_delete=models.PROTECT, related_name="+")
    headings = models.JSONField()
    signature = models.CharField(max_length=64, db_index=True, help_text="SHA-256 of the headings")
    columns = models.JSONField(help_text="field of an order to the heading that holds it")
    words = models.JSONField(default=dict, help_text="field to {a word of theirs: ours}")
    saved_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, help_text="no more file is read by it; those that were still name it")
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"], condition=Q(removed_at=None), name="a_template_of_a_person_has_a_name_of_its_own"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Import(models.Model):
    """A file of orders, staged row by row before any order is made."""

    file_name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    sheet = models.BinaryField(null=True, help_text="its cells as text by line, once read (Arrow IPC)")
    columns = models.JSONField(null=True, help_text="field to heading, where a person or a template said so")
    words = models.JSONField(default=dict, help_text="field to {a word of theirs: ours}")
    listings = models.JSONField(default=dict, help_text="a name that means several instruments: the one chosen")
    template = models.ForeignKey(ImportTemplate, null=True, on_delete=models.PROTECT, related_name="+")
    rows = models.IntegerField(default=0)
    rows_read = models.IntegerField(default=0, help_text="progress of staging")
    bad_rows = models.IntegerField(default=0)
    error = models.TextField(blank=True, default="")
    group = models.ForeignKey(
        OrderGroup, null=True, on_delete=models.PROTECT, related_name="+", help_text="where its orders are one group"
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    status = models.CharField(max_length=10, default=ImportStatus.UPLOADED)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["created_by", "sha256"],
                condition=~Q(status__in=["DISCARDED", "FAILED"]),
                name="a_file_is_imported_once",
            )
        ]


class ImportRow(models.Model):
    """One line of a staged file: what it said, what is wrong with it, what it means."""

    batch = models.ForeignKey(Import, on_delete=models.PROTECT, related_name="lines", db_index=False)
    line = models.IntegerField(help_text="line in the file, the heading being line 1")
    raw = models.JSONField(help_text="cells by column name, as text")
    problems = models.JSONField(default=list, help_text="[{field, message}]; empty where the row is good")
    parsed = models.JSONField(null=True, help_text="the order's terms; null where the row is bad")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["batch", "line"], name="a_line_is_staged_once")]


class Order(models.Model):
    """One portfolio's wish to buy or sell one instrument. ``qty`` = filled + leaves + cancelled."""

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="+", db_index=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    side = models.CharField(max_length=10, choices=Side.choices)
    qty = qty_field()
    order_type = models.CharField(max_length=10, choices=OrderType.choices, default=OrderType.MARKET)
    limit_price = price_field(null=True)
    tif = models.CharField(max_length=4, choices=TimeInForce.choices, default=TimeInForce.DAY)
    terms = models.JSONField(
        default=dict,
        help_text="what few orders say, as texts by the names of rules.HANDLING",
    )
    intent = models.JSONField(
        null=True,
        help_text="what the quantity was derived from: kind, value, held, price, net asset value, with their times",
    )
    instructions = models.CharField(max_length=200, blank=True, default="")
    rationale = models.CharField(max_length=400, blank=True, default="")
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+", db_index=False)
    desk = models.ForeignKey(Desk, on_delete=models.PROTECT, related_name="+", db_index=False)
    group = models.ForeignKey(OrderGroup, null=True, on_delete=models.PROTECT, related_name="+")
    batch = models.ForeignKey(Import, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    client_ref = models.CharField(max_length=64, blank=True, default="", help_text="the sender's own reference")
    decision_price = price_field(null=True, help_text="mid when the order was created")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField()
    status = models.CharField(max_length=10, default=S.DRAFT)
    version = models.IntegerField(default=1)
    filled_qty = qty_field(default=0)
    cancelled_qty = qty_field(default=0)
    defaulted = models.JSONField(
        null=True, help_text="what rules filled in where nothing was said: {field: {value, rule, id, because}}"
    )

    own = models.JSONField(null=True, help_text="values of the firm's own fields, by code")
    split_from = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="parts", db_index=False,
        help_text="the order as it was entered, of whose family this is a part",
    )  # fmt: skip

    class Meta:
        # No index names the status: pages have room for the next version of their rows (fillfactor, in the migration),
        # so that a step of an order's life touches no index. Unfinished is whoever has leaves; ask for it in these words.
        indexes = [
            models.Index(fields=["portfolio", "instrument"], name="orders_of_a_portfolio"),
            models.Index(
                fields=["instrument", "portfolio"],
                condition=Q(qty__gt=F("filled_qty") + F("cancelled_qty")),
                name="unfinished_orders",
            ),
            models.Index(
                fields=["client_ref", "created_by"],
                condition=Q(qty__gt=F("filled_qty") + F("cancelled_qty")) & ~Q(client_ref=""),
                name="references_in_use",
            ),
            models.Index(fields=["split_from"], condition=Q(split_from__isnull=False), name="parts_of_an_order"),
        ]
        triggers = PARTS_SUM
        constraints = [
            models.CheckConstraint(  # A part that was joined to another has given it all it had.
                condition=Q(qty__gt=0) | Q(qty=0, status="CANCELLED", split_from__isnull=False),
                name="order_has_a_quantity",
            ),
            models.CheckConstraint(
                condition=Q(filled_qty__gte=0, cancelled_qty__gte=0, qty__gte=F("filled_qty") + F("cancelled_qty")),
                name="order_never_overfills",
            ),
            models.CheckConstraint(
                condition=Q(order_type__in=LIMITED, limit_price__gt=0)
                | Q(order_type__in=("MARKET", "STOP"), limit_price=None)
                | (Q(order_type="PEGGED") & (Q(limit_price=None) | Q(limit_price__gt=0))),
                name="a_limit_order_has_its_limit",
            ),
            models.CheckConstraint(
                condition=Q(order_type__in=STOPS, terms__has_key="stop_price")
                | (~Q(order_type__in=STOPS) & ~Q(terms__has_key="stop_price")),
                name="a_stop_order_has_its_stop",
            ),
            models.CheckConstraint(
                condition=Q(order_type="PEGGED", terms__has_key="peg")
                | (~Q(order_type="PEGGED") & ~Q(terms__has_any_keys=["peg", "peg_offset"])),
                name="a_pegged_order_has_its_peg",
            ),
            models.CheckConstraint(
                condition=Q(tif="GTD", terms__has_key="expire_date")
                | (~Q(tif="GTD") & ~Q(terms__has_key="expire_date")),
                name="an_order_till_a_date_has_its_date",
            ),
            models.CheckConstraint(condition=Q(qty__gte=_said("min_qty")), name="a_minimum_is_within_the_quantity"),
            models.CheckConstraint(
                condition=Q(qty__gte=_said("display_qty")), name="what_is_displayed_is_within_the_quantity"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["DONE", "CANCELLED", "REJECTED"])
                | Q(qty=F("filled_qty") + F("cancelled_qty")),
                name="a_finished_order_has_no_leaves",
            ),
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"O-{self.pk:06d}"

    @property
    def leaves_qty(self):
        return self.qty - self.filled_qty - self.cancelled_qty

    @property
    def root_id(self) -> int:
        """The order as it was entered, where this is a part of it; else itself."""
        return self.split_from_id or self.pk

    @property
    def defaults_held(self) -> list[tuple[str, dict]]:
        """Fields that a rule filled in, with its trace; without those that were amended since."""
        now = {"tif": self.tif, "instructions": self.instructions, "desk": self.desk.code}
        return [(f, said) for f, said in (self.defaulted or {}).items() if now.get(f, said["value"]) == said["value"]]


class Leg(models.Model):
    """An order's part in its group. What waits for the group's parent is never blocked or routed before it filled."""

    class Role(models.TextChoices):
        LEG = "LEG", "Leg"
        PARENT = "PARENT", "First"
        CHILD = "CHILD", "Triggered"
        TARGET = "TARGET", "Target"
        STOP = "STOP", "Stop"

    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="leg")
    group = models.ForeignKey(OrderGroup, on_delete=models.PROTECT, related_name="legs")
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.LEG)
    ratio = models.DecimalField(max_digits=12, decimal_places=4, default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ratio__gt=0), name="a_leg_has_a_ratio"),
            models.UniqueConstraint(fields=["group"], condition=Q(role="PARENT"), name="a_group_has_one_parent"),
        ]


class Proposal(models.Model):
    """
    A wish that is no order yet: nothing is promised by it, nobody but its portfolio's managers needs it. One at a time
    for an instrument of a portfolio.
    """

    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="+", db_index=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    side = models.CharField(max_length=10, choices=Side.choices)
    qty = qty_field()
    order_type = models.CharField(max_length=10, default=OrderType.MARKET, help_text="MARKET or LIMIT")
    limit_price = price_field(null=True)
    rationale = models.CharField(max_length=400, blank=True, default="")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    order = models.OneToOneField(
        Order, null=True, on_delete=models.PROTECT, related_name="+", help_text="what it became"
    )
    status = models.CharField(max_length=10, default=ProposalStatus.PROPOSED)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["portfolio", "instrument"], condition=Q(status="PROPOSED"),
                name="a_portfolio_has_one_proposal_for_an_instrument",
            ),
            models.CheckConstraint(condition=Q(qty__gt=0), name="proposal_has_a_quantity"),
            models.CheckConstraint(
                condition=Q(status="PROMOTED", order__isnull=False) | (~Q(status="PROMOTED") & Q(order=None)),
                name="a_promoted_proposal_has_its_order",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"P-{self.pk:06d}"
