"""Routes, executions, inquiries, and every FIX message sent or heard."""


import pgtrigger
from django.db import models
from django.db.models import F
from django.db.models import Q as Where
from simple_history.models import HistoricalRecords

from apps.blocks.models import Block
from apps.orders.models import OwnField
from apps.reference.fields import amount_field, percent_field, price_field, qty_field, value_field
from apps.reference.models import AssetClass, Broker

from ..states import M, Q, Rt, X
from .sessions import Session


class RoutingRule(models.Model):
    """
    Blocks that match go to this destination; the lowest rank that matches decides. It changes by what one person proposes and
    another approves (``RuleChange``).
    """

    class Action(models.TextChoices):
        ALGO = "ALGO", "broker algorithm"
        INQUIRY = "INQUIRY", "dealer inquiry"
        TRADER = "TRADER", "left to the trader"

    class Mode(models.TextChoices):
        ASKED = "ASKED", "when a trader routes"
        DRY_RUN = "DRY_RUN", "dry run"
        ACTIVE = "ACTIVE", "by itself"

    rank = models.IntegerField(unique=True)
    name = models.CharField(max_length=80)
    number = models.IntegerField("version", default=1, db_default=1)
    condition = models.TextField(
        blank=True, default="", db_default="", help_text="on what blocks, market and portfolios it acts; empty: on all"
    )
    asset_class = models.CharField(max_length=8, choices=AssetClass.choices, blank=True, default="")
    country = models.CharField(max_length=2, blank=True, default="")
    min_volume_pct = percent_field(null=True, blank=True, help_text="block against average daily volume")
    max_volume_pct = percent_field(null=True, blank=True)
    own_field = models.ForeignKey(
        OwnField, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name="field of the firm's own",
        help_text="in which all orders of the block say the value",
    )  # fmt: skip
    own_value = models.CharField("its value", max_length=200, blank=True, default="")
    action = models.CharField(max_length=8, choices=Action.choices)
    brokers = models.ManyToManyField(
        Broker, help_text="taken in turn; an inquiry asks all, or as many as its params say", blank=True
    )
    strategy = models.CharField(max_length=12, blank=True, default="VWAP")
    params = models.JSONField(default=dict, blank=True)
    mode = models.CharField(max_length=8, choices=Mode.choices, default=Mode.ASKED, db_default=Mode.ASKED)
    daily_cap_usd = amount_field(null=True, blank=True, help_text="what it may route by itself in a day")
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True, help_text="the last day")
    is_active = models.BooleanField(default=True)
    history = HistoricalRecords(m2m_fields=[brokers])

    class Meta:
        ordering = ["rank"]
        constraints = [
            models.CheckConstraint(
                condition=~Where(mode="ACTIVE") | Where(action="TRADER") | Where(daily_cap_usd__gt=0),
                name="a_rule_that_routes_by_itself_has_a_cap",
            ),
            models.CheckConstraint(
                condition=Where(ends_on=None) | Where(starts_on=None) | Where(ends_on__gte=F("starts_on")),
                name="a_routing_rule_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Where(own_field=None, own_value="") | (Where(own_field__isnull=False) & ~Where(own_value="")),
                name="a_routing_rule_asks_a_field_for_a_value",
                violation_error_message="Give both a field of the firm's own and its value, or neither.",
            )
        ]

    def __str__(self) -> str:
        return self.name


CROSS, HAND = "CROSS", "HAND"


class Route(models.Model):
    """
    A part of a block at one broker. Its status is the broker's word; working: leaves = qty − cum.

    One of kind CROSS went to nobody: another client of the firm filled it at once. One of kind HAND was traded by voice
    or elsewhere, and a person entered its fill.
    """

    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="+")
    broker = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, choices=[*RoutingRule.Action.choices[:2], (CROSS, "internal cross"), (HAND, "by hand")])
    strategy = models.CharField(max_length=60, blank=True, default="")
    params = models.JSONField(default=dict, help_text="of the strategy; of a broker's own with the tags that are sent")
    trace = models.JSONField(default=dict, help_text="the rule that chose it and what it saw; an override's reason")
    qty = qty_field()
    limit_price = price_field(null=True)
    cum_qty = qty_field(default=0)
    cum_value = value_field(default=0)
    leaves_qty = qty_field()
    cl_ord_id = models.CharField(max_length=40, unique=True, help_text="current: the last the broker accepted")
    pending_cl_ord_id = models.CharField(max_length=40, blank=True, default="")
    order_id = models.CharField(max_length=40, blank=True, default="", help_text="the broker's (tag 37)")
    arrival_price = price_field(null=True, help_text="mid when it was requested")
    requested_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, help_text="TransactTime at which the broker began to work it")
    first_fill_at = models.DateTimeField(null=True)
    last_fill_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True, help_text="TransactTime at which it was filled, cancelled or otherwise over")
    reported_at = models.DateTimeField(null=True, help_text="TransactTime of the last report that moved it")
    reported_cum_qty = qty_field(default=0, help_text="CumQty (tag 14) of that report")
    day_qty = qty_field(
        null=True, help_text="DayOrderQty (424): of an order over days what was the day's to fill, as its broker told it last"
    )
    day_cum_qty = qty_field(null=True, help_text="DayCumQty (425)")
    day_average_price = value_field(null=True, help_text="DayAvgPx (426)")
    day_told_at = models.DateTimeField(null=True, help_text="TransactTime of the report that told these")
    text = models.CharField(max_length=200, blank=True, default="", help_text="the broker's last words")
    noted_at = models.DateTimeField(null=True, help_text="when the broker last did what the desk should know of")
    note = models.CharField(max_length=200, blank=True, db_default="", default="", help_text="what that was")
    environment = models.CharField(max_length=10, default="simulation")
    status = models.CharField(max_length=16, default=Rt.PENDING_SEND)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Where(qty__gt=0), name="a_route_has_a_quantity"),
            models.CheckConstraint(
                condition=Where(cum_qty__gte=0, leaves_qty__gte=0, qty__gte=F("cum_qty") + F("leaves_qty")),
                name="route_never_overfills",
            ),
        ]
        indexes = [models.Index(fields=["noted_at"], condition=Where(noted_at__isnull=False), name="routes_noted")]
        triggers = [
            pgtrigger.Trigger(
                name="goes_where_its_clients_direct",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                referencing=pgtrigger.Referencing(new="added"),
                func="""
                    IF EXISTS (
                        SELECT 1 FROM added r JOIN blocks_block b ON b.id = r.block_id
                        WHERE b.directed_to_id <> r.broker_id
                    ) THEN
                        RAISE EXCEPTION 'a directed block is routed to nobody but its broker';
                    END IF;
                    RETURN NULL;
                """,
            )
        ]

    @property
    def ref(self) -> str:
        return f"R-{self.pk:04d}"

    @property
    def average_price(self):
        return self.cum_value / self.cum_qty if self.cum_qty else None


class RouteRequest(models.Model):
    """A request of ours on a route, by its ClOrdID: new (35=D), cancel (F), replace (G), hit (AJ)."""

    route = models.ForeignKey(Route, on_delete=models.PROTECT, related_name="requests")
    cl_ord_id = models.CharField(max_length=40, unique=True)
    orig_cl_ord_id = models.CharField(max_length=40, blank=True, default="")
    msg_type = models.CharField(max_length=2)
    qty = qty_field()
    limit_price = price_field(null=True)
    answer = models.CharField(max_length=10, default="WAITING", help_text="WAITING, ACCEPTED, REJECTED")
    requested_at = models.DateTimeField()


class Message(models.Model):
    """A FIX application message: outgoing, from the commit that wanted it; incoming, as it was heard."""

    class Status(models.TextChoices):
        QUEUED = "QUEUED"  # out: committed, not yet handed to the session
        SENDING = "SENDING"  # out: handed over; unsure after a crash, then sent again as PossResend
        SENT = "SENT"
        WITHDRAWN = "WITHDRAWN"  # out: taken back by a halt before it was handed over
        HEARD = "HEARD"  # in: stored, not yet booked
        BOOKED = "BOOKED"
        QUARANTINED = M.QUARANTINED
        SETTLED = M.SETTLED

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="+", db_index=False)
    is_out = models.BooleanField()
    msg_type = models.CharField(max_length=2)
    seq_num = models.IntegerField(null=True)
    ref = models.CharField(
        max_length=80,
        blank=True,
        default="",
        help_text="out: the reference that may go out once; in: what makes a report the same one (trade date/ExecID)",
    )
    text = models.TextField(help_text="tag=value fields, SOH shown as |; out: the body as wanted")
    at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True, default="")
    route = models.ForeignKey(
        Route, null=True, on_delete=models.PROTECT, related_name="+", db_index=False, help_text="in: whose report was not booked",
    )  # fmt: skip
    dk_reason = models.CharField(
        max_length=1, blank=True, db_default="", default="", help_text="in quarantine: the DKReason (127) of its problem"
    )
    waits = models.BooleanField(
        db_default=False, default=False, help_text="in quarantine: booked by itself once what is missing is heard"
    )
    decision = models.CharField(
        max_length=8, blank=True, db_default="", default="", help_text="how its quarantine ended: accept, link, dk, dismiss, cleared"
    )
    status = models.CharField(max_length=11)
    version = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["session", "msg_type", "ref"], condition=Where(is_out=True), name="a_reference_goes_out_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["session", "id"], condition=Where(status__in=["QUEUED", "SENDING"]), name="messages_to_send"
            ),
            models.Index(
                fields=["session", "ref"], condition=Where(is_out=False) & ~Where(ref=""), name="reports_heard"
            ),
            models.Index(fields=["id"], condition=Where(status="HEARD"), name="messages_to_book"),
            models.Index(
                fields=["id"], condition=Where(is_out=False, msg_type__in=["D", "E", "F", "G", "H"]), name="requests_heard"
            ),
            models.Index(fields=["id"], condition=Where(status="QUARANTINED"), name="messages_in_quarantine"),
            models.Index(fields=["route"], condition=Where(route__isnull=False), name="messages_set_aside_by_route"),
        ]


class Execution(models.Model):
    """A fill as the broker reported it. Busts and corrections name it by ``exec_ref_id``; they never edit it."""

    route = models.ForeignKey(Route, on_delete=models.PROTECT, related_name="executions")
    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="+")
    broker = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="+", db_index=False)
    exec_id = models.CharField(max_length=60)
    corrects = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    trade_date = models.DateField()
    qty = qty_field()
    price = price_field()
    commission_amount = amount_field(default=0)
    currency_code = models.CharField(max_length=3)
    market = models.CharField(max_length=4, blank=True, default="", help_text="MIC (tag 30)")
    at_broker = models.DateTimeField(help_text="TransactTime (tag 60)")
    at = models.DateTimeField(help_text="when we heard it")
    message = models.ForeignKey(Message, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    is_voice = models.BooleanField(default=False, db_default=False, help_text="agreed on the phone, and entered by a person")
    status = models.CharField(max_length=10, default=X.LIVE)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["broker", "trade_date", "exec_id"], name="an_execution_is_booked_once"),
            models.CheckConstraint(condition=Where(qty__gt=0, price__gt=0), name="an_execution_has_quantity_and_price"),
        ]


class Inquiry(models.Model):
    """One request for quotes on a block's quantity to several dealers at once."""

    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="+")
    qty = qty_field()
    sent_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="when the collecting ends")
    mid_at_send = price_field(null=True)
    mid_at_decision = price_field(null=True)
    decided_at = models.DateTimeField(null=True)
    few_dealers_reason = models.CharField(max_length=300, blank=True, default="")
    trace = models.JSONField(default=dict)
    asked_in = models.ForeignKey("routing.InquiryList", null=True, on_delete=models.PROTECT, related_name="inquiries")
    environment = models.CharField(max_length=10, default="simulation")
    status = models.CharField(max_length=10, default=Q.COLLECTING)
    version = models.IntegerField(default=1)

    class Meta:
        verbose_name_plural = "inquiries"
        indexes = [
            models.Index(fields=["due_at"], condition=Where(status="COLLECTING"), name="inquiries_collecting"),
            models.Index(fields=["decided_at"], name="inquiries_decided"),
        ]

    @property
    def ref(self) -> str:
        return f"Q-{self.pk:04d}"


class DealerQuote(models.Model):
    """What one dealer answered, or has not yet."""

    class Result(models.TextChoices):
        ASKED = "ASKED"
        QUOTED = "QUOTED"
        DECLINED = "DECLINED"
        WON = "WON"
        COVER = "COVER"
        TIED = "TIED"
        LOST = "LOST"
        SILENT = "SILENT"
        LATE = "LATE"
        COUNTER = "COUNTER", "Countered"

    inquiry = models.ForeignKey(Inquiry, on_delete=models.PROTECT, related_name="quotes")
    dealer = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="+")
    request_ref = models.CharField(max_length=40, unique=True, help_text="QuoteReqID (131)")
    quote_ref = models.CharField(max_length=40, blank=True, default="", help_text="QuoteID (117)")
    price = price_field(null=True, help_text="percent of par")
    qty = qty_field(null=True)
    valid_until = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    text = models.CharField(max_length=200, blank=True, default="")
    result = models.CharField(max_length=8, default=Result.ASKED)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["inquiry", "dealer"], name="a_dealer_is_asked_once")]
