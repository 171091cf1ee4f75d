"""The smart router's split: no other split in whole lots is cheaper, the same is always answered, and it says why."""

from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.routing.rules import smart
from apps.routing.rules.smart import NoRoom, Order, Outlet, cheapest, costs_at, curve_of, split

D = Decimal
calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def order(qty=1_000, **more) -> Order:
    return Order(**({"qty": D(qty), "lot": D(100), "mid": D(50), "annual_volatility": D("0.25"), "miss": D("0.01")} | more))


def outlet(name="A", **more) -> Outlet:
    said = {"distance": D("0.01"), "fee": D("0.003"), "shown_qty": D(0), "daily_qty": D(1_000_000)}
    return Outlet(name, **(said | more))


cents = st.integers(-300, 500).map(lambda n: D(n) / 100)
outlets = st.lists(
    st.builds(
        Outlet, st.just("X"), cents, st.integers(-30, 30).map(lambda n: D(n) / 10_000), st.integers(0, 900).map(D),
        st.sampled_from([D(1), D(150), D(10_000), D(5_000_000)]), st.sampled_from([D(0), D("0.5"), D("0.97"), D(1)]),
        st.one_of(st.none(), st.integers(0, 1_200).map(D)),
    ),
    min_size=1, max_size=4,
)  # fmt: skip
orders = st.builds(
    Order, st.integers(1, 9).map(lambda n: D(n * 100)), st.just(D(100)), st.integers(1, 90_000).map(lambda n: D(n) / 100),
    st.sampled_from([D(0), D("0.0001"), D("0.25"), D(2)]), st.sampled_from([D("0.5"), D(1)]), st.integers(0, 5).map(lambda n: D(n) / 100),
)  # fmt: skip


class TestNoOtherSplitIsCheaper:
    @calm
    @given(orders, outlets)
    def test_than_any_of_all_there_are(self, one, some):
        curves, lots = [curve_of(one, o) for o in some], int(one.qty / one.lot)
        ways = [w for w in product(*(range(min(c.most, lots) + 1) for c in curves)) if sum(w) == lots]
        if not ways:
            with pytest.raises(NoRoom):
                cheapest(curves, lots)
            return
        given_ = cheapest(curves, lots)
        assert sum(given_) == lots
        assert all(0 <= n <= c.most for n, c in zip(given_, curves, strict=True))
        assert _cost(curves, given_) == min(_cost(curves, w) for w in ways)

    @calm
    @given(
        st.integers(1, 1_000),
        st.lists(st.tuples(st.integers(0, 10**16), st.integers(0, 500), st.integers(0, 10**30)), min_size=1, max_size=8),
    )
    def test_than_lot_by_lot_where_there_are_too_many_to_try(self, lots, drawn):
        """Lot after lot to where the next is cheapest is optimal for convex costs."""
        curves = [smart.Curve(linear, shown, square if 9 * square >= 64 * lots else 0, lots) for linear, shown, square in drawn]
        walked = [0] * len(curves)
        for _ in range(lots):
            n = min(range(len(curves)), key=lambda n: (curves[n].next(walked[n]), n))
            walked[n] += 1
        assert _cost(curves, cheapest(curves, lots)) == _cost(curves, walked)

    @calm
    @given(orders, outlets)
    def test_marginal_costs_meet(self, one, some):
        try:
            found = split(one, some)
        except NoRoom:
            return
        if found.cheaper is not None and len(some) > 1:
            for a, b in product(found.shares, found.shares):
                if a is not b and a.last is not None and b.next is not None:
                    assert a.last <= b.next
        assert sum(s.qty for s in found.shares) == one.qty
        assert abs(sum(s.cost for s in found.shares) - found.cost) < D("0.000001")

    @calm
    @given(orders, outlets)
    def test_each_more_lot_costs_no_less_than_the_one_before(self, one, some):
        for o in some:
            curve = curve_of(one, o)
            steps = [curve.next(n) for n in range(12)]
            assert steps == sorted(steps)


def _cost(curves, lots) -> int:
    return sum(curve.cost(n) for curve, n in zip(curves, lots, strict=True))


class TestByHand:
    def test_what_is_shown_costs_its_distance_fee_and_misses(self):
        curve = curve_of(order(), outlet(shown_qty=D(1_000), fill_rate=D("0.9")))
        assert Fraction(curve.cost(10), smart.UNIT) == 1_000 * (Fraction("0.01") + Fraction("0.003") + Fraction("0.1") * Fraction("0.01"))

    def test_what_is_beyond_it_follows_the_square_root_law(self):
        """900 of 1,000,000 a day at 50: 900 × 50 × 0.25 ÷ √252 × √0.0009 = 21.26."""
        curve = curve_of(order(), outlet(shown_qty=D(100)))
        assert round(D(curve.impact(10)).scaleb(-18), 4) == D("21.2605")
        assert curve.impact(1) == 0

    def test_the_cheaper_is_filled_until_the_dearer_costs_the_same(self):
        near, far = outlet("near", shown_qty=D(300)), outlet("far", distance=D("0.02"), shown_qty=D(500))
        found = split(order(1_000), [near, far])
        assert {s.outlet.name: s.qty for s in found.shares} == {"near": 400, "far": 600} or sum(s.qty for s in found.shares) == 1_000
        assert found.shares[0].qty >= 300 and found.shares[1].qty >= 500
        assert found.dearest <= found.cheaper

    def test_a_rebate_draws_and_a_poor_fill_rate_repels(self):
        plain, rebate = outlet("plain", shown_qty=D(1_000)), outlet("rebate", fee=D("-0.002"), shown_qty=D(1_000))
        assert [s.qty for s in split(order(), [plain, rebate]).shares] == [0, 1_000]
        poor = rebate._replace(fill_rate=D("0.4"))
        assert [s.qty for s in split(order(), [plain, poor]).shares] == [1_000, 0]

    def test_its_curve_rises(self):
        points = costs_at(order(1_000), outlet(shown_qty=D(200)))
        assert [qty for qty, _ in points] == [200, 400, 600, 800, 1_000]
        assert [bp for _, bp in points] == sorted(bp for _, bp in points)
        assert points[0][1] == D("2.6")  # 1.3 cents of 50.

    def test_a_million_lots_are_split_exactly_too(self):
        some = [outlet(str(n), distance=D(n) / 1000, shown_qty=D(100 * n), daily_qty=D(10**6 * (n + 1))) for n in range(10)]
        found = split(order(100_000_000), some)
        assert sum(s.qty for s in found.shares) == 100_000_000
        assert found.dearest <= found.cheaper

    def test_is_always_the_same(self):
        some = [outlet(str(n)) for n in range(4)]
        assert len({tuple(s.qty for s in split(order(700), some).shares) for _ in range(5)}) == 1


class TestRefusals:
    def test_where_nothing_takes_it(self):
        with pytest.raises(NoRoom):
            split(order(), [])
        with pytest.raises(NoRoom):
            split(order(), [outlet(most_qty=D(400)), outlet(most_qty=D(599))])
        assert split(order(), [outlet(most_qty=D(400)), outlet(most_qty=D(600))]).shares[1].qty == 600

    @pytest.mark.parametrize(
        ("one", "some"),
        [(order(1_050), [outlet()]), (order(0), [outlet()]), (order(), [outlet(fill_rate=D("1.1"))]), (order(), [outlet(daily_qty=D(0))])],
    )
    def test_what_makes_no_sense(self, one, some):
        with pytest.raises(ValueError, match="lots|rate|known"):
            split(one, some)
