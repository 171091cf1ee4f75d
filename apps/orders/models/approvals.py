"""Who has to agree to which orders, who did, and who may in whose place."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.portfolios.models import Portfolio
from apps.reference.fields import amount_field, price_field, qty_field

from ..states import ApprovalStatus, ChainStatus, DeputyStatus
from .orders import Order


class ApprovalRule(models.Model):
    """
    Which orders somebody has to agree to, and who, step by step. Of several that fit an order the first by ``priority``
    counts. ``steps`` is a list of {name, group or permission}: one of that group (a role, or ``team:…``) or one who may
    do that has to agree.
    """

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    priority = models.IntegerField(default=100, help_text="the lowest that fits counts")
    asset_class = models.CharField(max_length=8, blank=True, default="", help_text="empty: any")
    portfolio = models.ForeignKey(
        Portfolio, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="empty: any"
    )
    min_usd = amount_field(null=True, blank=True, help_text="orders worth this or more; an order without a price fits")
    severity = models.CharField(
        max_length=8, blank=True, default="", choices=[("SOFT", "Soft or hard"), ("HARD", "Hard")],
        help_text="only orders of which an officer overrode a rule this severe",
    )  # fmt: skip
    steps = models.JSONField()
    minutes = models.IntegerField(null=True, blank=True, help_text="after which a waiting approval is escalated")
    stands_when_less = models.BooleanField(
        default=False, help_text="an approval given stands where the order was made smaller or its limit tighter since"
    )
    status = models.CharField(max_length=8, default=ChainStatus.ACTIVE)
    version = models.IntegerField(default=1)

    def __str__(self) -> str:
        return self.name


class Approval(models.Model):
    """An order that compliance has nothing against, waiting until the people of each step agree."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+")
    rule = models.ForeignKey(ApprovalRule, on_delete=models.PROTECT, related_name="+")
    rule_version = models.IntegerField()
    steps = models.JSONField(help_text="as the rule had them when this was opened")
    step = models.IntegerField(default=0, help_text="how many of them are done")
    qty = qty_field(help_text="what is being agreed to")
    limit_price = price_field(null=True)
    terms = models.JSONField(default=dict, help_text="with the rest of what is being agreed to: type, time in force, stop …")
    amount_usd = amount_field(null=True)
    overridden = models.CharField(
        max_length=8, blank=True, default="", help_text="severity of what an officer overrode"
    )
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    escalated_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=10, default=ApprovalStatus.WAITING)
    version = models.IntegerField(default=1)

    class Meta:
        indexes = [models.Index(fields=["opened_at"], condition=Q(status="WAITING"), name="waiting_approvals")]
        constraints = [
            models.UniqueConstraint(
                fields=["order"], condition=Q(status="WAITING"), name="an_order_waits_for_one_approval"
            )
        ]

    @property
    def ref(self) -> str:
        return f"A-{self.pk:06d}"

    @property
    def now(self) -> dict:
        """The step it waits for, or its last."""
        return self.steps[min(self.step, len(self.steps) - 1)]


class ApprovalDecision(models.Model):
    """What one person said to one step: ``by`` in their own right, or for ``behalf_of``, whose deputy they were."""

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="decisions")
    step = models.IntegerField()
    agreed = models.BooleanField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    behalf_of = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    comment = models.CharField(max_length=2000, blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["approval", "by"], name="a_person_decides_once_on_an_approval"),
            models.UniqueConstraint(fields=["approval", "step"], name="a_step_is_decided_once"),
        ]
        triggers = [
            pgtrigger.Protect(name="is_never_changed", operation=pgtrigger.Update | pgtrigger.Delete),
            # Whatever the code above it does, whoever entered or amended an order agrees to nothing about it.
            pgtrigger.Trigger(
                name="maker_is_never_checker",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("maker", "bigint")],
                func="""
                    SELECT a.by_id INTO maker FROM orders_approval p JOIN orders_order o ON o.id = p.order_id
                      JOIN orders_order f ON coalesce(o.split_from_id, o.id) IN (f.id, f.split_from_id)
                      JOIN audit_entry e ON e.subject = 'order' AND e.subject_id = f.id
                       AND e.event IN ('order.created', 'order.amended')
                      JOIN audit_act a ON a.id = e.act_id
                     WHERE p.id = NEW.approval_id AND a.by_id IN (NEW.by_id, NEW.behalf_of_id) LIMIT 1;
                    IF maker IS NULL THEN
                        SELECT o.created_by_id INTO maker FROM orders_approval p JOIN orders_order o ON o.id = p.order_id
                         WHERE p.id = NEW.approval_id AND o.created_by_id IN (NEW.by_id, NEW.behalf_of_id);
                    END IF;
                    IF maker IS NOT NULL THEN
                        RAISE EXCEPTION 'person % entered or amended the order', maker
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'maker_is_never_checker';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]


class Deputy(models.Model):
    """Somebody who may agree in another's place for a time."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    deputy = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    status = models.CharField(max_length=8, default=DeputyStatus.NAMED)
    version = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(person=F("deputy")), name="nobody_is_their_own_deputy"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="a_deputy_ends_after_beginning"),
        ]
