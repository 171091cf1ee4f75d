"""Parts of what a broker executed that another confirms and settles."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.blocks.models import Block
from apps.reference.fields import qty_field
from apps.reference.models import Broker

from ..states import So


class StepOut(models.Model):
    """
    One broker executes, and steps out of a part of it: another steps in, which confirms and settles it at the same average
    price. Taken into account each time the block is booked.
    """

    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="+")
    from_broker = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="+", db_index=False)
    to_broker = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="+", db_index=False)
    qty = qty_field()
    gives_commission = models.BooleanField(help_text="the part's commission goes to who steps in; else to who executed")
    reason = models.CharField(max_length=400)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    status = models.CharField(max_length=9, default=So.AGREED)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(qty__gt=0) & ~Q(from_broker=F("to_broker")), name="a_step_out_gives_something_to_another"
            ),
            models.UniqueConstraint(
                fields=["block", "from_broker", "to_broker"], condition=Q(status="AGREED"), name="one_step_out_agreed_between_two"
            ),
        ]

    @property
    def ref(self) -> str:
        return f"SO-{self.pk:05d}"
