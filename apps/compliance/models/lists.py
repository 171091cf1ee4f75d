"""What may not be traded, or not without being seen: the firm's lists, and which orders met them."""

from functools import reduce
from operator import and_, or_

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.audit.models import ActRow
from apps.orders.models import Order
from apps.portfolios.models import Portfolio, PortfolioGroup
from apps.reference.models import Broker, Custodian, Instrument, Issuer
from apps.users.models import Desk

from ..engine.lists import KINDS, OF_PEOPLE, REACHES
from ..states import InForce

NAMED = ("issuer", "instrument", "broker", "custodian")
ONE_NAMED = reduce(
    or_, (reduce(and_, (Q(**{f"{name}__isnull": name != one}) for name in NAMED)) for one in NAMED)
)


# Of a row nothing is edited. It holds on until two officers agree that it does not; the control room, which is few, decides on its own.
LIFTED_BY_TWO = """
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an entry of a list is lifted, not deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.kind, NEW.issuer_id, NEW.reach, NEW.instrument_id, NEW.broker_id, NEW.custodian_id, NEW.portfolio_id, NEW.group_id, NEW.desk_id,
        NEW.person_id, NEW.direction, NEW.look_through, NEW.effective_from, NEW.effective_to) IS DISTINCT FROM (OLD.kind, OLD.issuer_id,
        OLD.reach, OLD.instrument_id, OLD.broker_id, OLD.custodian_id, OLD.portfolio_id, OLD.group_id, OLD.desk_id, OLD.person_id,
        OLD.direction, OLD.look_through, OLD.effective_from, OLD.effective_to) THEN
        RAISE EXCEPTION 'an entry of a list is never edited: list another, and lift this one' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.kind = 'RESTRICTED' AND OLD.status = 'ACTIVE' AND NEW.status <> 'ACTIVE' AND (OLD.lift_asked_by_id IS NULL
        OR NEW.lifted_by_id IS NULL OR NEW.lifted_by_id = OLD.lift_asked_by_id) THEN
        RAISE EXCEPTION 'two officers agree that a restriction is lifted' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
"""


class Restriction(models.Model):
    """
    An entry of a list: an issuer with as much of its group as it says, one instrument, or a counterparty, between two dates.

    What is not on the restricted list is for the control room alone (``engine.lists.KINDS``). What is on it is lifted by two
    officers: one asks (``lift_asked_by``), and another lifts it.
    """

    kind = models.CharField(max_length=10, default="RESTRICTED", choices=[(code, kind.title) for code, kind in KINDS.items()])
    issuer = models.ForeignKey(Issuer, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reach = models.CharField(
        max_length=9, default="GROUP", choices=list(REACHES.items()), help_text="how much of its group an issuer stands for"
    )
    instrument = models.ForeignKey(Instrument, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    broker = models.ForeignKey(
        Broker, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="nothing is routed to it"
    )
    custodian = models.ForeignKey(
        Custodian, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="of whose portfolios it stops orders"
    )
    portfolio = models.ForeignKey(
        Portfolio, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="empty: the whole firm"
    )
    group = models.ForeignKey(
        PortfolioGroup, null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="whose portfolios, as they are when an order is screened, it is about",
    )  # fmt: skip
    desk = models.ForeignKey(
        Desk, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="whose orders alone it is about"
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="an insider, or who crossed the wall: whose orders alone it is about",
    )  # fmt: skip
    direction = models.CharField(max_length=4, default="ALL", choices=[("ALL", "All"), ("BUY", "Buy"), ("SELL", "Sell")])
    reason = models.CharField(max_length=300)
    source = models.CharField(max_length=120, blank=True, default="", help_text="where it comes from")
    authorised_by = models.CharField(max_length=120, blank=True, default="", help_text="who had it listed")
    look_through = models.BooleanField(default=False, help_text="met by funds, too, that hold what it names")
    effective_from = models.DateField()
    effective_to = models.DateField(null=True, blank=True)
    status = models.CharField(max_length=8, default=InForce.ACTIVE)
    version = models.IntegerField(default=1)
    lift_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", help_text="who would have it lifted"
    )
    lift_reason = models.CharField(max_length=300, blank=True, default="", help_text="why it would be lifted")
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", help_text="the second officer"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(lifted_by=None) | (Q(lift_asked_by__isnull=False) & ~Q(lifted_by=F("lift_asked_by"))),
                name="nobody_lifts_a_restriction_alone",
            ),
            models.CheckConstraint(
                condition=Q(lift_asked_by=None) | ~Q(lift_reason=""), name="whoever_would_lift_an_entry_says_why"
            ),
            models.CheckConstraint(condition=ONE_NAMED, name="an_entry_names_one_thing"),
            models.CheckConstraint(
                condition=Q(broker=None, custodian=None) | Q(kind="RESTRICTED"), name="counterparties_are_restricted_openly"
            ),
            models.CheckConstraint(condition=Q(kind__in=list(KINDS)), name="an_entry_is_of_a_list_that_there_is"),
            models.CheckConstraint(condition=Q(reach__in=list(REACHES)), name="an_entry_reaches_as_far_as_is_known"),
            models.CheckConstraint(
                condition=Q(portfolio=None, desk=None) | Q(portfolio=None, group=None) | Q(desk=None, group=None),
                name="an_entry_is_for_a_portfolio_a_group_or_a_desk",
            ),
            models.CheckConstraint(condition=Q(broker=None) | Q(group=None), name="a_broker_is_listed_for_no_group"),
            models.CheckConstraint(
                condition=Q(person=None) & ~Q(kind="WALL") | Q(person__isnull=False, kind__in=OF_PEOPLE),
                name="whoever_crosses_a_wall_is_named_and_else_insiders_alone",
            ),
            models.CheckConstraint(
                condition=Q(effective_to=None) | Q(effective_to__gte=F("effective_from")),
                name="an_entry_ends_after_it_begins",
            ),
        ]
        indexes = [models.Index(fields=["kind"], condition=Q(status="ACTIVE"), name="entries_in_force")]
        triggers = [
            pgtrigger.Trigger(
                name="is_lifted_by_two", operation=pgtrigger.Update | pgtrigger.Delete, when=pgtrigger.Before, func=LIFTED_BY_TWO
            )
        ]


class ListHit(models.Model):
    """One version of an order met an entry. Kept whatever became of the order; never changed."""

    entry = models.ForeignKey(Restriction, on_delete=models.PROTECT, related_name="hits")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+")
    order_version = models.IntegerField()
    via = models.CharField(max_length=200, blank=True, default="", help_text="empty: the entry names what is ordered")
    at = models.DateTimeField()
    act = models.ForeignKey(ActRow, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entry", "order", "order_version"], name="an_order_meets_an_entry_once_a_version")
        ]
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]
