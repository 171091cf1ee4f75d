"""
Draws of an algo wheel, which anybody with the seed makes again.

The draws of a sequence come in decks. A deck has as many cards as the weights have in lowest terms, each destination as often as
its weight says, so that after a deck the counts are exactly in proportion. Within a deck each draw is by chance among those with
which the counts can stay within one of proportion after every draw: the j-th card of weight w in a deck of N lies from place
⌈(j−1)N/w⌉ − 1 at the earliest to ⌊jN/w⌋ at the latest, counted from 0 and within the deck. Whether a choice leaves an order in which
every card lies in its place is what earliest deadline first tells for jobs of one length (W. A. Horn, Some simple scheduling
algorithms, Naval Research Logistics Quarterly 21, 1974).

Chance is HMAC-SHA-256 under the seed over the sequence's name, the deck and the place, taken modulo the cards that are left of
those that may come: of 2²⁵⁶ numbers the bias is nothing.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import accumulate
from math import gcd

MOST_CARDS, MOST_DESTINATIONS = 200, 12


def commitment(seed: str) -> str:
    """What is told of a seed before anything is drawn with it: the SHA-256 of its text, as hexadecimal."""
    return hashlib.sha256(seed.encode()).hexdigest()


def in_lowest_terms(weights: Sequence[int]) -> tuple[int, ...]:
    common = gcd(*weights) or 1
    return tuple(weight // common for weight in weights)


def size_of(volume_pct: Decimal | None, edges: Sequence[Decimal]) -> str:
    """The bucket of a size in percent of a day's volume; empty where there are no buckets."""
    return _bucket(volume_pct, edges, "%", "of volume", "size not known")


def spread_of(spread_bp: Decimal | None, edges: Sequence[Decimal]) -> str:
    """The bucket of a quoted spread in basis points of the mid; empty where there are no buckets."""
    return _bucket(spread_bp, edges, " bp", "spread", "spread not known")


def _bucket(value: Decimal | None, edges: Sequence[Decimal], unit: str, of: str, unknown: str) -> str:
    """What is at an edge belongs to the bucket above it."""
    if not edges or value is None:
        return unknown if edges else ""
    bounds = sorted(edges)
    above = next((n for n, edge in enumerate(bounds) if value < edge), len(bounds))
    if above == 0:
        return f"below {bounds[0]}{unit} {of}"
    return f"{bounds[above - 1]}{unit} to {bounds[above]}{unit} {of}" if above < len(bounds) else f"from {bounds[-1]}{unit} {of}"


def stratum_of(*parts: str) -> str:
    """Its name, of the parts that the wheel asks for."""
    return " · ".join(part for part in parts if part) or "all"


def sequence_name(stratum: str, among: Sequence[int]) -> str:
    """What tells a sequence from others of a season: the stratum, and which destinations could be drawn."""
    return f"{stratum}|{','.join(map(str, sorted(among)))}"


def _windows(weight: int, whole: int) -> list[tuple[int, int]]:
    """The first and last place of each card of a destination, from 0, so that its count stays within one of proportion."""
    return [(max(-(-(j - 1) * whole // weight) - 1, 0), min(j * whole // weight, whole - 1)) for j in range(1, weight + 1)]


def _goes_on(cards: Sequence[Sequence[tuple[int, int]]], dealt: Sequence[int], place: int) -> bool:
    """Whether the cards that are left can lie each in its window from a place on: earliest deadline first."""
    at = list(dealt)
    left = sum(len(mine) - n for mine, n in zip(cards, at, strict=True))
    for here in range(place, place + left):
        ready = [(mine[n][1], k) for k, (mine, n) in enumerate(zip(cards, at, strict=True)) if n < len(mine) and mine[n][0] <= here]
        if not ready or min(ready)[0] < here:
            return False
        at[min(ready)[1]] += 1
    return True


@lru_cache(maxsize=512)
def deck(seed: str, name: str, number: int, weights: tuple[int, ...]) -> tuple[int, ...]:
    """
    The cards of a deck: which destination each place has, by its place among the weights.

    :param weights: in lowest terms, each above zero
    """
    whole = sum(weights)
    cards = [_windows(weight, whole) for weight in weights]
    dealt, found = [0] * len(weights), []
    for place in range(whole):
        may = []
        for k, mine in enumerate(cards):
            if dealt[k] < len(mine) and mine[dealt[k]][0] <= place:
                dealt[k] += 1
                if _goes_on(cards, dealt, place + 1):
                    may.append(k)
                dealt[k] -= 1
        left = [weights[k] - dealt[k] for k in may]
        chance = int.from_bytes(_digest(seed, name, number, place)) % sum(left)
        card = next(k for k, upto in zip(may, accumulate(left), strict=True) if chance < upto)
        dealt[card] += 1
        found.append(card)
    return tuple(found)


def _digest(seed: str, name: str, number: int, place: int) -> bytes:
    return hmac.new(seed.encode(), f"{name}|{number}|{place}".encode(), hashlib.sha256).digest()


def drawn(seed: str, stratum: str, among: Mapping[int, int], counter: int) -> int:
    """
    The destination that a draw comes to.

    :param among: number of each destination that could be drawn, to its weight
    :param counter: of the draw in its sequence, from 0
    """
    numbers = sorted(among)
    weights = in_lowest_terms([among[n] for n in numbers])
    cards = deck(seed, sequence_name(stratum, numbers), counter // sum(weights), weights)
    return numbers[cards[counter % sum(weights)]]
