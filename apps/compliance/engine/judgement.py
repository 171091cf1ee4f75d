"""
Verdicts, and the one comparison most rules come down to: ``used + quantity × unit`` is at most ``cap``.

Clear cases are decided in floats; what lies within 1e-9 of the cap, and quantities next to a whole increment, in
fractions: exactly 5.00% is not above 5%.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from .columns import NEAR, QTY, Snapshot
from .scope import Scope, why_unsure

NOT_ASKED, PASS, INDETERMINATE, FAIL = 0, 1, 2, 3
OUTCOMES = ("", "PASS", "INDETERMINATE", "FAIL")
UNKNOWN = -1


class RuleVersion(NamedTuple):
    """
    A rule as it stands; ``params`` already read by its measure (``params.read``).

    :param scope: which orders it is about, None for the whole firm's; :param amended_only: those checked before alone
    """

    id: int
    code: str
    name: str
    kind: str
    number: int
    severity: str
    params: dict[str, Any]
    citation: str = ""
    scope: Scope | None = None
    amended_only: bool = False

    def asks(self, s: Snapshot) -> np.ndarray | None:
        """Which orders it is about; None where it is about all."""
        code = self.params.get("own_field")
        asked = [
            *([s.orders.saying(code, self.params["own_value"])] if code else ()),
            *([self.scope.holds(s)] if self.scope else ()),
            *([s.orders.was_checked()] if self.amended_only else ()),
        ]
        return np.logical_and.reduce(asked) if asked else None


class Said(NamedTuple):
    """What a verdict that is no pass says: a sentence, how it was measured, and each number with its time."""

    text: str
    basis: str = ""
    data: tuple[dict[str, Any], ...] = ()
    limit_from: str = ""


@dataclass
class Verdicts:
    """
    What one rule says of every order.

    :param now, after, limit: numbers in ``unit``; NaN where there is none
    :param room: what is left before the order, in ``room_unit``
    :param max_qty: largest quantity that passes, in ten-thousandths; UNKNOWN where it was not asked or cannot be told
    :param say: the words for one order that did not pass
    :param warned: which orders pass beyond the rule's warning level; None where it has none
    """

    rule: RuleVersion
    outcome: np.ndarray
    say: Callable[[int], Said]
    now: np.ndarray | None = None
    after: np.ndarray | None = None
    limit: np.ndarray | None = None
    unit: str = ""
    room: np.ndarray | None = None
    room_unit: str = ""
    max_qty: np.ndarray = field(default=None)
    warned: np.ndarray | None = None

    def __post_init__(self):
        if self.max_qty is None:
            self.max_qty = np.full(len(self.outcome), UNKNOWN, np.int64)

    def only(self, asked: np.ndarray) -> "Verdicts":
        """The same of some orders; the others were not asked."""
        return replace(
            self,
            outcome=np.where(asked, self.outcome, NOT_ASKED).astype(np.int8),
            max_qty=np.where(asked, self.max_qty, UNKNOWN),
            warned=None if self.warned is None else self.warned & asked,
        )

    def unless_meant(self, s: Snapshot) -> "Verdicts":
        """
        The same where it cannot be told of some orders whether the rule is about them: what it would let pass passes in any
        case, and what it would not is INDETERMINATE.
        """
        unsure = self.rule.scope.unsure(s) if self.rule.scope else None
        if unsure is None or not (unsure := unsure & (self.outcome == FAIL)).any():
            return self

        def say(order: int) -> Said:
            said = self.say(order)
            return said._replace(text=f"{said.text} {why_unsure(s.portfolio_of(order))}") if unsure[order] else said

        return replace(
            self, say=say, outcome=np.where(unsure, INDETERMINATE, self.outcome).astype(np.int8),
            max_qty=np.where(unsure, UNKNOWN, self.max_qty),
        )  # fmt: skip


Exact = Callable[[int], tuple[Fraction, Fraction, Fraction]]


def compared(
    s: Snapshot, asked: np.ndarray, known: np.ndarray, used: np.ndarray, unit: np.ndarray, cap: np.ndarray, exact: Exact
) -> tuple[np.ndarray, np.ndarray]:
    """
    Outcome of each order and, where it fails, the largest quantity that passes.

    :param used: what is taken before the order; ``unit`` what one unit of it takes; ``cap`` what there is
    :param exact: (used, unit, cap) of one order as fractions
    """
    rows = np.flatnonzero(asked & known)  # Of a book of sales and purchases, about half.
    taken, most = used[rows], cap[rows]
    with np.errstate(invalid="ignore"):
        after = taken + s.ordered[rows] * unit[rows]
        slack = most - after
        passes = slack > 0
        near = np.abs(slack) <= NEAR * np.maximum(np.maximum(np.abs(most), np.abs(after)), np.abs(taken))
    for k in np.flatnonzero(near):
        e_used, e_unit, e_cap = exact(rows[k])
        passes[k] = e_used + Fraction(int(s.orders.qty[rows[k]]), QTY) * e_unit <= e_cap
    outcome = np.where(asked, np.int8(INDETERMINATE), np.int8(NOT_ASKED))
    outcome[rows] = np.where(passes, np.int8(PASS), np.int8(FAIL))
    return outcome, largest(s, outcome == FAIL, used, unit, cap, exact)


def largest(
    s: Snapshot, failed: np.ndarray, used: np.ndarray, unit: np.ndarray, cap: np.ndarray, exact: Exact
) -> np.ndarray:
    """(cap - used) ÷ unit, down to a whole increment; 0 where not even the smallest piece fits. UNKNOWN unless failed."""
    result = np.full(len(failed), UNKNOWN, np.int64)
    rows = np.flatnonzero(failed)
    if not len(rows):
        return result
    step = s.increment[s.orders.instrument[rows]]
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = (cap[rows] - used[rows]) / unit[rows] * QTY / step
    blurred = np.maximum(np.abs(cap[rows]), np.abs(used[rows])) / np.abs(unit[rows]) * QTY / step * NEAR
    whole = np.floor(steps)
    for k in np.flatnonzero((np.abs(steps - np.rint(steps)) <= blurred + NEAR) | ~np.isfinite(steps)):
        e_used, e_unit, e_cap = exact(rows[k])
        whole[k] = (e_cap - e_used) * QTY // (e_unit * int(step[k])) if e_unit else 0
    qty = np.maximum(whole, 0).astype(np.int64) * step
    result[rows] = np.where(qty < s.min_piece[s.orders.instrument[rows]], 0, qty)
    return result


def without_quantity(failed: np.ndarray) -> np.ndarray:
    """Where no quantity would help: 0 for what failed."""
    return np.where(failed, 0, UNKNOWN).astype(np.int64)
