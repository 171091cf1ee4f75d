"""How many messages a session or a strategy may send, and what was sent where somebody limited it."""

from django.db import models
from django.db.models import Q as Where
from simple_history.models import HistoricalRecords

from ..rules.orders import OWN_STRATEGIES
from .sessions import Session

STRATEGIES = (("VWAP", "VWAP"), ("TWAP", "TWAP"), ("PARTICIPATE", "Participate"))
THROTTLED = (*STRATEGIES, *((name, name) for name in OWN_STRATEGIES))  # Each order that one of our own sends applies it.


class Throttle(models.Model):
    """
    At most so many new, replace and cancel messages of one FIX session or one strategy (Delegated Regulation (EU) 2017/589,
    Article 15(1)(d)); for a strategy also how often it is applied to one instrument and side before it is stopped until a
    person lets it go on (Article 15(3)).
    """

    class Over(models.TextChoices):
        REFUSE = "REFUSE", "refused"
        QUEUE = "QUEUE", "kept and sent by the gateway as fast as allowed"

    session = models.ForeignKey(Session, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    strategy = models.CharField(max_length=12, choices=THROTTLED, blank=True, default="")
    per_second = models.PositiveIntegerField(null=True, blank=True)
    per_day = models.PositiveIntegerField(null=True, blank=True, help_text="a day in UTC; what is over it is refused")
    over = models.CharField("over the limit a second", max_length=6, choices=Over.choices, default=Over.REFUSE)
    most_repeats = models.PositiveIntegerField(
        null=True, blank=True, help_text="how often a strategy is applied to one instrument and side before it is stopped"
    )
    repeat_seconds = models.PositiveIntegerField(default=60, help_text="within how many seconds")
    is_active = models.BooleanField(default=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Where(session__isnull=False, strategy="") | (Where(session=None) & ~Where(strategy="")),
                name="a_throttle_is_of_a_session_or_a_strategy",
            ),
            models.CheckConstraint(
                condition=(Where(per_second=None) | Where(per_second__gt=0))
                & (Where(per_day=None) | Where(per_day__gt=0))
                & (Where(most_repeats=None) | Where(most_repeats__gt=0))
                & Where(repeat_seconds__gt=0),
                name="a_throttle_is_above_zero",
            ),
            models.CheckConstraint(
                condition=Where(per_second__isnull=False) | Where(per_day__isnull=False) | Where(most_repeats__isnull=False),
                name="a_throttle_limits_something",
            ),
            models.CheckConstraint(
                condition=Where(session=None) | Where(most_repeats=None), name="a_strategy_is_stopped_not_a_session"
            ),
            models.CheckConstraint(condition=Where(strategy="") | Where(over="REFUSE"), name="a_session_alone_queues"),
            models.UniqueConstraint(
                fields=["session", "strategy"], condition=Where(is_active=True), nulls_distinct=False, name="one_throttle_in_force"
            ),
        ]

    @property
    def of(self) -> str:
        return f"strategy {self.strategy}" if self.strategy else f"session {self.session}"

    def __str__(self) -> str:
        return self.of


class ThrottleUse(models.Model):
    """What one act sent of what a throttle limits. Old rows say nothing and may go."""

    throttle = models.ForeignKey(Throttle, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField()
    messages = models.IntegerField()
    instrument_id = models.BigIntegerField(null=True, help_text="of a strategy that was applied")
    side = models.CharField(max_length=10, blank=True, default="")
    applied = models.IntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["throttle", "at"], name="uses_of_a_throttle")]
