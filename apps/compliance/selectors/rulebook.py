"""Questions to the rules and the restricted list."""

from django.db.models import OuterRef, QuerySet, Subquery

from apps.core.refusals import NotFound
from apps.users.services import can

from ..engine.rules import MEASURES, Measure
from ..models import Restriction, Rule, RuleVersion


def rules_seen_by(user) -> QuerySet[Rule]:
    """
    Rules by name, each with its newest version as ``number``, ``severity``, ``text``, ``params``, ``written_at`` and
    ``written_by_name``; none for whom they are not.
    """
    if not can(user, "compliance.see"):
        return Rule.objects.none()
    newest = RuleVersion.objects.filter(rule=OuterRef("pk")).order_by("-number")
    fields = {
        name: Subquery(newest.values(name)[:1])
        for name in ("number", "severity", "text", "params", "written_at", "written_by__username")
    }
    fields["written_by_name"] = fields.pop("written_by__username")
    return Rule.objects.annotate(**fields).order_by("status", "name", "pk")


def versions_of(user, rule_id: int) -> QuerySet[RuleVersion]:
    """All versions of a rule, newest first. :raises NotFound: where there is none, or it is hidden"""
    if not rules_seen_by(user).filter(pk=rule_id).exists():
        raise NotFound("There is no such rule.")
    return RuleVersion.objects.filter(rule_id=rule_id).select_related("rule", "written_by").order_by("-number")


def measures() -> dict[str, Measure]:
    """What a rule can measure: kind to its title and the parameters it takes, with their defaults."""
    return MEASURES


def restrictions_seen_by(user) -> QuerySet[Restriction]:
    """The restricted list, what is in force first; none for whom it is not."""
    if not can(user, "compliance.see"):
        return Restriction.objects.none()
    return Restriction.objects.select_related("issuer", "instrument", "portfolio").order_by("status", "-pk")
