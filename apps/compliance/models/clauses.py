"""Mandates as they were signed: documents, their clauses, and which rule proves which clause."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.audit.models import ActRow
from apps.portfolios.models import Portfolio, PortfolioGroup

from ..states import Cl, InForce, Mp
from .rules import Rule, RuleVersion


class MandateDocument(models.Model):
    """What was agreed for a portfolio, for a group of portfolios, or for the whole firm. For whom never changes."""

    code = models.CharField(max_length=40, unique=True)
    title = models.CharField(max_length=200)
    portfolio = models.ForeignKey(Portfolio, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    group = models.ForeignKey(
        PortfolioGroup, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="without one and a portfolio: the firm"
    )
    status = models.CharField(max_length=8, default=InForce.ACTIVE)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(portfolio=None) | Q(group=None), name="a_mandate_is_for_a_portfolio_or_a_group")
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.title}"


class MandateEdition(models.Model):
    """One edition of a document, with its file where that is kept. Never changed."""

    document = models.ForeignKey(MandateDocument, on_delete=models.PROTECT, related_name="editions")
    number = models.IntegerField()
    effective_date = models.DateField(help_text="from when it binds")
    file_name = models.CharField(max_length=120, blank=True, default="")
    content = models.BinaryField(null=True, help_text="the PDF as it was given")
    size = models.IntegerField(default=0, help_text="bytes")
    sha256 = models.CharField(max_length=64, blank=True, default="", help_text="of the content")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()
    act = models.ForeignKey(ActRow, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["document", "number"], name="editions_count_up"),
            models.CheckConstraint(
                condition=Q(content=None, sha256="", size=0) | (Q(content__isnull=False, size__gt=0) & ~Q(sha256="")),
                name="an_editions_file_has_its_hash",
            ),
        ]
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]


class Clause(models.Model):
    """A clause of a document by its reference, through all editions; ``number`` says which of its wordings stands."""

    document = models.ForeignKey(MandateDocument, on_delete=models.PROTECT, related_name="clauses")
    reference = models.CharField(max_length=40, help_text="such as 4.2(b)")
    number = models.IntegerField(default=1)
    status = models.CharField(max_length=8, default=Cl.STANDS)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["document", "reference"], name="a_clause_is_named_once")]

    def __str__(self) -> str:
        return self.reference


class ClauseText(models.Model):
    """What a clause said in an edition. Never changed; another wording is another row."""

    clause = models.ForeignKey(Clause, on_delete=models.PROTECT, related_name="texts")
    number = models.IntegerField()
    edition = models.ForeignKey(MandateEdition, on_delete=models.PROTECT, related_name="+", help_text="the first that says so")
    page = models.IntegerField(null=True, blank=True, help_text="of the PDF")
    text = models.TextField()
    sha256 = models.CharField(max_length=64, help_text="of the text, however its lines are broken")
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clause", "number"], name="wordings_count_up"),
            models.CheckConstraint(condition=Q(page=None) | Q(page__gte=1), name="pages_count_from_one"),
        ]
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]


class ClauseMapping(models.Model):
    """
    One officer says which rule proves a clause, or that none is needed and why; another approves. It holds of the wording and
    the rule's version that both looked at: when either is another, it is stale until it is confirmed by a mapping anew.
    """

    clause = models.ForeignKey(Clause, on_delete=models.PROTECT, related_name="mappings")
    wording = models.ForeignKey(ClauseText, on_delete=models.PROTECT, related_name="+")
    rule = models.ForeignKey(Rule, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="empty: none is needed")
    rule_version = models.ForeignKey(RuleVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True, default="", help_text="what the officer who decided said")
    stale_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    why = models.CharField(max_length=300, blank=True, default="", help_text="why it is stale, or over")
    status = models.CharField(max_length=8, default=Mp.PROPOSED)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(status__in=["APPROVED", "STALE", "ENDED", "REFUSED"])
                | (Q(decided_by__isnull=False, decided_at__isnull=False) & ~Q(decided_by=F("written_by"))),
                name="nobody_decides_on_a_mapping_of_their_own",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="a_mapping_has_its_reason"),
            models.CheckConstraint(
                condition=Q(rule=None, rule_version=None) | Q(rule__isnull=False, rule_version__isnull=False),
                name="a_mapping_is_to_a_version_of_its_rule",
            ),
            models.UniqueConstraint(
                fields=["clause", "rule"], nulls_distinct=False, condition=Q(status="PROPOSED"), name="a_mapping_is_proposed_once"
            ),
            models.UniqueConstraint(
                fields=["clause", "rule"], nulls_distinct=False, condition=Q(status__in=["APPROVED", "STALE"]),
                name="a_clause_is_mapped_to_a_rule_once",
            ),
        ]
        indexes = [
            models.Index(fields=["rule"], condition=Q(status__in=["PROPOSED", "APPROVED", "STALE"]), name="mappings_of_rules_that_stand"),
            models.Index(fields=["status"], condition=Q(status="PROPOSED"), name="proposed_mappings"),
        ]

    @property
    def ref(self) -> str:
        return f"CM-{self.pk:05d}"
