"""Questions to the rules."""

from django.db.models import Case, OuterRef, Q, QuerySet, Subquery, When
from django.utils import timezone

from apps.core.refusals import NotFound
from apps.users.services import can

from ..engine.rules import MEASURES, Measure
from ..models import Rule, RuleDraft, RuleVersion
from ..states import DraftStatus

SHOWN = (
    "number", "severity", "text", "params", "citation", "jurisdiction", "scope", "moments", "fixtures", "starts_on", "ends_on",
    "written_at", "holds", "when_unsure",
)  # fmt: skip


def rules_seen_by(user) -> QuerySet[Rule]:
    """
    Rules by name, each as of today: what the version in force says, else the newest (``SHOWN``), and
    ``written_by_name`` and ``approved_by_name``; ``holds`` says
    whether it is in force, ``coming_on`` when a newer one begins. None for whom they are not.
    """
    if not can(user, "compliance.see"):
        return Rule.objects.none()
    today = timezone.now().date()
    versions = RuleVersion.objects.filter(rule=OuterRef("pk"))
    holding = (Q(starts_on__isnull=True) | Q(starts_on__lte=today)) & (Q(ends_on__isnull=True) | Q(ends_on__gte=today))
    shown = versions.annotate(holds=Case(When(holding, then=True), default=False)).order_by("-holds", "-number")
    fields = {
        name: Subquery(shown.values(of)[:1])
        for name, of in {
            **{one: one for one in SHOWN},
            "written_by_name": "written_by__username",
            "approved_by_name": "approved_by__username",
        }.items()
    }
    coming = Subquery(versions.filter(starts_on__gt=today).order_by("starts_on", "-number").values("starts_on")[:1])
    return Rule.objects.annotate(**fields, coming_on=coming).order_by("status", "name", "pk")


def versions_of(user, rule_id: int) -> QuerySet[RuleVersion]:
    """All versions of a rule, newest first. :raises NotFound: where there is none, or it is hidden"""
    if not rules_seen_by(user).filter(pk=rule_id).exists():
        raise NotFound("There is no such rule.")
    return RuleVersion.objects.filter(rule_id=rule_id).select_related("rule", "written_by", "approved_by").order_by("-number")


def drafts_seen_by(user) -> QuerySet[RuleDraft]:
    """Changes of rules, those that wait for an officer's decision first, then the newest; none for whom they are not."""
    if not can(user, "compliance.see"):
        return RuleDraft.objects.none()
    place = Case(When(status=DraftStatus.PROPOSED, then=0), When(status=DraftStatus.DRAFT, then=1), default=2)
    return RuleDraft.objects.select_related("rule", "written_by", "decided_by", "became").order_by(place, "-pk")


def get_draft_seen_by(user, draft_id: int) -> RuleDraft:
    """:raises NotFound: where there is none, or it is hidden"""
    draft = drafts_seen_by(user).filter(pk=draft_id).first()
    if draft is None:
        raise NotFound("There is no such draft.")
    return draft


def version_before(draft: RuleDraft) -> RuleVersion | None:
    """The version that a draft follows: the newest before it was written; None of a new rule. One query at most."""
    if draft.rule_id is None or (draft.became_id and draft.became.number == 1):
        return None
    rows = RuleVersion.objects.filter(rule=draft.rule_id)
    if draft.became_id:
        rows = rows.filter(number__lt=draft.became.number)
    return rows.order_by("-number").first()


def measures() -> dict[str, Measure]:
    """What a rule can measure: kind to its title and the parameters it takes, with their defaults."""
    return MEASURES
