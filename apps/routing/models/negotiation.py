"""What belongs to inquiries: those asked together, each level that a dealer quoted, what we countered, and the parts that were taken."""

from decimal import Decimal

import pgtrigger
from django.db import models
from django.db.models import Q as Where

from apps.reference.fields import price_field, qty_field
from apps.reference.models import Instrument

from .routes import DealerQuote, Inquiry, Route


class InquiryList(models.Model):
    """Several blocks about which the same dealers were asked in one act."""

    at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="when the collecting ends")

    @property
    def ref(self) -> str:
        return f"QL-{self.pk:04d}"


class Counter(models.Model):
    """
    Our price against a dealer's (35=AJ, 694=2), not firm: the dealer quotes anew, at our price or another, or passes. From then on
    the price that was countered is not taken.
    """

    class Answer(models.TextChoices):
        WAITING = "WAITING", "no answer yet"
        MET = "MET", "met our price"
        REQUOTED = "REQUOTED", "another price"
        PASSED = "PASSED", "passed"
        LAPSED = "LAPSED", "no answer before it was decided"

    quote = models.ForeignKey(DealerQuote, on_delete=models.PROTECT, related_name="counters")
    ref = models.CharField(max_length=60, unique=True, help_text="QuoteRespID (693)")
    quote_ref = models.CharField(max_length=40, help_text="QuoteID (117) of the price that was countered")
    quoted_price = price_field(help_text="that price")
    price = price_field(help_text="ours, percent of par")
    qty = qty_field()
    at = models.DateTimeField()
    answer = models.CharField(max_length=8, choices=Answer.choices, default=Answer.WAITING)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Where(qty__gt=0, price__gt=0), name="a_counter_has_quantity_and_price"),
            models.UniqueConstraint(fields=["quote"], condition=Where(answer="WAITING"), name="one_counter_waits_for_a_dealer"),
        ]


class QuoteLevel(models.Model):
    """One answer of a dealer as it was heard, never changed: with its price, or without where the dealer declined."""

    quote = models.ForeignKey(DealerQuote, on_delete=models.PROTECT, related_name="levels")
    quote_ref = models.CharField(max_length=40, blank=True, default="")
    price = price_field(null=True)
    qty = qty_field(null=True)
    valid_until = models.DateTimeField(null=True)
    at = models.DateTimeField(help_text="when it was heard")
    text = models.CharField(max_length=200, blank=True, default="")


class Award(models.Model):
    """
    A part of an inquiry's quantity, or all of it, taken at a dealer's price: one route.

    Cover is the best price among those of whom nothing was taken; tied, where one of them gave the same price.
    """

    inquiry = models.ForeignKey(Inquiry, on_delete=models.PROTECT, related_name="awards")
    quote = models.OneToOneField(DealerQuote, on_delete=models.PROTECT, related_name="award")
    route = models.OneToOneField(Route, on_delete=models.PROTECT, related_name="award")
    qty = qty_field()
    price = price_field()
    cover_price = price_field(null=True)
    is_tied = models.BooleanField(default=False)
    yield_pct = price_field(null=True, help_text="to maturity at the price, in percent; empty: it could not be told")
    benchmark = models.ForeignKey(
        Instrument, null=True, on_delete=models.PROTECT, related_name="+", db_index=False,
        help_text="the government bond of the nearest maturity at that moment; empty: none had a fresh price",
    )  # fmt: skip
    benchmark_yield_pct = price_field(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Where(qty__gt=0, price__gt=0), name="an_award_has_quantity_and_price")]
        triggers = [
            pgtrigger.Trigger(
                name="takes_no_more_than_was_asked",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                referencing=pgtrigger.Referencing(new="added"),
                func="""
                    IF EXISTS (
                        SELECT 1 FROM routing_award a JOIN routing_inquiry q ON q.id = a.inquiry_id
                        WHERE a.inquiry_id IN (SELECT inquiry_id FROM added) GROUP BY q.id HAVING sum(a.qty) > q.qty
                    ) THEN
                        RAISE EXCEPTION 'more of an inquiry is awarded than was asked for';
                    END IF;
                    RETURN NULL;
                """,
            )
        ]

    @property
    def spread_bp(self) -> Decimal | None:
        """The yield over the benchmark's as it was then."""
        if self.yield_pct is None or self.benchmark_yield_pct is None:
            return None
        return (self.yield_pct - self.benchmark_yield_pct) * 100
