"""A group of blocks that are worked together, and its legs."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from apps.blocks.models import Block
from apps.reference.fields import amount_field, percent_field, price_field, qty_field
from apps.reference.models import Broker
from apps.users.models import Desk

from .states import Gr


class LinkedGroup(models.Model):
    """
    Blocks whose quantities at brokers hang together. Whoever handles what its routes did holds its row, so that one at a time
    does; ``heard`` says how far each route was handled, by its facts' numbers, which have no gaps.
    """

    class Kind(models.TextChoices):
        OCO = "OCO", "one cancels the other"
        OTO = "OTO", "one triggers the other"
        BRACKET = "BRACKET", "bracket"
        PROGRAM = "PROGRAM", "program"
        PAIR = "PAIR", "pair"
        MULTILEG = "MULTILEG", "package of legs"

    class How(models.TextChoices):
        REDUCE = "REDUCE", "a fill takes its share from the others"
        CANCEL = "CANCEL", "the first that fills stays, the others are cancelled"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    how = models.CharField(max_length=8, choices=How.choices, default=How.REDUCE)
    desk = models.ForeignKey(Desk, on_delete=models.PROTECT, related_name="+")
    tolerance_pct = percent_field(null=True, help_text="of a pair: how far its leader may be ahead, in percent of each leg")
    tolerance_amount = amount_field(
        null=True, help_text="of a pair, instead: how far its leader may be ahead, in USD at its price now"
    )
    ratio_limit = price_field(
        null=True, help_text="of a pair: the least price of what is sold, at its bid, in prices of what is bought, at its offer"
    )
    packages = qty_field(null=True, help_text="of a package: how many, each with so much of every leg")
    net_limit = price_field(
        null=True, help_text="of a package: the most that is paid for one, below zero the least that is received"
    )
    note = models.CharField(max_length=200, blank=True, default="")
    composed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    composed_at = models.DateTimeField()
    sent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False,
        help_text="in whose name, and by whose rights, it acts",
    )  # fmt: skip
    sent_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    heard = models.JSONField(default=dict, help_text="route id to the number of its last fact that was handled")
    handled = models.IntegerField(default=0, help_text="how many facts of its routes were handled")
    status = models.CharField(max_length=10, default=Gr.PLANNED)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status="PLANNED", sent_by=None) | Q(status="CANCELLED") | Q(sent_by__isnull=False, sent_at__isnull=False),
                name="a_group_at_work_has_who_sent_it",
            ),
            models.CheckConstraint(
                condition=Q(kind="PAIR", tolerance_pct__gt=0, tolerance_pct__lte=100, tolerance_amount=None)
                | Q(kind="PAIR", tolerance_pct=None, tolerance_amount__gt=0)
                | ~Q(kind="PAIR") & Q(tolerance_pct=None, tolerance_amount=None, ratio_limit=None),
                name="a_pair_has_its_tolerance",
            ),
            models.CheckConstraint(
                condition=Q(kind="MULTILEG", packages__gt=0) | ~Q(kind="MULTILEG") & Q(packages=None, net_limit=None),
                name="a_package_has_its_quantity",
            ),
            models.CheckConstraint(condition=Q(ratio_limit=None) | Q(ratio_limit__gt=0), name="a_ratio_limit_is_above_zero"),
            models.CheckConstraint(
                condition=Q(ended_at=None) ^ Q(status__in=["DONE", "CANCELLED"]), name="a_group_that_ended_says_when"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(status__in=["WORKING", "PAUSED", "ENDING"]), name="groups_followed")
        ]
        triggers = [pgtrigger.Protect(name="is_never_deleted", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"LG-{self.pk:04d}"


class Leg(models.Model):
    """A block's part in a group. ``allowed_qty`` is how much of it, filled included, the group's rule lets at brokers."""

    class Role(models.TextChoices):
        ONE = "ONE", "one of them"
        PARENT = "PARENT", "triggers the others"
        CHILD = "CHILD", "triggered"
        LEADER = "LEADER", "leads"
        FOLLOWER = "FOLLOWER", "follows"

    group = models.ForeignKey(LinkedGroup, on_delete=models.PROTECT, related_name="legs")
    nth = models.IntegerField()
    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=8, choices=Role.choices)
    qty = qty_field(help_text="of its block when the group was composed")
    ratio = qty_field(null=True, help_text="of a package: how much of it one has")
    broker_code = models.CharField(max_length=20, blank=True, default="", help_text="empty: as the routing rules say")
    allowed_qty = qty_field(default=0)
    first_filled = models.BigIntegerField(null=True, help_text="the entry of its first fill: who was first is first")
    given_back = models.JSONField(default=list, help_text="its routes whose rest is not asked for any more")
    refusals = models.IntegerField(default=0, help_text="requests its brokers refused since one was accepted")
    problem = models.CharField(max_length=300, blank=True, default="", help_text="what keeps the rule from being followed")
    is_live = models.BooleanField(default=True, help_text="its group has not ended")
    version = models.IntegerField(default=0)

    class Meta:
        ordering = ["group", "nth"]
        constraints = [
            models.UniqueConstraint(fields=["group", "nth"], name="legs_stand_in_an_order"),
            models.UniqueConstraint(fields=["block"], condition=Q(is_live=True), name="a_block_is_in_one_live_group"),
            models.CheckConstraint(
                condition=Q(qty__gt=0, allowed_qty__gte=0, allowed_qty__lte=F("qty")), name="a_leg_is_allowed_no_more_than_it_is"
            ),
            models.CheckConstraint(condition=Q(ratio=None) | Q(ratio__gt=0), name="a_leg_has_a_ratio_above_zero"),
        ]
        triggers = [pgtrigger.Protect(name="is_never_deleted", operation=pgtrigger.Delete)]


class Wave(models.Model):
    """A part of a program that was sent together: so many percent of every block, in whole lots."""

    group = models.ForeignKey(LinkedGroup, on_delete=models.PROTECT, related_name="waves")
    nth = models.IntegerField()
    pct = percent_field()
    up_to_pct = percent_field(help_text="of every block, with the waves before")
    sent_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    sent_at = models.DateTimeField()

    class Meta:
        ordering = ["group", "nth"]
        constraints = [
            models.UniqueConstraint(fields=["group", "nth"], name="program_waves_count_up"),
            models.CheckConstraint(
                condition=Q(pct__gt=0, up_to_pct__gte=F("pct"), up_to_pct__lte=100), name="a_wave_is_a_part_of_the_whole"
            ),
        ]
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]


class BrokerList(models.Model):
    """What of a wave went to one broker, under one ListID (66), and the broker's word for it (35=N)."""

    group = models.ForeignKey(LinkedGroup, on_delete=models.PROTECT, related_name="lists")
    broker = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="+", db_index=False)
    list_ref = models.CharField(max_length=60)
    wave = models.IntegerField(help_text="0: placed again after a broker did not take it")
    is_one = models.BooleanField(help_text="sent as one message (35=E), else as single orders of one ListID")
    orders = models.IntegerField()
    status = models.CharField(max_length=12, default="SENT", help_text="ListOrderStatus (431) in words")
    text = models.CharField(max_length=200, blank=True, default="")
    counts = models.JSONField(default=dict, help_text="ClOrdID to [state, cumulative, leaves] as the broker last counted them")
    sent_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["broker", "list_ref"], name="a_broker_has_a_list_once")]


class ListBroker(models.Model):
    """A broker that takes a list as one message (35=E) and answers by its state (35=N), as was agreed and tried with it."""

    broker = models.OneToOneField(Broker, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=200, blank=True, default="", help_text="with whom it was agreed, and when it was tried")
    history = HistoricalRecords()

    def __str__(self) -> str:
        return f"{self.broker} takes lists"


class PackageBroker(models.Model):
    """A broker that takes an order of several legs (35=AB), as was agreed and tried with it; of others legs go as single orders."""

    class Reports(models.TextChoices):
        BOTH = "1", "package and legs"
        LEGS = "2", "legs alone"

    broker = models.OneToOneField(Broker, on_delete=models.PROTECT, related_name="+")
    reports = models.CharField(
        max_length=1, choices=Reports.choices, default=Reports.BOTH,
        help_text="MultiLegRptTypeReq (563): positions are booked by reports of legs, so a broker that reports packages alone is none",
    )  # fmt: skip
    note = models.CharField(max_length=200, blank=True, default="", help_text="with whom it was agreed, and when it was tried")
    history = HistoricalRecords()

    def __str__(self) -> str:
        return f"{self.broker} takes packages"
