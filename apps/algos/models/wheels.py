"""Algo wheels: what they say by two people's word, their seasons with a seed, and every draw."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.blocks.models import Block
from apps.reference.fields import qty_field
from apps.reference.models import Broker
from apps.routing.models import Route

from ..states import Dr, Se, Wc


def _person(**kwargs) -> models.ForeignKey:
    return models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False, **kwargs)


class Wheel(models.Model):
    """
    Destinations that share out blocks by chance, in proportion to their weights within each stratum.
    ``text``: destinations [{broker, strategy, weight}], by_class, by_sector, sizes (percent of a day's volume), days.
    """

    name = models.CharField(max_length=80, unique=True)
    number = models.IntegerField("version", default=0)
    text = models.JSONField(default=dict)
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class WheelChange(models.Model):
    """A text of a wheel that one person proposes and another approves."""

    wheel = models.ForeignKey(Wheel, null=True, on_delete=models.PROTECT, related_name="changes")
    seen = models.IntegerField(default=0, help_text="the version that it was written from; 0 of a new one")
    said = models.JSONField(help_text="the whole text, with its name")
    before = models.JSONField(default=dict)
    reason = models.CharField(max_length=400)
    proposed_by = _person()
    proposed_at = models.DateTimeField()
    decided_by = _person(null=True)
    decided_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=400, blank=True, default="")
    number = models.IntegerField(null=True, help_text="the version of the wheel that it became")
    status = models.CharField(max_length=8, default=Wc.PROPOSED)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["wheel"], condition=Q(status="PROPOSED"), name="one_change_of_a_wheel_waits"),
            models.CheckConstraint(
                condition=~Q(status="APPROVED") | Q(number__isnull=False, wheel__isnull=False) & ~Q(proposed_by=F("decided_by")),
                name="nobody_approves_a_wheel_they_wrote",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="its_text_stays", fields=["said", "before", "seen", "reason", "proposed_by", "proposed_at"]),
        ]

    @property
    def ref(self) -> str:
        return f"WC-{self.pk:04d}"


class Season(models.Model):
    """Draws with one seed of one text. The seed's hash is told when it opens, the seed when it is closed."""

    wheel = models.ForeignKey(Wheel, on_delete=models.PROTECT, related_name="seasons")
    n = models.IntegerField()
    number = models.IntegerField(help_text="version of the wheel")
    said = models.JSONField(help_text="the wheel's text")
    seed = models.CharField(max_length=64, help_text="kept to ourselves until the season is closed")
    commitment = models.CharField(max_length=64, help_text="SHA-256 of the seed")
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="when it is to be closed")
    closed_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=6, default=Se.OPEN)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["wheel", "n"], name="seasons_count_up"),
            models.UniqueConstraint(fields=["wheel"], condition=Q(status="OPEN"), name="one_season_of_a_wheel_is_open"),
            models.CheckConstraint(condition=Q(status="CLOSED") ^ Q(closed_at=None), name="a_closed_season_has_its_time"),
        ]
        triggers = [
            pgtrigger.Protect(name="is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="its_seed_stays", fields=["wheel", "n", "number", "said", "seed", "commitment", "opened_at"]),
        ]

    @property
    def ref(self) -> str:
        return f"{self.wheel.name}, season {self.n}"


class Sequence(models.Model):
    """The draws of a stratum among the same destinations. Whoever draws holds its row, so that no two share a counter."""

    season = models.ForeignKey(Season, on_delete=models.PROTECT, related_name="sequences")
    stratum = models.CharField(max_length=120)
    among = models.JSONField(help_text="numbers of the destinations that could be drawn")
    among_key = models.CharField(max_length=120)
    drawn = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["season", "stratum", "among_key"], name="a_stratum_has_one_sequence"),
            models.CheckConstraint(condition=Q(drawn__gte=0), name="a_sequence_counts_up"),
        ]


class Draw(models.Model):
    """One draw, before anything is routed. Whatever comes of it, it stays with its counter."""

    sequence = models.ForeignKey(Sequence, on_delete=models.PROTECT, related_name="draws")
    counter = models.IntegerField(help_text="from 0 in its sequence")
    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="+")
    qty = qty_field(help_text="of the block that was to be placed")
    pick = models.IntegerField(help_text="number of the destination in the wheel's text")
    broker = models.ForeignKey(Broker, on_delete=models.PROTECT, related_name="+", db_index=False)
    strategy = models.CharField(max_length=12, blank=True, default="")
    excluded = models.JSONField(default=list, help_text="[destination, why] of those that could not be drawn")
    drawn_by = _person()
    drawn_at = models.DateTimeField()
    route = models.OneToOneField(Route, null=True, on_delete=models.PROTECT, related_name="+")
    text = models.CharField(max_length=400, blank=True, default="", help_text="why it did not get the block")
    status = models.CharField(max_length=9, default=Dr.DRAWN)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sequence", "counter"], name="no_two_draws_share_a_counter"),
            models.UniqueConstraint(fields=["block"], condition=Q(status="DRAWN"), name="a_block_is_drawn_once_at_a_time"),
            models.CheckConstraint(condition=Q(status="ROUTED") ^ Q(route=None), name="a_routed_draw_has_its_route"),
            models.CheckConstraint(condition=~Q(status="SET_ASIDE") | ~Q(text=""), name="a_draw_is_set_aside_for_a_reason"),
        ]
        triggers = [
            pgtrigger.Protect(name="is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="its_outcome_stays",
                fields=["sequence", "counter", "block", "qty", "pick", "broker", "strategy", "excluded", "drawn_by", "drawn_at"],
            ),
        ]

    @property
    def ref(self) -> str:
        return f"DR-{self.pk:05d}"
