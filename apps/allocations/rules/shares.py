"""
Fair shares, exactly: who gets how much of what was filled, at what price, and what it costs.

Quantities here are whole numbers of the smallest unit that is stored (1/10,000: see ``units``), amounts whole numbers
of the currency's minor unit, so that nothing is ever rounded but once, at publication. Each sharing is written twice:
plainly for one block, and over columns for thousands; ``tests/allocations/test_rules.py`` proves them equal.
"""

from collections.abc import Sequence
from math import gcd

import numpy as np

from apps.core.refusals import Conflict
from apps.core.shares import largest_remainder, quantity

LARGEST = 2**62  # Products below this fit a signed 64-bit column with room for one addition.


class Overshared(Conflict):
    """More was filled than the allocation statement intends."""


# --- One block, plainly ---------------------------------------------------------------------------------------------
def pro_rata(filled: int, intended: Sequence[int], ids: Sequence[int], lot: int = 1, min_piece: int = 0) -> list[int]:
    """
    Shares a fill in proportion to intentions by largest remainder (Hamilton), in whole lots.

    Lots that proportion leaves over go to the largest remainders; ties to the larger intention, then to the lower id.
    What is no whole lot goes to who is then furthest below its exact share. Nobody gets more than intended.

    Where a smallest piece is larger than a lot, nobody is given less than it unless that is all they wanted: the
    smallest intentions are dropped one by one until every share is large enough, and their part is shared among the
    rest. Where no such set can hold the whole fill, the fewest accounts that can hold it share it.

    :returns: shares in the order of ``intended``, which sum to ``filled``
    :raises Overshared: if the intentions sum to less than the fill
    """
    if filled < 0 or filled > sum(intended):
        raise Overshared(
            "More was filled than the allocation statement intends. Ask the desk for the executions that are too many.",
            filled=str(quantity(filled)),
            intended=str(quantity(sum(intended))),
        )
    everyone = sorted(range(len(intended)), key=lambda i: (-intended[i], ids[i]))
    shares = [0] * len(intended)
    if not filled:
        return shares
    taking, given = _takers(filled, [intended[i] for i in everyone], [ids[i] for i in everyone], lot, min_piece)
    for i, share in zip(everyone[:taking], given, strict=True):
        shares[i] = share
    return shares


def _takers(filled: int, weights: list[int], ids: list[int], lot: int, min_piece: int) -> tuple[int, list[int]]:
    """How many of the accounts, largest intention first, take part, and their shares."""
    n = len(weights)
    if min_piece <= lot:
        return n, largest_remainder(filled, weights, ids, lot, capped=True)
    sums, total = [], 0
    for w in weights:
        total += w
        sums.append(total)
    fewest = next(k for k in range(1, n + 1) if sums[k - 1] >= filled)
    for k in range(n, fewest - 1, -1):
        most = filled * weights[k - 1] // sums[k - 1] // lot * lot + lot
        if most < min(min_piece, weights[k - 1]):
            continue  # Even rounded up, the smallest share would be too small.
        given = largest_remainder(filled, weights[:k], ids[:k], lot, capped=True)
        if all(a >= min_piece or a == w for a, w in zip(given, weights[:k], strict=True)):
            return k, given
    return fewest, largest_remainder(filled, weights[:fewest], ids[:fewest], lot, capped=True)


def split_among_brokers(shares: Sequence[int], ids: Sequence[int], brokers: Sequence[int], lot: int) -> list[list[int]]:
    """
    Splits each order's share among the brokers that filled the block, in proportion to what each filled, so that every
    order's parts sum to its share and every broker's parts to its fill.

    :param brokers: what each broker filled; they sum to the shares
    :param lot: kept where fills and shares are multiples of it, else their greatest common divisor
    :returns: for each broker, its part of each share
    """
    if sum(brokers) != sum(shares):
        raise ValueError("brokers and shares sum to different quantities")
    common = gcd(*shares, *brokers)
    lot = lot if common % lot == 0 else common
    left, parts = list(shares), []
    for filled in brokers:
        part = largest_remainder(filled, left, ids, lot, capped=True)
        left = [a - b for a, b in zip(left, part, strict=True)]
        parts.append(part)
    return parts


# --- Many blocks, over columns --------------------------------------------------------------------------------------
class Segments:
    """Rows that lie in contiguous runs, one run a block (none empty)."""

    def __init__(self, counts: np.ndarray):
        if (counts < 1).any():
            raise ValueError("a segment has no rows")
        self.counts = counts
        self.starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
        self.of = np.repeat(np.arange(len(counts)), counts)

    def sums(self, rows: np.ndarray) -> np.ndarray:
        return np.add.reduceat(rows, self.starts)

    def any(self, rows: np.ndarray) -> np.ndarray:
        return np.logical_or.reduceat(rows, self.starts)

    def rows(self, segment: int) -> slice:
        return slice(self.starts[segment], self.starts[segment] + self.counts[segment])

    def ranks(self, *keys: np.ndarray) -> np.ndarray:
        """Each row's place in its run by the keys, the first deciding first, from 0."""
        order = np.lexsort((*reversed(keys), self.of))
        ranks = np.empty(len(self.of), dtype=np.int64)
        ranks[order] = np.arange(len(self.of)) - np.repeat(self.starts, self.counts)
        return ranks


def pro_rata_columns(
    filled: np.ndarray, lots: np.ndarray, min_pieces: np.ndarray, runs: Segments, intended: np.ndarray, ids: np.ndarray
) -> np.ndarray:
    """
    ``pro_rata`` of many blocks at once: per block its fill, lot and smallest piece, per row an intention and an id.

    All are 64-bit columns. Blocks whose numbers do not fit, whose intentions are odd lots, or in which a smallest
    piece binds are shared one by one.
    """
    common = np.gcd(np.gcd(np.gcd.reduceat(intended, runs.starts), filled), lots)
    lot, total, weights = lots // common, filled // common, intended // common[runs.of]
    shares, fits = _shared_columns(total, weights, ids, runs)
    shares *= common[runs.of]
    small = (min_pieces > lots)[runs.of] & (shares < min_pieces[runs.of]) & (shares != intended)
    plain = fits & (lot == 1) & ~(runs.any(small) & (filled > 0)) & (filled >= 0) & (filled <= runs.sums(intended))
    for segment in np.flatnonzero(~plain):
        at = runs.rows(segment)
        shares[at] = pro_rata(
            int(filled[segment]), intended[at].tolist(), ids[at].tolist(), int(lots[segment]), int(min_pieces[segment])
        )
    return shares


def split_columns(
    shares: np.ndarray, ids: np.ndarray, runs: Segments, fills: Sequence[Sequence[int]], lots: np.ndarray
):
    """
    ``split_among_brokers`` of many blocks at once.

    :param fills: per block, what each of its brokers filled
    :returns: one column of parts per place in the blocks' lists of brokers; zero where a block has fewer
    """
    columns = [np.zeros_like(shares) for _ in range(max(map(len, fills), default=0))]
    if columns:
        alone = np.array([len(f) == 1 for f in fills], dtype=bool)[runs.of]
        columns[0][alone] = shares[alone]
    for segment, brokers in enumerate(fills):
        if len(brokers) > 1:
            at = runs.rows(segment)
            for place, part in enumerate(_split_one(shares[at], ids[at], brokers, int(lots[segment]))):
                columns[place][at] = part
    return columns


def _split_one(shares: np.ndarray, ids: np.ndarray, brokers: Sequence[int], lot: int) -> list[np.ndarray]:
    common = gcd(int(np.gcd.reduce(shares)), *brokers)
    lot = lot if common % lot == 0 else common
    one = Segments(np.array([len(shares)]))
    left, parts = shares // lot, []
    for filled in brokers:
        part, fits = _shared_columns(np.array([filled // lot]), left, ids, one)
        if not fits[0]:
            return [np.array(p) for p in split_among_brokers(shares.tolist(), ids.tolist(), brokers, lot)]
        left = left - part
        parts.append(part * lot)
    return parts


def share_amounts(totals: np.ndarray, weights: np.ndarray, ids: np.ndarray, runs: Segments) -> np.ndarray:
    """``core.money.shared`` of many blocks at once: totals and shares in minor units, ties to the lower id."""
    common = np.gcd.reduceat(weights, runs.starts)
    shares, fits = _shared_columns(totals, weights // common[runs.of], ids, runs)
    for segment in np.flatnonzero(~fits):
        at = runs.rows(segment)
        shares[at] = largest_remainder(int(totals[segment]), weights[at].tolist(), ids[at].tolist(), 1, capped=False)
    return shares


def _shared_columns(totals, weights, ids, runs: Segments) -> tuple[np.ndarray, np.ndarray]:
    """Largest remainder in units of one, uncapped; and which blocks' numbers fitted, the others' shares being void."""
    sums = runs.sums(weights)
    fits = (sums > 0) & (sums.astype(float) * np.maximum.reduceat(weights, runs.starts) < LARGEST)
    fits &= np.abs(totals).astype(float) < LARGEST
    safe = np.where(fits, sums, 1)
    usable = np.where(fits[runs.of], weights, 0)
    whole, part = totals // safe, totals % safe
    product = part[runs.of] * usable
    shares = whole[runs.of] * usable + product // safe[runs.of]
    left = np.where(fits, totals - runs.sums(shares), 0)
    uneven = left > 0
    if uneven.any():
        ranks = runs.ranks(-(product % safe[runs.of]), -usable, ids)
        shares += ranks < left[runs.of]
    return shares, fits
