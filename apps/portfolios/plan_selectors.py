"""Questions to the retirement plans among the portfolios."""

from datetime import date

from django.db.models import Q, QuerySet
from django.utils import timezone

from .models import PartyInInterest, Plan, PlanConsent
from .selectors import portfolios_seen_by


def plans_seen_by(user) -> QuerySet[Plan]:
    """Plans among the portfolios that the person may see, by code."""
    found = Plan.objects.select_related("portfolio", "employer").prefetch_related("consents__issuer")
    return found.filter(portfolio__in=portfolios_seen_by(user).values("pk")).order_by("portfolio__code")


def parties_seen_by(user) -> QuerySet[PartyInInterest]:
    """Parties in interest of those plans, and of every plan."""
    found = PartyInInterest.objects.select_related("issuer", "plan__portfolio")
    return found.filter(Q(plan=None) | Q(plan__in=plans_seen_by(user).values("pk"))).order_by("issuer__name", "pk")


def find_plan(portfolio_id: int) -> Plan | None:
    return Plan.objects.select_related("employer").prefetch_related("consents__issuer").filter(portfolio=portfolio_id).first()


def parties_in_force(plan_ids, on: date) -> QuerySet[PartyInInterest]:
    """Those of some plans, and of every plan, on a day."""
    return _on(PartyInInterest.objects.filter(Q(plan=None) | Q(plan__in=plan_ids)), on).order_by("pk")


def consents_in_force(plan_ids, on: date) -> QuerySet[PlanConsent]:
    return _on(PlanConsent.objects.filter(plan__in=plan_ids), on).order_by("pk")


def is_on(row: PartyInInterest | PlanConsent, on: date | None = None) -> bool:
    on = on or timezone.now().date()
    return row.starts_on <= on and (row.ends_on is None or on <= row.ends_on)


def _on(rows: QuerySet, on: date) -> QuerySet:
    return rows.filter(Q(ends_on=None) | Q(ends_on__gte=on), starts_on__lte=on)
