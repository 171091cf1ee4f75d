"""Rules that look through funds: at the exact edge, on top of what is held itself, and where nobody can tell."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.compliance.engine import funds
from apps.compliance.engine.columns import QTY, Constituents, Own, Portfolio
from apps.compliance.engine.judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS, UNKNOWN
from apps.compliance.engine.params import BadRule
from apps.compliance.engine.rules import MEASURES, look_through_funds, read
from apps.compliance.engine.screening import screen
from apps.compliance.engine.standing import stand
from apps.compliance.engine.storing import packed, unpacked
from tests.compliance.books import TODAY, book, rule, share

D = Decimal
A, B, C, F, G, H = 1, 2, 3, 11, 12, 13
THINGS = [
    share(A, "A", sector="Tech", issuer_group=1, country="US"), share(B, "B", sector="Tech", issuer_group=1, country="DE"),
    share(C, "C", sector="Banks", issuer_group=3, country="US"),
    *(share(pk, name, asset_class="ETF", sector="", issuer_group=pk, country="LU") for pk, name in ((F, "F"), (G, "G"), (H, "H"))),
]  # fmt: skip
TEN = {"group": "issuer", "limit": "10", "look_through": "funds"}
PLAIN = {F: {A: "30", B: "20", C: "50"}}


def told(holds, days_old=0):
    return {fund: Constituents(TODAY - timedelta(days=days_old), {pk: D(w) for pk, w in held.items()}) for fund, held in holds.items()}


def portfolio(orders, held=(), holds=PLAIN, *, days_old=0, worth=1_000_000, things=THINGS, others=()):
    """One portfolio worth a million, everything at 100."""
    cash = worth - sum(100 * qty for _, qty in held)
    s = book(
        things, [(0, *one) for one in orders], positions=[(0, *one) for one in held], cash=[(0, "USD", cash)],
        others=[(0, *one) for one in others],
    )  # fmt: skip
    s.constituents = told(holds, days_old)
    return s


def judged(s, **params):
    return MEASURES["measure"].judge(s, rule("measure", **TEN | params), None)


def outcomes(s, **params):
    return judged(s, **params).outcome.tolist()


class TestAbove:
    def test_a_share_adds_to_what_is_held_through_funds(self):
        found = judged(portfolio([("A", "BUY", 500), ("A", "BUY", 1)], [("F", 1000)]))  # Half of the fund is of A's issuer.
        assert (found.outcome.tolist(), found.max_qty.tolist()) == ([PASS, FAIL], [UNKNOWN, 0])
        assert (found.now.tolist(), found.after.tolist()) == ([5.0, 5.0], pytest.approx([10.0, 10.01]))

    def test_without_it_the_fund_counts_as_itself(self):
        assert outcomes(portfolio([("A", "BUY", 1000), ("F", "BUY", 1)], [("F", 1000)]), look_through="none") == [PASS, FAIL]

    def test_a_fund_adds_to_each_of_its_groups_and_the_one_that_allows_least_binds(self):
        found = judged(portfolio([("F", "BUY", 1600), ("F", "BUY", 401)], [("A", 0), ("C", 0)]))
        assert (found.outcome.tolist(), found.max_qty.tolist()) == ([PASS, FAIL], [UNKNOWN, 400 * QTY])
        found = judged(portfolio([("F", "BUY", 601)], [("A", 500), ("C", 700)]))
        assert (found.outcome.tolist(), found.max_qty.tolist()) == ([FAIL], [600 * QTY])
        assert found.say(0).text == (
            "Issuer 3 would be 10.005% of net asset value, with what F holds of it; the limit is 10%. F has 50% in Issuer 3 as of"
            " 2026-03-04; of the 2 groups that it adds to this one allows the least. USD 30,000.00 of room is left."
        )
        assert [(one["what"], one["value"]) for one in found.say(0).data[1:]] == [
            ("C, held", "70000.00"), ("F, this order, 50% of it", "30050.00"),
        ]  # fmt: skip

    def test_earlier_orders_and_open_ones_count_whatever_they_are_in(self):
        s = portfolio([("F", "BUY", 500), ("A", "BUY", 250), ("B", "BUY", 1)], [("A", 400)], others=[("F", "BUY", 200), ("A", "SELL", 9)])
        found = judged(s)
        assert (found.outcome.tolist(), found.max_qty.tolist()) == ([PASS, PASS, FAIL], [UNKNOWN, UNKNOWN, 0])
        assert "open order" in found.say(2).data[2]["what"] and found.say(2).data[2]["value"] == "10000.00"

    def test_the_filter_and_the_group_ask_what_the_fund_holds(self):
        s = portfolio([("F", "BUY", 2000), ("F", "BUY", 1), ("C", "BUY", 1)])
        assert outcomes(s, filter='country == "DE"', limit="4") == [PASS, FAIL, NOT_ASKED]
        assert outcomes(portfolio([("F", "BUY", 2000), ("A", "BUY", 1)]), group="sector") == [PASS, FAIL]
        assert outcomes(portfolio([("F", "BUY", 1)]), filter='asset_class == "ETF"') == [NOT_ASKED]

    @pytest.mark.parametrize("group", ["instrument", "country", "currency", "all", "own.theme"])
    def test_by_any_group(self, group):
        s = portfolio([("F", "BUY", 2000)])
        s.own = {"theme": Own("text", {A: "a", B: "b", C: "b"})}
        largest = {"instrument": 10, "country": 16, "currency": 20, "all": 20, "own.theme": 14}[group]
        assert judged(s, group=group).after.tolist() == pytest.approx([largest])

    def test_what_does_not_make_it_worse_passes_even_beyond_the_limit(self):
        assert outcomes(portfolio([("F", "SELL", 1), ("C", "BUY", 100)], [("F", 1800), ("A", 500)])) == [NOT_ASKED, PASS]

    def test_warns_of_any_group_at_the_level(self):
        found = judged(portfolio([("F", "BUY", 1599), ("F", "BUY", 1), ("F", "BUY", 1)]), warning="8")
        assert (found.outcome.tolist(), found.warned.tolist()) == ([PASS] * 3, [False, True, True])

    def test_an_order_that_nobody_can_tell_in_one_group_and_that_fails_in_another_has_no_largest(self):
        things = [one._replace(country="") if one.id == C else one for one in THINGS]
        found = judged(portfolio([("F", "BUY", 2001)], things=things), filter='country != "JP"')
        assert (found.outcome.tolist(), found.max_qty.tolist()) == ([FAIL], [UNKNOWN])


class TestBelow:
    def test_selling_a_fund_takes_from_all_that_it_holds(self):
        found = judged(
            portfolio([("F", "SELL", 1000), ("F", "SELL", 1), ("A", "BUY", 1)], [("F", 2000)]), bound="min", limit="5", group="sector"
        )  # fmt: skip
        assert (found.outcome.tolist(), found.max_qty.tolist()) == ([PASS, FAIL, NOT_ASKED], [UNKNOWN, 0, UNKNOWN])
        found = judged(portfolio([("F", "SELL", 1500)], [("F", 2000)]), bound="min", limit="5", group="sector", warning="6")
        assert (found.max_qty.tolist(), found.room.tolist()) == ([1000 * QTY], [50_000])
        assert "Sector" in found.say(0).text


class TestFundsInFunds:
    NESTED = {F: {A: "100"}, G: {F: "50", C: "50"}, H: {G: "40", A: "60"}}

    def test_are_looked_through_in_turn(self):
        found = judged(portfolio([("H", "BUY", 1250), ("H", "BUY", 1)], holds=self.NESTED))  # 60% + 40% × 50% of A.
        assert (found.outcome.tolist(), found.after.tolist()) == ([PASS, FAIL], pytest.approx([10, 10.008]))

    @pytest.mark.parametrize("holds", [{F: {G: "50", A: "50"}, G: {F: "1", A: "99"}}, {F: {G: "9"}, G: {H: "9"}, H: {F: "9"}}])
    def test_in_a_circle_nobody_can_tell(self, holds):
        found = judged(portfolio([("A", "BUY", 1)], [("F", 1)], holds), cover_pct="1")
        assert found.outcome.tolist() == [INDETERMINATE]
        assert "F holds funds that hold each other in a circle" in found.say(0).text

    @pytest.mark.parametrize(("deep", "outcome"), [(funds.DEEPEST, PASS), (funds.DEEPEST + 1, INDETERMINATE)])
    def test_to_a_bounded_depth(self, deep, outcome):
        line = list(range(50, 50 + deep))
        things = [*THINGS, *(share(pk, f"F{pk}", asset_class="FUND", issuer_group=pk) for pk in line)]
        holds = {pk: {(pk + 1 if pk + 1 in line else A): "100"} for pk in line}
        s = portfolio([("A", "BUY", 1)], [("F50", 1)], holds, things=things)
        assert outcomes(s) == [outcome]

    def test_what_is_not_told_of_one_within_stays_that_fund(self):
        holds = {G: {F: "4", A: "96"}}
        found = judged(portfolio([("G", "BUY", 1042)], holds=holds))
        assert found.outcome.tolist() == [FAIL]
        assert found.say(0).text.endswith("Not told, and counted as the fund itself: 4% of G.")
        assert found.say(0).data[-1]["why"] == "what F holds is not on file"
        assert outcomes(portfolio([("F", "BUY", 1)], [("G", 1)], holds | {F: {A: "100"}}, days_old=46)) == [INDETERMINATE]


class TestCannotTell:
    def test_without_what_a_fund_holds_nothing_of_the_portfolio(self):
        found = judged(portfolio([("A", "BUY", 1), ("F", "BUY", 1), ("F", "SELL", 1)], [("F", 1)], {}))
        assert found.outcome.tolist() == [INDETERMINATE, INDETERMINATE, NOT_ASKED]
        assert found.say(0).text == "Cannot tell: what F holds is not on file; the rule asks for 95%. Add it under Reference data."

    def test_an_open_order_in_one_is_enough_and_another_portfolio_goes_on(self):
        s = book(
            THINGS, [(0, "A", "BUY", 1), (1, "A", "BUY", 1)], others=[(0, "F", "BUY", 1)], cash=[(0, "USD", 1000), (1, "USD", 1000)],
            portfolios=[Portfolio(1, "P1"), Portfolio(2, "P2")],
        )  # fmt: skip
        assert outcomes(s) == [INDETERMINATE, PASS]

    @pytest.mark.parametrize(("days_old", "outcome"), [(45, PASS), (46, INDETERMINATE)])
    def test_of_old_lists(self, days_old, outcome):
        found = judged(portfolio([("A", "BUY", 1)], [("F", 1)], days_old=days_old))
        assert found.outcome.tolist() == [outcome]
        if outcome == INDETERMINATE:
            assert "what F holds was told of 2026-01-17, more than 45 days ago" in found.say(0).text

    @pytest.mark.parametrize(
        ("weight", "outcome"), [("95", PASS), ("94.999999", INDETERMINATE), ("100", PASS), ("100.000001", INDETERMINATE)]
    )  # fmt: skip
    def test_where_too_little_or_too_much_of_it_is_told(self, weight, outcome):
        assert outcomes(portfolio([("A", "BUY", 1)], [("F", 1)], {F: {C: weight}})) == [outcome]

    def test_says_how_little_is_told(self):
        said = judged(portfolio([("A", "BUY", 1)], [("F", 1)], {F: {C: "60"}})).say(0)
        assert said.text == "Cannot tell: only 60% of what F holds is told; the rule asks for 95%. Add it under Reference data."
        assert [one["what"] for one in said.data] == ["F"]

    def test_what_may_or_may_not_be_meant_touches_its_group_alone(self):
        things = [one._replace(country="") if one.id == B else one for one in THINGS]
        found = judged(portfolio([("A", "BUY", 1), ("C", "BUY", 1)], [("F", 1)], things=things), filter='country != "JP"')
        assert found.outcome.tolist() == [INDETERMINATE, PASS]
        assert found.say(0).text == 'Cannot tell: something that country != "JP" asks for is not on file for B.'

    def test_a_constituent_of_a_group_that_nobody_knows_touches_all(self):
        s = portfolio([("A", "BUY", 1)], [("F", 1)])
        s.own = {"theme": Own("text", {A: "a", B: "a"})}
        found = judged(s, group="own.theme")
        assert found.outcome.tolist() == [INDETERMINATE]
        assert found.say(0).text == "Cannot tell: each own.theme is measured, and that of C is not on file."

    def test_without_a_price_of_the_fund(self):
        things = [one._replace(bid=None, ask=None, priced_at=None) if one.id == F else one for one in THINGS]
        found = judged(portfolio([("A", "BUY", 1), ("F", "BUY", 1)], [("F", 1)], things=things))
        assert found.outcome.tolist() == [INDETERMINATE] * 2 and "no price or rate" in found.say(1).text

    def test_but_no_price_of_a_constituent_is_needed(self):
        things = [one._replace(bid=None, ask=None, priced_at=None) if one.id == C else one for one in THINGS]
        assert outcomes(portfolio([("F", "BUY", 2000), ("F", "BUY", 1)], things=things)) == [PASS, FAIL]


class TestItsRest:
    def test_counts_as_the_fund_itself(self):
        holds = {F: {A: "95"}}
        found = judged(portfolio([("F", "BUY", 1052), ("F", "BUY", 1)], holds=holds))
        assert (found.outcome.tolist(), found.limit.tolist()) == ([PASS, FAIL], [10, 10])
        assert found.say(1).text.endswith("Not told, and counted as the fund itself: 5% of F.")
        assert judged(portfolio([("F", "BUY", 2000)], holds=holds), filter='symbol == "F"').after.tolist() == [1.0]


class TestStanding:
    def stands(self, s, **params):
        return {one.group: one for _, one in stand(s, [rule("measure", **TEN | params)])}

    def test_at_the_edge_and_above(self):
        found = self.stands(portfolio([], [("F", 1000), ("A", 500), ("C", 501)]))
        assert {group: one.outcome for group, one in found.items()} == {"Issuer 1": "PASS", "Issuer 3": "FAIL"}
        over = found["Issuer 3"]
        assert (over.value, over.over) == (10.01, 100)
        assert over.text == "Issuer 3 is 10.01% of net asset value, with what funds hold of it; the most is 10%."
        assert [(one["what"], one["value"]) for one in over.data] == [("C", "50100"), ("F, 50% of it", "50000")]
        assert {THINGS[place].symbol for place in over.places} == {"C", "F"}

    def test_a_least_is_asked_of_those_who_have_nothing_of_it(self):
        found = self.stands(portfolio([], [("C", 10)]), bound="min", limit="5", group="sector", filter='sector == "Tech"')
        assert [(one.outcome, one.value) for one in found.values()] == [("FAIL", 0)]
        found = self.stands(portfolio([], [("F", 1000)]), bound="min", limit="5", group="sector", filter='sector == "Tech"', warning="6")
        assert [(one.outcome, one.value, one.warned) for one in found.values()] == [("PASS", 5, True)]

    def test_cannot_tell(self):
        found = self.stands(portfolio([], [("F", 1), ("A", 1)], {}))
        assert {group: one.outcome for group, one in found.items()} == {"Issuer 1": "INDETERMINATE", "What funds hold": "INDETERMINATE"}
        assert "what F holds is not on file" in found["Issuer 1"].text

    def test_says_what_is_not_told(self):
        found = self.stands(portfolio([], [("F", 2000)], {F: {A: "96"}}))
        assert found["Issuer 1"].data[-1]["what"] == "F, not told of what it holds" and found["Issuer 1"].data[-1]["value"] == "4%"


@pytest.mark.parametrize(
    ("params", "field"),
    [({"against": "nothing"}, "look_through"), ({"basis": "notional"}, "look_through"), ({"relative_to": "benchmark"}, "look_through"),
     ({"claims": "deposits"}, "look_through"), ({"against": "part", "of": 'country == "US"'}, "look_through"),
     ({"cover_pct": "0"}, "cover_pct"), ({"cover_pct": "101"}, "cover_pct")],
)  # fmt: skip
def test_what_does_not_go_with_it_is_refused(params, field):
    with pytest.raises(BadRule) as refused:
        read("measure", TEN | params)
    assert refused.value.facts["field"] == field


def test_says_so():
    assert MEASURES["measure"].sentence(read("measure", TEN)) == (
        "Market value at mid, of a future its notional, through funds of which 95% is told of at most 45 days ago, for each issuer with"
        " its group apart, is at most 10% of net asset value after a purchase."
    )
    assert look_through_funds([rule("measure", **TEN)]) and not look_through_funds([rule("measure"), rule("holding")])


def test_is_stored_and_says_the_same_again():
    s = portfolio([("F", "BUY", 1601), ("A", "BUY", 300)], [("F", 400)])
    again = unpacked(packed(s))
    assert again.constituents == s.constituents and packed(again) == packed(s)
    rules = [rule("measure", **TEN), rule("measure", **TEN | {"limit": "12"})]
    one, other = screen(s, rules), screen(again, rules)
    assert one.results(s) == other.results(again) and one.figures(s) == other.figures(again)


def test_rows_are_added_up_in_pieces(monkeypatch):
    s = portfolio([("F", "BUY", 500), ("G", "BUY", 1)], [("F", 1000), ("A", 3), ("G", 7)], PLAIN | {G: {A: "50", C: "50"}})
    whole = judged(s).after.tolist()
    monkeypatch.setattr(funds, "AT_ONCE", 2)
    pieces = portfolio([("F", "BUY", 500), ("G", "BUY", 1)], [("F", 1000), ("A", 3), ("G", 7)], PLAIN | {G: {A: "50", C: "50"}})
    assert judged(pieces).after.tolist() == whole


# --- drawn -----------------------------------------------------------------------------------------------------------

SYMBOLS = ("A", "B", "C", "F", "G", "H")
ISSUER = {one.id: one.issuer_group for one in THINGS}
PK = {one.symbol: one.id for one in THINGS}
parts = st.lists(st.integers(0, 9), min_size=3, max_size=3)


@st.composite
def holdings(draw):
    """What funds hold: F shares, G shares and F, H shares, F and G; each wholly told, in uneven parts."""
    found = {}
    for fund, within in ((F, []), (G, [F]), (H, [F, G])):
        pks = [A, B, C, *within]
        sizes = draw(st.lists(st.integers(0, 9), min_size=len(pks), max_size=len(pks)).filter(any))
        weights = {pk: D(size * 100) / sum(sizes) for pk, size in zip(pks, sizes, strict=True) if size}
        weights = {pk: weight.quantize(D("0.000001"), rounding="ROUND_DOWN") for pk, weight in weights.items()}
        found[fund] = weights
    return found


def expanded(pk: int, holds) -> dict[int, Fraction]:
    """By hand: issuer to the part of an instrument that is in it."""
    if pk not in holds:
        return {ISSUER[pk]: Fraction(1)}
    found, rest = {}, Fraction(1)
    for held, weight in holds[pk].items():
        rest -= Fraction(weight) / 100
        for issuer, part in expanded(held, holds).items():
            found[issuer] = found.get(issuer, Fraction(0)) + Fraction(weight) / 100 * part
    return found | {pk: found.get(pk, Fraction(0)) + rest}


def in_hand(held, holds) -> dict[int, Fraction]:
    found: dict[int, Fraction] = {}
    for symbol, qty in held:
        for issuer, part in expanded(PK[symbol], holds).items():
            found[issuer] = found.get(issuer, Fraction(0)) + qty * 100 * part
    return found


owned = st.lists(st.tuples(st.sampled_from(SYMBOLS), st.integers(0, 400)), max_size=5, unique_by=lambda one: one[0])
wishes = st.lists(st.tuples(st.sampled_from(SYMBOLS), st.integers(1, 900)), min_size=1, max_size=5)
LIMITS = st.sampled_from(["2.5", "5", "7.125", "10"])


@settings(max_examples=200, deadline=None)
@given(holdings(), owned, wishes, LIMITS)
def test_agrees_with_fractions_by_hand(holds, held, wanted, limit):
    s = portfolio([(symbol, "BUY", qty) for symbol, qty in wanted], held, holds)
    found = judged(s, limit=limit)
    cap, have = Fraction(limit) * 10_000, list(held)
    for row, (symbol, qty) in enumerate(wanted):
        before, touched = in_hand(have, holds), expanded(PK[symbol], holds)
        have.append((symbol, qty))
        after = in_hand(have, holds)
        worse = {issuer for issuer, part in touched.items() if part}
        assert (found.outcome[row] == PASS) == all(after[issuer] <= cap for issuer in worse)
        if found.outcome[row] == FAIL:
            most = min((cap - before.get(issuer, Fraction(0))) // (100 * touched[issuer]) for issuer in worse)
            assert found.max_qty[row] == max(most, 0) * QTY
    standing = {one.name: one.outcome for _, one in stand(portfolio([], held, holds), [rule("measure", **TEN | {"limit": limit})])}
    hand = {f"Issuer {issuer}": value for issuer, value in in_hand([one for one in held if one[1]], holds).items() if value}
    assert {name for name, outcome in standing.items() if outcome == "FAIL"} == {name for name, value in hand.items() if value > cap}


@settings(max_examples=100, deadline=None)
@given(holdings(), owned, st.sampled_from(SYMBOLS), st.integers(1, 3000), LIMITS)
def test_the_largest_passes_and_one_more_fails(holds, held, symbol, qty, limit):
    def said(units):
        return judged(portfolio([(symbol, "BUY", units)], held, holds), limit=limit)

    found = said(qty)
    if found.outcome[0] == PASS:
        assert outcomes(portfolio([(symbol, "BUY", max(qty // 2, 1))], held, holds), limit=limit) == [PASS]
        return
    most = int(found.max_qty[0]) // QTY
    assert most < qty and said(most + 1).outcome[0] == FAIL
    if most:
        assert said(most).outcome[0] == PASS


HAIR = D("0.000000000000001")
"""Of a percent: less than floats can tell."""


def as_percent(value: Fraction) -> D:
    """Of a million; every weight ends after six decimals, so this ends, too."""
    found = D(value.numerator) / D(value.denominator) / 10_000
    assert Fraction(found) * 10_000 == value
    return found


@settings(max_examples=150, deadline=None)
@given(holdings(), owned, st.sampled_from(SYMBOLS), st.integers(1, 900))
def test_next_to_the_limit_fractions_decide(holds, held, symbol, qty):
    after = in_hand([*held, (symbol, qty)], holds)
    edge = as_percent(max(after[issuer] for issuer, part in expanded(PK[symbol], holds).items() if part))
    order = [(symbol, "BUY", qty)]
    assert outcomes(portfolio(order, held, holds), limit=str(edge)) == [PASS]
    assert outcomes(portfolio(order, held, holds), limit=str(edge - HAIR)) == [FAIL]
    for level, is_warned in ((edge, True), (edge + HAIR, False)):
        found = judged(portfolio(order, held, holds), limit="1000", warning=str(level))
        assert found.warned.tolist() == [is_warned]
    stands = portfolio([], [*held, (symbol, qty)], holds)
    edge = as_percent(max(after.values()))
    assert "FAIL" not in [one.outcome for _, one in stand(stands, [rule("measure", **TEN | {"limit": str(edge)})])]
    assert "FAIL" in [one.outcome for _, one in stand(stands, [rule("measure", **TEN | {"limit": str(edge - HAIR)})])]


@settings(max_examples=60, deadline=None)
@given(holdings(), owned, wishes, st.sampled_from([A, B, C]), LIMITS)
def test_looking_through_only_adds_to_a_share(holds, held, wanted, pk, limit):
    """What a share may be bought of, fund or not, is never more with look-through: funds add to its issuer and take nothing off."""
    symbol = next(name for name, one in PK.items() if one == pk)
    orders = [(name, "BUY", qty) for name, qty in wanted if name not in "FGH"] + [(symbol, "BUY", 50)]
    through = outcomes(portfolio(orders, held, holds), limit=limit)
    plain = outcomes(portfolio(orders, held, holds), limit=limit, look_through="none")
    assert all(one >= other for one, other in zip(through, plain, strict=True))


def test_rules_with_other_limits_share_the_sums():
    s = portfolio([("F", "BUY", 1)], [("F", 1)])
    judged(s)
    kept = dict(s.kept)
    judged(s, limit="3")
    assert s.kept.keys() == kept.keys()
    assert np.all([s.kept[key] is kept[key] for key in kept])
