"""
What another officer says to a change of a rule: it comes into force, or it does not. Whoever wrote one never decides.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact, differing
from apps.core.refusals import Conflict, Invalid, NotAllowed
from apps.core.tables import one_at_a_time, update_many
from apps.users.services import require

from .. import events
from ..models import Rule, RuleDraft
from ..states import RULE_LIFE, InForce
from . import rulebook
from .drafts import forget_groups, locked_drafts, newest_of, refuse_stale_rules, status_after, text_of, text_of_version
from .rulebook import Written


class OwnDraft(NotAllowed):
    """Nobody approves or refuses a change of a rule that they wrote."""


class CodeIsTaken(Conflict):
    """Another rule has the code."""


@transaction.atomic
def refuse_drafts(act: Act, draft_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will refuse what another officer proposed, for the reason the act gives.

    :raises StaleDraft: if one changed since the version seen; :raises OwnDraft: where the actor wrote one
    """
    require(act, "compliance.approve_rules")
    if not act.reason.strip():
        raise Invalid("Give a reason: it is kept on the record.", field="reason")
    drafts = locked_drafts(draft_ids, seen)
    after = status_after(drafts, events.DraftRefused)
    _refuse_own(act, drafts)
    with connection.cursor() as cursor:
        _decided(cursor, act, drafts, after)
        forget_groups(cursor, drafts)
    record(act, [Fact(draft.pk, draft.version + 1, events.DraftRefused()) for draft in drafts])


@transaction.atomic
def approve_drafts(act: Act, draft_ids: Collection[int], *, seen: Mapping[int, int]) -> dict[int, int]:
    """
    Will put in force what other officers proposed, from the day each says: all or none. The number of statements does not
    grow with the drafts.

    :returns: draft to its rule
    :raises StaleDraft: if one changed since the version seen; :raises StaleRule: if its rule did since it was written
    :raises OwnDraft: where the actor wrote one; :raises BadRule: where one cannot be understood any more
    """
    require(act, "compliance.approve_rules")
    with connection.cursor() as cursor:
        one_at_a_time(cursor, "compliance.rules")  # Two who approve new ones of one code.
        drafts = locked_drafts(draft_ids, seen)
        after = status_after(drafts, events.DraftApproved)
        _refuse_own(act, drafts)
        ids = {draft.rule_id for draft in drafts if draft.rule_id is not None}
        rules = {rule.pk: rule for rule in Rule.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")}
        refuse_stale_rules((rules[draft.rule_id], draft.seen) for draft in drafts if draft.rule_id is not None)
        _refuse_clashes(drafts)
        retired = [draft for draft in drafts if draft.retires]
        writing = [draft for draft in drafts if not draft.retires]
        facts = _retire(cursor, [rules[draft.rule_id] for draft in retired])
        became, more = _put_in_force(cursor, act, writing, rules)
        homes = {draft.pk: draft.rule_id for draft in retired} | {pk: rule for pk, (rule, _, _) in became.items()}
        versions = {pk: version for pk, (_, version, _) in became.items()}
        _decided(cursor, act, drafts, after, homes, versions)
    numbers = {pk: number for pk, (_, _, number) in became.items()}
    record(act, facts + more)
    told = {draft.pk: events.DraftApproved(homes[draft.pk], numbers.get(draft.pk, 0)) for draft in drafts}
    record(act, [Fact(draft.pk, draft.version + 1, told[draft.pk]) for draft in drafts])
    return homes


def _put_in_force(
    cursor, act: Act, drafts: Sequence[RuleDraft], rules: Mapping[int, Rule]
) -> tuple[dict[int, tuple[int, int, int]], list[Fact]]:
    """Writes a version each. Returns draft to (rule, version, its number), and what happened to the rules."""
    if not drafts:
        return {}, []
    today = act.at.date()
    said = [text_of(draft).said for draft in drafts]
    texts = rulebook.canonical(s._replace(starts_on=max(s.starts_on or today, today)) for s in said)
    newest = newest_of(rules)
    pairs = list(zip(drafts, texts, strict=True))
    changed = [(draft, what) for draft, what in pairs if draft.rule_id is not None]
    new = [(draft, what) for draft, what in pairs if draft.rule_id is None]
    numbers = {draft.pk: newest[draft.rule_id].number + 1 for draft, _ in changed} | {draft.pk: 1 for draft, _ in new}
    homes = {draft.pk: draft.rule_id for draft, _ in changed}
    homes |= zip((draft.pk for draft, _ in new), rulebook.create_rules(cursor, [what for _, what in new]), strict=True)
    facts = [Fact(homes[draft.pk], 1, events.RuleActivated(1, what.params, {}, what.told())) for draft, what in new]
    for draft, what in changed:
        rule = rules[draft.rule_id]
        before, now = differing(text_of_version(rule, newest[rule.pk]).told(), what.told())
        facts.append(Fact(rule.pk, rule.version + 1, events.RuleActivated(numbers[draft.pk], what.params, before, now)))
    update_many(
        cursor, "compliance_rule", [draft.rule_id for draft, _ in changed],
        {
            "status": ("text", [RULE_LIFE.after(rules[draft.rule_id].status, events.RuleActivated) for draft, _ in changed]),
            "name": ("text", [what.said.name for _, what in changed]),
        },
        bump=True,
    )  # fmt: skip
    rows = [Written(homes[d.pk], numbers[d.pk], what, d.written_by_id, d.written_at, act.by) for d, what in pairs]
    versions = rulebook.write_versions(cursor, act, rows)
    return {d.pk: (homes[d.pk], v, numbers[d.pk]) for (d, _), v in zip(pairs, versions, strict=True)}, facts


def _retire(cursor, rules: Sequence[Rule]) -> list[Fact]:
    for rule in rules:
        RULE_LIFE.after(rule.status, events.RuleRetired)
    if rules:
        cursor.execute(
            "UPDATE compliance_rule SET status = %s, version = version + 1 WHERE id = ANY(%s)",
            [InForce.RETIRED, [rule.pk for rule in rules]],
        )
    return [Fact(rule.pk, rule.version + 1, events.RuleRetired()) for rule in rules]


def _refuse_clashes(drafts: Sequence[RuleDraft]) -> None:
    """Of one rule one change at a time; of new ones each a code of its own."""
    twice = [pk for pk, times in Counter(d.rule_id for d in drafts if d.rule_id is not None).items() if times > 1]
    if twice:
        raise Conflict("Two of these change the same rule. Approve one; the other has to be written again from what it then says.")
    codes = [draft.code for draft in drafts if draft.rule_id is None]
    taken = set(Rule.objects.filter(code__in=codes).values_list("code", flat=True)) if codes else set()
    for code, times in Counter(codes).items():
        if code in taken or times > 1:
            raise CodeIsTaken(f"There is a rule “{code}” already. Give the new one another code.", field="code")


def _refuse_own(act: Act, drafts: Sequence[RuleDraft]) -> None:
    own = next((draft for draft in drafts if draft.written_by_id == act.by), None)
    if own is not None:
        raise OwnDraft(f"You wrote {own.ref}, so another officer has to decide on it.", draft=own.pk)


def _decided(
    cursor, act: Act, drafts: Sequence[RuleDraft], after: str, homes: Mapping[int, int] | None = None,
    versions: Mapping[int, int] | None = None,
) -> None:  # fmt: skip
    homes, versions = homes or {}, versions or {}
    ids = [draft.pk for draft in drafts]
    update_many(
        cursor, "compliance_ruledraft", ids,
        {
            "status": ("text", [after] * len(ids)),
            "decided_by_id": ("bigint", [act.by] * len(ids)),
            "decided_at": ("timestamptz", [act.at] * len(ids)),
            "answer": ("text", [act.reason.strip()] * len(ids)),
            "rule_id": ("bigint", [homes.get(draft.pk, draft.rule_id) for draft in drafts]),
            "became_id": ("bigint", [versions.get(pk) for pk in ids]),
        },
        bump=True,
    )  # fmt: skip
