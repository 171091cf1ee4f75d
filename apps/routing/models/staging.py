"""Whose orders an upstream system may enter over its session, and what it asked, by the names it gave."""

from django.conf import settings
from django.db import models
from django.db.models import F
from django.db.models import Q as Where

from apps.orders.models import Order
from apps.portfolios.models import Portfolio

from ..states import G
from .routes import Message
from .sessions import Session

CONFIRMED = ("GRANTED", "ENDED")


class Grant(models.Model):
    """
    Leave of a staging session to enter orders of one person, in all that they run or in some portfolios. One person
    asks for it and another confirms it, neither being the one it speaks for.
    """

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="grants")
    acts_for = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    all_portfolios = models.BooleanField(default=False, help_text="whatever the person runs, else the portfolios named")
    portfolios = models.ManyToManyField(Portfolio, related_name="+")
    submits = models.BooleanField(
        default=False, help_text="sends orders to compliance as they are entered, else they wait as drafts"
    )
    reason = models.CharField(max_length=400)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=8, default=G.ASKED)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Where(status__in=CONFIRMED, confirmed_by__isnull=False)
                | (~Where(status__in=CONFIRMED) & Where(confirmed_by=None)),
                name="a_grant_in_force_was_confirmed",
            ),
            models.CheckConstraint(
                condition=Where(confirmed_by=None)
                | (~Where(confirmed_by=F("asked_by")) & ~Where(confirmed_by=F("acts_for"))),
                name="another_person_confirms_a_grant",
            ),
            models.UniqueConstraint(
                fields=["session", "acts_for"], condition=Where(status="GRANTED"), name="one_grant_in_force_a_person"
            ),
            models.UniqueConstraint(
                fields=["session", "acts_for"], condition=Where(status="ASKED"), name="one_grant_asked_a_person"
            ),
            models.UniqueConstraint(
                fields=["session"], condition=Where(status="GRANTED", all_portfolios=True),
                name="one_person_is_spoken_for_without_limit",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"G-{self.pk:04d}"

    @property
    def codes(self) -> list[str]:
        """Of the portfolios named, in order; prefetch them where grants are many."""
        return sorted(portfolio.code for portfolio in self.portfolios.all())

    @property
    def scope(self) -> str:
        return "all portfolios they run" if self.all_portfolios else ", ".join(self.codes)


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
    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        # For ever, not by day: an order may be good for longer than a day, and FIX 4.4 vol. 3 wants its ClOrdID unique
        # for as long.
        constraints = [
            models.UniqueConstraint(fields=["session", "cl_ord_id"], name="a_staged_reference_is_entered_once")
        ]
