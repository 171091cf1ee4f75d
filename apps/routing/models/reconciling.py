"""What brokers say of open orders as a session comes back, held against what we have."""

from django.conf import settings
from django.db import models
from django.db.models import Q as Where

from apps.reference.fields import price_field, qty_field

from ..rules.reconciling import Found, Told
from ..states import Rec
from .routes import Message, Route
from .sessions import Session


class Reconciliation(models.Model):
    """A session that logged on with orders open at its broker: until all are answered, or it is due, new ones wait."""

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="+")
    began_at = models.DateTimeField()
    due_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, help_text="when new orders went on")
    status = models.CharField(max_length=8, default=Rec.WAITING)
    version = models.IntegerField(default=1)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["session"], condition=Where(status__in=[Rec.WAITING, Rec.DIFFERS]), name="a_session_reconciles_once_at_a_time"
            )
        ]

    @property
    def ref(self) -> str:
        return f"RN-{self.pk:04d}"


class ReconciledRoute(models.Model):
    """One open route of it: what we had as the broker answered, what it said, and what a person decided."""

    class Decision(models.TextChoices):
        MEND = "MEND", "as the broker says"
        KEEP = "KEEP", "as it is here"

    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.PROTECT, related_name="rows")
    route = models.ForeignKey(Route, on_delete=models.PROTECT, related_name="+")
    cl_ord_id = models.CharField(max_length=40)
    found = models.CharField(max_length=8, choices=[(f.value, f.name) for f in Found], default=Found.ASKED)
    our_status = models.CharField(max_length=16)
    our_cum = qty_field()
    their_status = models.CharField(max_length=1, blank=True, default="", help_text="OrdStatus (39)")
    their_cum = qty_field(null=True, help_text="CumQty (14)")
    their_leaves = qty_field(null=True, help_text="LeavesQty (151)")
    their_price = price_field(null=True, help_text="AvgPx (6)")
    order_id = models.CharField(max_length=40, blank=True, default="", help_text="OrderID (37)")
    text = models.CharField(max_length=300, blank=True, default="")
    answered_at = models.DateTimeField(null=True)
    answer = models.ForeignKey(Message, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    decision = models.CharField(max_length=4, blank=True, default="", choices=Decision.choices)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=400, blank=True, default="")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["reconciliation", "route"], name="a_route_is_asked_about_once"),
            models.CheckConstraint(
                condition=Where(decision="", decided_by=None) | (~Where(decision="") & Where(decided_by__isnull=False)),
                name="a_difference_is_decided_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["route"], condition=Where(found__in=["ASKED", "SILENT"]), name="routes_not_answered")]

    @property
    def told(self) -> Told:
        """What the broker said of it."""
        unknown = self.found == Found.UNKNOWN
        return Told(self.their_status, self.their_cum, self.their_leaves, self.their_price, self.order_id, unknown, self.text)
