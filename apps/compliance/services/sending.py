"""
Orders that are about to be sent to a broker, asked by the rules that are asked then: with the portfolio, the prices and the
lists of that moment, and with what is at brokers already.

Of other orders only those at a broker count, and those that would go out together, the earlier before the later. What still
waits comes past the same gate when it is its turn: so the first that is sent takes the room that is left, and nobody is kept
back by an order that may never go.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
from django.db import transaction

from apps.core.acts import Act
from apps.orders import services as orders

from ..engine.evidence import shown
from ..engine.judgement import INDETERMINATE, OUTCOMES, PASS, Verdicts
from ..engine.saying import number
from ..engine.screening import Screening
from ..engine.warned import in_words
from ..selectors.asked import active_rules
from ..selectors.reviews import neutral_words
from ..selectors.snapshot import Asked
from ..states import Moment, Stage
from .decisions import end_waiting
from .overriding import still_allowed
from .screening import judge_by, open_reviews, pairs

MOST_TOLD = 20
Finding = dict[str, Any]
"""
What a rule found of an order, in words that the desk may read: order_id, ref, check_id, rule, name, severity, outcome, text,
and now, after and limit in ``unit`` as text where there are such.
"""


class ToSend(NamedTuple):
    """
    An order that would be sent.

    :param is_at_work: whether part of it is at a broker already; :param brokers: ids of those it would be sent to, or is dealt with
    """

    version: int
    is_at_work: bool
    brokers: Collection[int] = ()


class Answered(NamedTuple):
    """What keeps orders from being sent, and what is said of those that may go. At most ``MOST_TOLD`` of the latter."""

    stopped: list[Finding]
    told: list[Finding]


@transaction.atomic
def ask_before_sending(act: Act, wanted: Mapping[int, ToSend]) -> Answered:
    """
    Will ask the rules that are asked at the route of all these orders together, and keep a check of each. What a soft or a hard
    rule does not let out, by more or otherwise than an officer let stand, is held and waits in a review of its own: one that
    is at a broker already goes on there. If one is stopped the caller sends none of them.

    One query where no rule is asked at the route; else a number of statements that does not grow with the orders.

    :param wanted: by order id; the caller holds the orders and saw that each is as compliance let it through (``gates``)
    """
    rules = active_rules(act.at.date(), Stage.ROUTE)
    if not rules or not wanted:
        return Answered([], [])
    versions = {pk: one.version for pk, one in wanted.items()}
    towards = {pk: one.brokers for pk, one in wanted.items()}
    asked, found, checks = judge_by(act, rules, Moment.ROUTE, versions, at_work=True, towards=towards)
    ids = asked.snapshot.orders.id
    fails = found.outcome != PASS
    stopped = fails & ~np.isin(ids, list(still_allowed(act, pairs(ids, checks, fails))))
    if stopped.any():
        _hold(act, wanted, asked, found, checks, stopped)
    return _words(asked, found, checks, stopped)


def _hold(
    act: Act, wanted: Mapping[int, ToSend], asked: Asked, found: Screening, checks: np.ndarray, stopped: np.ndarray
) -> None:
    ids = asked.snapshot.orders.id
    working = np.array([wanted[pk].is_at_work for pk in ids.tolist()], bool)
    if at_work := pairs(ids, checks, stopped & working):
        end_waiting(act, list(at_work))
        orders.mark_failing(act, at_work)
    if idle := pairs(ids, checks, stopped & ~working):
        orders.mark_stopped(act, idle)
    open_reviews(act, asked.snapshot, found, checks, np.flatnonzero(stopped))


def _words(asked: Asked, found: Screening, checks: np.ndarray, stopped: np.ndarray) -> Answered:
    """Of what was stopped all that holds it, the leading rule first; of the others what is said without holding them."""
    hidden = neutral_words()
    held: list[tuple[int, bool, Finding]] = []
    told: list[Finding] = []
    for place, v in enumerate(found.verdicts):
        says = v.outcome >= INDETERMINATE
        holds = np.zeros(len(says), bool)
        holds[v.holding] = True
        if v.warned is not None and v.rule.code not in hidden:
            rows = np.flatnonzero(v.warned & ~stopped)[: MOST_TOLD - len(told)]
            told += [_finding(asked, v, int(row), checks, hidden) for row in rows]
        if v.rule.code not in hidden:  # Who is watched is not for the desk to learn.
            told += [_finding(asked, v, int(row), checks, hidden) for row in np.flatnonzero(says & ~holds)[: MOST_TOLD - len(told)]]
        for row in np.flatnonzero(holds & stopped).tolist():
            held.append((row, found.leading[row] != place, _finding(asked, v, row, checks, hidden)))
    kept: dict[tuple[int, str], Finding] = {}
    for _, _, one in sorted(held, key=lambda one: one[:2]):  # How many of the firm's lists an order meets is not for the desk to learn.
        kept.setdefault((one["order_id"], one["rule"]), one)
    return Answered(list(kept.values()), told)


def _finding(asked: Asked, v: Verdicts, row: int, checks: np.ndarray, hidden: Mapping[str, str]) -> Finding:
    pk = int(asked.snapshot.orders.id[row])
    of = {"order_id": pk, "ref": f"O-{pk:06d}", "check_id": int(checks[row]), "outcome": OUTCOMES[v.outcome[row]]}
    if v.rule.code in hidden:
        return of | {"rule": "compliance", "name": "Compliance", "severity": "", "text": hidden[v.rule.code]}
    unit = v.unit if isinstance(v.unit, str) else v.unit[row]
    numbers = {"now": v.now, "after": None if v.outcome[row] == INDETERMINATE else v.after, "limit": v.limit}
    told = {"unit": str(unit), **{name: shown(column, row) for name, column in numbers.items()}}
    if v.outcome[row] == PASS and (level := v.rule.params.get("warning")) is not None:
        told["warning"] = number(level)
    text = in_words(told) if v.outcome[row] == PASS else v.say(row).text
    return of | told | {"rule": v.rule.code, "name": v.rule.name, "severity": v.rule.severity_of(int(v.outcome[row])), "text": text}
