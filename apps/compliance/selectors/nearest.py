"""The nearest orders that would have passed, beside what was looked at when one was held."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from ..engine import answers
from ..engine.columns import Snapshot
from ..engine.storing import NotStored, expanded, unpacked
from ..models import Check
from ..states import Outcome
from .runs import rule_versions

MOST_TOGETHER = 2_000
"""Orders judged together beyond which a page does not wait for another answer."""


class Near(NamedTuple):
    """An order that would have passed. ``limit`` and ``settles`` None where they stay as they are; ``rule`` binds there."""

    kind: str
    qty: Decimal
    limit: Decimal | None
    settles: date | None
    rule: str


def nearest_to(check: Check) -> list[Near]:
    """Of an order that fails, by the rules and numbers of that moment; none where they were not stored. Two queries."""
    run = check.run
    if run is None or check.outcome != Outcome.FAIL or run.orders > MOST_TOGETHER:
        return []
    try:
        s: Snapshot = unpacked(expanded(bytes(run.inputs)))
    except NotStored:
        return []
    found = rule_versions(run.rule_versions)
    rules = [found[pk] for pk in run.rule_versions]
    names = {rule.code: rule.name for rule in rules}
    place = s.orders.id.tolist().index(check.order_id)
    return [
        Near(
            one.kind,
            answers.plain_qty(one),
            answers.plain_limit(one) if one.kind == answers.LIMIT else None,
            date.fromordinal(one.settles) if one.settles else None,
            names.get(one.binds, one.binds),
        )
        for one in answers.nearest(s, rules, place)
    ]
