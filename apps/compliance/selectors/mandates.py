"""Questions to mandates: which documents there are, how far rules cover them, and which clause a rule proves."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import F, Prefetch, Q, QuerySet
from django.utils import timezone

from apps.core.refusals import NotFound
from apps.portfolios.models import Portfolio
from apps.users.services import can

from ..engine.coverage import Coverage, Mapped, Standing, count, natural, standing_of
from ..models import Clause, ClauseMapping, ClauseText, MandateDocument, MandateEdition, RuleDraft, RuleVersion
from ..states import Cl, InForce, Mp

OPEN = (Mp.PROPOSED, Mp.APPROVED, Mp.STALE)
HELD_ONCE = (Mp.APPROVED, Mp.STALE, Mp.ENDED)
FIRST = list(Standing)


class Proof(NamedTuple):
    """
    A mapping with what proves it: the rule's fixtures, those of them that name the clause, and what the bench said when that
    version was proposed; None of one that came with the firm. ``may_confirm``: whether it is stale and nobody confirms it yet.
    """

    mapping: ClauseMapping
    is_asked: bool
    fixtures: Sequence[str]
    proving: Sequence[str]
    bench: Mapping | None
    may_confirm: bool


class ClauseLine(NamedTuple):
    clause: Clause
    wording: ClauseText
    standing: Standing
    proofs: Sequence[Proof]


class Reading(NamedTuple):
    """A document: its editions, the newest first, and its clauses, those that need somebody first."""

    document: MandateDocument
    editions: Sequence[MandateEdition]
    coverage: Coverage
    lines: Sequence[ClauseLine]


def mandates_seen_by(user) -> QuerySet[MandateDocument]:
    """Documents in force first, by code; none for whom they are not."""
    if not can(user, "compliance.see"):
        return MandateDocument.objects.none()
    editions = MandateEdition.objects.defer("content").select_related("added_by").order_by("-number")
    rows = MandateDocument.objects.select_related("portfolio", "group").prefetch_related(Prefetch("editions", editions))
    return rows.order_by("status", "code")


def get_mandate_seen_by(user, mandate_id: int) -> MandateDocument:
    """:raises NotFound: where there is none, or it is hidden"""
    row = mandates_seen_by(user).filter(pk=mandate_id).first()
    if row is None:
        raise NotFound("There is no such document.")
    return row


def get_clause_seen_by(user, clause_id: int) -> ClauseText:
    """The wording of a clause that stands now. :raises NotFound: where there is none, or it is hidden"""
    rows = ClauseText.objects.filter(clause=clause_id, number=F("clause__number")).select_related("clause__document__portfolio")
    row = rows.first() if can(user, "compliance.see") else None
    if row is None:
        raise NotFound("There is no such clause.")
    return row


def get_edition_seen_by(user, edition_id: int) -> MandateEdition:
    """An edition with its file. :raises NotFound: where none is kept, or it is hidden"""
    row = MandateEdition.objects.filter(pk=edition_id, content__isnull=False).first() if can(user, "compliance.see") else None
    if row is None:
        raise NotFound("No file is kept of that edition.")
    return row


def mappings_seen_by(user) -> QuerySet[ClauseMapping]:
    """Mappings, the newest first; none for whom they are not."""
    if not can(user, "compliance.see"):
        return ClauseMapping.objects.none()
    with_it = ("clause__document", "rule", "rule_version", "wording", "written_by", "decided_by")
    return ClauseMapping.objects.select_related(*with_it).order_by("-pk")


def coverage_of(mandate_ids: Iterable[int]) -> dict[int, Coverage]:
    """How far each document is covered today. Three queries at most, however many."""
    ids = list(mandate_ids)
    mapped: dict[int, list[Mapped]] = {}
    asked = asked_today()
    open_ones = ClauseMapping.objects.filter(clause__document__in=ids, status__in=OPEN).values_list("clause", "status", "rule")
    for clause, status, rule in open_ones:
        mapped.setdefault(clause, []).append(Mapped(status, rule is not None, rule in asked))
    found: dict[int, list[Standing]] = {pk: [] for pk in ids}
    for pk, document, status in Clause.objects.filter(document__in=ids).values_list("pk", "document", "status"):
        if status == Cl.STANDS or mapped.get(pk):
            found[document].append(standing_of(mapped.get(pk, ())))
    return {pk: count(standings) for pk, standings in found.items()}


def coverage_of_all(user) -> Coverage:
    """That of all documents in force together; nothing for whom they are not."""
    rows = coverage_of(mandates_seen_by(user).filter(status=InForce.ACTIVE).values_list("pk", flat=True))
    return Coverage(*(sum(numbers) for numbers in zip(*rows.values(), strict=True))) if rows else Coverage()


def asked_today() -> set[int]:
    """Ids of the rules of which a version is in force today. One query."""
    today = timezone.now().date()
    holding = (Q(starts_on=None) | Q(starts_on__lte=today)) & (Q(ends_on=None) | Q(ends_on__gte=today))
    rows = RuleVersion.objects.filter(holding, rule__status=InForce.ACTIVE)
    return set(rows.values_list("rule", flat=True).distinct())


def reading(user, mandate_id: int) -> Reading:
    """:raises NotFound: where there is none, or it is hidden"""
    document = get_mandate_seen_by(user, mandate_id)
    wordings = ClauseText.objects.filter(clause__document=document, number=F("clause__number")).select_related("clause", "edition")
    wordings = list(wordings.defer("edition__content"))
    proofs = _proofs(document, mappings_seen_by(user).filter(clause__document=document, status__in=OPEN))
    lines = [
        ClauseLine(w.clause, w, standing_of(Mapped(p.mapping.status, p.mapping.rule_id is not None, p.is_asked) for p in mine), mine)
        for w in wordings
        for mine in [proofs.get(w.clause_id, [])]
        if w.clause.status == Cl.STANDS or mine
    ]
    lines.sort(key=lambda line: (FIRST.index(line.standing), natural(line.clause.reference)))
    return Reading(document, list(document.editions.all()), count(line.standing for line in lines), lines)


def _proofs(document: MandateDocument, mappings: Iterable[ClauseMapping]) -> dict[int, list[Proof]]:
    rows = list(mappings)
    drafts = RuleDraft.objects.filter(became__in={row.rule_version_id for row in rows} - {None})
    benches = dict(drafts.values_list("became", "bench"))
    asked = asked_today()
    found: dict[int, list[Proof]] = {}
    proposed = {(row.clause_id, row.rule_id) for row in rows if row.status == Mp.PROPOSED}
    for row in reversed(rows):
        told = row.rule_version.fixtures if row.rule_version_id else []
        name = named(document.code, row.clause.reference)
        proving = [str(one["name"]) for one in told if one.get("clause") == name]
        bench = benches.get(row.rule_version_id)
        again = row.status == Mp.STALE and row.clause.status == Cl.STANDS and (row.clause_id, row.rule_id) not in proposed
        names = [str(one["name"]) for one in told]
        found.setdefault(row.clause_id, []).append(Proof(row, row.rule_id in asked, names, proving, bench, again))
    return found


def named(code: str, reference: str) -> str:
    """A clause as a fixture names it: “IMA-P001 4.2(b)”."""
    return f"{code} {reference}"


def clauses_of_rules(user, rule_ids: Collection[int]) -> dict[int, list[ClauseMapping]]:
    """Rule to the mappings of it that are not over, by document and reference. One query; none for whom they are not."""
    rows = mappings_seen_by(user).filter(rule__in=list(rule_ids), status__in=OPEN)
    found: dict[int, list[ClauseMapping]] = {}
    for row in sorted(rows, key=lambda row: (row.clause.document.code, natural(row.clause.reference))):
        found.setdefault(row.rule_id, []).append(row)
    return found


def clauses_cited(rule_codes: Collection[str], portfolio: Portfolio, at: datetime) -> dict[str, list[ClauseMapping]]:
    """
    Rule's code to the clauses that it proved for a portfolio at a time, of documents for it, a group that it is in or the firm: their
    mappings were approved, and not yet stale or over. One query.
    """
    groups = portfolio.groups.values("pk")
    firm = Q(clause__document__portfolio=None, clause__document__group=None)
    home = Q(clause__document__portfolio=portfolio) | Q(clause__document__group__in=groups) | firm
    held = Q(decided_at__lte=at) & (Q(stale_at=None) | Q(stale_at__gt=at)) & (Q(ended_at=None) | Q(ended_at__gt=at))
    rows = ClauseMapping.objects.filter(home, held, rule__code__in=list(rule_codes), status__in=HELD_ONCE)
    rows = rows.select_related("rule", "wording__edition", "clause__document", "written_by", "decided_by")
    found: dict[str, list[ClauseMapping]] = {}
    for row in sorted(rows.defer("wording__edition__content"), key=lambda row: (row.clause.document.code, natural(row.clause.reference))):
        found.setdefault(row.rule.code, []).append(row)
    return found
