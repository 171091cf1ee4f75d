"""The largest groups together: at the exact edge, on the worst case, with the largest quantity that passes."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.compliance.engine.answers import nearest
from apps.compliance.engine.columns import QTY
from apps.compliance.engine.judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS
from apps.compliance.engine.params import BadRule
from apps.compliance.engine.rules import MEASURES, read
from apps.compliance.engine.standing import stand
from tests.compliance.books import NOW, book, rule, share

D = Decimal
RULE = {"count": "3", "limit": "25"}


def judged(s, **params):
    return MEASURES["largest_groups"].judge(s, rule("largest_groups", **(RULE | params)), None)


def portfolio(orders, held, nav=1_000_000, **more):
    """Shares A to F at 100, each of an issuer of its own, and cash up to the net asset value."""
    shares = [share(n, symbol, **more.pop(symbol, {})) for n, symbol in enumerate("ABCDEF", start=1)]
    worth = sum(qty * 100 for qty in held.values())
    return book(
        shares, [(0, symbol, side, qty) for symbol, side, qty in orders], positions=[(0, s, q) for s, q in held.items()],
        cash=[(0, "USD", nav - worth)], **more,
    )  # fmt: skip


class TestEdge:
    BIG = {"A": 1000, "B": 800, "C": 600, "D": 500}  # 24% in the three largest.

    def test_exactly_the_limit_passes_and_a_share_more_does_not(self):
        found = judged(portfolio([("A", "BUY", 100), ("A", "BUY", 1)], self.BIG))
        assert (found.outcome.tolist(), found.after.tolist()) == ([PASS, FAIL], pytest.approx([25.0, 25.01]))
        assert (found.now.tolist(), found.max_qty.tolist()[1], found.room.tolist()) == ([24.0, 24.0], 0, [10_000, 0])

    def test_a_smaller_one_may_overtake_the_last_of_them(self):
        found = judged(portfolio([("D", "BUY", 200), ("D", "BUY", 1)], self.BIG))
        assert found.outcome.tolist() == [PASS, FAIL]
        [one] = judged(portfolio([("D", "BUY", 900)], self.BIG)).max_qty.tolist()
        assert one == 200 * QTY  # 10% and 8% stay, and D may be 7%.

    def test_beyond_the_limit_passes_what_does_not_make_the_sum_larger(self):
        held = self.BIG | {"A": 2000}
        found = judged(portfolio([("D", "BUY", 100), ("D", "BUY", 1), ("A", "SELL", 1)], held))
        assert found.outcome.tolist() == [PASS, FAIL, NOT_ASKED]

    def test_open_and_earlier_buys_count_and_sales_do_not(self):
        s = portfolio(
            [("A", "BUY", 50), ("B", "BUY", 1), ("C", "SELL", 600)], self.BIG,
            others=[(0, "B", "BUY", 50, True), (0, "A", "SELL", 1000, True)],
        )  # fmt: skip
        assert judged(s).outcome.tolist() == [PASS, FAIL, NOT_ASKED]

    def test_parent_and_daughter_are_one(self):
        s = portfolio([("D", "BUY", 1)], {"A": 900, "B": 800, "C": 700, "D": 100}, D={"issuer_group": 3})
        assert judged(s).outcome.tolist() == [FAIL]
        assert judged(s, group="instrument").outcome.tolist() == [PASS]

    def test_governments_are_left_out(self):
        s = portfolio([("F", "BUY", 3000)], self.BIG, F={"asset_class": "GOVT"})
        assert judged(s).outcome.tolist() == [NOT_ASKED]

    def test_fewer_than_so_many_are_all_of_them(self):
        assert judged(portfolio([("A", "BUY", 2500), ("A", "BUY", 1)], {})).outcome.tolist() == [PASS, FAIL]

    def test_says_which(self):
        said = judged(portfolio([("A", "BUY", 101)], self.BIG)).say(0)
        assert said.text == (
            "The 3 largest of each issuer with its group would be 25.01% of net asset value together; the limit is 25%."
            " USD 10,000.00 of room is left."
        )
        assert [one["what"] for one in said.data[1:]] == ["Issuer 1", "Issuer 2", "Issuer 3"]

    def test_the_nearest_order_that_passes_is_said(self):
        s = portfolio([("A", "BUY", 500)], self.BIG)
        [answer] = nearest(s, [rule("largest_groups", **RULE)], 0)
        assert (answer.kind, answer.qty, answer.binds) == ("SMALLER", 100 * QTY, "largest_groups")


class TestCannotTell:
    def test_without_a_price_or_by_an_old_one(self):
        old = portfolio([("A", "BUY", 1)], {}, A={"priced_at": NOW - timedelta(days=9)})
        assert judged(old).outcome.tolist() == [INDETERMINATE]
        s = book([share(1, "A"), share(2, "B", None)], [(0, "A", "BUY", 1)], others=[(0, "B", "BUY", 1)], cash=[(0, "USD", 1000)])
        found = judged(s)
        assert found.outcome.tolist() == [INDETERMINATE]
        assert found.say(0).text == "Cannot tell: something that this rule asks for is not on file for B."

    def test_without_what_the_filter_or_the_group_hangs_on(self):
        s = portfolio([("A", "BUY", 1)], {"B": 1}, B={"country": ""})
        assert judged(s, filter='country != "US"').outcome.tolist() == [INDETERMINATE]
        assert judged(s, group="own.theme").outcome.tolist() == [INDETERMINATE]

    @pytest.mark.parametrize("count", ["0", "2.5", "1001", "-1"])
    def test_a_count_that_makes_no_sense_is_refused(self, count):
        with pytest.raises(BadRule) as refused:
            read("largest_groups", {"count": count})
        assert refused.value.facts["field"] == "count"


def test_stands_at_the_end_of_the_day():
    for qty, outcome in ((700, "PASS"), (701, "FAIL")):
        s = portfolio([], {"A": 1000, "B": 800, "C": qty, "D": 100})
        [(_, one)] = stand(s, [rule("largest_groups", **RULE)])
        assert (one.outcome, one.name) == (outcome, "Together")
    assert [line["what"] for line in one.data] == ["Issuer 1", "Issuer 2", "Issuer 3"]
    assert one.over == pytest.approx(100)


def test_says_itself():
    assert MEASURES["largest_groups"].sentence(read("largest_groups", {"filter": ""})) == (
        "The 10 largest of each issuer with its group, measured at market value at mid, of a future its notional, are together at"
        " most 40% of net asset value after a purchase."
    )


@st.composite
def holdings(draw):
    sizes = st.sampled_from([0, 100, 300, 499, 500, 501, 700, 1000, -200])
    held = {symbol: draw(sizes) for symbol in "ABCDE"}
    one = st.tuples(st.sampled_from("ABCDE"), st.just("BUY"), st.sampled_from([1, 100, 500, 501, 900]))
    orders = draw(st.lists(one, min_size=1, max_size=5))
    same = {"B": {"issuer_group": 1}} if draw(st.booleans()) else {}
    return portfolio(orders, held, **same, others=[(0, draw(st.sampled_from("ABC")), "BUY", 200, True)])


def plainly(s, order: int, qty: int, count: int, limit: Fraction) -> bool:
    """Whether the sum of the largest is within the limit, or no more than without the order."""
    rows = list(zip(s.positions.thing.tolist(), s.positions.amount.tolist(), strict=True))
    rows += zip(s.others.instrument.tolist(), s.others.leaves.tolist(), strict=True)
    rows += [(int(s.orders.instrument[n]), int(s.orders.qty[n])) for n in range(order)]

    def total(rows) -> Fraction:
        sums: dict[int, Fraction] = {}
        for place, amount in rows:
            group = s.instruments[place].issuer_group
            sums[group] = sums.get(group, Fraction(0)) + Fraction(amount, QTY) * 100
        return sum(sorted((max(v, Fraction(0)) for v in sums.values()), reverse=True)[:count], Fraction(0))

    return total([*rows, (int(s.orders.instrument[order]), qty)]) <= max(limit, total(rows))


@settings(max_examples=200, deadline=None)
@given(holdings(), st.integers(1, 4), st.sampled_from(["5", "12", "17.01", "25"]))
def test_agrees_with_plain_fractions_and_its_largest_quantity_is_the_largest(s, count, limit):
    cap = s.exact_nav(0) * Fraction(limit) / 100
    found = judged(s, count=count, limit=limit)
    for order in range(len(s.orders)):
        qty, step = int(s.orders.qty[order]), int(s.increment[s.orders.instrument[order]])
        assert (found.outcome[order] == PASS) == plainly(s, order, qty, count, cap)
        if found.outcome[order] == FAIL:
            most = int(found.max_qty[order])
            assert plainly(s, order, most, count, cap) and not plainly(s, order, most + step, count, cap)
