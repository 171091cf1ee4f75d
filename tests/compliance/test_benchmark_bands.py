"""Limits around what a group weighs in the portfolio's benchmark: both ways, at the exact edge, and when nobody can tell."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.compliance.engine.columns import QTY, Benchmark, Own, Portfolio
from apps.compliance.engine.judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS
from apps.compliance.engine.params import BadRule
from apps.compliance.engine.rules import MEASURES, ask_benchmarks, read
from apps.compliance.engine.standing import stand
from apps.compliance.engine.storing import packed, unpacked
from tests.compliance.books import TODAY, book, rule, share

D = Decimal
SHARES = [
    share(1, "T", sector="Tech", issuer_group=1, country="US"), share(2, "U", sector="Tech", issuer_group=1, country="DE"),
    share(3, "B", sector="Banks", issuer_group=3, country="US"), share(4, "X", sector="Mines", issuer_group=4, country="US"),
]  # fmt: skip
INDEX = {1: D("20"), 2: D("10.5"), 3: D("69.5")}
OVER = {"group": "sector", "relative_to": "benchmark", "limit": "5"}
UNDER = OVER | {"bound": "min"}


def following(orders, held, weights=INDEX, as_of: date = TODAY, follows: int | None = 7):
    cash = 1_000_000 - sum(qty * 100 for _, qty in held)
    s = book(
        SHARES, [(0, *one) for one in orders], positions=[(0, *one) for one in held], cash=[(0, "USD", cash)],
        portfolios=(Portfolio(1, "P1", benchmark=follows),),
    )  # fmt: skip
    s.benchmarks = {7: Benchmark("INDEX", as_of, weights)} if weights else {}
    return s


def judged(s, **params):
    return MEASURES["measure"].judge(s, rule("measure", **params), None)


class TestAbove:
    def test_the_limit_stands_on_the_weight_of_the_group(self):
        found = judged(following([("T", "BUY", 100), ("U", "BUY", 1), ("B", "BUY", 7450), ("B", "BUY", 1)], [("T", 3450)]), **OVER)
        assert found.outcome.tolist() == [PASS, FAIL, PASS, FAIL]
        assert (found.limit.tolist(), found.after.tolist()) == ([35.5, 35.5, 74.5, 74.5], pytest.approx([35.5, 35.51, 74.5, 74.51]))

    def test_what_the_benchmark_has_not_starts_from_nothing(self):
        found = judged(following([("X", "BUY", 501)], []), **OVER)
        assert (found.outcome.tolist(), found.limit.tolist(), found.max_qty.tolist()) == ([FAIL], [5.0], [500 * QTY])

    def test_a_filter_leaves_out_of_the_benchmark_what_it_leaves_out_of_the_portfolio(self):
        found = judged(following([("T", "BUY", 2500), ("T", "BUY", 1)], []), **OVER, filter='country == "US"')
        assert (found.outcome.tolist(), found.limit.tolist()) == ([PASS, FAIL], [25.0, 25.0])

    def test_says_it(self):
        found = judged(following([("X", "BUY", 600)], []), **OVER)
        assert found.say(0).text == (
            "Sector Mines would be 6% of net asset value; the limit is 5%, 5 percentage points above its 0% in INDEX."
            " USD 50,000.00 of room is left."
        )
        assert MEASURES["measure"].sentence(read("measure", OVER | {"warning": "4"})) == (
            "Market value at mid, of a future its notional, for each sector apart, is, in percent of net asset value, at most 5"
            " percentage points above the weight in the portfolio's benchmark after a purchase; from 4 on it is said."
        )

    def test_warns_from_its_distance_on(self):
        found = judged(following([("X", "BUY", 399), ("X", "BUY", 1), ("X", "BUY", 100)], []), **OVER, warning="4")
        assert (found.outcome.tolist(), found.warned.tolist()) == ([PASS, PASS, PASS], [False, True, True])

    @pytest.mark.parametrize("group", ["instrument", "issuer", "country", "own.theme", "all"])
    def test_by_any_group(self, group):
        s = following([("T", "BUY", 6000)], [])
        s.own = {"theme": Own("text", {1: "a", 2: "a", 3: "b", 4: "b"})}
        limits = {"instrument": 25.0, "issuer": 35.5, "country": 94.5, "own.theme": 35.5, "all": 105.0}
        assert judged(s, **OVER | {"group": group}).limit.tolist() == [limits[group]]


class TestBelow:
    def test_a_sale_leaves_no_group_further_below(self):
        orders = [("T", "SELL", 50), ("T", "SELL", 1), ("X", "SELL", 9), ("B", "BUY", 1)]
        found = judged(following(orders, [("T", 2600), ("X", 9)]), **UNDER)
        assert found.outcome.tolist() == [PASS, FAIL, PASS, NOT_ASKED]
        assert found.limit.tolist()[:3] == [25.5, 25.5, -5.0]
        assert "5 percentage points below its 30.5% in INDEX" in found.say(1).text

    def test_warns_before(self):
        found = judged(following([("T", "SELL", 1), ("T", "SELL", 1)], [("T", 2652)]), **UNDER, warning="4")
        assert (found.outcome.tolist(), found.warned.tolist()) == ([PASS, PASS], [False, True])


class TestCannotTell:
    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"follows": None}, "P1 follows no benchmark"), ({"weights": {}}, "the benchmark of P1 has no weights"),
            ({"as_of": TODAY - timedelta(days=36)}, "the weights of INDEX are of 2026-01-27, more than 35 days ago"),
            ({"weights": {1: D(60)}}, "the weights of INDEX of 2026-03-04 add up to 60%"),
        ],
    )  # fmt: skip
    def test_without_all_its_weights_of_late(self, change, why):
        s = following([("T", "BUY", 1)], [], **change)
        found = judged(s, **OVER)
        assert found.outcome.tolist() == [INDETERMINATE]
        assert found.say(0).text == f"Cannot tell: {why}."
        held = following([], [("T", 1)], **change)
        [(_, one)] = stand(held, [rule("measure", **OVER)])
        assert (one.outcome, one.limit, one.unit) == ("INDETERMINATE", 5.0, "percentage points") and why in one.text

    def test_weights_of_exactly_so_many_days_count(self):
        s = following([("T", "BUY", 1)], [], as_of=TODAY - timedelta(days=35))
        assert judged(s, **OVER).outcome.tolist() == [PASS]
        assert judged(s, **OVER, benchmark_days=34).outcome.tolist() == [INDETERMINATE]

    def test_where_something_in_it_may_be_of_a_group_or_not(self):
        s = following([("T", "BUY", 1), ("B", "BUY", 1)], [])
        s.own = {"esg": Own("number", {1: "10", 3: "10"})}
        found = judged(s, **OVER, filter="own.esg < 30")
        assert found.outcome.tolist() == [INDETERMINATE, PASS]  # Nobody scored U, which may be in Tech.
        assert found.say(0).text == "Cannot tell: something that the rule asks for is not on file for U in INDEX."
        assert judged(s, **OVER | {"group": "own.esg"}).outcome.tolist() == [INDETERMINATE] * 2


class TestStanding:
    def test_above_and_below_as_they_stand(self):
        s = following([], [("T", 3551), ("B", 6449)])
        said = {one.name: one for _, one in stand(s, [rule("measure", **OVER)])}
        assert {name: (one.outcome, one.limit) for name, one in said.items()} == {
            "Sector Tech": ("FAIL", 35.5), "Sector Banks": ("PASS", 74.5),
        }  # fmt: skip
        s = following([], [("T", 3550)])
        said = {one.name: (one.outcome, one.value, one.limit) for _, one in stand(s, [rule("measure", **UNDER)])}
        assert said == {"Sector Tech": ("PASS", 35.5, 25.5), "Sector Banks": ("FAIL", 0.0, 64.5)}

    def test_another_rule_is_not_asked_of_what_is_in_a_benchmark_alone(self):
        said = [one.name for _, one in stand(following([], [("T", 100)]), [rule("measure", group="sector", bound="min", limit="1")])]
        assert said == ["Sector Tech"]


@pytest.mark.parametrize("params", [{"against": "nothing"}, {"basis": "par"}, {"basis": "duration"}])
def test_weights_are_parts_of_the_whole_by_market_value(params):
    with pytest.raises(BadRule) as refused:
        read("measure", OVER | params)
    assert refused.value.facts["field"] == "relative_to"


def test_is_stored_and_asked_for_only_where_a_rule_says_so():
    s = following([("T", "BUY", 600)], [])
    assert unpacked(packed(s)).benchmarks == s.benchmarks
    assert ask_benchmarks([rule("measure", **OVER)]) and not ask_benchmarks([rule("measure"), rule("holding")])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=4, max_size=4), st.lists(st.integers(0, 3000), min_size=4, max_size=4),
    st.sampled_from("TUBX"), st.integers(1, 4000), st.sampled_from(["0", "1.005", "5"]), st.booleans(),
)  # fmt: skip
def test_agrees_with_plain_fractions(parts, held, symbol, qty, limit, buys):
    whole = sum(parts)
    weights = {n: D(part * 100) / whole for n, part in enumerate(parts, start=1)}
    s = following([(symbol, "BUY" if buys else "SELL", qty)], list(zip("TUBX", held, strict=True)), weights)
    found = judged(s, **(OVER if buys else UNDER) | {"limit": limit})
    at = {i.symbol: i.sector for i in SHARES}
    mine = [n for n, i in enumerate(SHARES) if i.sector == at[symbol]]
    total = sum(held[n] for n in mine) + (qty if buys else -qty)
    weight = sum(Fraction(weights[n + 1]) for n in mine)
    edge = weight + Fraction(limit) if buys else weight - Fraction(limit)
    part = Fraction(total * 100, 1_000_000) * 100
    assert (found.outcome[0] == PASS) == (part <= edge if buys else part >= edge)
