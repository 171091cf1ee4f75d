"""What the desk works: many orders as one, and the statement of who is to have what."""

from datetime import date

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from apps.audit.models import ActRow
from apps.orders.models import Order, OrderType, Side, TimeInForce
from apps.portfolios.models import Direction, Portfolio
from apps.reference.fields import price_field, qty_field, value_field
from apps.reference.models import Broker, Currency, Instrument
from apps.users.models import Desk

from ..states import B, Op, Ro

# Seen at commit, and only where a block was split off or became smaller: what grows by gathering costs nothing.
IS_THE_SUM = """
    IF EXISTS (
        SELECT 1 FROM blocks_block b WHERE b.id = NEW.id AND b.status <> 'CANCELLED' AND b.qty <> (
            SELECT coalesce(sum(m.qty), 0) FROM (SELECT qty FROM blocks_member WHERE block_id = NEW.id
            UNION ALL SELECT qty FROM blocks_crossmember WHERE block_id = NEW.id) m)
    ) THEN
        RAISE EXCEPTION 'block % is not the sum of its orders', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'a_block_is_the_sum_of_its_orders';
    END IF;
    RETURN NULL;
"""
SUM_OF_ORDERS = [
    pgtrigger.Trigger(
        name=name, when=pgtrigger.After, timing=pgtrigger.Deferred, operation=operation, condition=condition, func=IS_THE_SUM
    )
    for name, operation, condition in (
        ("split_off_it_is_the_sum", pgtrigger.Insert, pgtrigger.Q(new__split_from__isnull=False)),
        ("smaller_it_is_the_sum", pgtrigger.UpdateOf("qty"), pgtrigger.Q(old__qty__gt=pgtrigger.F("new__qty"))),
    )
]


class Block(models.Model):
    """
    Like orders of many portfolios, worked as one. ``qty`` = filled + leaves + cancelled.

    ``placed_qty`` is what its live routes have filled or still work; what is not placed is the trader's to place.
    """

    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    side = models.CharField(max_length=10, choices=Side.choices)
    order_type = models.CharField(max_length=10, choices=OrderType.choices)
    limit_price = price_field(null=True)
    tif = models.CharField(max_length=4, choices=TimeInForce.choices)
    terms = models.JSONField(default=dict, help_text="what few orders say: those of its orders")
    instructions = models.CharField(max_length=200, blank=True, default="")
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+")
    desk = models.ForeignKey(Desk, on_delete=models.PROTECT, related_name="+")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+",
        help_text="who works it; empty: in the desk's pool",
    )  # fmt: skip
    directed_to = models.ForeignKey(
        Broker, null=True, on_delete=models.PROTECT, related_name="+", db_index=False,
        help_text="to whom its clients direct it; empty: free",
    )  # fmt: skip
    directed_when = models.CharField(
        max_length=6, choices=Direction.When.choices, blank=True, default="", db_default="",
        help_text="when it trades beside the free orders",
    )  # fmt: skip
    meant_for = models.ForeignKey(
        Broker, null=True, on_delete=models.PROTECT, related_name="+", db_index=False,
        help_text="for whom the desk split it off; empty: anybody",
    )  # fmt: skip
    trade_date = models.DateField()
    settle_date = models.DateField()
    merge_key = models.CharField(max_length=64, help_text="hash of all that its orders have in common")
    apart = models.TextField(blank=True, default="", db_default="", help_text="what a merge rule asked of its orders besides, in words")
    wave = models.IntegerField(default=1)
    split_from = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    opened_at = models.DateTimeField()
    frozen_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    arrival_price = price_field(null=True, help_text="mid when it was frozen, before its first route")
    qty = qty_field()
    placed_qty = qty_field(default=0)
    filled_qty = qty_field(default=0)
    filled_value = value_field(default=0, help_text="Σ quantity × price of live executions, exact")
    cancelled_qty = qty_field(default=0)
    status = models.CharField(max_length=10, default=B.OPEN)
    version = models.IntegerField(default=1)

    class Meta:
        triggers = SUM_OF_ORDERS
        constraints = [
            models.UniqueConstraint(
                fields=["merge_key"], condition=Q(status="OPEN"), name="one_open_block_a_merge_key"
            ),
            models.UniqueConstraint(fields=["merge_key", "wave"], name="waves_count_up"),
            models.CheckConstraint(
                condition=Q(filled_qty__gte=0, cancelled_qty__gte=0, qty__gte=F("filled_qty") + F("cancelled_qty")),
                name="block_never_overfills",
            ),
            models.CheckConstraint(
                condition=Q(placed_qty__gte=F("filled_qty"), placed_qty__lte=F("qty")), name="block_is_never_overplaced"
            ),
            models.CheckConstraint(
                condition=Q(directed_to=None, directed_when="") | Q(directed_to__isnull=False) & ~Q(directed_when=""),
                name="a_directed_block_says_when",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "desk"], name="blocks_by_status"),
            models.Index(
                fields=["trade_date", "instrument", "side"], name="blocks_directed", condition=~Q(directed_when="")
            ),
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"B-{self.pk:04d}"

    @property
    def leaves_qty(self):
        return self.qty - self.filled_qty - self.cancelled_qty

    @property
    def unplaced_qty(self):
        return self.qty - self.cancelled_qty - self.placed_qty

    @property
    def average_price(self):
        return self.filled_value / self.filled_qty if self.filled_qty else None


class Member(models.Model):
    """An order's part in a block: its whole leaves when it joined."""

    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="members")
    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="+")
    qty = qty_field()
    is_late = models.BooleanField(
        default=False, db_default=False, help_text="of a fund: released after the day's cut-off, so it gets the next valuation point"
    )

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(qty__gt=0), name="a_member_brings_a_quantity")]


class Statement(models.Model):
    """
    The allocation statement: which orders are to have how much, by which method, fixed before the first route
    (SEC no-action letter SMC Capital, 5 Sep 1995, condition 3).
    """

    block = models.OneToOneField(Block, on_delete=models.PROTECT, related_name="statement")
    content = models.JSONField(help_text="canonical: block, method, lot, [[order, portfolio, quantity], …]")
    hash = models.CharField(max_length=64, help_text="SHA-256 of the canonical JSON of content")
    made_at = models.DateTimeField()
    act = models.ForeignKey(ActRow, on_delete=models.PROTECT, related_name="+")

    class Meta:
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]


class Note(models.Model):
    """What somebody said about an order or a block. Whoever sees the order or block sees it; nobody changes it."""

    order = models.ForeignKey(Order, null=True, on_delete=models.PROTECT, related_name="+")
    block = models.ForeignKey(Block, null=True, on_delete=models.PROTECT, related_name="+")
    text = models.CharField(max_length=2000)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(order=None, block__isnull=False) | Q(order__isnull=False, block=None),
                name="a_note_is_about_one_thing",
            ),
            models.CheckConstraint(condition=~Q(text=""), name="a_note_says_something"),
        ]
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]


class NoteRead(models.Model):
    """How far a person has read the notes about an order or a block."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    order = models.ForeignKey(Order, null=True, on_delete=models.CASCADE, related_name="+", db_index=False)
    block = models.ForeignKey(Block, null=True, on_delete=models.CASCADE, related_name="+", db_index=False)
    last_note = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "order", "block"], nulls_distinct=False, name="one_read_mark_a_person_and_thing"
            )
        ]


class CrossMember(models.Model):
    """
    An order's part in a block that is a cross inside the firm: what it was filled there. What it still wants stays in
    the block it is worked in.
    """

    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="+")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+")
    qty = qty_field()
    is_late = False  # As a member of a block of funds may be.

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["block", "order"], name="an_order_is_crossed_once_in_a_block"),
            models.CheckConstraint(condition=Q(qty__gt=0), name="a_crossed_order_gets_a_quantity"),
        ]
        triggers = [
            pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete),
            # Of all of a cross, so when the transaction ends.
            pgtrigger.Trigger(
                name="takes_from_an_order_what_it_gives_it",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func="""
                    IF EXISTS (
                        SELECT 1 FROM orders_order o LEFT JOIN blocks_member m ON m.order_id = o.id WHERE o.id = NEW.order_id
                        AND (o.filled_qty < (SELECT sum(x.qty) FROM blocks_crossmember x WHERE x.order_id = o.id)
                        OR o.status = 'CLEARED' AND coalesce(m.qty, 0) <> o.qty - o.filled_qty - o.cancelled_qty)
                    ) THEN
                        RAISE EXCEPTION 'what an order was crossed is filled, and what is left of it is in its block';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]


class CrossConsent(models.Model):
    """
    Whether and since when a portfolio may be crossed with others of the firm. Without one it is not. A plan under ERISA and
    an account with our own or an affiliate's money never are: the conditions of 408(b)(19) are not offered.
    """

    class Nature(models.TextChoices):
        CLIENT = "CLIENT", "client"
        ERISA = "ERISA", "plan under ERISA"
        AFFILIATED = "AFFILIATED", "our own or an affiliate's money is in it"

    portfolio = models.OneToOneField(Portfolio, on_delete=models.PROTECT, related_name="+")
    nature = models.CharField(max_length=10, choices=Nature.choices, default=Nature.CLIENT)
    permits = models.BooleanField("permits crosses", default=True)
    starts_on = models.DateField(default=date(2000, 1, 1))
    ends_on = models.DateField(null=True, blank=True, help_text="the last day; empty: until further notice")
    basis = models.CharField(max_length=200, help_text="the procedures or agreement it rests on, with their date")
    history = HistoricalRecords()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")), name="a_consent_ends_after_it_starts"
            ),
            models.CheckConstraint(
                condition=~Q(nature="AFFILIATED", permits=True), name="an_affiliate_is_never_crossed"
            ),
            models.CheckConstraint(condition=~Q(nature="ERISA", permits=True), name="a_plan_under_erisa_is_never_crossed"),
        ]

    def __str__(self) -> str:
        return f"{self.portfolio}: {self.basis}"


class Opposition(models.Model):
    """A block that buys and one that sells the same thing on the same day, and what the desk decided about it."""

    buy = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="+")
    sell = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="+")
    cross_qty = qty_field(default=0, help_text="what could be crossed when it was found; of a cross, its quantity")
    problems = models.JSONField(default=list, help_text="why nothing could be crossed then; empty where something could")
    found_at = models.DateTimeField()
    price = price_field(null=True, help_text="of a proposed cross: independent, at the moment of the proposal")
    price_source = models.CharField(max_length=40, blank=True, default="")
    reason = models.CharField(max_length=400, blank=True, default="")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=8, default=Op.FOUND)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["buy", "sell"], name="two_blocks_oppose_each_other_once"),
            models.CheckConstraint(
                condition=~Q(status="CROSS") | Q(cross_qty__gt=0, price__gt=0), name="a_proposed_cross_has_its_terms"
            ),
        ]

    @property
    def ref(self) -> str:
        return f"X-{self.pk:04d}"


class Rotation(models.Model):
    """
    In which order a desk's parties, the free orders and each directed broker's, trade the same idea. ``position`` is the
    seat that is first at the next use. It moves with a fact on the record and in no other way, which the database holds.
    """

    name = models.CharField(max_length=80)
    desk = models.ForeignKey(Desk, on_delete=models.PROTECT, related_name="+")
    position = models.IntegerField(default=0)
    status = models.CharField(max_length=8, default=Ro.ACTIVE)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["desk"], condition=Q(status="ACTIVE"), name="one_rotation_a_desk"),
            models.CheckConstraint(condition=Q(position__gte=0), name="a_rotation_points_at_a_seat"),
        ]
        triggers = [
            pgtrigger.Protect(name="is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="moves_only_with_a_fact",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func="""
                    IF NOT EXISTS (
                        SELECT 1 FROM audit_entry e WHERE e.subject = 'rotation' AND e.subject_id = NEW.id
                        AND e.nth = NEW.version AND (e.payload->>'position')::int = NEW.position
                    ) THEN
                        RAISE EXCEPTION 'a rotation moves only with a fact on the record';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def ref(self) -> str:
        return f"TR-{self.pk:03d}"


class Seat(models.Model):
    """A party of a rotation: the orders directed to a broker, or (no broker) the free ones."""

    rotation = models.ForeignKey(Rotation, on_delete=models.PROTECT, related_name="seats")
    number = models.IntegerField()
    broker = models.ForeignKey(Broker, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["rotation", "number"], name="one_party_a_seat"),
            models.UniqueConstraint(
                fields=["rotation", "broker"], nulls_distinct=False, name="one_seat_a_party"
            ),
        ]
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]

    @property
    def party(self) -> str:
        return self.broker.name if self.broker else "Free orders"


class RotationUse(models.Model):
    """One idea that traded by a rotation: the same thing, on the same side, on one day; which seat was first for it."""

    rotation = models.ForeignKey(Rotation, on_delete=models.PROTECT, related_name="uses")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    side = models.CharField(max_length=10, choices=Side.choices)
    trade_date = models.DateField()
    first_seat = models.IntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["rotation", "instrument", "side", "trade_date"], name="an_idea_uses_a_rotation_once"
            )
        ]
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]
