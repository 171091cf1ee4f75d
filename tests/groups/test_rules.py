"""What a group's rule lets each leg have at brokers, and what is asked so that it does."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.groups import rules
from apps.groups.rules import Leg, RouteNow, asks, targets

D = Decimal


def leg(pk, role, qty, filled=0, allowed=None, won=None, lot=1) -> Leg:
    return Leg(pk, role, D(qty), D(lot), D(filled), D(qty if allowed is None else allowed), won)


class TestTargets:
    @pytest.mark.parametrize(
        ("filled", "expected"),
        [((0, 0), (1000, 500)), ((400, 0), (1000, 300)), ((400, 150), (700, 300)), ((1000, 0), (1000, 0)), ((1, 0), (1000, 499))],
    )
    def test_a_fill_takes_its_share_from_the_other_in_whole_lots(self, filled, expected):
        found = targets("OCO", "REDUCE", [leg(1, "ONE", 1000, filled[0]), leg(2, "ONE", 500, filled[1])])

        assert tuple(map(int, found.values())) == expected

    def test_what_crossed_in_flight_stays_and_nothing_more_may_come(self):
        found = targets("OCO", "REDUCE", [leg(1, "ONE", 1000, 800), leg(2, "ONE", 500, 250)])

        assert found == {1: D(800), 2: D(250)}

    def test_the_first_that_fills_stays_and_the_others_go(self):
        legs = [leg(1, "ONE", 1000, 10, won=1), leg(2, "ONE", 500, 5, won=0), leg(3, "ONE", 700)]

        assert targets("OCO", "CANCEL", legs) == {1: D(10), 2: D(500), 3: D(0)}

    def test_a_leg_without_parent_is_never_raised_again_by_a_bust(self):
        found = targets("OCO", "REDUCE", [leg(1, "ONE", 1000, 0, allowed=1000), leg(2, "ONE", 500, 0, allowed=300)])

        assert found == {1: D(1000), 2: D(300)}

    @pytest.mark.parametrize(("filled", "expected"), [(0, 0), (1, 0), (2, 1), (333, 166), (999, 499), (1000, 500)])
    def test_a_child_has_exactly_the_part_its_parent_has_filled(self, filled, expected):
        found = targets("OTO", "REDUCE", [leg(1, "PARENT", 1000, filled), leg(2, "CHILD", 500)])

        assert found == {1: D(1000), 2: D(expected)}

    def test_in_a_bracket_the_children_share_what_the_parent_opened(self):
        legs = [leg(1, "PARENT", 1000, 600), leg(2, "CHILD", 1000, 200), leg(3, "CHILD", 1000, 100)]

        assert targets("BRACKET", "REDUCE", legs) == {1: D(1000), 2: D(500), 3: D(400)}

    @settings(deadline=None)
    @given(
        st.integers(1, 10_000), st.integers(1, 10_000), st.sampled_from([1, 10, 100]), st.integers(0, 10_000), st.integers(0, 10_000)
    )
    def test_at_rest_the_legs_never_come_to_more_than_one_whole(self, a, b, lot, x, y):
        one, two = leg(1, "ONE", a * lot, min(x, a), lot=lot), leg(2, "ONE", b * lot, min(y, b), lot=lot)
        found = targets("OCO", "REDUCE", [one, two])

        for this, other in ((one, two), (two, one)):
            rest = Fraction(found[this.id]) / Fraction(this.qty) + other.part
            assert rest <= 1 or found[this.id] == this.filled


def route(pk, qty, filled=0, **more) -> RouteNow:
    return RouteNow(pk, D(qty), D(more.pop("asked", qty)), D(filled), more.pop("is_over", False), more.pop("waits", False), **more)


class TestAsks:
    def test_places_what_is_lacking_where_nothing_works(self):
        assert asks(D(100), D(1), [], may_grow=True).place == 100
        assert asks(D(105), D(10), [], may_grow=True).place == 100

    def test_a_paused_leg_never_grows_and_still_becomes_less(self):
        assert asks(D(100), D(1), [], may_grow=False).is_empty
        assert asks(D(50), D(1), [route(1, 100)], may_grow=False).replace == {1: D(50)}

    def test_raises_the_order_that_works(self):
        assert asks(D(150), D(1), [route(1, 100, 30)], may_grow=True).replace == {1: D(150)}

    def test_waits_for_an_answer_before_it_asks_again(self):
        assert asks(D(150), D(1), [route(1, 100, asked=120, waits=True)], may_grow=True).is_empty
        assert asks(D(50), D(1), [route(1, 100, asked=80, waits=True)], may_grow=True).is_empty

    def test_cancels_what_may_fill_no_more(self):
        assert asks(D(30), D(1), [route(1, 100, 30)], may_grow=True).cancel == [1]
        assert asks(D(0), D(1), [route(1, 100), route(2, 50)], may_grow=True).cancel == [2, 1]

    def test_what_a_broker_ended_unasked_is_not_placed_again_by_itself(self):
        assert asks(D(100), D(1), [route(1, 100, 40, is_over=True)], may_grow=True).is_empty
        assert asks(D(100), D(1), [route(1, 100, 40, is_over=True, given_back=True)], may_grow=True).place == 60

    @settings(deadline=None)
    @given(st.integers(0, 500), st.lists(st.tuples(st.integers(1, 100), st.integers(0, 100), st.booleans()), max_size=4))
    def test_what_is_asked_brings_the_leg_to_its_target(self, target, rows):
        routes = [route(n, q, min(f, q), is_over=over, given_back=True) for n, (q, f, over) in enumerate(rows, 1)]
        target = max(D(target), sum((r.filled for r in routes), D(0)))
        found = asks(target, D(1), routes, may_grow=True)

        after = sum((found.replace.get(r.id, r.filled if r.id in found.cancel else r.counts) for r in routes), found.place)
        assert after == target


def test_says_how_much_may_cross_at_worst():
    legs = [leg(1, "ONE", 1000, 0), leg(2, "ONE", 500, 0)]

    assert rules.at_worst(legs, {1: [route(1, 1000)], 2: [route(2, 500)]}) == 2
    assert rules.at_worst(legs, {1: [route(1, 1000)], 2: [route(2, 500, asked=100, waits=True)]}) == 2
