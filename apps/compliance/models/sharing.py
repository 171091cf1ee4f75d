"""Room under limits that the whole firm shares."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.orders.models import Order
from apps.reference.fields import qty_field
from apps.reference.models import Instrument

from ..states import Room
from .rules import Rule


class SharedLimit(models.Model):
    """
    A limit of one rule on one instrument, or on one group of instruments, for the whole firm: the row that whoever takes or
    keeps room under it holds.
    """

    rule = models.ForeignKey(Rule, on_delete=models.PROTECT, related_name="+", db_index=False)
    instrument = models.ForeignKey(Instrument, null=True, on_delete=models.PROTECT, related_name="+")
    group_key = models.CharField(
        max_length=260, blank=True, default="", help_text="what is added up and which: issuer:17, sector:Energy; empty: an instrument"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rule", "instrument"], name="a_shared_limit_has_one_row"),
            models.UniqueConstraint(
                fields=["rule", "group_key"], condition=~Q(group_key=""), name="a_shared_limit_of_a_group_has_one_row"
            ),
            models.CheckConstraint(
                condition=Q(instrument__isnull=False, group_key="") | Q(instrument=None) & ~Q(group_key=""),
                name="a_shared_limit_is_of_an_instrument_or_a_group",
            ),
        ]


class Reservation(models.Model):
    """Room under a shared limit that is kept for a draft till a time."""

    limit = models.ForeignKey(SharedLimit, on_delete=models.PROTECT, related_name="+")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+")
    qty = qty_field()
    reserved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reserved_at = models.DateTimeField()
    until = models.DateTimeField()
    ended = models.CharField(max_length=12, blank=True, default="", help_text="what ended it")
    status = models.CharField(max_length=8, default=Room.HELD)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["limit", "order"], condition=Q(status="HELD"), name="an_order_keeps_room_under_a_limit_once"
            ),
            models.CheckConstraint(condition=Q(qty__gt=0, until__gt=F("reserved_at")), name="a_reservation_is_of_something_for_a_while"),
        ]
        indexes = [models.Index(fields=["until"], condition=Q(status="HELD"), name="reservations_that_end")]
