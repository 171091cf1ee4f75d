"""What a change of a rule would have done: the last days judged by the rules as they stand, and with the change."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from django.utils import timezone

from ..engine import bench
from ..engine.judgement import OUTCOMES, PASS, RuleVersion
from ..models import RuleDraft
from .asked import active_rules, amended_only, desks_of, scope_of
from .replay import Difference, Report, replay_rules

DAYS = 30
MOST_JUDGED = 5_000


class History(NamedTuple):
    """
    :param held: orders that the rules as they stand let through and the change would hold; :param let_through: the other way
    :param judged: verdicts looked at; :param left_out: runs that were more than are judged while somebody waits
    """

    days: int
    judged: int
    left_out: int
    held: list[Difference]
    let_through: list[Difference]

    @property
    def changes(self) -> bool:
        return bool(self.held or self.let_through)


def history_of(draft: RuleDraft, *, days: int = DAYS) -> History:
    """The screenings of the last days by their stored inputs, twice: by what is in force, and by that with the change."""
    now = active_rules()
    then = _with(now, draft)
    today = timezone.now().date()
    since = today - timedelta(days=days - 1)
    old, new = (replay_rules(rules, since, today, most_orders=MOST_JUDGED) for rules in (now, then))
    held, let_through = _between(old, new)
    return History(days, new.judged, new.left_out, held, let_through)


def _with(rules: Sequence[RuleVersion], draft: RuleDraft) -> list[RuleVersion]:
    others = [rule for rule in rules if rule.code != draft.code]
    if draft.retires:
        return others
    version = bench.read_version(draft.code, draft.name, draft.kind, draft.severity, draft.params)
    scope = scope_of(draft.scope, desks_of(draft.scope))
    version = version._replace(scope=scope, amended_only=amended_only(draft.moments), when_unsure=draft.when_unsure)
    return sorted([*others, version], key=lambda rule: rule.code)


def _between(old: Report, new: Report) -> tuple[list[Difference], list[Difference]]:
    """Each order of a run whose answer differs between two reports."""
    before, after = ({(d.run_id, d.order_id): d for d in report.differences} for report in (old, new))
    held, let_through = [], []
    for key in sorted({*before, *after}):
        was, is_now = before.get(key), after.get(key)
        stored = (was or is_now).was
        first, second = (one.is_now if one else stored for one in (was, is_now))
        if first == second:
            continue
        changed = Difference(*key, (is_now or was).rule, first, second)
        if first == OUTCOMES[PASS]:
            held.append(changed)
        elif second == OUTCOMES[PASS]:
            let_through.append(changed)
    return held, let_through
