"""Sales that failed to be delivered, and by when each must be closed out."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.portfolios.models import Portfolio
from apps.reference.fields import qty_field
from apps.reference.models import Instrument

from ..states import CO


class CloseOut(models.Model):
    """
    A sale of an equity that was not delivered on its settlement date (Regulation SHO, 17 CFR 242.204). While it is open,
    nobody in the firm sells the instrument short but units that are borrowed already.
    """

    source = models.CharField(max_length=40, unique=True, help_text="what failed, such as allocation:12")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="+", db_index=False)
    qty = qty_field()
    is_short = models.BooleanField(help_text="sold short; else long, which has until the third settlement day")
    settle_date = models.DateField(help_text="when it was to be delivered")
    due_on = models.DateField(help_text="closed out before regular trading hours of this day begin")
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+",
        help_text="nobody where it was delivered or cancelled",
    )  # fmt: skip
    how = models.CharField(max_length=300, blank=True, default="", help_text="delivered, cancelled, or the officer's reason")
    status = models.CharField(max_length=6, default=CO.OPEN)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(qty__gt=0), name="a_close_out_has_a_quantity"),
            models.CheckConstraint(condition=Q(due_on__gt=F("settle_date")), name="a_close_out_is_due_after_its_sale"),
            models.CheckConstraint(
                condition=Q(status="OPEN", ended_at=None, ended_by=None, how="")
                | (Q(status="CLOSED", ended_at__isnull=False) & ~Q(how="")),
                name="a_closed_close_out_says_how",
            ),
        ]
        indexes = [models.Index(fields=["instrument", "settle_date"], condition=Q(status="OPEN"), name="open_close_outs")]

    @property
    def ref(self) -> str:
        return f"CO-{self.pk:05d}"

    def __str__(self) -> str:
        return self.ref
