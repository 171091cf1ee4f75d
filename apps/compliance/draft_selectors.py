"""What the pages of changes of rules show."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from apps.core.refusals import NotFound
from apps.users.services import can

from . import events, selectors
from .engine.rules import MEASURES
from .engine.scope import either, words
from .models import Rule, RuleDraft, RuleVersion
from .page_selectors import param_in_words
from .states import DRAFT_LIFE, WHEN, DraftStatus, Stage

MOST_LISTED = 300


class Changed(NamedTuple):
    """One thing that a rule says, before and after the change."""

    what: str
    before: str
    after: str

    @property
    def differs(self) -> bool:
        return self.before != self.after


class Opened(NamedTuple):
    """A change of a rule with what it changes, and what the person may do with it."""

    draft: RuleDraft
    measure: str
    changes: list[Changed]
    before: RuleVersion | None
    is_stale: bool
    may: frozenset[str]
    meaning: selectors.Meaning


def waiting(user) -> int:
    """How many changes wait for an officer's decision."""
    return selectors.drafts_seen_by(user).filter(status=DraftStatus.PROPOSED).count()


def listed(user) -> list[RuleDraft]:
    return list(selectors.drafts_seen_by(user)[:MOST_LISTED])


def newest(user, code: str) -> tuple[Rule, RuleVersion]:
    """A rule with its newest version. :raises NotFound: where there is none, or it is hidden"""
    rule = selectors.rules_seen_by(user).filter(code=code).first()
    if rule is None:
        raise NotFound("There is no such rule.")
    return rule, rule.versions.order_by("-number")[0]


def opened(user, draft_id: int) -> Opened:
    """:raises NotFound: where there is none, or it is hidden"""
    draft = selectors.get_draft_seen_by(user, draft_id)
    before = selectors.version_before(draft)
    is_open = draft.status in (DraftStatus.DRAFT, DraftStatus.PROPOSED)
    is_stale = is_open and draft.rule_id is not None and draft.rule.version != draft.seen
    measure = MEASURES[draft.kind].title if draft.kind in MEASURES else draft.kind
    changes, means = [] if draft.retires else _changes(draft, before), selectors.meaning_of(draft.scope)
    return Opened(draft, measure, changes, before, is_stale, _may(user, draft), means)


def _may(user, draft: RuleDraft) -> frozenset[str]:
    own = draft.written_by_id == user.pk
    writes, decides = can(user, "compliance.write_rules") and own, can(user, "compliance.approve_rules") and not own
    moves = {
        "propose": (writes, events.DraftProposed),
        "drop": (writes, events.DraftDropped),
        "edit": (writes and not draft.retires, events.DraftEdited),
        "approve": (decides, events.DraftApproved),
        "refuse": (decides, events.DraftRefused),
    }
    return frozenset(name for name, (allowed, event) in moves.items() if allowed and DRAFT_LIFE.allows(draft.status, event))


def _changes(draft: RuleDraft, before: RuleVersion | None) -> list[Changed]:
    old = _said(before) if before else {}
    new = _said(draft)
    return [Changed(name, old.get(name, "–"), new.get(name, "–")) for name in {**new, **old}]


def _said(row: RuleDraft | RuleVersion) -> Mapping[str, str]:
    limits: dict[str, Any] = {name.replace("_", " "): param_in_words(value) for name, value in sorted(row.params.items())}
    first, last = (f"{day:%d %b %Y}" if day else "" for day in (row.starts_on, row.ends_on))
    return {
        "says": row.text, "severity": row.severity.lower(), "where it cannot tell": row.get_when_unsure_display(), **limits,
        "citation": row.citation or "–",
        "jurisdiction": row.jurisdiction or "–",
        "asked of": scope_in_words(row.scope), "asked at": moments_in_words(row.moments),
        "first day": first or ("the day it is approved" if isinstance(row, RuleDraft) else "since ever"), "last day": last or "–",
    }  # fmt: skip


def scope_in_words(scope: Mapping[str, list[str]]) -> str:
    """Which orders: “team A or portfolio P1”."""
    return either(found) if (found := words(scope)) else "the whole firm"


def moments_in_words(moments: Iterable[str]) -> str:
    return ", ".join(WHEN[stage] for stage in Stage if stage in moments)
