"""Rules and their versions."""

import pgtrigger
from django.conf import settings
from django.db import models

from apps.audit.models import ActRow

from ..states import InForce


class Rule(models.Model):
    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=40, help_text="which measure of the engine it uses")
    citation = models.CharField(max_length=200, blank=True, default="")
    status = models.CharField(max_length=8, default=InForce.ACTIVE)
    version = models.IntegerField(default=1)

    def __str__(self) -> str:
        return self.name


class RuleVersion(models.Model):
    """What a rule said from a time on; never changed, a new version follows it."""

    rule = models.ForeignKey(Rule, on_delete=models.PROTECT, related_name="versions")
    number = models.IntegerField()
    params = models.JSONField(help_text="limits of the measure; numbers as text")
    text = models.CharField(max_length=400, help_text="the rule as a sentence")
    severity = models.CharField(max_length=8, default="SOFT", choices=[("WARN", "Warning"), ("SOFT", "Soft"), ("HARD", "Hard")])
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField()
    act = models.ForeignKey(ActRow, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "number"], name="rule_versions_count_up")]
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]
