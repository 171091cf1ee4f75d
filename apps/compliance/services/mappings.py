"""
Which rule proves which clause: one officer says so, another approves, and it holds of the words and the version that both
looked at. Proposing locks the documents and the rules against change, so that nothing that is out of date is proposed.
"""

from collections.abc import Collection, Mapping, Sequence

from django.db import connection, transaction
from django.db.models import F, Q

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact, listens
from apps.core.refusals import Conflict, Invalid, NotAllowed, NotFound, Stale
from apps.core.tables import copy_in, next_ids
from apps.orders import selectors as order_selectors
from apps.portfolios.models import Portfolio
from apps.users.services import require

from .. import mandate_events as events
from ..events import RuleActivated, RuleRetired
from ..models import Clause, ClauseMapping, ClauseText, MandateDocument, Rule, RuleVersion
from ..states import MAPPING_LIFE, RULE_LIFE, Cl, InForce, Mp
from .rulebook import StaleRule

OPEN = (Mp.PROPOSED, Mp.APPROVED, Mp.STALE)
COLUMNS = ("id", "clause_id", "wording_id", "rule_id", "rule_version_id", "reason", "written_by_id", "written_at", "answer", "why",
           "status", "version")  # fmt: skip
LONGEST = 2000


class StaleClause(Stale):
    """The clause was worded otherwise, or taken out, after the officer looked."""


class StaleMapping(Stale):
    """Somebody decided on the mapping, or its clause or rule changed, after the officer looked."""


class OwnMapping(NotAllowed):
    """Nobody decides on a mapping that they proposed."""


class OthersMapping(NotAllowed):
    """What is proposed is its author's to drop."""


class MappedAlready(Conflict):
    """The clause is mapped to that rule, or it is proposed."""


class NeverAsked(Invalid):
    """The rule asks no order of the portfolios that the document is for, or is out of force."""


@transaction.atomic
def propose_mappings(
    act: Act, pairs: Sequence[tuple[int, int | None]], *, seen: Mapping[int, int], rules_seen: Mapping[int, int]
) -> list[int]:
    """
    Will ask another officer to agree that each clause is proved by the rule beside it, or, beside None, needs no rule; for
    the reason the act gives. A mapping that is stale is confirmed this way too. The number of statements does not grow.

    :param pairs: clause and rule; :param seen: the version of each clause; :param rules_seen: of each rule
    :returns: ids of the mappings, in order
    :raises StaleClause, StaleRule: if one changed since the version seen
    :raises MappedAlready: if one is mapped so, or proposed; :raises NeverAsked: if the rule is not asked there
    """
    require(act, "compliance.write_rules")
    _refuse_no_reason(act)
    if not pairs:
        raise Invalid("Choose a rule, or that none is needed.", field="rule")
    clause_ids, rule_ids = {clause for clause, _ in pairs}, {rule for _, rule in pairs if rule is not None}
    homes = MandateDocument.objects.filter(clauses__in=clause_ids)
    documents = {d.pk: d for d in _held(MandateDocument, homes.values_list("pk", flat=True)).select_related("portfolio", "group")}
    rules = {rule.pk: rule for rule in _held(Rule, rule_ids)}
    clauses = Clause.objects.in_bulk(clause_ids)
    _refuse_changed(clauses, rules, clause_ids, rule_ids, seen, rules_seen)
    newest = RuleVersion.objects.filter(rule__in=rule_ids).order_by("rule_id", "-number").distinct("rule_id")
    versions = {row.rule_id: row for row in newest}
    for clause, rule in ((clauses[c], r) for c, r in pairs):
        home = documents[clause.document_id]
        if home.status != InForce.ACTIVE or clause.status != Cl.STANDS:
            raise StaleClause(f"{home.code} {clause.reference} does not stand any more. Reload the document.", clauses=[])
        if rule is not None:
            _refuse_never_asked(home, rules[rule], versions[rule])
    return _insert(act, pairs, [act.reason.strip()] * len(pairs), clauses, versions)


def _insert(
    act: Act, pairs: Sequence[tuple[int, int | None]], reasons: Sequence[str], clauses: Mapping[int, Clause],
    versions: Mapping[int, RuleVersion],
) -> list[int]:  # fmt: skip
    there = set(
        ClauseMapping.objects.filter(clause__in=clauses, status__in=[Mp.PROPOSED, Mp.APPROVED]).values_list("clause", "rule")
    )
    if len(set(pairs)) < len(pairs) or (twice := next((pair for pair in pairs if pair in there), None)):
        name = clauses[twice[0]].reference if len(set(pairs)) == len(pairs) else "A clause"
        raise MappedAlready(f"{name} is mapped to that already, or it waits for another officer.", field="rule")
    wordings = ClauseText.objects.filter(clause__in=clauses, number=F("clause__number"))
    words = dict(wordings.values_list("clause_id", "pk"))
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "compliance_clausemapping", len(pairs))
        copy_in(
            cursor, "compliance_clausemapping", COLUMNS,
            (
                (pk, clause, words[clause], rule, rule and versions[rule].pk, reason, act.by, act.at, "", "", Mp.PROPOSED, 1)
                for pk, (clause, rule), reason in zip(ids, pairs, reasons, strict=True)
            ),
        )  # fmt: skip
    numbers = {rule: version.number for rule, version in versions.items()}
    record(
        act,
        [
            Fact(pk, 1, events.MappingProposed(clause, rule, numbers.get(rule, 0), reason))
            for pk, (clause, rule), reason in zip(ids, pairs, reasons, strict=True)
        ],
    )
    return ids


@transaction.atomic
def approve_mappings(act: Act, mapping_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will agree to what other officers proposed: all or none. One that confirms a stale mapping takes its place.

    :raises StaleMapping: if one changed since the version seen; :raises OwnMapping: where the actor proposed one
    """
    require(act, "compliance.approve_rules")
    wanted = ClauseMapping.objects.filter(pk__in=mapping_ids).values_list("clause", "rule")
    pairs = set(wanted)
    rows = _locked(Q(pk__in=mapping_ids) | Q(clause__in={clause for clause, _ in pairs}, status=Mp.STALE))
    proposed = _as_seen(rows, mapping_ids, seen)
    _refuse_own(act, proposed)
    replaced = [row for row in rows if row.status == Mp.STALE and row.pk not in set(mapping_ids) and (row.clause_id, row.rule_id) in pairs]
    _happen(act, replaced, events.MappingEnded("It was confirmed anew."), {"ended_at": act.at}, "It was confirmed anew.")
    _happen(act, proposed, events.MappingApproved(), _decision(act))


@transaction.atomic
def refuse_mappings(act: Act, mapping_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will refuse what other officers proposed, for the reason the act gives.

    :raises StaleMapping: if one changed since the version seen; :raises OwnMapping: where the actor proposed one
    """
    require(act, "compliance.approve_rules")
    _refuse_no_reason(act)
    proposed = _as_seen(_locked(Q(pk__in=mapping_ids)), mapping_ids, seen)
    _refuse_own(act, proposed)
    _happen(act, proposed, events.MappingRefused(), _decision(act))


@transaction.atomic
def drop_mappings(act: Act, mapping_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will give up what the actor proposed.

    :raises StaleMapping: if one changed since the version seen; :raises OthersMapping: where somebody else proposed one
    """
    require(act, "compliance.write_rules")
    rows = _as_seen(_locked(Q(pk__in=mapping_ids)), mapping_ids, seen)
    if other := next((row for row in rows if row.written_by_id != act.by), None):
        raise OthersMapping(f"{other.ref} is a colleague's, who alone drops it. You may refuse it.", mapping=other.pk)
    _happen(act, rows, events.MappingDropped(), {"ended_at": act.at})


@transaction.atomic
def end_mappings(act: Act, mapping_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will end mappings that were approved, stale or not, for the reason the act gives: their clauses are covered by them no more.

    :raises StaleMapping: if one changed since the version seen; :raises IllegalMove: if it was never approved, or is over
    """
    require(act, "compliance.write_rules")
    _refuse_no_reason(act)
    rows = _as_seen(_locked(Q(pk__in=mapping_ids)), mapping_ids, seen)
    why = act.reason.strip()
    _happen(act, rows, events.MappingEnded(why), {"ended_at": act.at}, why)


# --- what else changes them ---------------------------------------------------------------------------------------------


def outdate_clauses(act: Act, why: Mapping[int, str]) -> None:
    """Has the mappings of clauses, whose document is locked, be looked at again. :param why: of each clause"""
    if why:
        _outdate(act, _locked(Q(clause__in=why, status__in=[Mp.PROPOSED, Mp.APPROVED])), lambda row: why[row.clause_id])


@listens("compliance.outdate_mappings")
@transaction.atomic
def outdate_mappings(act: Act, facts: Sequence[Fact]) -> None:
    """Has the mappings of rules, whose rows the caller holds, be looked at again: they say something else, or are out of force."""
    why = {
        fact.subject_id: f"Version {fact.event.number} of the rule is in force."
        if isinstance(fact.event, RuleActivated)
        else "The rule is out of force."
        for fact in facts
        if not (isinstance(fact.event, RuleActivated) and fact.event.number == 1)
    }
    if why:
        _outdate(act, _locked(Q(rule__in=why, status__in=[Mp.PROPOSED, Mp.APPROVED])), lambda row: why[row.rule_id])


def _outdate(act: Act, rows: Sequence[ClauseMapping], why_of) -> None:
    for why in sorted({why_of(row) for row in rows}):
        same = [row for row in rows if why_of(row) == why]
        for status, when in ((Mp.APPROVED, "stale_at"), (Mp.PROPOSED, "ended_at")):
            _happen(act, [row for row in same if row.status == status], events.MappingOutdated(why), {when: act.at}, why)


def end_all_of(act: Act, mandate_id: int) -> None:
    """Ends the mappings of a document that is retired; its row is locked."""
    rows = _locked(Q(clause__document=mandate_id, status__in=OPEN))
    why = "The document is retired."
    _happen(act, [row for row in rows if row.status == Mp.PROPOSED], events.MappingOutdated(why), {"ended_at": act.at}, why)
    _happen(act, [row for row in rows if row.status in (Mp.APPROVED, Mp.STALE)], events.MappingEnded(why), {"ended_at": act.at}, why)


def exempt(act: Act, mandate_id: int, reasons: Mapping[str, str]) -> None:
    """
    Proposes that clauses of a document, whose row is locked, need no rule, each for its reason; those that are proposed or
    approved so already stay.
    """
    if not reasons:
        return
    there = ClauseMapping.objects.filter(clause__document=mandate_id, rule=None, status__in=[Mp.PROPOSED, Mp.APPROVED])
    clauses = Clause.objects.filter(document=mandate_id, reference__in=reasons).exclude(pk__in=there.values("clause"))
    found = {clause.pk: clause for clause in clauses.order_by("pk")}
    if found:
        _insert(act, [(pk, None) for pk in found], [reasons[one.reference] for one in found.values()], found, {})


# --- parts ----------------------------------------------------------------------------------------------------------------


def _held(model, ids):
    """Rows that nobody changes until the transaction ends."""
    return model.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=ids).order_by("pk")


def _locked(which: Q) -> list[ClauseMapping]:
    rows = ClauseMapping.objects.select_for_update(no_key=True, of=("self",)).filter(which)
    return list(rows.select_related("clause__document").order_by("pk"))


def _as_seen(rows: Sequence[ClauseMapping], mapping_ids: Collection[int], seen: Mapping[int, int]) -> list[ClauseMapping]:
    found = [row for row in rows if row.pk in set(mapping_ids)]
    if not found or len(found) < len(set(mapping_ids)):
        raise NotFound("There is no such mapping. Reload the document.")
    stale = {row.pk: (row.ref, seen.get(row.pk), row.version) for row in found if seen.get(row.pk) != row.version}
    if stale:
        raise StaleMapping(
            f"{next(iter(stale.values()))[0]} is not as you saw it. Reload the document and look again.",
            mappings=order_selectors.missed("mapping", stale),
        )
    return found


def _happen(act: Act, rows: Sequence[ClauseMapping], event: Event, sets: Mapping, why: str = "") -> None:
    """The one door of a mapping's life: moves rows, all in one status, and records it."""
    if not rows:
        return
    after = {MAPPING_LIFE.after(row.status, type(event)) for row in rows}.pop()
    for row in rows:
        MAPPING_LIFE.after(row.status, type(event))
    columns = dict(sets) | ({"why": why[:300]} if why else {})
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE compliance_clausemapping SET status = %s, version = version + 1, {', '.join(f'{name} = %s' for name in columns)}"
            " WHERE id = ANY(%s)",
            [after, *columns.values(), [row.pk for row in rows]],
        )
    record(act, [Fact(row.pk, row.version + 1, event) for row in rows])


def _decision(act: Act) -> dict:
    return {"decided_by_id": act.by, "decided_at": act.at, "answer": act.reason.strip()}


def _refuse_changed(
    clauses: Mapping[int, Clause], rules: Mapping[int, Rule], clause_ids: Collection[int], rule_ids: Collection[int],
    seen: Mapping[int, int], rules_seen: Mapping[int, int],
) -> None:  # fmt: skip
    if len(clauses) < len(clause_ids):
        raise NotFound("There is no such clause. Reload the document.")
    if len(rules) < len(rule_ids):
        raise NotFound("There is no such rule. Reload the list.")
    stale = {pk: (one.reference, seen.get(pk), one.version) for pk, one in clauses.items() if seen.get(pk) != one.version}
    if stale:
        name = next(iter(stale.values()))[0]
        raise StaleClause(
            f"Clause {name} is not as you saw it. Reload the document and look again.", clauses=order_selectors.missed("clause", stale)
        )
    stale = {pk: (one.name, rules_seen.get(pk), one.version) for pk, one in rules.items() if rules_seen.get(pk) != one.version}
    if stale:
        raise StaleRule(
            f"“{next(iter(stale.values()))[0]}” is not as you saw it. Look at the rule as it stands.",
            rules=order_selectors.missed("rule", stale),
        )


def _refuse_never_asked(home: MandateDocument, rule: Rule, version: RuleVersion) -> None:
    """A rule whose scope leaves out what the document is for proves nothing there."""
    if not RULE_LIFE.allows(rule.status, RuleRetired):
        raise NeverAsked(f"“{rule.name}” is out of force. Choose a rule that is asked.", field="rule")
    scope = version.scope
    if not scope or scope.get("desks"):
        return  # Of any portfolio, or of some orders of any.
    homes = Portfolio.objects.filter(is_open=True)
    if home.portfolio_id:
        homes = homes.filter(pk=home.portfolio_id)
    elif home.group_id:
        homes = homes.filter(groups=home.group_id)
    elif not scope.get("mandate_types"):
        homes = homes.none()  # What is the whole firm's is not proved of some that are named.
    named = Q(code__in=scope.get("portfolios", ())) | Q(team__in=scope.get("teams", ())) | Q(groups__code__in=scope.get("groups", ()))
    if types := scope.get("mandate_types"):
        named |= Q(mandate__type__in=[*types, ""]) | Q(mandate=None)  # Where the type is not on file it is asked, and cannot tell.
    of = home.portfolio.code if home.portfolio_id else f"group {home.group.code}" if home.group_id else "the whole firm"
    if not homes.filter(named).exists():
        raise NeverAsked(f"“{rule.name}” is not asked of {of}. Widen its scope or choose another rule.", field="rule")


def _refuse_own(act: Act, rows: Sequence[ClauseMapping]) -> None:
    own = next((row for row in rows if row.written_by_id == act.by), None)
    if own is not None:
        raise OwnMapping(f"You proposed {own.ref}, so another officer has to decide on it.", mapping=own.pk)


def _refuse_no_reason(act: Act) -> None:
    if not act.reason.strip() or len(act.reason) > LONGEST:
        raise Invalid(f"Give a reason of at most {LONGEST:,} characters: it is kept on the record.", field="reason")
