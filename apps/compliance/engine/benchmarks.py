"""What groups weigh in the benchmarks that portfolios follow: for limits that are so many percentage points around that."""

from fractions import Fraction

import numpy as np

from .columns import Snapshot
from .saying import listed, percent

LEAST_PCT, MOST_PCT = 99, 101
"""Weights that add up to less or more are not all of a benchmark's, or not its alone."""


class Weights:
    """
    Weights in benchmarks by portfolio and group, as parts of one.

    :param grouping: group of each instrument, -1 for none
    :param unsure: instruments that may or may not be in their group; :param vague: those that may be in any group
    :param days: how old weights may be
    """

    def __init__(self, s: Snapshot, grouping: np.ndarray, unsure: np.ndarray, vague: np.ndarray | None, days: int):
        self.s, self.grouping, self.days = s, grouping, days
        self.unsure = unsure if vague is None else unsure | vague
        self.vague = vague
        place = {i.id: n for n, i in enumerate(s.instruments)}
        self.size = int(grouping.max(initial=0)) + 1
        self.parts: dict[int, list[tuple[int, Fraction]]] = {}
        self.why: dict[int, str] = {}
        rows = [self._row(pk, place) for pk in s.benchmarks]
        self.table = np.array([*rows, np.full(self.size, np.nan)])
        at = {pk: n for n, pk in enumerate(s.benchmarks)}
        self.row_of = np.array([at.get(p.benchmark, len(rows)) for p in s.portfolios], np.int64)

    def _row(self, pk: int, place: dict[int, int]) -> np.ndarray:
        """What each group weighs in one benchmark; NaN where that is not known."""
        benchmark = self.s.benchmarks[pk]
        self.why[pk] = self._fault(pk)
        known = [(place[i], Fraction(weight) / 100) for i, weight in benchmark.weights.items() if i in place]
        self.parts[pk] = [(n, weight) for n, weight in known if self.grouping[n] >= 0]
        if self.why[pk]:
            return np.full(self.size, np.nan)
        places = np.array([n for n, _ in self.parts[pk]], np.int64)
        groups = self.grouping[places]
        found = np.bincount(groups, [float(weight) for _, weight in self.parts[pk]], self.size).astype(float)
        found[groups[self.unsure[places]]] = np.nan
        return np.full(self.size, np.nan) if self.vague is not None and self.vague[places].any() else found

    def _fault(self, pk: int) -> str:
        benchmark, today = self.s.benchmarks[pk], self.s.at.date()
        if (today - benchmark.as_of).days > self.days:
            return f"the weights of {benchmark.code} are of {benchmark.as_of}, more than {self.days} days ago"
        total = sum(benchmark.weights.values())
        if not LEAST_PCT <= total <= MOST_PCT:
            return f"the weights of {benchmark.code} of {benchmark.as_of} add up to {percent(float(total))}"
        return ""

    def column(self, portfolio: np.ndarray, group: np.ndarray) -> np.ndarray:
        """Of each pair the weight; NaN where it is not known."""
        return np.where(group >= 0, self.table[self.row_of[portfolio], np.maximum(group, 0)], np.nan)

    def exact(self, portfolio: int, group: int) -> Fraction:
        pk = self.s.portfolios[portfolio].benchmark
        return sum((weight for place, weight in self.parts[pk] if self.grouping[place] == group), Fraction(0))

    def held_in(self, portfolio: int) -> np.ndarray:
        """The groups that weigh something in the portfolio's benchmark; none where that is not known."""
        return np.flatnonzero(np.nan_to_num(self.table[self.row_of[portfolio]]) > 0)

    def code(self, portfolio: int) -> str:
        return self.s.benchmarks[self.s.portfolios[portfolio].benchmark].code

    def unknown(self, portfolio: int) -> str:
        """Why a weight is not known in the portfolio's benchmark, in words."""
        s, home = self.s, self.s.portfolios[portfolio]
        if home.benchmark is None:
            return f"{home.code} follows no benchmark"
        if home.benchmark not in s.benchmarks:
            return f"the benchmark of {home.code} has no weights"
        if self.why[home.benchmark]:
            return self.why[home.benchmark]
        unsure = [s.instruments[place].symbol for place, _ in self.parts[home.benchmark] if self.unsure[place]]
        return f"something that the rule asks for is not on file for {listed(unsure)} in {self.code(portfolio)}"
