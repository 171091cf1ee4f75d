"""
Verdicts, and the one comparison most rules come down to: ``used + quantity × unit`` is at most ``cap``.

Clear cases are decided in floats; what lies within 1e-9 of the cap, and quantities next to a whole increment, in
fractions: exactly 5.00% is not above 5%.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from .columns import NEAR, QTY, Snapshot
from .scope import Scope, why_unsure

NOT_ASKED, PASS, INDETERMINATE, FAIL = 0, 1, 2, 3
OUTCOMES = ("", "PASS", "INDETERMINATE", "FAIL")
UNKNOWN = -1
LETS_GO = frozenset({"INFO", "WARN"})
"""Severities that are told and never hold an order."""


class RuleVersion(NamedTuple):
    """
    A rule as it stands; ``params`` already read by its measure (``params.read``).

    :param scope: which orders it is about, None for the whole firm's; :param amended_only: those checked before alone
    :param when_unsure: how severe it is where it cannot tell (``WARN``, ``SOFT`` or ``HARD``); empty: as where it fails
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
    when_unsure: str = ""

    def severity_of(self, outcome: int) -> str:
        """How severe it is of an order that it fails, or cannot tell of."""
        return self.when_unsure or self.severity if outcome == INDETERMINATE else self.severity

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
    """
    What a verdict that is no pass says: a sentence, how it was measured, and each number with its time.

    :param met: of a list, words that tell its entries from others for this order alone, and nothing of them
    """

    text: str
    basis: str = ""
    data: tuple[dict[str, Any], ...] = ()
    limit_from: str = ""
    met: tuple[str, ...] = ()


@dataclass
class Verdicts:
    """
    What one rule says of every order.

    :param now, after, limit: numbers in ``unit``; NaN where there is none
    :param room: what is left before the order, in ``room_unit``
    :param max_qty: largest quantity that passes, in ten-thousandths; UNKNOWN where it was not asked or cannot be told
    :param say: the words for one order that did not pass
    :param warned: which orders pass at the rule's warning level or beyond it; None where it has none
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

    @cached_property
    def beyond(self) -> np.ndarray:
        """Rows of the orders that did not pass: of most rules few."""
        return np.flatnonzero(self.outcome >= INDETERMINATE)

    @cached_property
    def holding(self) -> np.ndarray:
        """Rows of the orders that it holds: what did not pass, where its severity of that is no mere warning."""
        fails, unsure = (self.rule.severity_of(outcome) not in LETS_GO for outcome in (FAIL, INDETERMINATE))
        if fails == unsure:
            return self.beyond if fails else self.beyond[:0]
        return self.beyond[self.outcome[self.beyond] == (FAIL if fails else INDETERMINATE)]

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


class _Asked(NamedTuple):
    """
    What rules with other limits on the same compare alike.

    :param rows: the orders that are asked and known; ``after`` what is taken with each of them
    :param size: the larger of what is taken before and after, ``most`` the largest of these
    :param outcome: of every order, where each that is asked and known passes
    """

    rows: np.ndarray
    after: np.ndarray
    size: np.ndarray
    most: float
    outcome: np.ndarray


def compared(
    s: Snapshot, asked: np.ndarray, known: np.ndarray, used: np.ndarray, unit: np.ndarray, cap: np.ndarray, exact: Exact,
    same: Hashable = None, alike: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """
    Outcome of each order and, where it fails, the largest quantity that passes.

    :param used: what is taken before the order; ``unit`` what one unit of it takes; ``cap`` what there is
    :param exact: (used, unit, cap) of one order as fractions
    :param same: names ``asked``, ``known``, ``used`` and ``unit`` of the snapshot, where other rules come with the same
    :param alike: a number of each order, the same for orders of which ``exact`` says the same and that trade in the same steps
    """
    found = _asked(s, asked, known, used, unit) if same is None else s.once(
        ("compared", same), lambda: _asked(s, asked, known, used, unit)
    )  # fmt: skip
    rows, most = found.rows, cap[found.rows]
    with np.errstate(invalid="ignore"):
        slack = most - found.after
        fails = ~(slack > 0)
    # First against the largest number of all, which leaves few to look at.
    largest_cap = float(np.max(np.abs(most), initial=0.0, where=np.isfinite(most)))
    near = np.flatnonzero(np.abs(slack) <= NEAR * max(largest_cap, found.most))
    near = near[np.abs(slack[near]) <= NEAR * np.maximum(np.abs(most[near]), found.size[near])]
    for k in near:
        e_used, e_unit, e_cap = exact(rows[k])
        fails[k] = e_used + Fraction(int(s.orders.qty[rows[k]]), QTY) * e_unit > e_cap
    outcome = found.outcome.copy()
    failed = rows[fails]
    outcome[failed] = FAIL
    return outcome, largest(s, failed, used, unit, cap, exact, alike)


def _asked(s: Snapshot, asked: np.ndarray, known: np.ndarray, used: np.ndarray, unit: np.ndarray) -> _Asked:
    told = asked & known
    rows = np.flatnonzero(told)  # Of a book of sales and purchases, about half.
    taken = used[rows]
    with np.errstate(invalid="ignore"):
        after = taken + s.ordered[rows] * unit[rows]
    size = np.maximum(np.abs(after), np.abs(taken))
    outcome = np.where(asked, np.where(told, np.int8(PASS), np.int8(INDETERMINATE)), np.int8(NOT_ASKED))
    return _Asked(rows, after, size, float(np.max(size, initial=0.0, where=np.isfinite(size))), outcome)


def largest(
    s: Snapshot, rows: np.ndarray, used: np.ndarray, unit: np.ndarray, cap: np.ndarray, exact: Exact, alike: np.ndarray | None = None
) -> np.ndarray:
    """
    (cap - used) ÷ unit, down to a whole increment; 0 where not even the smallest piece fits.

    :param rows: the orders that failed; of all others it is UNKNOWN
    """
    result = np.full(len(s.orders), UNKNOWN, np.int64)
    if not len(rows):
        return result
    step = s.increment[s.orders.instrument[rows]]
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = (cap[rows] - used[rows]) / unit[rows] * QTY / step
    blurred = np.maximum(np.abs(cap[rows]), np.abs(used[rows])) / np.abs(unit[rows]) * QTY / step * NEAR
    whole = np.floor(steps)
    told: dict[int, int] = {}
    for k in np.flatnonzero((np.abs(steps - np.rint(steps)) <= blurred + NEAR) | ~np.isfinite(steps)):
        kind = int(rows[k] if alike is None else alike[rows[k]])
        if kind not in told:
            told[kind] = _whole_steps(*exact(rows[k]), int(step[k]))
        whole[k] = told[kind]
    qty = np.maximum(whole, 0).astype(np.int64) * step
    result[rows] = np.where(qty < s.min_piece[s.orders.instrument[rows]], 0, qty)
    return result


def _whole_steps(used: Fraction, unit: Fraction, cap: Fraction, step: int) -> int:
    """(cap - used) ÷ unit in steps, down, in whole numbers: fractions are brought to their lowest terms at every turn."""
    left = cap - used if used else cap
    return left.numerator * unit.denominator * QTY // (left.denominator * unit.numerator * step) if unit else 0


def constant(value: float, n: int) -> np.ndarray:
    """The same number for each of n orders, kept once; not to be written to."""
    return np.ndarray(n, np.float64, np.float64(value).tobytes(), 0, (0,))


def without_quantity(failed: np.ndarray) -> np.ndarray:
    """Where no quantity would help: 0 for what failed."""
    return np.where(failed, 0, UNKNOWN).astype(np.int64)
