"""All rules asked of all orders: the verdicts, what they come to, and the largest quantity that would pass."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import evidence
from .columns import Snapshot
from .figures import figures_of
from .judgement import FAIL, INDETERMINATE, LETS_GO, PASS, UNKNOWN, RuleVersion, Verdicts
from .rules import MEASURES, duplicates

RANK = {"HARD": 2, "SOFT": 1, "WARN": 0, "INFO": 0}


@dataclass
class Screening:
    """
    For each order of the snapshot, in its order.

    :param outcome: PASS, INDETERMINATE or FAIL over the rules that hold an order
    :param max_qty: largest quantity in ten-thousandths that passes every rule, for orders that failed; UNKNOWN where
        they passed or a rule cannot tell
    :param leading: place in ``rules`` of the rule that a person should see first, -1 where all passed
    :param value: what the order is worth in the firm's currency at mid; NaN where not known
    """

    rules: Sequence[RuleVersion]
    verdicts: Sequence[Verdicts]
    outcome: np.ndarray
    max_qty: np.ndarray
    binding: np.ndarray
    leading: np.ndarray
    failed: np.ndarray
    unsure: np.ndarray
    value: np.ndarray

    def severity(self, row: int) -> str:
        """Of an order that is held, that of its leading rule."""
        leading = self.verdicts[self.leading[row]]
        return leading.rule.severity_of(int(leading.outcome[row]))

    def results(self, s: Snapshot) -> list[str]:
        """What did not pass, as JSON, one text an order."""
        return evidence.results(s, self.verdicts)

    def figures(self, s: Snapshot, rows: slice = slice(None)) -> bytes:
        """The numbers of every rule, also of what passed."""
        return figures_of(s.orders.id, self.verdicts, rows)


def screen(s: Snapshot, rules: Sequence[RuleVersion]) -> Screening:
    """
    Asks every rule about every order; none stops at the first that fails.

    Rules that must know what the others refused (cash: only sells that may go ahead pay for buys) come after them.
    """
    n = len(s.orders)
    refused = np.zeros(n, bool)
    verdicts: dict[int, Verdicts] = {}
    for last in (False, True):
        known = refused.copy()
        for place, rule in enumerate(rules):
            measure = MEASURES[rule.kind]
            if measure.last is last:
                found, asked = measure.judge(s, rule, known), rule.asks(s)
                found = verdicts[place] = found if asked is None else found.only(asked).unless_meant(s)
                refused[found.holding] = True
    in_order = [verdicts[place] for place in range(len(rules))]
    outcome, failed, unsure = np.full(n, PASS, np.int8), np.zeros(n, np.int64), np.zeros(n, np.int64)
    leading, worst = np.full(n, -1, np.int64), np.zeros(n, np.int64)
    for place, v in enumerate(in_order):
        rows = v.holding
        if not len(rows):
            continue
        said = v.outcome[rows]
        outcome[rows] = np.maximum(outcome[rows], said)
        failed[rows] += said == FAIL
        unsure[rows] += said == INDETERMINATE
        weight = said.astype(np.int64) + 10 * _rank(v.rule, said)
        leading[rows] = np.where(weight > worst[rows], place, leading[rows])
        worst[rows] = np.maximum(worst[rows], weight)
    max_qty, binding = _largest(s, in_order, outcome, unsure)
    value = s.ordered * s.unit[s.orders.instrument]
    return Screening(rules, in_order, outcome, max_qty, binding, leading, failed, unsure, value)


def _rank(rule: RuleVersion, outcomes: np.ndarray) -> int | np.ndarray:
    """How severe it is of each."""
    fails, unsure = (RANK[rule.severity_of(outcome)] for outcome in (FAIL, INDETERMINATE))
    return fails if fails == unsure else np.where(outcomes == FAIL, fails, unsure)


def _largest(s: Snapshot, verdicts: Sequence[Verdicts], outcome: np.ndarray, unsure: np.ndarray):
    """The least of what each rule lets pass; the rule that binds there. Where one cannot tell, neither can this."""
    n = len(s.orders)
    least, binding = np.full(n, np.iinfo(np.int64).max), np.full(n, -1, np.int64)
    for place, v in enumerate(verdicts):
        if v.rule.severity in LETS_GO:
            continue
        rows = v.beyond
        rows = rows[(v.outcome[rows] == FAIL) & (v.max_qty[rows] < least[rows])]
        least[rows], binding[rows] = v.max_qty[rows], place
    told = (outcome == FAIL) & (unsure == 0)
    least = np.where(told, least, UNKNOWN)
    for place, v in enumerate(verdicts):
        if v.rule.kind != "duplicate":
            continue
        asked, window = v.rule.asks(s), v.rule.params["window"]
        for row in np.flatnonzero(told & (least > 0) & (True if asked is None else asked)):
            smaller = _beside_likes(s, int(row), int(least[row]), window)
            if smaller != least[row]:
                least[row], binding[row] = smaller, place
    return least, np.where(outcome == FAIL, binding, -1)


def _beside_likes(s: Snapshot, row: int, qty: int, window: int) -> int:
    """The quantity, or the next smaller one at which the order would not be taken for another sent twice."""
    place = s.orders.instrument[row]
    while qty > 0 and duplicates.falls_on_another(s, row, qty, window):
        qty -= int(s.increment[place])
        if qty < s.min_piece[place]:
            return 0
    return qty
