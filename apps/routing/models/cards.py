"""What brokers may take for what they execute: rate cards, each by one person's word and another's."""

from django.conf import settings
from django.db import models
from django.db.models import F
from django.db.models import Q as Where

from apps.reference.fields import amount_field, percent_field, price_field
from apps.reference.models import AssetClass, Broker, Currency, Venue

from .. import rules
from ..states import Rc


class RateCard(models.Model):
    """
    A commission, for whatever it asks for and on the trade dates on which it holds: proposed by one person, in force once
    another approves it. Of cards that fit a deal the most specific decides. ``cards_of_a_kind_never_overlap`` (see the
    migration) keeps two of the same ask from holding on one day.
    """

    broker = models.ForeignKey(Broker, null=True, on_delete=models.PROTECT, related_name="+")
    venue = models.ForeignKey(Venue, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    country = models.CharField(max_length=2, blank=True, default="")
    asset_class = models.CharField(max_length=8, blank=True, default="", choices=AssetClass.choices)
    strategy = models.CharField(max_length=60, blank=True, default="")
    currency = models.ForeignKey(Currency, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    key = models.CharField(max_length=200, help_text="what it asks for, as one text")
    kind = models.CharField(max_length=8, choices=list(rules.cards.KINDS.items()))
    rate = price_field(default=0)
    tiers = models.JSONField(default=list, help_text="[value above which, rate] each, ascending")
    least_amount = amount_field(null=True, help_text="of an order")
    most_amount = amount_field(null=True, help_text="of an order")
    research_pct = percent_field(default=0, help_text="percent of the commission that is put by for research")
    books = models.CharField(max_length=4, choices=list(rules.cards.BOOKS.items()), default=rules.cards.CARD)
    tolerance_amount = amount_field(default=0, help_text="by which the broker's word may differ before it is a break")
    starts_on = models.DateField(help_text="first trade date")
    ends_on = models.DateField(null=True, help_text="last trade date")
    reason = models.CharField(max_length=400)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=8, default=Rc.PROPOSED)
    version = models.IntegerField(default=1)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Where(status="IN_FORCE") | (Where(decided_by__isnull=False) & ~Where(decided_by=F("proposed_by"))),
                name="another_person_approves_a_rate_card",
            ),
            models.CheckConstraint(
                condition=Where(ends_on=None) | Where(ends_on__gte=F("starts_on")), name="a_rate_card_ends_after_it_starts"
            ),
            models.CheckConstraint(
                condition=Where(rate__gte=0, research_pct__gte=0, research_pct__lte=100, tolerance_amount__gte=0)
                & (Where(least_amount=None) | Where(least_amount__gte=0))
                & (Where(most_amount=None) | Where(least_amount=None) | Where(most_amount__gte=F("least_amount"))),
                name="a_rate_card_takes_no_less_than_nothing",
            ),
            models.UniqueConstraint(
                fields=["key", "starts_on"], condition=Where(status="PROPOSED"), name="one_rate_card_of_a_kind_proposed"
            ),
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"RC-{self.pk:04d}"

    @property
    def terms(self) -> "rules.cards.Card":
        """:returns: as the rules read it; the venue must be there already"""
        return rules.cards.Card(
            self.pk or 0, self.broker_id, self.venue.mic if self.venue_id else "", self.country, self.asset_class, self.strategy,
            self.currency_id or "", self.kind, self.rate, rules.cards.tiers_in(self.tiers), self.least_amount, self.most_amount,
            self.research_pct, self.books, self.tolerance_amount, self.starts_on, self.ends_on,
        )  # fmt: skip

    @property
    def asks(self) -> str:
        return rules.cards.in_words(self.terms, self.broker.code if self.broker_id else "")

    @property
    def takes(self) -> str:
        return rules.cards.rate_in_words(self.terms)
