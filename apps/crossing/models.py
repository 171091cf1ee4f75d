"""A cross, the orders that take part in it, and who traded with whom."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.allocations.models import Allocation
from apps.blocks.models import Block, Opposition
from apps.orders.models import Order
from apps.portfolios.models import Portfolio
from apps.reference.fields import amount_field, percent_field, price_field, qty_field
from apps.reference.models import Currency, Instrument

from .states import X

ENDED_EARLY = ["DECLINED", "WITHDRAWN", "EXPIRED"]


def _person(**kwargs) -> models.ForeignKey:
    return models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False, **kwargs)


class Cross(models.Model):
    """
    What is proposed of two opposite blocks, and what became of it. Price and conditions are kept as they were found when
    it was proposed and again when it was executed, with their evidence, for the quarterly review of 17a-7(e).
    """

    opposition = models.ForeignKey(Opposition, on_delete=models.PROTECT, related_name="+")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+", db_index=False)
    qty = qty_field()
    price = price_field(help_text="independent, when it was proposed")
    evidence = models.JSONField(help_text="what the price rests on: source, market, bid, ask, last, quoted_at")
    lines = models.JSONField(help_text="[{name, asks, source, passes, found}] when it was proposed")
    tolerance_bp = percent_field(help_text="how far the price at execution may be from this one")
    reason = models.CharField(max_length=400)
    proposed_by = _person()
    proposed_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    approved_by = _person(null=True)
    approved_at = models.DateTimeField(null=True)
    approval = models.CharField(max_length=400, blank=True, default="", help_text="what the officer wrote")
    ended_by = _person(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_because = models.CharField(max_length=400, blank=True, default="")
    executed_by = _person(null=True)
    executed_at = models.DateTimeField(null=True)
    executed_price = price_field(null=True)
    executed_evidence = models.JSONField(null=True)
    executed_lines = models.JSONField(null=True)
    amount = amount_field(null=True, help_text="what the buyers pay the sellers: Σ of the pairs")
    trade_date = models.DateField(null=True)
    settle_date = models.DateField(null=True)
    bought_in = models.ForeignKey(Block, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    sold_in = models.ForeignKey(Block, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    status = models.CharField(max_length=10, default=X.PROPOSED)
    version = models.IntegerField(default=1)

    class Meta:
        verbose_name_plural = "crosses"
        indexes = [models.Index(fields=["trade_date"], condition=Q(status="EXECUTED"), name="crosses_executed")]
        constraints = [
            models.UniqueConstraint(
                fields=["opposition"], condition=Q(status__in=["PROPOSED", "ACCEPTED", "APPROVED"]),
                name="one_live_cross_an_opposition",
            ),
            models.CheckConstraint(condition=Q(qty__gt=0, price__gt=0, tolerance_bp__gte=0), name="a_cross_has_its_terms"),
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=F("proposed_by")), name="a_maker_never_approves_a_cross"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["APPROVED", "EXECUTED"]) | Q(approved_by__isnull=False, approved_at__isnull=False),
                name="an_approved_cross_has_its_officer",
            ),
            models.CheckConstraint(
                condition=Q(
                    status="EXECUTED", executed_by__isnull=False, executed_at__isnull=False, executed_price__gt=0,
                    executed_evidence__isnull=False, amount__gt=0, bought_in__isnull=False, sold_in__isnull=False,
                    trade_date__isnull=False, settle_date__gte=F("trade_date"),
                )
                | ~Q(status="EXECUTED") & Q(executed_by=None, executed_price=None, amount=None, bought_in=None, sold_in=None),
                name="only_an_executed_cross_has_moved",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=ENDED_EARLY) | Q(ended_at__isnull=False) & ~Q(ended_because=""),
                name="a_cross_ends_for_a_reason",
            ),
        ]  # fmt: skip
        triggers = [
            pgtrigger.Protect(name="is_never_deleted", operation=pgtrigger.Delete),
            # Of the whole cross, so when the transaction ends.
            pgtrigger.Trigger(
                name="sells_what_it_buys",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func="""
                    IF EXISTS (
                        SELECT 1 FROM crossing_part p WHERE p.cross_id = NEW.id HAVING
                        sum(p.qty) FILTER (WHERE p.side = 'BUY') IS DISTINCT FROM NEW.qty
                        OR sum(p.qty) FILTER (WHERE p.side = 'SELL') IS DISTINCT FROM NEW.qty
                    ) THEN
                        RAISE EXCEPTION 'a cross sells exactly what it buys';
                    END IF;
                    IF NEW.status = 'EXECUTED' AND (EXISTS (
                        SELECT 1 FROM crossing_part p LEFT JOIN crossing_pair w ON p.id IN (w.buy_id, w.sell_id)
                        WHERE p.cross_id = NEW.id GROUP BY p.id, p.qty HAVING sum(w.qty) IS DISTINCT FROM p.qty
                    ) OR (
                        SELECT sum(w.amount) FROM crossing_pair w WHERE w.cross_id = NEW.id
                    ) IS DISTINCT FROM NEW.amount) THEN
                        RAISE EXCEPTION 'an executed cross gives every order its part, and pays what it costs';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"XC-{self.pk:04d}"


class Part(models.Model):
    """An order's part in a cross, and who agreed for its portfolio: a manager who runs it, or the head of the desk."""

    cross = models.ForeignKey(Cross, on_delete=models.PROTECT, related_name="parts")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+")
    order_version = models.IntegerField(help_text="as it was when the cross was proposed")
    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="+", db_index=False)
    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="+")
    side = models.CharField(max_length=4, choices=[("BUY", "Buy"), ("SELL", "Sell")])
    intended_qty = qty_field()
    qty = qty_field()
    accepted_by = _person(null=True)
    accepted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cross", "order"], name="an_order_has_one_part_in_a_cross"),
            models.CheckConstraint(condition=Q(qty__gt=0, intended_qty__gte=F("qty")), name="a_part_is_within_its_order"),
            models.CheckConstraint(
                condition=Q(accepted_by=None, accepted_at=None) | Q(accepted_by__isnull=False, accepted_at__isnull=False),
                name="an_accepted_part_has_its_time",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="is_accepted_by_others",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.After,
                func="""
                    IF EXISTS (
                        SELECT 1 FROM crossing_cross c WHERE c.id = NEW.cross_id
                        AND NEW.accepted_by_id IN (c.proposed_by_id, c.approved_by_id)
                    ) THEN
                        RAISE EXCEPTION 'whoever proposed or approved a cross accepts no part of it';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]


class Pair(models.Model):
    """What one seller delivered to one buyer, against how much money; each side's share of it is an allocation."""

    cross = models.ForeignKey(Cross, on_delete=models.PROTECT, related_name="pairs")
    buy = models.ForeignKey(Part, on_delete=models.PROTECT, related_name="+", db_index=False)
    sell = models.ForeignKey(Part, on_delete=models.PROTECT, related_name="+", db_index=False)
    qty = qty_field()
    amount = amount_field()
    buy_allocation = models.OneToOneField(Allocation, on_delete=models.PROTECT, related_name="+")
    sell_allocation = models.OneToOneField(Allocation, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["buy", "sell"], name="two_parts_are_paired_once"),
            models.CheckConstraint(condition=Q(qty__gt=0, amount__gt=0), name="a_pair_trades_something"),
        ]
        triggers = [pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete)]
