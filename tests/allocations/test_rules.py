"""Shares are exact, fair and the same every time; the columns say what the plain arithmetic says."""

import random
import time
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.allocations import rules
from apps.core.money import shared

D = Decimal
ABC = [5000, 3000, 2000]


class TestVectors:
    @pytest.mark.parametrize(
        ("filled", "lot", "expected"),
        [
            (3333, 1, [1666, 1000, 667]),
            (3300, 100, [1600, 1000, 700]),
            (10_000, 1, [5000, 3000, 2000]),
            (1, 1, [1, 0, 0]),
            (0, 1, [0, 0, 0]),
        ],
    )
    def test_shares_as_written_down(self, filled, lot, expected):
        assert rules.pro_rata(filled, ABC, [1, 2, 3], lot) == expected

    def test_drops_who_would_get_less_than_the_smallest_piece_and_shares_again(self):
        shares = rules.pro_rata(400_000, [500_000, 300_000, 150_000], [1, 2, 3], 1000, 100_000)

        assert shares == [250_000, 150_000, 0]

    def test_without_a_smallest_piece_all_three_take_part(self):
        shares = rules.pro_rata(400_000, [500_000, 300_000, 150_000], [1, 2, 3], 1000)

        assert shares == [211_000, 126_000, 63_000]

    def test_drops_no_more_than_it_must(self):
        assert sorted(rules.pro_rata(500_000, [200_000] * 10, range(10), 1000, 100_000)) == [0] * 5 + [100_000] * 5

    def test_gives_a_fill_below_the_smallest_piece_to_one(self):
        assert rules.pro_rata(1000, [4000, 2000], [1, 2], 1000, 2000) == [1000, 0]

    def test_gives_all_they_wanted_to_those_who_want_less_than_the_smallest_piece(self):
        assert rules.pro_rata(5000, [4000, 1000], [1, 2], 1000, 2000) == [4000, 1000]

    def test_keeps_everyone_where_the_rest_cannot_hold_the_fill(self):
        assert rules.pro_rata(501_000, [500_000, 2000], [1, 2], 1000, 2000) == [499_000, 2000]

    def test_gives_an_odd_remainder_to_who_is_furthest_below_its_share(self):
        assert rules.pro_rata(3350, ABC, [1, 2, 3], 100) == [1700, 1000, 650]

    def test_refuses_a_fill_that_was_not_intended(self):
        with pytest.raises(rules.Overshared):
            rules.pro_rata(10_001, ABC, [1, 2, 3])

    def test_breaks_ties_by_intention_and_then_by_id(self):
        assert rules.pro_rata(1, [5, 5], [7, 4]) == [0, 1]
        assert rules.pro_rata(2, [4, 2, 2], [1, 9, 3]) == [1, 0, 1]


fills = st.integers(1, 400).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(1, 50_000), min_size=n, max_size=n), st.floats(0, 1), st.sampled_from([1, 10, 100])
    )
)
blocks = st.lists(
    st.tuples(
        st.lists(st.integers(1, 3_000), min_size=1, max_size=25),
        st.floats(0, 1),
        st.sampled_from([1, 10, 100]),
        st.sampled_from([0, 50, 200, 5_000]),
        st.booleans(),
        st.sampled_from([1, 10_000, 10**7, 10**11]),
    ),
    min_size=1,
    max_size=8,
)


class TestProRata:
    @given(fills)
    @settings(max_examples=150, deadline=None)
    def test_sums_exactly_within_intentions_and_a_lot_of_the_exact_share(self, fill):
        intended, part, lot = fill
        total = sum(intended)
        filled = int(total * part)
        shares = rules.pro_rata(filled, intended, range(len(intended)), lot)

        assert sum(shares) == filled
        assert all(0 <= a <= w for a, w in zip(shares, intended, strict=True))
        if all(w % lot == 0 for w in intended):
            assert all(abs(a * total - filled * w) < lot * total for a, w in zip(shares, intended, strict=True))

    @given(fills, st.sampled_from([0, 500, 5000]), st.randoms())
    @settings(max_examples=100, deadline=None)
    def test_does_not_depend_on_the_order_of_the_accounts(self, fill, min_piece, chance):
        intended, part, lot = fill
        filled, ids = int(sum(intended) * part), list(range(len(intended)))
        first = dict(zip(ids, rules.pro_rata(filled, intended, ids, lot, min_piece), strict=True))
        mixed = ids[:]
        chance.shuffle(mixed)
        again = rules.pro_rata(filled, [intended[i] for i in mixed], mixed, lot, min_piece)

        assert dict(zip(mixed, again, strict=True)) == first

    @given(fills, st.sampled_from([200, 2000]))
    @settings(max_examples=100, deadline=None)
    def test_gives_no_piece_too_small_where_that_can_be_avoided(self, fill, min_piece):
        intended = [w - w % 100 + 100 for w in fill[0]]
        filled = int(sum(intended) * fill[1]) // 100 * 100
        shares = rules.pro_rata(filled, intended, range(len(intended)), 100, min_piece)
        small = [a for a, w in zip(shares, intended, strict=True) if 0 < a < min_piece and a != w]

        assert sum(shares) == filled
        if small and filled:
            left_out = sorted(intended, reverse=True)[sum(1 for a in shares if a) - 1 :]
            assert filled < min_piece or filled > sum(intended) - sum(left_out)


class TestColumns:
    @given(blocks, st.randoms())
    @settings(max_examples=200, deadline=None)
    def test_say_what_the_plain_arithmetic_says(self, several, chance):
        runs = rules.Segments(np.array([len(b[0]) for b in several]))
        intended, ids, filled, lots, pieces = [], [], [], [], []
        for weights, part, lot, piece, whole_lots, scale in several:
            one = [w * lot * scale if whole_lots else w * scale for w in weights]
            amount = int(sum(one) * part)
            filled.append(min(amount - amount % (lot * scale) if whole_lots else amount, sum(one)))
            lots.append(lot * scale), pieces.append(piece * scale)
            intended += one
            ids += chance.sample(range(1000), len(one))
        columns = rules.pro_rata_columns(
            *map(np.array, (filled, lots, pieces)), runs, np.array(intended), np.array(ids)
        )
        for s in range(len(several)):
            at = runs.rows(s)
            assert columns[at].tolist() == rules.pro_rata(filled[s], intended[at], ids[at], lots[s], pieces[s])

    @given(
        st.lists(st.lists(st.integers(1, 10**9), min_size=1, max_size=20), min_size=1, max_size=6),
        st.integers(0, 10**13),
        st.sampled_from([1, 10**4]),
    )
    @settings(max_examples=200, deadline=None)
    def test_share_amounts_as_money_is_shared(self, several, total, scale):
        runs = rules.Segments(np.array([len(w) for w in several]))
        totals = np.array([total // (i + 1) for i in range(len(several))])
        weights = np.array([w * scale for one in several for w in one])
        ids = np.concatenate([np.arange(len(w)) for w in several])
        shares = rules.share_amounts(totals, weights, ids, runs)
        for s, one in enumerate(several):
            cents = [int(x.scaleb(2)) for x in shared(D(int(totals[s])).scaleb(-2), [D(w * scale) for w in one])]
            assert shares[runs.rows(s)].tolist() == cents

    @given(
        st.lists(st.lists(st.integers(1, 5000), min_size=1, max_size=20), min_size=1, max_size=5),
        st.sampled_from([1, 100]),
        st.sampled_from([1, 1000]),
        st.data(),
    )
    @settings(max_examples=150, deadline=None)
    def test_split_among_brokers_so_that_orders_and_brokers_both_sum(self, several, lot, scale, data):
        runs = rules.Segments(np.array([len(w) for w in several]))
        shares = np.array([w * scale for one in several for w in one])
        ids = np.arange(len(shares))
        fills = []
        for one in several:
            total, parts = sum(one) * scale, []
            while total and len(parts) < 2:
                parts.append(data.draw(st.integers(1, total)))
                total -= parts[-1]
            fills.append(parts + [total] if total else parts)
        lots = np.full(len(several), lot)
        columns = rules.split_columns(shares, ids, runs, fills, lots)

        assert (sum(columns) == shares).all()
        for s, brokers in enumerate(fills):
            at = runs.rows(s)
            parts = rules.split_among_brokers(shares[at].tolist(), ids[at].tolist(), brokers, lot)
            assert [c[at].tolist() for c in columns[: len(brokers)]] == parts
            assert [sum(p) for p in parts] == brokers
            assert all(p >= 0 for part in parts for p in part)

    def test_share_85_000_in_under_150_milliseconds(self):
        chance = random.Random(1)
        runs = rules.Segments(np.full(45, 85_000 // 45 + 1))
        n = int(runs.counts.sum())
        intended = np.array([chance.randrange(100, 5_000_000) * 10_000 for _ in range(n)])
        filled = (runs.sums(intended) // 10_000 * 985 // 1000) * 10_000
        lots, pieces = np.full(45, 10_000), np.full(45, 10_000)
        best = min(
            _seconds(lambda: rules.pro_rata_columns(filled, lots, pieces, runs, intended, np.arange(n)))
            for _ in range(3)
        )
        shares = rules.pro_rata_columns(filled, lots, pieces, runs, intended, np.arange(n))

        assert (runs.sums(shares) == filled).all()
        assert best < 0.15


def _seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class TestPricesAndMoney:
    def test_publishes_an_average_price_rounded_half_up_once(self):
        assert rules.published_price(D("1.0000005"), D(1), "EQUITY") == D("1.000001")
        assert rules.published_price(D("98.1234565") * 3, D(3), "CORP") == D("98.123457")
        assert rules.published_price(D("10.00") * 1 + D("10.01") * 2, D(3), "EQUITY") == D("10.006667")

    def test_values_executions_exactly_before_the_one_rounding(self):
        assert rules.gross_amount(D("123456789012345678.123456789012"), D("0.01"), 2) == D("1234567890123456.78")
        assert rules.gross_amount(D("100.5"), D(1), 0) == D(101)

    def test_adds_costs_to_what_a_buyer_pays_and_takes_them_from_what_a_seller_gets(self):
        assert rules.net_amount("BUY", D(100), D(3), D(2), D(1)) == D(106)
        assert rules.net_amount("SELL", D(100), D(3), D(2), D(1)) == D(100)
        assert rules.net_amount("SELL_SHORT", D(100), D(0), D(2), D(1)) == D(97)

    def test_refuses_a_quantity_finer_than_is_stored(self):
        with pytest.raises(ValueError, match="more than 4 decimals"):
            rules.units(D("1.00001"))
