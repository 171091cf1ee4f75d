"""What an upstream system asked over its session, by the names it gave."""

from django.db import models

from apps.orders.models import Order

from .routes import Message, Session


class StagedRequest(models.Model):
    """
    A request that was accepted: a new order (35=D, or a line of E), a cancel (F), a replace (G). What was refused keeps
    no name, so that it can be mended and sent again.
    """

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="+", db_index=False)
    cl_ord_id = models.CharField(max_length=64)
    msg_type = models.CharField(max_length=2)
    list_ref = models.CharField(max_length=64, blank=True, default="", help_text="ListID (66)")
    terms = models.TextField(help_text="what was asked, without header: a repeat is known by it")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+")
    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField()

    class Meta:
        # For ever, not by day: an order may be good for longer than a day, and FIX 4.4 vol. 3 wants its ClOrdID unique
        # for as long.
        constraints = [
            models.UniqueConstraint(fields=["session", "cl_ord_id"], name="a_staged_reference_is_entered_once")
        ]
