"""Routing rules as people see them: the table with what was used today, what waits, every version, and what was decided."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db.models import QuerySet

from apps.core.refusals import NotFound

from . import selectors
from .models import RoutingDecision, RoutingRule, RuleChange, RuleDay


class Ruled(NamedTuple):
    """``used_usd``: what it routed by itself today; ``waits``: the change of it that somebody has yet to decide on."""

    rule: RoutingRule
    used_usd: Decimal
    waits: RuleChange | None


def ruled(today: date) -> list[Ruled]:
    """Every rule by rank. Four queries."""
    used = dict(RuleDay.objects.filter(day=today).values_list("rule_id", "used_usd"))
    waits = {change.rule_id: change for change in waiting()}
    return [Ruled(rule, used.get(rule.pk, Decimal(0)), waits.get(rule.pk)) for rule in _rules()]


def _rules() -> QuerySet[RoutingRule]:
    return RoutingRule.objects.select_related("own_field").prefetch_related("brokers").order_by("rank")


def get_rule(rule_id: int) -> RoutingRule:
    """:raises NotFound: where there is none"""
    row = _rules().filter(pk=rule_id).first()
    if row is None:
        raise NotFound("There is no such routing rule.")
    return row


def changes() -> QuerySet[RuleChange]:
    """Every change of a rule, the newest first."""
    return RuleChange.objects.select_related("rule", "proposed_by", "decided_by").order_by("-pk")


def waiting() -> QuerySet[RuleChange]:
    """Those that somebody has yet to approve or refuse."""
    return changes().filter(status="PROPOSED")


def get_change(change_id: int) -> RuleChange:
    """:raises NotFound: where there is none"""
    row = changes().filter(pk=change_id).first()
    if row is None:
        raise NotFound("There is no such change.")
    return row


def decisions_seen_by(user) -> QuerySet[RoutingDecision]:
    """What rules decided by themselves about blocks of the person's desks, or would have, the newest first."""
    rows = RoutingDecision.objects.select_related("rule", "block__instrument")
    return selectors.on_desks_of(user, rows).order_by("-pk")
