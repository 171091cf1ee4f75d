"""Pairs: the leader is never further ahead than the tolerance, and waits where the market does not give the ratio."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.audit import services as audit
from apps.core.refusals import Invalid
from apps.groups import rules
from apps.groups import services as groups
from apps.groups.models import LinkedGroup
from apps.groups.rules import Leg, pair_targets
from apps.marketdata.models import Quote

from .conftest import OURS, at_brokers, legs_of, routes_of

D = Decimal


def leg(pk, qty, filled, lot=1) -> Leg:
    return Leg(pk, "LEADER" if pk == 1 else "FOLLOWER", D(qty), D(lot), D(filled))


class TestTargets:
    @pytest.mark.parametrize(
        ("filled", "expected"),
        [((0, 0), (100, 0)), ((100, 0), (100, 50)), ((100, 50), (200, 50)), ((1000, 450), (1000, 500)), ((950, 475), (1000, 475))],
    )
    def test_the_leader_is_ahead_by_the_tolerance_and_the_other_follows(self, filled, expected):
        found = pair_targets(leg(1, 1000, filled[0]), leg(2, 500, filled[1]), D(10), is_open=True)

        assert tuple(map(int, found.values())) == expected

    def test_where_the_market_is_shut_the_leader_waits_and_the_other_catches_up(self):
        assert pair_targets(leg(1, 1000, 100), leg(2, 500, 20), D(10), is_open=False) == {1: D(100), 2: D(50)}

    @settings(deadline=None)
    @given(
        st.integers(1, 2000), st.integers(1, 2000), st.sampled_from([1, 7, 100]), st.sampled_from([1, 10]),
        st.decimals(D("0.1"), D(100), places=1),
    )  # fmt: skip
    def test_both_come_to_their_end_whatever_the_lots(self, a, b, lot_a, lot_b, tolerance):
        lead, follow = leg(1, a * lot_a, 0, lot_a), leg(2, b * lot_b, 0, lot_b)
        for _ in range(5000):
            found = pair_targets(lead, follow, tolerance, is_open=True)
            if (found[1], found[2]) == (lead.filled, follow.filled):
                break
            most = max(Fraction(tolerance) / 100, Fraction(follow.lot) / Fraction(follow.qty)) + Fraction(lead.lot) / Fraction(lead.qty)
            assert Fraction(found[1]) / Fraction(lead.qty) - follow.part <= most
            lead, follow = lead._replace(filled=found[1]), follow._replace(filled=found[2])
        assert (lead.filled, follow.filled) == (lead.qty, follow.qty)


def quote(firm, symbol: str, bid, ask, age=0) -> None:
    Quote.objects.filter(instrument=firm.instruments[symbol]).update(bid=D(bid), ask=D(ask), at=timezone.now() - timedelta(seconds=age))


@pytest.fixture
def paired(a_block, tom, by, monkeypatch):
    """A pair that was sent: 1,000 AAA are bought, 500 CCC sold, the leader ahead by a tenth at most."""

    def make(ratio_limit=None, **more) -> LinkedGroup:
        one, two = a_block("AAA", "BUY", 1000), a_block("CCC", "SELL", 500)
        monkeypatch.setattr(audit, "flow", lambda: OURS)
        seen = {one.pk: 1, two.pk: 1}
        pk = groups.compose_group(
            by(tom), "PAIR", [one.pk, two.pk], seen=seen, ratio_limit=ratio_limit, **({"tolerance_pct": D(10)} | more)
        )
        groups.send_group(by(tom), pk, seen={pk: 1})
        return LinkedGroup.objects.get(pk=pk)

    return make


@pytest.mark.django_db
class TestPairs:
    def test_goes_in_steps_of_the_tolerance_until_both_are_filled(self, paired, floor):
        group = paired()
        floor.answer()
        assert at_brokers(group) == [100, 0]
        floor.fill(routes_of(group, 1).get(), 100)
        floor.answer()
        assert at_brokers(group) == [100, 50]  # The leader waits: the other lags by all of the tolerance.

        for _ in range(40):
            for nth in (1, 2):
                for route in routes_of(group, nth).exclude(status__in=["FILLED", "CANCELED"]):
                    floor.fill(route, route.qty - route.cum_qty)
                    floor.answer()

        group.refresh_from_db()
        assert (at_brokers(group), group.status) == ([1000, 500], "DONE")

    def test_the_leader_waits_for_its_ratio_and_is_pulled_when_it_goes(self, paired, floor, firm, by):
        quote(firm, "AAA", "49.9", "50"), quote(firm, "CCC", "99", "101")
        group = paired(D("1.98"))  # 99 sold over 50 bought is exactly that.
        floor.answer()
        assert at_brokers(group) == [100, 0]

        quote(firm, "CCC", "98.99", "101")
        groups.follow_behind(by("scheduler", via="worker"))
        floor.answer()

        assert at_brokers(group) == [0, 0]
        assert "below 1.98" in legs_of(group)[0].problem
        quote(firm, "CCC", "99", "101")
        groups.follow_behind(by("scheduler", via="worker"))
        assert (at_brokers(group), legs_of(group)[0].problem) == ([100, 0], "")

    def test_a_price_that_is_too_old_is_none(self, paired, floor, firm):
        quote(firm, "AAA", "49.9", "50", age=61), quote(firm, "CCC", "99", "101")
        group = paired(D(1))

        assert at_brokers(group) == [0, 0]
        assert "cannot be told" in legs_of(group)[0].problem
        group.refresh_from_db()
        assert group.status == "WORKING"

    def test_the_tolerance_may_be_an_amount_at_the_leaders_price_now(self, paired, floor, firm, by):
        quote(firm, "AAA", "49.99", "50.01"), quote(firm, "CCC", "99", "101")
        group = paired(tolerance_pct=None, tolerance_amount=D(5001))
        floor.answer()
        assert at_brokers(group) == [101, 0]  # 5,001 of the 50,000 that it is worth, up to the lot.

        quote(firm, "AAA", "99.99", "100.01")
        groups.follow_behind(by("scheduler", via="worker"))
        floor.answer()
        assert at_brokers(group) == [51, 0]

    def test_without_a_price_of_now_the_leader_of_an_amount_waits(self, paired, floor, firm):
        quote(firm, "AAA", "49.9", "50", age=61)
        group = paired(tolerance_pct=None, tolerance_amount=D(5000))

        assert at_brokers(group) == [0, 0]
        assert "What the leader is worth cannot be told" in legs_of(group)[0].problem

    @pytest.mark.parametrize(("more", "said"), [
        ({"tolerance_amount": D(5000)}, "once"), ({"tolerance_pct": None, "tolerance_amount": D(0)}, "above zero"),
    ])  # fmt: skip
    def test_says_its_tolerance_once(self, paired, more, said):
        with pytest.raises(Invalid, match=said):
            paired(**more)
        assert not LinkedGroup.objects.exists()

    @pytest.mark.parametrize("more", [{"tolerance_pct": None}, {"tolerance_pct": D(0)}, {"tolerance_pct": D(101)}, {"ratio_limit": D(-1)}])
    def test_refuses_what_is_no_pair(self, paired, more):
        with pytest.raises(Invalid):
            paired(**more)
        assert not LinkedGroup.objects.exists()

    def test_refuses_two_that_are_both_bought(self, a_block, tom, by):
        one, two = a_block("AAA", "BUY", 1000), a_block("CCC", "BUY", 500)

        with pytest.raises(Invalid, match="one is bought and the other is sold"):
            groups.compose_group(by(tom), "PAIR", [one.pk, two.pk], seen={one.pk: 1, two.pk: 1}, tolerance_pct=D(10))


def test_the_ratio_is_rounded_against_us():
    assert rules.ratio(D(1), D(3)) == D("0.33333333")
