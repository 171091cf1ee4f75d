"""How routing rules change, what they may still take today, and what they decided by themselves."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F
from django.db.models import Q as Where

from apps.blocks.models import Block
from apps.reference.fields import amount_field, qty_field

from ..states import Rc
from .routes import RoutingRule


class RuleChange(models.Model):
    """
    A text of a routing rule that one person proposes and another approves; then it is the rule's version ``number``. Those that
    were approved are all the versions there were, each with when it came into force.
    """

    rule = models.ForeignKey(RoutingRule, null=True, on_delete=models.PROTECT, related_name="changes", help_text="empty: a new one")
    seen = models.IntegerField(default=0, help_text="the version of the rule that it was written from; 0 of a new one")
    said = models.JSONField(help_text="the whole text")
    before = models.JSONField(default=dict, help_text="what the rule said then, where it differs")
    reason = models.CharField(max_length=400)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=400, blank=True, default="", help_text="why it was refused, or what was said with it")
    number = models.IntegerField(null=True, help_text="the version of the rule that it became")
    is_stop = models.BooleanField(default=False, help_text="one person had it stop acting by itself")
    status = models.CharField(max_length=8, default=Rc.PROPOSED)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "number"], condition=Where(number__isnull=False), name="a_version_of_a_rule_is_one_text"
            ),
            models.UniqueConstraint(fields=["rule"], condition=Where(status="PROPOSED"), name="one_change_of_a_rule_waits"),
            models.CheckConstraint(
                condition=~Where(status="APPROVED") | Where(number__isnull=False, rule__isnull=False, decided_at__isnull=False),
                name="an_approved_text_is_a_version",
            ),
            models.CheckConstraint(
                condition=~Where(status="APPROVED") | Where(is_stop=True) | ~Where(proposed_by=F("decided_by")),
                name="nobody_approves_what_they_wrote",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="its_text_stays", fields=["said", "before", "seen", "reason", "proposed_by", "proposed_at"]),
        ]

    @property
    def ref(self) -> str:
        return f"RC-{self.pk:04d}"


class RuleDay(models.Model):
    """What a rule routed by itself on a day, against its cap. Its row is locked by whoever takes of it."""

    rule = models.ForeignKey(RoutingRule, on_delete=models.PROTECT, related_name="+")
    day = models.DateField()
    cap_usd = amount_field()
    used_usd = amount_field(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rule", "day"], name="a_rule_has_one_cap_a_day"),
            models.CheckConstraint(condition=Where(used_usd__lte=F("cap_usd"), used_usd__gte=0), name="a_rule_stays_within_its_cap"),
        ]


class RoutingDecision(models.Model):
    """
    What a rule that acts by itself decided about a block as it stood at a version, or a dry run would have. Never changed.
    """

    class Outcome(models.TextChoices):
        ROUTED = "ROUTED", "routed"
        WOULD_ROUTE = "WOULD_ROUTE", "would have been routed"
        LEFT = "LEFT", "left to the trader"
        CAPPED = "CAPPED", "over the rule's cap, left to the trader"
        REFUSED = "REFUSED", "could not be routed, left to the trader"
        SPLIT = "SPLIT", "split, as some may not trade with the broker"

    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="+")
    block_version = models.IntegerField()
    rule = models.ForeignKey(RoutingRule, null=True, on_delete=models.PROTECT, related_name="+")
    number = models.IntegerField(default=0, help_text="version of the rule")
    outcome = models.CharField(max_length=12, choices=Outcome.choices)
    at = models.DateTimeField()
    qty = qty_field()
    usd = amount_field(null=True)
    text = models.CharField(max_length=400, blank=True, default="", help_text="why, in words")
    trace = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["block", "block_version", "rule", "outcome"], nulls_distinct=False, name="a_block_is_decided_once_a_version"
            )
        ]
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]
