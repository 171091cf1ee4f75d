"""The kill switch as it was pressed, and what it stopped."""

from django.conf import settings
from django.db import models
from django.db.models import F
from django.db.models import Q as Where

from apps.reference.models import Broker
from apps.users.models import Desk

from ..states import H
from .routes import Route


def _names_alone(scope: str, field: str | None) -> Where:
    """Where a halt of this scope names its subject and no other."""
    named = {"user": Where(user=None), "desk": Where(desk=None), "broker": Where(broker=None), "strategy": Where(strategy="")}
    found = Where(scope=scope)
    for name, is_empty in named.items():
        found &= ~is_empty if name == field else is_empty
    return found


class Halt(models.Model):
    """The kill switch, pressed: nothing in its scope is routed (or only what reduces a position) until it is lifted."""

    class Scope(models.TextChoices):
        DESK = "DESK", "desk"
        USER = "USER", "person"
        STRATEGY = "STRATEGY", "strategy"
        BROKER = "BROKER", "broker"
        FIRM = "FIRM", "firm"

    class Mode(models.TextChoices):
        ALL = "ALL", "nothing is routed"
        REDUCE = "REDUCE", "only what reduces a position"

    scope = models.CharField(max_length=8, choices=Scope.choices)
    mode = models.CharField(max_length=6, choices=Mode.choices)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    desk = models.ForeignKey(Desk, null=True, on_delete=models.PROTECT, related_name="+")
    broker = models.ForeignKey(Broker, null=True, on_delete=models.PROTECT, related_name="+")
    strategy = models.CharField(max_length=12, blank=True, default="")
    reason = models.CharField(max_length=400, blank=True, default="")
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField()
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    lifted_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=8, default=H.ACTIVE)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=_names_alone("DESK", "desk")
                | _names_alone("USER", "user")
                | _names_alone("STRATEGY", "strategy")
                | _names_alone("BROKER", "broker")
                | _names_alone("FIRM", None),
                name="a_halt_names_what_it_stops",
            ),
            models.CheckConstraint(
                condition=Where(lifted_by=None) | ~Where(lifted_by=F("set_by")), name="another_person_lifts_a_halt"
            ),
            models.CheckConstraint(
                condition=Where(status="ACTIVE", lifted_by=None) | Where(status="LIFTED", lifted_by__isnull=False),
                name="a_lifted_halt_says_by_whom",
            ),
            models.UniqueConstraint(
                fields=["scope", "mode", "user", "desk", "broker", "strategy"],
                condition=Where(status="ACTIVE"),
                nulls_distinct=False,
                name="one_halt_in_force_a_scope",
            ),
        ]

    @property
    def ref(self) -> str:
        return f"H-{self.pk:04d}"

    @property
    def of(self) -> str:
        """What it stops, in words: “desk Main desk”, “the firm”."""
        subject = self.user or self.desk or self.broker or self.strategy
        return f"{self.get_scope_display()} {subject}" if subject else "the firm"


class HaltedRoute(models.Model):
    """A route that worked, or waited to be sent, in a halt's scope as it was set, and what was done about it."""

    class Done(models.TextChoices):
        CANCEL = "CANCEL", "asked to cancel"
        WITHDRAWN = "WITHDRAWN", "taken back before it was sent"
        CALL = "CALL", "cannot be cancelled over FIX: call"

    halt = models.ForeignKey(Halt, on_delete=models.PROTECT, related_name="routes")
    route = models.ForeignKey(Route, on_delete=models.PROTECT, related_name="+")
    done = models.CharField(max_length=10, choices=Done.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["halt", "route"], name="a_halt_stops_a_route_once")]
