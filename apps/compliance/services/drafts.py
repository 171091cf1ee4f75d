"""
How a rule changes: one officer writes a draft and proposes it, another approves it, and only then is it a version.

A draft says which version of its rule it was written from. Where the rule has moved on, the draft is neither proposed
nor approved: it has to be written again from the rule as it stands.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson
from django.conf import settings
from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact, differing
from apps.core.refusals import Conflict, Invalid, NotAllowed, NotFound, Stale
from apps.core.tables import copy_in, next_ids
from apps.orders import selectors as order_selectors
from apps.users.services import require

from .. import events
from ..engine import bench
from ..engine.params import BadRule
from ..engine.rules import MEASURES
from ..models import Rule, RuleDraft, RuleVersion
from ..states import DRAFT_LIFE, RULE_LIFE
from . import rulebook
from .rulebook import Canonical, KindIsFixed, RuleText, StaleRule

COLUMNS = (
    "id", "rule_id", "seen", "retires", "code", "kind", "name", *rulebook.SAID, "reason", "written_by_id", "written_at", "answer",
    "status", "version",
)  # fmt: skip


class StaleDraft(Stale):
    """The draft was edited or decided on after the officer looked."""


class NotGreen(Conflict):
    """A rule whose fixtures find otherwise than they expect, or that has none, is not proposed."""


class OthersDraft(NotAllowed):
    """A draft is its author's to edit, to propose and to drop."""


class Change(NamedTuple):
    """
    A change to be written.

    :param said: what the rule will say; None where it is taken out of force
    :param rule_id: the rule that changes, None for a new one; :param seen: the version of it that the officer looked at
    """

    said: RuleText | None
    rule_id: int | None = None
    seen: int | None = None


@dataclass
class _Kept:
    """A draft as it is about to be written."""

    rule_id: int | None
    seen: int | None
    what: Canonical
    retires: bool = False


@transaction.atomic
def write_drafts(act: Act, changes: Sequence[Change]) -> list[int]:
    """
    Will begin changes of rules: all or none. None of them does anything until it is proposed and approved.

    :returns: their ids, in order
    :raises BadRule: naming the field that is malformed; nothing is then written
    :raises StaleRule: if a rule changed since the version seen
    """
    require(act, "compliance.write_rules")
    if not changes:
        raise Invalid("No change was given. Write at least one.", field="drafts")
    kept = _kept(changes)
    status = DRAFT_LIFE.born[events.DraftWritten]
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "compliance_ruledraft", len(kept))
        copy_in(
            cursor, "compliance_ruledraft", COLUMNS,
            (
                (pk, k.rule_id, k.seen, k.retires, s.code, s.kind, s.name, *rulebook.said_in(k.what), act.reason, act.by, act.at,
                 "", status, 1)
                for pk, k in zip(ids, kept, strict=True)
                for s in [k.what.said]
            ),
        )  # fmt: skip
        name_groups(cursor, ids, [k.what.said for k in kept])
    record(
        act,
        [Fact(pk, 1, events.DraftWritten(k.rule_id, _told(k.what, k.retires))) for pk, k in zip(ids, kept, strict=True)],
    )
    return ids


def name_groups(cursor, draft_ids: Sequence[int], texts: Sequence[RuleText]) -> None:
    """
    Keeps which groups drafts name. One statement, none where they name none.

    :raises BadRule: where a group was deleted in between
    """
    pairs = [(pk, code) for pk, said in zip(draft_ids, texts, strict=True) for code in said.scope.get("groups", ())]
    if not pairs:
        return
    cursor.execute(
        "INSERT INTO compliance_namedgroup (draft_id, group_id) SELECT u.draft, g.id FROM unnest(%s::bigint[], %s::text[]) u(draft, code)"
        " JOIN (SELECT id, code FROM portfolios_portfoliogroup WHERE code = ANY(%s) ORDER BY id FOR KEY SHARE) g ON g.code = u.code",
        [*map(list, zip(*pairs, strict=True)), sorted({code for _, code in pairs})],
    )
    if cursor.rowcount < len(pairs):
        raise BadRule("A group that it names was deleted this moment. Reload and choose again.", field="groups")


def forget_groups(cursor, drafts: Sequence[RuleDraft]) -> None:
    """Of drafts that name no group any more, or will never come into force."""
    cursor.execute("DELETE FROM compliance_namedgroup WHERE draft_id = ANY(%s)", [[draft.pk for draft in drafts]])


def _told(what: Canonical, retires: bool) -> dict:
    return {"code": what.said.code, "retires": True} if retires else {"code": what.said.code, **what.told()}


def _kept(changes: Sequence[Change]) -> list[_Kept]:
    rules = Rule.objects.in_bulk({c.rule_id for c in changes if c.rule_id is not None})
    newest = newest_of(rules)
    refuse_stale_rules((rules.get(c.rule_id), c.seen) for c in changes if c.rule_id is not None)
    if any(change.said is None and change.rule_id not in rules for change in changes):
        raise Invalid("Say which rule is to end.", field="rule")
    found = iter(rulebook.canonical([_text(c.said, rules.get(c.rule_id)) for c in changes if c.said is not None]))
    return [
        _Kept(c.rule_id, c.seen, _as_it_stands(rules[c.rule_id], newest) if c.said is None else next(found), c.said is None)
        for c in changes
    ]


def _as_it_stands(rule: Rule, newest: Mapping[int, RuleVersion]) -> Canonical:
    """What a rule that is to end says last: not judged again, for a rule that could not be written any more can end."""
    RULE_LIFE.after(rule.status, events.RuleRetired)
    return text_of_version(rule, newest[rule.pk])


def _text(said: RuleText, rule: Rule | None) -> RuleText:
    if rule is None:
        return said
    if said.kind and said.kind != rule.kind:
        raise KindIsFixed(f"“{rule.name}” measures {MEASURES[rule.kind].title}. For another measure write another rule.", field="kind")
    return said._replace(code=rule.code, kind=rule.kind, name=said.name or rule.name)


def refuse_stale_rules(pairs: Iterable[tuple[Rule | None, int | None]]) -> None:
    stale = {}
    for rule, seen in pairs:
        if rule is None:
            raise NotFound("There is no such rule.")
        if rule.version != seen:
            stale[rule.pk] = (rule.name, seen, rule.version)
    if stale:
        raise StaleRule(
            f"“{next(iter(stale.values()))[0]}” is not as you saw it. Look at the rule as it stands and write the change again.",
            rules=order_selectors.missed("rule", stale),
        )


@transaction.atomic
def edit_draft(act: Act, draft_id: int, said: RuleText, *, seen: int) -> None:
    """
    Will have a draft say something else. One that was proposed is a draft again, to be proposed anew.

    :raises StaleDraft: if it changed since the version seen; :raises OthersDraft: where somebody else wrote it
    :raises BadRule: naming the field that is malformed; nothing is then written
    """
    require(act, "compliance.write_rules")
    [draft] = locked_drafts([draft_id], {draft_id: seen})
    after = DRAFT_LIFE.after(draft.status, events.DraftEdited)
    _refuse_others(act, [draft])
    if draft.retires:
        raise Invalid("It takes the rule out of force and says nothing more. Drop it, or propose it as it is.", field="params")
    if draft.rule_id is not None:
        said = _text(said, draft.rule)
    [what] = rulebook.canonical([said])
    before = text_of(draft).told()
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE compliance_ruledraft SET code = %s, kind = %s, name = %s, {', '.join(f'{name} = %s' for name in rulebook.SAID)},"
            " reason = %s, written_at = %s, proposed_at = NULL, status = %s, version = version + 1 WHERE id = %s",
            [what.said.code, what.said.kind, what.said.name, *rulebook.said_in(what), act.reason or draft.reason, act.at, after,
             draft.pk],
        )  # fmt: skip
        forget_groups(cursor, [draft])
        name_groups(cursor, [draft.pk], [what.said])
    record(act, [Fact(draft.pk, draft.version + 1, events.DraftEdited(*differing(before, what.told())))])


@transaction.atomic
def propose_drafts(act: Act, draft_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will ask another officer to put drafts in force: all or none.

    :raises StaleDraft: if one changed since the version seen; :raises StaleRule: if its rule did since it was written
    :raises OthersDraft: where somebody else wrote one; :raises Invalid: without a reason
    :raises NotGreen: where its fixtures find otherwise than they expect, or there is not one that passes and one that fails
    """
    require(act, "compliance.write_rules")
    drafts = locked_drafts(draft_ids, seen)
    after = status_after(drafts, events.DraftProposed)
    _refuse_others(act, drafts)
    refuse_stale_rules((draft.rule, draft.seen) for draft in drafts if draft.rule_id is not None)
    if not act.reason.strip() and any(not draft.reason.strip() for draft in drafts):
        raise Invalid("Give a reason for the change: it is kept on the record, and the officer who decides reads it.", field="reason")
    tried = [_refuse_red(draft) for draft in drafts]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE compliance_ruledraft d SET status = %s, proposed_at = %s, reason = coalesce(nullif(%s, ''), reason),"
            " bench = u.bench, version = version + 1 FROM unnest(%s::bigint[], %s::jsonb[]) u(id, bench) WHERE d.id = u.id",
            [after, act.at, act.reason.strip(), [draft.pk for draft in drafts], tried],
        )
    record(act, [Fact(draft.pk, draft.version + 1, events.DraftProposed()) for draft in drafts])


def _refuse_red(draft: RuleDraft) -> str | None:
    """What the bench says, to be kept with the proposal. :raises NotGreen: where it may not be proposed so"""
    if draft.retires:
        return None
    found = bench_of(draft)
    if found.is_red:
        miss = found.misses[0]
        raise NotGreen(
            f"“{miss.fixture}”, order {miss.order}: {miss.found} where {miss.expected} is expected. Mend the rule or the fixture.",
            field="fixtures", misses=[one._asdict() for one in found.misses[:20]],
        )  # fmt: skip
    if settings.RULES_NEED_FIXTURES and not found.is_green and MEASURES[draft.kind].takes:
        raise NotGreen(
            f"“{draft.name}” needs a fixture of an order that passes and one of an order that fails before it is proposed.",
            field="fixtures",
        )  # fmt: skip
    return orjson.dumps(found._asdict() | {"score": found.score, "misses": []}).decode()


def bench_of(draft: RuleDraft) -> bench.Bench:
    """What a draft's fixtures say of it, and which mutants survive them."""
    version = bench.read_version(draft.code, draft.name, draft.kind, draft.severity, draft.params)
    return bench.run(version, draft.fixtures)


@transaction.atomic
def propose_end(act: Act, rule_id: int, *, seen: int) -> int:
    """
    Will ask another officer to take a rule out of force, for the reason the act gives.

    :returns: the draft of it
    :raises StaleRule: if the rule changed since the version seen; :raises IllegalMove: if it is out of force already
    """
    (pk,) = write_drafts(act, [Change(None, rule_id, seen)])
    propose_drafts(act, [pk], seen={pk: 1})
    return pk


@transaction.atomic
def drop_drafts(act: Act, draft_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will give up drafts, proposed or not.

    :raises StaleDraft: if one changed since the version seen; :raises OthersDraft: where somebody else wrote one
    """
    require(act, "compliance.write_rules")
    drafts = locked_drafts(draft_ids, seen)
    after = status_after(drafts, events.DraftDropped)
    _refuse_others(act, drafts)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE compliance_ruledraft SET status = %s, version = version + 1 WHERE id = ANY(%s)",
            [after, [draft.pk for draft in drafts]],
        )
        forget_groups(cursor, drafts)
    record(act, [Fact(draft.pk, draft.version + 1, events.DraftDropped()) for draft in drafts])


def newest_of(rules: Collection[int]) -> dict[int, RuleVersion]:
    if not rules:
        return {}
    rows = RuleVersion.objects.filter(rule__in=list(rules)).order_by("rule_id", "-number").distinct("rule_id")
    return {row.rule_id: row for row in rows}


def text_of(draft: RuleDraft) -> Canonical:
    return _as_kept(draft, draft.code, draft.kind, draft.name)


def text_of_version(rule: Rule, last: RuleVersion) -> Canonical:
    return _as_kept(last, rule.code, rule.kind, rule.name)


def _as_kept(row: RuleDraft | RuleVersion, code: str, kind: str, name: str) -> Canonical:
    said = RuleText(
        code, kind, name, row.severity, row.params, row.citation, row.starts_on, row.ends_on, row.jurisdiction, row.scope, row.moments,
        row.fixtures, row.when_unsure,
    )
    return Canonical(said, orjson.dumps(row.params, option=orjson.OPT_SORT_KEYS).decode(), row.text)


def locked_drafts(draft_ids: Collection[int], seen: Mapping[int, int]) -> list[RuleDraft]:
    wanted = sorted(set(draft_ids))
    rows = RuleDraft.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=wanted).select_related("rule").order_by("pk")
    drafts = list(rows)
    if len(drafts) < len(wanted) or not drafts:
        raise NotFound("There is no such draft. Reload the list.")
    stale = {d.pk: (d.ref, seen.get(d.pk), d.version) for d in drafts if seen.get(d.pk) != d.version}
    if stale:
        raise StaleDraft(
            f"{next(iter(stale.values()))[0]} is not as you saw it. Reload it and look again.",
            drafts=order_selectors.missed("draft", stale),
        )
    return drafts


def status_after(drafts: Sequence[RuleDraft], event: type[Event]) -> str:
    return {DRAFT_LIFE.after(draft.status, event) for draft in drafts}.pop()


def _refuse_others(act: Act, drafts: Sequence[RuleDraft]) -> None:
    other = next((draft for draft in drafts if draft.written_by_id != act.by), None)
    if other is not None:
        raise OthersDraft(f"{other.ref} is a colleague's. Its author edits, proposes or drops it.", draft=other.pk)
