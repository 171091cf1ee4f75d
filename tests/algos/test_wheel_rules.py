"""Draws: the same from the same seed, in proportion within one after every draw, and by chance."""

from collections import Counter
from decimal import Decimal
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.algos.rules import wheel

D = Decimal
WEIGHTS = st.lists(st.integers(1, 12), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(weights=WEIGHTS, seed=st.text("0123456789abcdef", min_size=4, max_size=8), decks=st.integers(1, 2))
def test_counts_are_within_one_of_proportion_after_every_draw_and_exact_after_a_deck(weights, seed, decks):
    among = dict(enumerate(weights))
    whole = sum(wheel.in_lowest_terms(weights))
    counts: Counter = Counter()
    for counter in range(whole * decks):
        counts[wheel.drawn(seed, "all", among, counter)] += 1
        for n, weight in among.items():
            assert abs(counts[n] - Fraction(weight * (counter + 1), sum(weights))) <= 1
        if (counter + 1) % whole == 0:
            assert all(Fraction(counts[n], counter + 1) == Fraction(weight, sum(weights)) for n, weight in among.items())


def test_the_same_seed_draws_the_same_and_another_does_not():
    among = {0: 3, 1: 2, 2: 5}
    draws = [[wheel.drawn(seed, "all", among, n) for n in range(40)] for seed in ("a", "a", "b")]
    assert draws[0] == draws[1] != draws[2]


def test_strata_and_eligible_sets_are_drawn_apart():
    among = dict.fromkeys(range(4), 1)
    one, other = ([wheel.drawn("seed", name, among, n) for n in range(40)] for name in ("EQUITY", "ETF"))
    assert one != other
    fewer = dict.fromkeys(range(3), 1)
    assert all(wheel.drawn("seed", "EQUITY", fewer, n) in fewer for n in range(12))


def test_every_order_of_equals_comes_up():
    seen = Counter(tuple(wheel.drawn(f"seed{n}", "all", {0: 1, 1: 1, 2: 1}, k) for k in range(3)) for n in range(600))
    assert set(seen) == set(permutations(range(3)))
    assert all(60 < count < 140 for count in seen.values())  # 100 each expected, σ 9.1: more than four away is one in 10,000.


def test_the_first_draw_is_in_proportion_over_seeds():
    seen = Counter(wheel.drawn(f"seed{n}", "all", {0: 3, 1: 1}, 0) for n in range(2_000))
    assert 1_400 < seen[0] < 1_600  # 1,500 expected, σ 19.4.


def test_a_commitment_is_the_hash_of_the_seeds_text():
    assert wheel.commitment("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1.


@pytest.mark.parametrize(
    ("pct", "bucket"),
    [
        ("0.99", "below 1% of volume"), ("1", "1% to 5% of volume"), ("4.99", "1% to 5% of volume"), ("5", "from 5% of volume"),
        (None, "size not known"),
    ],
)  # fmt: skip
def test_a_size_at_an_edge_is_in_the_bucket_above(pct, bucket):
    assert wheel.size_of(pct and D(pct), [D(5), D(1)]) == bucket
    assert wheel.size_of(pct and D(pct), []) == ""


@pytest.mark.parametrize(("bp", "bucket"), [("1.99", "below 2 bp spread"), ("2", "from 2 bp spread"), (None, "spread not known")])
def test_so_is_a_spread(bp, bucket):
    assert wheel.spread_of(bp and D(bp), [D(2)]) == bucket


def test_a_stratum_has_the_parts_that_are_asked_for():
    assert wheel.stratum_of("EQUITY", "", "below 1% of volume") == "EQUITY · below 1% of volume"
    assert wheel.stratum_of("", "", "") == "all"


def test_weights_of_two_hundred_cards_are_dealt_in_time():
    weights = (101, 53, 29, 17)
    assert Counter(wheel.deck("seed", "all", 0, weights)) == dict(enumerate(weights))
