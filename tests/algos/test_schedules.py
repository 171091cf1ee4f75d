"""Schedules at exact edges, and whatever the numbers are: they sum to the quantity, in whole lots, and never go back."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.algos import rules
from apps.algos.rules.schedules import by_weights

D = Decimal
START = datetime(2026, 11, 30, 14, 30, tzinfo=UTC)
LOT = D(100)


def times(count: int, seconds: int = 300) -> list[datetime]:
    return [START + timedelta(seconds=seconds * n) for n in range(count)]


def quantities(slices) -> list[int]:
    return [int(s.qty) for s in slices]


class TestMoments:
    def test_begin_each_interval(self):
        assert rules.moments(START, START + timedelta(minutes=10), 300) == times(2)

    def test_the_last_may_be_shorter(self):
        assert rules.moments(START, START + timedelta(minutes=10, microseconds=1), 300) == times(3)

    def test_there_is_one_at_least(self):
        assert rules.moments(START, START, 300) == [START] == rules.moments(START, START + timedelta(seconds=1), 300)


class TestTwap:
    @pytest.mark.parametrize(
        ("qty", "count", "expected"),
        [
            (1_000, 5, [200] * 5), (1_000, 3, [300, 300, 400]), (1_050, 3, [300, 400, 350]), (50, 3, [50]), (100, 3, [100]),
            (200, 3, [100, 100]), (300, 1, [300]), (99, 1, [99]),
        ],
    )  # fmt: skip
    def test_in_whole_lots_with_the_broken_one_last(self, qty, count, expected):
        assert quantities(rules.evenly(D(qty), LOT, times(count))) == expected

    def test_fewer_lots_than_intervals_are_spread(self):
        slices = rules.evenly(D(200), LOT, times(4))
        assert [(s.at, int(s.qty)) for s in slices] == [(times(4)[1], 100), (times(4)[3], 100)]


class TestVwap:
    def test_as_the_market_trades(self):
        assert quantities(rules.by_volume(D(1_000), LOT, times(4), [D(5), D(3), D(2), D(0)])) == [500, 300, 200]

    def test_what_traded_nothing_at_the_end_gets_nothing(self):
        assert rules.share(D(1_000), LOT, [Fraction(1), Fraction(0), Fraction(0)]) == [1_000, 0, 0]

    def test_evenly_where_nothing_traded(self):
        assert quantities(rules.by_volume(D(1_000), LOT, times(2), [D(0), D(0)])) == [500, 500]


@given(
    qty=st.integers(1, 10**9), lot=st.sampled_from([D("0.0001"), D(1), D(100), D(1000)]),
    weights=st.lists(st.fractions(0, 10**6), min_size=1, max_size=60),
)  # fmt: skip
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_shares_sum_in_whole_lots_and_are_never_a_lot_behind(qty, lot, weights):
    qty = D(qty)
    parts = rules.share(qty, lot, weights)
    whole, run, sent = sum(weights), Fraction(0), D(0)
    assert sum(parts) == qty and all(part >= 0 for part in parts)
    for n, (part, weight) in enumerate(zip(parts, weights, strict=True)):
        run, sent = run + weight, sent + part
        if whole and sent != qty:
            exact = Fraction(qty) * run / whole
            assert 0 <= exact - Fraction(sent) < Fraction(lot), n
            assert part % lot == 0


class TestIceberg:
    @pytest.mark.parametrize(
        ("qty", "shown", "expected"), [(1_000, 300, [300, 300, 300, 100]), (900, 300, [300] * 3), (250, 200, [200, 50])]
    )
    def test_one_after_the_other(self, qty, shown, expected):
        assert quantities(rules.hidden(D(qty), D(shown), LOT, START)) == expected


class TestClose:
    def test_all_in_the_auction(self):
        cut = START + timedelta(hours=1)
        assert rules.at_the_close(D(1_050), LOT, times(3), D(100), cut, "CLS") == [rules.Slice(cut, D(1_050), "CLS")]

    def test_a_part_before_it(self):
        cut = START + timedelta(hours=1)
        made = rules.at_the_close(D(1_000), LOT, times(2), D(35), cut, "CLS")
        assert [(int(s.qty), s.tif) for s in made] == [(300, ""), (400, ""), (300, "CLS")]

    def test_none_in_it(self):
        assert quantities(rules.at_the_close(D(1_000), LOT, times(2), D(0), START, "CLS")) == [500, 500]


class TestShortfall:
    """Almgren and Chriss (2000), their example: σ 0.95, η 2.5e-6, γ 2.5e-7, λ 1e-6, T 5 days in 5 intervals, X one million."""

    PAPER = rules.Impact(D("0.95"), D("0.0000025"), D("0.00000025"))

    def test_kappa_is_that_of_the_paper(self):
        assert round(rules.kappa(self.PAPER, D("0.000001"), D(1)), 2) == D("0.61")  # Their half-life θ = 1/κ is 1.6 days.

    def test_the_trajectory_is_theirs_to_the_last_digit_of_floats(self):
        import math

        k = rules.kappa(self.PAPER, D("0.000001"), D(1))
        held = rules.trajectory(k, 5, D(1))
        for n, share in enumerate(held):
            exact = math.sinh(float(k) * (5 - n)) / math.sinh(float(k) * 5)
            assert float(share) == pytest.approx(exact, rel=1e-12)
        assert held[0] == 1 and held[-1] == 0

    def test_who_is_indifferent_to_risk_trades_evenly(self):
        k = rules.kappa(self.PAPER, D(0), D(1))
        assert k == 0 and rules.trajectory(k, 4, D(1)) == [D(1), D("0.75"), D("0.5"), D("0.25"), D(0)]

    def test_more_averse_is_faster(self):
        slow, fast = (rules.trajectory(rules.kappa(self.PAPER, D(risk), D(1)), 5, D(1)) for risk in ("0.0000001", "0.00001"))
        assert all(a > b for a, b in zip(slow[1:-1], fast[1:-1], strict=True))

    def test_very_averse_does_not_overflow(self):
        held = rules.trajectory(D(10_000), 500, D(1))
        assert held[0] == 1 and 0 <= held[1] < D("1e-1000") and held[-1] == 0

    def test_an_interval_may_be_too_long(self):
        with pytest.raises(rules.NoTrajectory):
            rules.kappa(self.PAPER, D("0.000001"), D(20))  # η = γτ/2 exactly.

    @given(k=st.decimals("0.000001", 50, places=6), count=st.integers(1, 100), lots=st.integers(1, 10_000))
    def test_schedules_sum_and_fall(self, k, count, lots):
        held = rules.trajectory(k, count, D("0.01"))
        assert all(a >= b for a, b in zip(held, held[1:], strict=False))
        weights = [max(a - b, D(0)) for a, b in zip(held, held[1:], strict=False)]
        slices = by_weights(lots * LOT, LOT, times(count), weights)
        assert sum(s.qty for s in slices) == lots * LOT and all(s.qty % LOT == 0 for s in slices)


class TestSending:
    @pytest.mark.parametrize(
        ("target", "committed", "qty", "unplaced", "expected"),
        [
            (500, 200, 1_000, 800, 300), (500, 500, 1_000, 500, 0), (400, 500, 1_000, 500, 0), (1_050, 900, 1_050, 150, 150),
            (550, 200, 1_000, 800, 300), (500, 200, 1_000, 120, 120), (500, 200, 1_000, 0, 0), (250, 200, 1_000, 800, 0),
        ],
    )  # fmt: skip
    def test_is_within_target_quantity_and_block(self, target, committed, qty, unplaced, expected):
        assert rules.to_send(D(target), D(committed), D(qty), D(unplaced), LOT) == expected

    @given(*[st.integers(0, 10**6)] * 4)
    def test_is_never_above_any_of_them(self, target, committed, qty, unplaced):
        sent = rules.to_send(D(target), D(committed), D(qty), D(unplaced), LOT)
        assert 0 <= sent <= max(0, min(target - committed, qty - committed, unplaced))

    def test_a_slice_is_due_at_its_moment_and_not_before(self):
        plan = [(n, rules.Slice(at, LOT)) for n, at in enumerate(times(3), 1)]
        assert rules.due(plan, 0, START - timedelta(microseconds=1)) == []
        assert rules.due(plan, 0, START) == [1] and rules.due(plan, 1, START) == []
        assert rules.due(plan, 1, START + timedelta(minutes=10)) == [2, 3]

    @pytest.mark.parametrize(("volume", "expected"), [(999, 0), (1_000, 100), (1_999, 100), (10_000, 1_000)])
    def test_participation_is_never_above_its_percentage(self, volume, expected):
        assert rules.quota(D(volume), D(10), LOT) == expected


@pytest.mark.parametrize(
    ("side", "limit", "whole", "is_outside"),
    [
        ("BUY", "50", "50", False), ("BUY", "50.01", "50", True), ("SELL", "49.99", "50", True), ("SELL", "50", "50", False),
        ("SELL_SHORT", "49", "50", True), ("BUY", None, "50", False), ("BUY", "60", None, False),
    ],
)  # fmt: skip
def test_a_limit_may_be_tighter_than_the_blocks_and_not_looser(side, limit, whole, is_outside):
    assert rules.outside(side, limit and D(limit), whole and D(whole)) == is_outside
