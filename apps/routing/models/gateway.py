"""FIX sessions as the gateway runs them: what it says of each, gaps, and what people want of it."""

from django.conf import settings
from django.db import models
from django.db.models import F
from django.db.models import Q as Where

from ..states import OPEN_RESETS, Sr, Ss
from .sessions import Session

NUMBERS = (1, 999_999_999)


class SessionState(models.Model):
    """What the gateway said last of a session. It is written anew each second and is no evidence."""

    session = models.OneToOneField(Session, primary_key=True, on_delete=models.PROTECT, related_name="state")
    holder = models.CharField(max_length=80, help_text="host and process of the gateway")
    looked_at = models.DateTimeField(help_text="when it looked last")
    is_on = models.BooleanField(help_text="whether both sides are logged on")
    next_out = models.IntegerField(help_text="sequence number of our next message")
    next_in = models.IntegerField(help_text="sequence number that we expect of theirs")
    heard_at = models.DateTimeField(null=True)
    heard_type = models.CharField(max_length=2, blank=True, default="")
    sent_at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True, help_text="when their last heartbeat (35=0) came")
    lag_ms = models.IntegerField(null=True, help_text="from their SendingTime (52) to our clock, of their last message")


class SessionNumbers(models.Model):
    """
    What a gateway needs to take the session over: every message of ours had a number below the ceiling, and theirs reached
    the other one at least.
    """

    session = models.OneToOneField(Session, primary_key=True, on_delete=models.PROTECT, related_name="+")
    store_id = models.CharField(max_length=32, help_text="whose files have the numbers exactly")
    out_ceiling = models.IntegerField()
    next_in = models.IntegerField()
    since = models.DateTimeField(help_text="when the numbers began anew")


class SessionGap(models.Model):
    """A resend request (35=2): messages that one side lacked."""

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    is_ours = models.BooleanField(help_text="whether we lacked them")
    first = models.IntegerField(help_text="BeginSeqNo (7)")
    last = models.IntegerField(help_text="EndSeqNo (16); 0 is up to the last")

    class Meta:
        ordering = ["-pk"]


class SessionStop(models.Model):
    """A session that a person stopped; it is not logged on until a person starts it."""

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=400)
    stopped_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    stopped_at = models.DateTimeField()
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField(null=True)
    start_reason = models.CharField(max_length=400, blank=True, default="")
    status = models.CharField(max_length=8, default=Ss.STOPPED)
    version = models.IntegerField(default=1)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["session"], condition=Where(status="STOPPED"), name="a_session_is_stopped_once"),
            models.CheckConstraint(
                condition=Where(status="STOPPED", started_by=None) | Where(status="ENDED", started_by__isnull=False),
                name="a_session_is_started_by_somebody",
            ),
        ]

    @property
    def ref(self) -> str:
        return f"SS-{self.pk:04d}"


class SequenceReset(models.Model):
    """
    Other sequence numbers for a session, proposed by one person and approved by another; the gateway sets them once. One
    that it ended within is unsure, and never done again.
    """

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="+")
    next_out = models.IntegerField(null=True, help_text="of our next message; empty leaves it")
    next_in = models.IntegerField(null=True, help_text="that we expect of theirs; empty leaves it")
    reason = models.CharField(max_length=400)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    out_before = models.IntegerField(null=True)
    in_before = models.IntegerField(null=True)
    done_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=8, default=Sr.PROPOSED)
    version = models.IntegerField(default=1)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Where(status__in=[Sr.PROPOSED, Sr.DECLINED])
                | (Where(decided_by__isnull=False) & ~Where(decided_by=F("proposed_by"))),
                name="another_person_approves_sequence_numbers",
            ),
            models.UniqueConstraint(
                fields=["session"], condition=Where(status__in=OPEN_RESETS), name="one_sequence_reset_at_a_time"
            ),
            models.CheckConstraint(
                condition=(Where(next_out__isnull=False) | Where(next_in__isnull=False))
                & (Where(next_out=None) | Where(next_out__range=NUMBERS))
                & (Where(next_in=None) | Where(next_in__range=NUMBERS)),
                name="a_sequence_reset_says_numbers",
            ),
        ]

    @property
    def ref(self) -> str:
        return f"SR-{self.pk:04d}"

    @property
    def words(self) -> str:
        """What it sets: “ours 1, theirs 5”."""
        said = (("ours", self.next_out), ("theirs", self.next_in))
        return ", ".join(f"{whose} {number:,}" for whose, number in said if number is not None)
