"""
What will be held if everything promised is done: the worst case for a limit.

For a limit from above, all open buys count and open sells do not; for one from below the other way round. The orders
judged count one after the other by id, so the answer does not depend on how they were sent.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from .columns import QTY, Snapshot


class Projected(NamedTuple):
    """
    For each order: what is held ``now``, what is held and promised ``before`` it, in the same measure, and whether all
    parts of that were known.
    """

    now: np.ndarray
    before: np.ndarray
    known: np.ndarray


def totals(wanted: np.ndarray, keys: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum of the weights of each wanted key; ``wanted`` is sorted and without repeats."""
    if not len(wanted):
        return np.zeros(0, weights.dtype)
    at = np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)
    mine = wanted[at] == keys
    if weights.dtype.kind == "i":
        sums = np.zeros(len(wanted), np.int64)
        np.add.at(sums, at[mine], weights[mine])
        return sums
    return binned(at[mine], weights[mine], len(wanted))


def binned(places: np.ndarray, weights: np.ndarray, size: int) -> np.ndarray:
    """Sum of the weights of each place, in floats even where there are none."""
    return np.bincount(places, weights, size).astype(float)


def running(groups: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """For each row, the sum of the weights of earlier rows of its group. ``groups`` are whole numbers from 0."""
    if not len(groups):
        return weights.copy()
    order = np.argsort(groups, kind="stable")
    sorted_groups, sorted_weights = groups[order], weights[order]
    before = np.cumsum(sorted_weights) - sorted_weights
    first = np.concatenate(([True], sorted_groups[1:] != sorted_groups[:-1]))
    starts = np.maximum.accumulate(np.where(first, np.arange(len(groups)), 0))
    result = np.empty_like(before)
    result[order] = before - before[starts]
    return result


def projected(s: Snapshot, grouping: np.ndarray, weight: np.ndarray, who: np.ndarray, *, sells: bool) -> Projected:
    """
    Sums a measure over each order's portfolio and group. Rules with other limits on the same share one projection.

    :param grouping: group of each instrument, -1 for none
    :param weight: measure of one unit of each instrument; NaN where not known
    :param who: which orders to answer for, all of one side
    :param sells: whether promised sells are what makes it worse (they then count below what is held)
    """
    same = "projected", grouping.tobytes(), weight.tobytes(), who.tobytes(), sells
    return s.once(same, lambda: _projected(s, grouping, weight, who, sells=sells))


def _projected(s: Snapshot, grouping: np.ndarray, weight: np.ndarray, who: np.ndarray, *, sells: bool) -> Projected:
    n, groups = len(s.orders), int(grouping.max(initial=0)) + 1
    now, before, known = np.zeros(n), np.zeros(n), np.ones(n, bool)
    group = grouping[s.orders.instrument]
    keys = s.orders.portfolio * groups + group
    counted = (s.orders.sell == sells) & (group >= 0)
    wanted = np.unique(keys[who])
    if not len(wanted):
        return Projected(now, before, known)

    held = grouping[s.positions.thing]
    held_keys = np.where(held >= 0, s.positions.portfolio * groups + held, -1)
    other = grouping[s.others.instrument]
    other_keys = np.where((other >= 0) & (s.others.sell == sells), s.others.portfolio * groups + other, -1)
    missing = np.isnan(weight)
    plain = np.where(missing, 0.0, weight) / QTY
    sign = -1 if sells else 1

    have = totals(wanted, held_keys, s.positions.amount * plain[s.positions.thing])
    promised = totals(wanted, other_keys, s.others.leaves * plain[s.others.instrument])
    unknown = totals(wanted, held_keys, missing[s.positions.thing].astype(float))
    unknown += totals(wanted, other_keys, missing[s.others.instrument].astype(float))

    place = np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)
    mine = counted & (wanted[place] == keys)
    rows = np.flatnonzero(mine)
    unknown += binned(place[rows], missing[s.orders.instrument[rows]].astype(float), len(wanted))
    earlier = running(place[rows], s.orders.qty[rows] * plain[s.orders.instrument[rows]])
    now[rows] = have[place[rows]]
    before[rows] = now[rows] + sign * (promised[place[rows]] + earlier)
    known[rows] = unknown[place[rows]] == 0
    return Projected(now, before, known)


def exact_before(
    s: Snapshot, order: int, grouping: np.ndarray, *, sells: bool, unit: Callable[[int], Fraction] | None = None
) -> Fraction:
    """
    ``projected().before`` of one order, exactly. Its parts must be known.

    :param unit: what one unit of an instrument counts for; its value in the firm's currency where it is not given
    """
    unit = unit or s.exact_unit
    portfolio, group = s.orders.portfolio[order], grouping[s.orders.instrument[order]]
    total, promised = Fraction(0), Fraction(0)
    for row in s.rows_of("positions", portfolio):
        if grouping[s.positions.thing[row]] == group:
            total += int(s.positions.amount[row]) * unit(s.positions.thing[row])
    for row in s.rows_of("others", portfolio):
        if s.others.sell[row] == sells and grouping[s.others.instrument[row]] == group:
            promised += int(s.others.leaves[row]) * unit(s.others.instrument[row])
    for row in s.rows_of("orders", portfolio):
        if row < order and s.orders.sell[row] == sells and grouping[s.orders.instrument[row]] == group:
            promised += int(s.orders.qty[row]) * unit(s.orders.instrument[row])
    return (total - promised if sells else total + promised) / QTY
