"""Each day's report with all it looked at, and what is wrong for how long."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.audit.models import ActRow
from apps.compliance.models import Rule, RuleVersion
from apps.portfolios.models import Portfolio
from apps.reference.models import Instrument

from .states import Dy, Fi, In

THE_FIRM = "The firm"


class Day(models.Model):
    """A day's report: its newest run, and who signed that."""

    date = models.DateField(unique=True)
    status = models.CharField(max_length=8, default=Dy.REPORTED)
    version = models.IntegerField(default=1)
    run = models.ForeignKey("Run", null=True, on_delete=models.PROTECT, related_name="+", help_text="the newest")
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=1000, blank=True, default="", help_text="what who signed it wrote")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status="SIGNED", signed_by__isnull=False, signed_at__isnull=False)
                | Q(status="REPORTED", signed_by=None, signed_at=None),
                name="a_signed_day_has_who_signed_it",
            )
        ]


class Run(models.Model):
    """
    The rules asked of every portfolio once, or after fills of theirs, with all they looked at, so that it can be asked again
    on any later day.
    ``inputs`` is the compressed snapshot (compliance's ``engine.storing``).
    """

    day = models.ForeignKey(
        Day, null=True, on_delete=models.PROTECT, related_name="runs", help_text="empty: asked after fills, of their portfolios"
    )
    at = models.DateTimeField()
    act = models.ForeignKey(ActRow, on_delete=models.PROTECT, related_name="+", db_index=False)
    rule_versions = models.JSONField(help_text="ids in the order asked")
    inputs = models.BinaryField()
    inputs_hash = models.CharField(max_length=64, help_text="SHA-256 of the snapshot before it was compressed")
    portfolios = models.IntegerField()
    asked = models.IntegerField(help_text="numbers compared with a limit")
    breaches = models.IntegerField()
    unsure = models.IntegerField()
    warnings = models.IntegerField()

    class Meta:
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]


class Incident(models.Model):
    """A rule that a portfolio breaks as it stands, or all of them together; one however many days it goes on."""

    CAUSES = [("ACTIVE", "Active: by own trades"), ("PASSIVE", "Passive: by prices or flows"), ("UNKNOWN", "Not known")]

    rule = models.ForeignKey(Rule, on_delete=models.PROTECT, related_name="+")
    portfolio = models.ForeignKey(
        Portfolio, null=True, on_delete=models.PROTECT, related_name="+", help_text="empty: all portfolios together"
    )
    group = models.CharField(max_length=160, help_text="what of the portfolio: an issuer, a country, all together")
    cause = models.CharField(max_length=8, choices=CAUSES)
    opened_on = models.DateField()
    seen_on = models.DateField(help_text="the last day it was found")
    cure_by = models.DateField()
    value = models.DecimalField(max_digits=24, decimal_places=6, help_text="on the day it was last found, in ``unit``")
    limit = models.DecimalField(max_digits=24, decimal_places=6)
    unit = models.CharField(max_length=60)
    over_amount = models.DecimalField(max_digits=20, decimal_places=4, help_text="beyond the limit, in the firm's currency")
    text = models.CharField(max_length=400)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    ended_on = models.DateField(null=True)
    status = models.CharField(max_length=6, default=In.OPEN)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "portfolio", "group"], condition=Q(status="OPEN"), nulls_distinct=False,
                name="a_breach_that_goes_on_is_one_incident",
            ),
            models.CheckConstraint(
                condition=Q(status="OPEN", ended_on=None) | Q(status__in=["CURED", "CLOSED"], ended_on__isnull=False),
                name="an_incident_that_is_over_has_its_day",
            ),
            models.CheckConstraint(
                condition=Q(seen_on__gte=F("opened_on")), name="an_incident_is_found_from_the_day_it_opened"
            ),
        ]

    @property
    def ref(self) -> str:
        return f"I-{self.pk:06d}"

    @property
    def whose(self) -> str:
        return self.portfolio.code if self.portfolio else THE_FIRM


class Finding(models.Model):
    """What a run found that did not simply pass: a breach, a number that cannot be told, or one beyond its warning."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="findings")
    rule_version = models.ForeignKey(RuleVersion, on_delete=models.PROTECT, related_name="+", db_index=False)
    portfolio = models.ForeignKey(
        Portfolio, null=True, on_delete=models.PROTECT, related_name="+", db_index=False, help_text="empty: all portfolios together"
    )
    group = models.CharField(max_length=160)
    outcome = models.CharField(max_length=13, choices=[("FAIL", "Breach"), ("INDETERMINATE", "Cannot tell"), ("WARNING", "Warning")])
    value = models.DecimalField(max_digits=24, decimal_places=6, null=True)
    limit = models.DecimalField(max_digits=24, decimal_places=6)
    unit = models.CharField(max_length=60)
    over_amount = models.DecimalField(max_digits=20, decimal_places=4)
    text = models.CharField(max_length=400)
    data = models.JSONField(default=list, help_text="[{what, value, at, …}] of the largest parts")
    incident = models.ForeignKey(Incident, null=True, on_delete=models.PROTECT, related_name="found")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "rule_version", "portfolio", "group"], nulls_distinct=False, name="a_run_finds_each_thing_once"
            ),
            models.CheckConstraint(condition=~Q(outcome="FAIL") | Q(incident__isnull=False), name="a_breach_is_an_incident"),
        ]
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]

    @property
    def whose(self) -> str:
        return self.portfolio.code if self.portfolio else THE_FIRM


class Filing(models.Model):
    """A report to an authority that what the firm holds made due (``rules``)."""

    form = models.CharField(max_length=8, help_text="13D, 13G, 13F, 13H or TR-1")
    instrument = models.ForeignKey(Instrument, null=True, on_delete=models.PROTECT, related_name="+")
    pct = models.DecimalField(max_digits=16, decimal_places=12, null=True, help_text="of the class, when the clock started")
    direct_pct = models.DecimalField(
        max_digits=16, decimal_places=12, null=True, help_text="the part of it by shares alone; empty where the two are not told apart"
    )
    threshold = models.IntegerField(null=True)
    started_on = models.DateField()
    due_on = models.DateField()
    text = models.CharField(max_length=300)
    source = models.CharField(max_length=100)
    reference = models.CharField(max_length=100, blank=True, default="", help_text="what the authority answered by")
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=10, default=Fi.DUE)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["form", "instrument", "started_on"], nulls_distinct=False, name="a_clock_starts_once_a_day"
            ),
            models.CheckConstraint(
                condition=Q(status="DUE", ended_by=None, ended_at=None)
                | Q(status__in=["MADE", "NOT_NEEDED"], ended_by__isnull=False, ended_at__isnull=False),
                name="a_filing_that_is_over_has_who_ended_it",
            ),
            models.CheckConstraint(condition=~Q(status="MADE") | ~Q(reference=""), name="a_filing_that_was_made_has_its_reference"),
        ]
        indexes = [models.Index(fields=["due_on"], condition=Q(status="DUE"), name="filings_due")]

    @property
    def ref(self) -> str:
        return f"F-{self.pk:05d}"


class MonthEnd(models.Model):
    """What the firm held of section 13(f) securities as a month ended: a year's decide whether it reports for the next."""

    date = models.DateField(unique=True, help_text="the month's last session")
    worth = models.DecimalField(max_digits=20, decimal_places=4, help_text="in USD")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(worth__gte=0), name="a_month_end_is_worth_nothing_or_more")]
