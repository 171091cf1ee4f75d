"""Sums of what is large: 5/10/40, the part that must be diversified, what is slow to sell; at their exact edges."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.compliance.engine.columns import QTY
from apps.compliance.engine.judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS
from apps.compliance.engine.params import BadRule
from apps.compliance.engine.rules import MEASURES, read
from tests.compliance.books import NOW, book, rule, share

D = Decimal


def judged(s, kind="large_groups", **params):
    return MEASURES[kind].judge(s, rule(kind, **params), None)


def portfolio(orders, held, nav=1_000_000, **more):
    """Shares A to J at 100, each of an issuer of its own, and cash up to the net asset value."""
    shares = [share(n, symbol, **more.pop(symbol, {})) for n, symbol in enumerate("ABCDEFGHIJ", start=1)]
    worth = sum(qty * 100 for qty in held.values())
    return book(
        shares, [(0, symbol, side, qty) for symbol, side, qty in orders], positions=[(0, s, q) for s, q in held.items()],
        cash=[(0, "USD", nav - worth)], **more,
    )  # fmt: skip


class TestIssuersAboveFivePercent:
    """2009/65/EC Art. 52(2): what is above 5% in one body is together at most 40%."""

    BIG = {"A": 1000, "B": 1000, "C": 1000}  # 10% each.

    def test_exactly_five_percent_does_not_count(self):
        s = portfolio([("E", "BUY", 500)], self.BIG | {"D": 1000})
        assert judged(s).outcome.tolist() == [PASS]
        found = judged(portfolio([("E", "BUY", 501)], self.BIG | {"D": 1000}))
        assert (found.outcome.tolist(), found.max_qty.tolist()) == ([FAIL], [500 * QTY])
        assert found.after.tolist() == [45.01]

    def test_exactly_forty_percent_passes(self):
        found = judged(portfolio([("D", "BUY", 400), ("D", "BUY", 1)], self.BIG | {"D": 600}))
        assert (found.outcome.tolist(), found.after.tolist()) == ([PASS, FAIL], [40.0, 40.01])
        assert found.max_qty.tolist()[1] == 0

    def test_a_group_counts_wholly_once_it_is_above(self):
        found = judged(portfolio([("D", "BUY", 100)], self.BIG | {"D": 450}))
        assert found.now.tolist() == [30.0]
        assert found.after.tolist() == [35.5]

    def test_parent_and_daughter_are_one_body(self):
        s = portfolio([("E", "BUY", 100)], self.BIG | {"D": 650, "E": 250}, E={"issuer_group": 4})
        assert judged(s).outcome.tolist() == [PASS]
        s = portfolio([("E", "BUY", 101)], self.BIG | {"D": 650, "E": 250}, E={"issuer_group": 4})
        assert judged(s).outcome.tolist() == [FAIL]

    def test_governments_are_left_out(self):
        s = portfolio([("D", "BUY", 2000), ("E", "BUY", 1000)], self.BIG, D={"asset_class": "GOVT"})
        assert judged(s).outcome.tolist() == [NOT_ASKED, PASS]

    def test_earlier_orders_and_open_buys_count_and_sales_do_not(self):
        s = portfolio(
            [("D", "BUY", 600), ("E", "BUY", 501), ("A", "SELL", 500)], self.BIG,
            others=[(0, "D", "BUY", 300, True), (0, "A", "SELL", 500, True)],
        )  # fmt: skip
        assert judged(s).outcome.tolist() == [PASS, FAIL, NOT_ASKED]

    def test_what_is_above_the_limit_already_may_buy_what_stays_small(self):
        held = self.BIG | {"D": 1000, "E": 1000}
        found = judged(portfolio([("F", "BUY", 500), ("F", "BUY", 1), ("A", "BUY", 1)], held))
        assert found.outcome.tolist() == [PASS, FAIL, FAIL]

    def test_says_which_count(self):
        found = judged(portfolio([("D", "BUY", 1001)], self.BIG))
        said = found.say(0)
        assert said.text == (
            "What is above 5% would be 40.01% of net asset value together; the limit is 40%. USD 100,000.00 of room is left."
        )
        assert [one["what"] for one in said.data[1:]] == ["Issuer 4", "Issuer 1", "Issuer 2", "Issuer 3"]


class TestDiversified:
    """Investment Company Act §5(b)(1): what is above 5% of total assets, or 10% of an issuer's votes, is at most 25%."""

    PARAMS = {"against": "total_assets", "owned_pct": "10", "limit": "25"}

    def test_a_small_position_counts_where_it_is_much_of_the_issuer(self):
        s = portfolio([("B", "BUY", 100), ("B", "BUY", 1)], {"A": 2500}, B={"shares_outstanding": D(1000)})
        found = judged(s, **self.PARAMS)
        assert (found.outcome.tolist(), found.after.tolist()) == ([PASS, FAIL], [25.0, 26.01])
        assert found.max_qty.tolist()[1] == 0

    def test_cannot_tell_without_the_shares_outstanding(self):
        s = portfolio([("B", "BUY", 100)], {}, B={"shares_outstanding": None})
        found = judged(s, **self.PARAMS)
        assert found.outcome.tolist() == [INDETERMINATE]
        assert found.say(0).text == "Cannot tell: something that this rule asks for is not on file for B."

    def test_an_overdraft_does_not_make_the_assets_less(self):
        held = {"A": 2500, "B": 9000}
        s = portfolio([("C", "BUY", 575), ("C", "BUY", 1)], held, nav=1_000_000)
        assert (s.total_assets.tolist(), s.nav.tolist()) == ([1_150_000], [1_000_000])
        assert judged(s, **{**self.PARAMS, "limit": "100"}).after.tolist() == pytest.approx([100.0, 105.01], abs=0.02)


class TestIlliquid:
    """17 CFR 270.22e-4(b)(1)(iv): no purchase after which more than 15% of net assets is illiquid."""

    def test_exactly_the_days_is_liquid_and_a_share_more_is_not(self):
        # A fifth of a day's 100 shares in seven days: 140.
        s = portfolio([("A", "BUY", 140), ("A", "BUY", 1)], {"B": 1500}, A={"daily_qty": D(100)}, B={"daily_qty": D(1)})
        found = judged(s, "illiquid")
        assert (found.outcome.tolist(), found.after.tolist()) == ([PASS, FAIL], [15.0, 16.41])
        assert found.say(1).text.startswith("Illiquid positions would be 16.41% of net asset value together; the limit is 15%.")

    def test_cannot_tell_without_a_volume(self):
        assert judged(portfolio([("A", "BUY", 1)], {"B": 1}, B={"daily_qty": None}), "illiquid").outcome.tolist() == [INDETERMINATE]

    def test_cannot_tell_by_an_old_price(self):
        s = portfolio([("A", "BUY", 1)], {}, A={"priced_at": NOW - timedelta(days=9)})
        assert judged(s, "illiquid").outcome.tolist() == [INDETERMINATE]

    @pytest.mark.parametrize(("given", "field"), [({"days": "-1"}, "days"), ({"volume_pct": "0"}, "volume_pct")])
    def test_refuses_what_makes_no_sense(self, given, field):
        with pytest.raises(BadRule) as refused:
            read("illiquid", given)
        assert refused.value.facts["field"] == field


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("large_groups", "All that are above 5% of net asset value of each issuer with its group of what meets asset_class != \"GOVT\","
         " measured at market value at mid, of a future its notional, are together at most 40% after a purchase."),
        ("illiquid", "Positions of what meets asset_class != \"GOVT\" that take more than 7 days to sell, at 20% of an average day's"
         " volume, are together at most 15% of net asset value after a purchase."),
    ],
)  # fmt: skip
def test_says_itself(kind, said):
    assert MEASURES[kind].sentence(read(kind, {})) == said


@st.composite
def holdings(draw):
    sizes = st.sampled_from([0, 100, 300, 499, 500, 501, 700, 1000, 1500])
    held = {symbol: draw(sizes) for symbol in "ABCDE"}
    one = st.tuples(st.sampled_from("ABCDE"), st.just("BUY"), st.sampled_from([1, 100, 500, 501, 900]))
    orders = draw(st.lists(one, min_size=1, max_size=5))
    same = draw(st.booleans())
    return portfolio(orders, held, B={"issuer_group": 1} if same else {}, others=[(0, draw(st.sampled_from("ABC")), "BUY", 200, True)])


def plainly(s, order: int, qty: int, floor: Fraction, limit: Fraction) -> bool:
    """Whether the sum of groups above the floor is within the limit or no worse than without the order."""

    def total(upto: dict[int, Fraction]) -> Fraction:
        return sum((v for v in upto.values() if v > floor), Fraction(0))

    groups: dict[int, Fraction] = {}
    rows = [(s.positions.thing[r], s.positions.amount[r]) for r in range(len(s.positions.thing))]
    rows += [(s.others.instrument[r], s.others.leaves[r]) for r in range(len(s.others))]
    rows += [(s.orders.instrument[r], s.orders.qty[r]) for r in range(order)]
    for place, amount in rows:
        group = s.instruments[place].issuer_group
        groups[group] = groups.get(group, Fraction(0)) + Fraction(int(amount), QTY) * 100
    before = total(groups)
    group = s.instrument_of(order).issuer_group
    groups[group] = groups.get(group, Fraction(0)) + Fraction(qty, QTY) * 100
    return total(groups) <= max(limit, before)


@settings(max_examples=200, deadline=None)
@given(holdings())
def test_agrees_with_plain_fractions_and_its_largest_quantity_is_the_largest(s):
    nav = s.exact_nav(0)
    floor, limit = nav * 5 / 100, nav * 40 / 100
    found = judged(s)
    for order in range(len(s.orders)):
        qty = int(s.orders.qty[order])
        assert (found.outcome[order] == PASS) == plainly(s, order, qty, floor, limit)
        if found.outcome[order] == FAIL:
            most = int(found.max_qty[order])
            assert plainly(s, order, most, floor, limit)
            assert not plainly(s, order, most + int(s.increment[s.orders.instrument[order]]), floor, limit)
    assert np.all((found.outcome == PASS) | (found.outcome == FAIL))
