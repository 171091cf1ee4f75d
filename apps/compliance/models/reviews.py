"""What rules found of orders, and what officers decided."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.audit.models import ActRow
from apps.orders.models import Order
from apps.reference.fields import amount_field, qty_field

from ..states import CODES, Moment, R
from .rules import Rule, RuleVersion


class Run(models.Model):
    """
    One screening with all that it looked at, so that it can be judged again: the engine's columns as they were, and which
    versions of which rules were asked. Bytes are Arrow IPC files of one cell (``engine.storing``).
    """

    moment = models.CharField(max_length=8, help_text="what asked for it (``states.Moment``)")
    at = models.DateTimeField(db_index=True)
    act = models.ForeignKey(ActRow, on_delete=models.PROTECT, related_name="+", db_index=False)
    orders = models.IntegerField(help_text="how many were judged together")
    rule_versions = models.JSONField(help_text="ids in the order asked")
    rules_hash = models.CharField(max_length=64, help_text="SHA-256 of what those versions say")
    inputs = models.BinaryField(help_text="the snapshot, compressed")
    inputs_hash = models.CharField(max_length=64, help_text="SHA-256 of the snapshot before it was compressed")
    engine = models.JSONField(help_text="what it was judged with: library to version")

    class Meta:
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]

    @property
    def ref(self) -> str:
        return f"S-{self.pk:06d}"


class RunFigures(models.Model):
    """The numbers of every rule for some orders of a run, those from one id to another (``engine.figures``)."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="parts", db_index=False)
    first_order = models.BigIntegerField()
    last_order = models.BigIntegerField()
    figures = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "first_order"], name="a_runs_figures_follow_each_other")]
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]


class Check(models.Model):
    """
    The verdict on one version of one order: every rule asked, with the numbers it used.

    ``results`` is a list, one object a rule that did not pass: {rule, version, name, severity, outcome, now, after, limit,
    unit, room, max_qty, basis, data: [{what, value, at}], text}. What passed is among the figures of the run; checks
    that have no run have it here too.
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+")
    order_version = models.IntegerField()
    outcome = models.CharField(max_length=13)
    results = models.JSONField()
    inputs_hash = models.CharField(max_length=64, help_text="SHA-256 of the order, the run's inputs and the rules")
    order_hash = models.CharField(max_length=64, default="", help_text="SHA-256 of the order's economic state")
    checked_qty = qty_field(null=True, help_text="the order's quantity then")
    run = models.ForeignKey(Run, null=True, on_delete=models.PROTECT, related_name="+")
    rules_asked = models.IntegerField()
    max_passing_qty = qty_field(null=True, help_text="the largest quantity that passes every rule; null where it passed")
    binding_rule = models.CharField(max_length=40, blank=True, default="")
    at = models.DateTimeField()
    act = models.ForeignKey(ActRow, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]

    @property
    def at_route(self) -> bool:
        """Whether it was asked as the order was about to be sent."""
        return self.run is not None and self.run.moment == Moment.ROUTE


class Review(models.Model):
    """A held order waiting for an officer's decision."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+")
    verdict = models.ForeignKey(Check, on_delete=models.PROTECT, related_name="+")
    severity = models.CharField(max_length=8, default="SOFT", help_text="of the hardest rule that did not pass")
    leading_rule = models.CharField(max_length=40, default="", help_text="the rule to look at first")
    amount_usd = amount_field(null=True, help_text="what the order was worth when it was held; null without a price")
    opened_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(blank=True, default="")
    status = models.CharField(max_length=10, default=R.WAITING)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order"], condition=Q(status="WAITING"), name="an_order_waits_in_one_review"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["WAITING", "WITHDRAWN"])
                | (Q(decided_by__isnull=False, decided_at__isnull=False) & ~Q(reason="")),
                name="a_decision_has_its_person_and_reason",
            ),
        ]
        indexes = [models.Index(fields=["opened_at"], condition=Q(status="WAITING"), name="waiting_reviews")]

    @property
    def ref(self) -> str:
        return f"V-{self.pk:06d}"


class Override(models.Model):
    """
    What a rule found of one version of an order and officers let stand: for as long as it is that and no worse, till
    ``expires_at``. A finding of a hard rule needs two of them, the first who asks and the second who confirms.
    """

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="overrides")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+")
    order_version = models.IntegerField()
    rule = models.ForeignKey(Rule, on_delete=models.PROTECT, related_name="+")
    rule_version = models.ForeignKey(RuleVersion, on_delete=models.PROTECT, related_name="+")
    severity = models.CharField(max_length=8, help_text="of the finding")
    outcome = models.CharField(max_length=13)
    value = models.DecimalField(max_digits=38, decimal_places=10, null=True, help_text="what it would come to, in the unit")
    limit = models.DecimalField(max_digits=38, decimal_places=10, null=True)
    unit = models.CharField(max_length=40, blank=True, default="")
    limit_from = models.CharField(max_length=40, blank=True, default="")
    said = models.TextField(help_text="the finding as a sentence")
    met = models.JSONField(null=True, help_text="of a list, which of its entries, in words that say nothing of them")
    code = models.CharField(max_length=12, choices=[(code.value, words) for code, words in CODES.items()])
    reason = models.TextField()
    tolerance_pct = models.DecimalField(
        max_digits=5, decimal_places=2, default=0, help_text="by how much of the limit the value may get worse"
    )
    expires_at = models.DateTimeField()
    first_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    first_at = models.DateTimeField()
    second_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    second_at = models.DateTimeField(null=True)
    second_reason = models.TextField(blank=True, default="")
    status = models.CharField(max_length=8)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order", "rule"], condition=Q(status__in=["ASKED", "LIVE"]), name="one_override_of_an_order_and_rule"
            ),
            models.CheckConstraint(
                condition=Q(second_by__isnull=True) | ~Q(second_by=F("first_by")), name="two_officers_are_two_people"
            ),
            models.CheckConstraint(
                condition=~Q(severity="HARD", status__in=["LIVE", "LAPSED"]) | Q(second_by__isnull=False),
                name="a_hard_finding_has_two_officers",
            ),
            models.CheckConstraint(condition=Q(code__in=[code.value for code in CODES]), name="an_override_has_a_reason_code"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("first_at")) & Q(tolerance_pct__gte=0) & Q(tolerance_pct__lte=10),
                name="an_override_ends_after_it_began",
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(status__in=["ASKED", "LIVE"]), name="overrides_that_end"),
        ]

    @property
    def ref(self) -> str:
        return f"VO-{self.pk:06d}"


class Question(models.Model):
    """What an officer wants to know of an order before deciding, and what one of its managers answered."""

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="questions")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    answer = models.TextField(blank=True, default="")
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    answered_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=8)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["review"], condition=Q(status="OPEN"), name="one_question_of_a_review_is_open"),
            models.CheckConstraint(
                condition=~Q(status="ANSWERED") | (Q(answered_by__isnull=False, answered_at__isnull=False) & ~Q(answer="")),
                name="an_answer_has_its_person_and_words",
            ),
        ]
        indexes = [models.Index(fields=["order"], condition=Q(status="OPEN"), name="questions_to_answer")]

    @property
    def ref(self) -> str:
        return f"Q-{self.review_id:06d}/{self.pk}"
