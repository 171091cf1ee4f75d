"""Rules, their versions, and the changes of them that officers write and approve."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.audit.models import ActRow
from apps.portfolios.models import PortfolioGroup
from apps.reference.models import OwnAttribute

from ..states import USUAL, DraftStatus, InForce

SEVERITIES = [("INFO", "Information"), ("WARN", "Warning"), ("SOFT", "Soft"), ("HARD", "Hard")]
WHEN_UNSURE = [
    ("", "as severe as where it does not pass"), ("WARN", "said, and holds nothing"), ("SOFT", "waits for an officer"),
    ("HARD", "waits for two officers"),
]  # fmt: skip
UNSURE = [word for word, _ in WHEN_UNSURE]


class Rule(models.Model):
    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=40, help_text="which measure of the engine it uses")
    status = models.CharField(max_length=8, default=InForce.ACTIVE)
    version = models.IntegerField(default=1)

    def __str__(self) -> str:
        return self.name


def usual_moments() -> list[str]:
    return sorted(USUAL)


class Said(models.Model):
    """What a version of a rule says, and a draft of one."""

    params = models.JSONField(default=dict, help_text="limits of the measure; numbers as text")
    text = models.TextField(help_text="the rule as a sentence, made from its parameters")
    severity = models.CharField(max_length=8, default="SOFT", choices=SEVERITIES)
    when_unsure = models.CharField(
        "where it cannot tell", max_length=4, blank=True, default="", db_default="", choices=WHEN_UNSURE,
        help_text="for missing or stale data",
    )
    citation = models.CharField(max_length=200, blank=True, default="")
    jurisdiction = models.CharField(max_length=40, blank=True, default="", help_text="whose law it is; empty: the firm's own policy")
    scope = models.JSONField(
        default=dict, blank=True, help_text="lists of codes, of which one is enough (engine.scope); empty: the whole firm"
    )
    moments = models.JSONField(default=usual_moments, help_text="when it is asked")
    fixtures = models.JSONField(default=list, blank=True, help_text="books in plain words, and what it must say of each order")
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField()

    class Meta:
        abstract = True


class RuleVersion(Said):
    """
    What a rule said from a day on; never changed, a new version follows it. Of the versions whose dates hold a day the
    newest is in force on it: one that ends gives way to the one that stood before.
    """

    rule = models.ForeignKey(Rule, on_delete=models.PROTECT, related_name="versions")
    number = models.IntegerField()
    starts_on = models.DateField(null=True, blank=True, help_text="the first day it is in force; empty: since ever")
    ends_on = models.DateField(null=True, blank=True, help_text="the last one; empty: until a newer one")
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", help_text="empty: when the firm was set up"
    )
    act = models.ForeignKey(ActRow, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rule", "number"], name="rule_versions_count_up"),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("written_by")),
                name="nobody_approves_a_rule_of_their_own",
            ),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(starts_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="a_rule_version_ends_after_it_starts",
            ),
            models.CheckConstraint(condition=Q(when_unsure__in=UNSURE), name="what_a_rule_cannot_tell_is_said_or_held"),
        ]
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]


class AskedAttribute(models.Model):
    """An attribute of the firm's own that a version of a rule hangs on: it cannot be taken away."""

    version = models.ForeignKey(RuleVersion, on_delete=models.PROTECT, related_name="+")
    attribute = models.ForeignKey(OwnAttribute, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "attribute"], name="a_version_asks_for_it_once")]

    def __str__(self) -> str:
        return f"“{self.version.rule.name}”, version {self.version.number}, asks for it"


class RuleDraft(Said):
    """A change of a rule, a new rule, or a rule's end, on its way into force: one officer writes it, another approves."""

    rule = models.ForeignKey(Rule, null=True, blank=True, on_delete=models.PROTECT, related_name="drafts")
    seen = models.IntegerField(null=True, help_text="the rule's version that it was written from")
    retires = models.BooleanField(default=False, help_text="whether it takes the rule out of force")
    code = models.CharField(max_length=40)
    kind = models.CharField(max_length=40)
    name = models.CharField(max_length=120)
    starts_on = models.DateField(null=True, blank=True, help_text="empty: the day it is approved")
    ends_on = models.DateField(null=True, blank=True, help_text="the last day; empty: until a newer version")
    reason = models.TextField(blank=True, default="")
    bench = models.JSONField(null=True, help_text="what its fixtures said as it was proposed, and which mutants survived them")
    proposed_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True, default="", help_text="what the officer who decided said")
    became = models.ForeignKey(RuleVersion, null=True, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=8, default=DraftStatus.DRAFT)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(status__in=["APPROVED", "REFUSED"])
                | (Q(decided_by__isnull=False, decided_at__isnull=False) & ~Q(decided_by=F("written_by"))),
                name="nobody_decides_on_a_draft_of_their_own",
            ),
            models.CheckConstraint(
                condition=~Q(status="APPROVED") | Q(rule__isnull=False), name="an_approved_draft_has_its_rule"
            ),
            models.CheckConstraint(
                condition=Q(rule__isnull=False, seen__isnull=False) | Q(seen__isnull=True, retires=False),
                name="a_change_says_which_rule_it_saw",
            ),
            models.CheckConstraint(condition=Q(when_unsure__in=UNSURE), name="what_a_change_cannot_tell_is_said_or_held"),
        ]
        indexes = [models.Index(fields=["proposed_at"], condition=Q(status="PROPOSED"), name="proposed_drafts")]

    def __str__(self) -> str:
        return f"{self.ref} {self.name}"

    @property
    def ref(self) -> str:
        return f"D-{self.pk:04d}"


class NamedGroup(models.Model):
    """
    A change of a rule names a group of portfolios, which for that is not deleted: nor while the change is on its way, nor
    ever after it came into force. Of changes that were dropped or refused nothing is kept here.
    """

    draft = models.ForeignKey(RuleDraft, on_delete=models.PROTECT, related_name="+")
    group = models.ForeignKey(PortfolioGroup, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["draft", "group"], name="a_draft_names_a_group_once")]
        verbose_name = "rule"

    def __str__(self) -> str:
        return f"{self.draft} names {self.group.code}"
