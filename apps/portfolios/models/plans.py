"""Retirement plans among the portfolios: whose they are, who stands too near them, and what allows a trade all the same."""

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from apps.reference.models import Issuer

from .portfolios import Portfolio


class Plan(models.Model):
    """What a portfolio is to the law of retirement plans. A portfolio without one is none."""

    class Kind(models.TextChoices):
        ERISA = "ERISA", "plan under ERISA"
        IRA = "IRA", "IRA or like account (26 USC 4975)"
        OTHER = "OTHER", "plan that neither binds"

    portfolio = models.OneToOneField(Portfolio, on_delete=models.PROTECT, related_name="plan")
    kind = models.CharField(max_length=5, choices=Kind.choices)
    employer = models.ForeignKey(
        Issuer, null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="who sponsors it: what its whole group issues are employer securities",
    )  # fmt: skip
    allows_employer = models.BooleanField(
        "individual accounts", default=False,
        help_text="its documents let it hold more of the employer (29 USC 1107(b)(1)): the tenth does not bind it",
    )  # fmt: skip
    fiduciary = models.CharField("named fiduciary", max_length=120, blank=True, default="")
    by_qpam = models.BooleanField(
        "traded by a QPAM", default=False, help_text="the firm is its qualified professional asset manager (PTE 84-14)"
    )
    qpam_agreement = models.CharField(
        "QPAM agreement", max_length=200, blank=True, default="", help_text="the management agreement, with its date"
    )
    qpam_starts_on = models.DateField("QPAM from", null=True, blank=True)
    qpam_ends_on = models.DateField("QPAM to", null=True, blank=True, help_text="the last day; empty: until further notice")
    history = HistoricalRecords()

    class Meta:
        ordering = ["portfolio__code"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(kind="ERISA") | Q(employer__isnull=False) & ~Q(fiduciary=""),
                name="a_plan_under_erisa_has_employer_and_fiduciary",
            ),
            models.CheckConstraint(
                condition=Q(by_qpam=False) | ~Q(qpam_agreement="") & Q(qpam_starts_on__isnull=False),
                name="a_qpam_has_its_agreement",
            ),
            models.CheckConstraint(
                condition=Q(qpam_ends_on=None) | Q(qpam_starts_on__isnull=False, qpam_ends_on__gte=F("qpam_starts_on")),
                name="a_qpam_ends_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.portfolio}: {self.get_kind_display()}"


class PartyInInterest(models.Model):
    """
    Whose securities a plan does not buy, and with whom it does not deal, without an exemption (29 USC 1002(14), 1106(a)(1); 26 USC
    4975(e)(2)).
    """

    class Relation(models.TextChoices):
        ADVISER = "ADVISER", "our own affiliate"
        APPOINTS = "APPOINTS", "appoints or removes its manager"
        SERVES = "SERVES", "serves the plan"
        OTHER = "OTHER", "other party in interest"

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+", help_text="with its whole group")
    plan = models.ForeignKey(
        Plan, null=True, blank=True, on_delete=models.PROTECT, related_name="parties",
        help_text="empty, of our own affiliates alone: every plan",
    )  # fmt: skip
    relation = models.CharField(max_length=8, choices=Relation.choices)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True, help_text="the last day; empty: until further notice")
    reason = models.CharField(max_length=200, help_text="what says so, with its date")
    history = HistoricalRecords()

    class Meta:
        ordering = ["issuer__name", "plan", "-starts_on"]
        verbose_name_plural = "parties in interest"
        constraints = [
            models.CheckConstraint(
                condition=Q(plan__isnull=False) | Q(relation="ADVISER"), name="only_our_affiliates_are_parties_to_every_plan"
            ),
            models.CheckConstraint(condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")), name="a_party_ends_after_it_starts"),
        ]

    def __str__(self) -> str:
        return f"{self.issuer}, {self.get_relation_display()}"


class PlanConsent(models.Model):
    """
    An exemption on file: the named fiduciary agreed that the plan buys what a party in interest issues, or that it deals with the
    party as its broker or dealer.
    """

    class Covers(models.TextChoices):
        SECURITIES = "SECURITIES", "buying what it issues"
        DEALING = "DEALING", "dealing with it as broker or dealer"

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="consents")
    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+", help_text="with its whole group")
    covers = models.CharField(max_length=10, choices=Covers.choices, default=Covers.SECURITIES)
    exemption = models.CharField(
        max_length=120, help_text="the exemption it rests on, such as PTE 77-4 or 29 USC 1108(b)(8); for dealing PTE 75-1 or 86-128"
    )
    agreed_by = models.CharField(max_length=120, help_text="who signed for the named fiduciary")
    document = models.CharField(max_length=200, help_text="the consent, with its date")
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True, help_text="the last day; empty: until further notice")
    history = HistoricalRecords()

    class Meta:
        ordering = ["plan", "issuer", "-starts_on"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")), name="a_plan_consent_ends_after_it_starts"
            ),
            models.CheckConstraint(condition=Q(covers__in=["SECURITIES", "DEALING"]), name="a_plan_consent_covers_what_there_is"),
        ]

    def __str__(self) -> str:
        return f"{self.plan}, {self.issuer}, {self.get_covers_display()}: {self.exemption}"
