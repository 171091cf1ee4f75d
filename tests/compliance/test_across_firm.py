"""Limits on groups of the whole firm: what all portfolios hold and have promised of an issuer, a country, all together."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.compliance.engine.attributes import GROUPS
from apps.compliance.engine.columns import QTY, Own, Portfolio, Rate, micros
from apps.compliance.engine.firm import Firm, Worth
from apps.compliance.engine.incidents import ACTIVE, PASSIVE, cause_of
from apps.compliance.engine.judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS
from apps.compliance.engine.rules import MEASURES
from apps.compliance.engine.screening import screen
from apps.compliance.engine.standing import asked_of, stand
from apps.compliance.engine.stands import FIRM
from apps.compliance.engine.storing import packed, unpacked
from tests.compliance.books import NOW, book, rule, share

TWO = (Portfolio(1, "P1"), Portfolio(2, "P2"))
ALPHA = {"issuer_group": 1, "issuer_name": "Alpha"}
USD = {"against": "nothing", "across": "firm", "group": "issuer"}
SHARE = {"across": "firm", "group": "issuer"}
HOME = [(0, "USD", "1"), (1, "USD", "1")]


def lines(*more, **change):
    """Two share lines of Alpha at 100, and one of Beta at 50."""
    return [
        share(1, "A1", **ALPHA | change), share(2, "A2", **ALPHA), share(3, "B", "50", issuer_group=3, issuer_name="Beta"), *more,
    ]  # fmt: skip


def of_firm(instruments, held=None, buys=None, sells=None, *, worth=None, later=(), kept=(), orders=0, groups=tuple(GROUPS)) -> Firm:
    """:param later: (symbol, quantity, since); :param kept: since when room is kept for each order"""
    place = {i.symbol: n for n, i in enumerate(instruments)}

    def column(told):
        found = np.zeros(len(instruments), np.int64)
        for symbol, qty in (told or {}).items():
            found[place[symbol]] = int(Decimal(str(qty)) * QTY)
        return found

    rows = np.array([(place[symbol], int(qty) * QTY, since) for symbol, qty, since in later], np.int64).reshape(-1, 3)
    since = np.array([*kept, *[0] * (orders - len(kept))], np.int64)
    nav = None if worth is None else Worth(Fraction(Decimal(worth)), Fraction(Decimal(worth)), micros(NOW))
    asked = np.ones(len(instruments), bool)
    return Firm(groups, asked, column(held), column(buys), column(sells), *rows.T.copy(), since, nav)


def shared(orders, instruments=None, **firm):
    instruments = instruments or lines()
    return book(instruments, orders, cash=HOME, portfolios=TWO, firm=of_firm(instruments, orders=len(orders), **firm))


def judged(s, **params):
    r = rule("measure", **params)
    return MEASURES["measure"].judge(s, r, np.zeros(len(s.orders), bool))


def outcomes(s, **params) -> list[int]:
    return judged(s, **params).outcome.tolist()


class TestEdges:
    def test_two_lines_of_one_issuer_add_whoever_holds_them(self):
        s = shared([(0, "A1", "BUY", 30)], held={"A1": 40, "A2": 20}, buys={"A2": 10})
        assert outcomes(s, **USD, limit="10000") == [PASS]
        found = judged(s, **USD, limit="9999.99")
        assert (found.outcome.tolist(), found.max_qty.tolist()) == ([FAIL], [29 * QTY])

    def test_earlier_orders_of_the_group_count_across_portfolios_and_lines(self):
        s = shared([(0, "A1", "BUY", 10), (1, "B", "BUY", 5), (1, "A2", "BUY", 10), (0, "A1", "BUY", 1)])
        found = judged(s, **USD, limit="2000")
        assert found.outcome.tolist() == [PASS, PASS, PASS, FAIL]
        assert found.max_qty[3] == 0

    def test_sales_take_nothing_and_give_nothing(self):
        s = shared([(0, "A1", "SELL", 50), (0, "A2", "BUY", 1)], held={"A1": 100}, sells={"A1": 100})
        assert outcomes(s, **USD, limit="10000") == [NOT_ASKED, FAIL]

    def test_of_a_least_the_open_sells_count_and_the_open_buys_do_not(self):
        least = {**USD, "bound": "min"}
        s = shared([(0, "A1", "SELL", 10), (1, "A2", "SELL", 1), (0, "A1", "BUY", 5)], held={"A1": 100}, sells={"A2": 9}, buys={"A1": 9})
        assert outcomes(s, **least, limit="8000") == [PASS, PASS, NOT_ASKED]
        found = judged(s, **least, limit="8000.01")
        assert found.outcome.tolist() == [PASS, FAIL, NOT_ASKED] and found.max_qty[1] == 0
        assert judged(shared([(0, "A1", "SELL", 30)], held={"A1": 100}), **least, limit="8000").max_qty.tolist() == [20 * QTY]

    @pytest.mark.parametrize("against", ["nav", "total_assets"])
    def test_against_what_all_portfolios_are_worth(self, against):
        s = shared([(0, "A1", "BUY", 10)], held={"A1": 30, "A2": 10}, worth="100000")
        assert outcomes(s, **SHARE, against=against, limit="5") == [PASS]
        assert outcomes(s, **SHARE, against=against, limit="4.999999") == [FAIL]

    def test_by_sector_by_country_by_the_firms_own_and_all_together(self):
        instruments = [share(1, "A1", country="JP"), share(2, "A2", sector="Oil", country="JP"), share(3, "B", "50", sector="Oil")]
        s = shared([(0, "A2", "BUY", 10)], instruments, held={"A1": 10, "B": 40}, groups=(*GROUPS, "own.theme"))
        s.own = {"theme": Own("text", {1: "Water", 2: "Water", 3: "Land"})}
        for group, worth in (("sector", 3000), ("country", 2000), ("own.theme", 2000), ("all", 4000), ("instrument", 1000)):
            params = {"across": "firm", "against": "nothing", "group": group, "limit": str(worth)}
            assert outcomes(s, **params) == [PASS], group
            if group != "instrument":
                assert outcomes(s, **params | {"limit": f"{worth - 1}.99"}) == [FAIL], group

    def test_a_filter_leaves_out_what_it_does_not_mean(self):
        s = shared([(0, "A1", "BUY", 1)], held={"A2": 100})
        assert outcomes(s, **USD, filter='symbol == "A1"', limit="100") == [PASS]

    def test_the_least_of_one_instrument_and_its_share_of_the_firm(self):
        s = shared([(0, "A1", "SELL", 10)], held={"A1": 40}, worth="100000")
        params = {"across": "firm", "group": "instrument", "bound": "min"}
        assert outcomes(s, **params, limit="3") == [PASS] and outcomes(s, **params, limit="3.000001") == [FAIL]

    def test_a_warning_at_its_very_edge(self):
        s = shared([(0, "A1", "BUY", 10), (1, "B", "BUY", 1)], held={"A1": 30, "A2": 10}, worth="100000")
        assert judged(s, **SHARE, limit="6", warning="5").warned.tolist() == [True, False]
        assert judged(s, **SHARE, limit="6", warning="5.000001").warned.tolist() == [False, False]

    def test_face_across_the_firm_of_an_issuers_debt(self):
        bond = {"asset_class": "CORP", "price_factor": Decimal("0.01"), "body": 7, "body_name": "Seven", "debt_currency": "USD",
                "debt_outstanding": Decimal(100_000)}  # fmt: skip
        instruments = [share(1, "X", **bond), share(2, "Y", **bond)]
        s = shared([(0, "Y", "BUY", 4_000)], instruments, held={"X": 6_000})
        params = {"across": "firm", "group": "body", "basis": "par", "against": "debt_outstanding"}
        assert outcomes(s, **params, limit="10") == [PASS] and outcomes(s, **params, limit="9.999999") == [FAIL]


class TestCannotTell:
    def test_what_the_firm_holds_of_the_group_without_a_price(self):
        instruments = [share(1, "A1", **ALPHA), share(2, "A2", None, **ALPHA), share(3, "B", "50", issuer_group=3)]
        s = shared([(0, "A1", "BUY", 1), (0, "B", "BUY", 1)], instruments, held={"A2": 1})
        found = judged(s, **USD, limit="1000000")
        assert found.outcome.tolist() == [INDETERMINATE, PASS]
        assert found.say(0).text == "Cannot tell: no price or rate for A2."
        assert outcomes(shared([(0, "A1", "BUY", 1)], instruments), **USD, limit="1000000") == [PASS]  # Nobody has any of it.

    def test_what_has_a_group_that_nobody_knows(self):
        instruments = [share(1, "A1"), share(2, "A2"), share(3, "B")]
        params = {"across": "firm", "group": "own.theme", "against": "nothing", "limit": "1000000"}
        for held, outcome in (({"A2": 1}, INDETERMINATE), ({}, PASS)):
            s = shared([(0, "A1", "BUY", 1)], instruments, held=held, groups=("own.theme",))
            s.own = {"theme": Own("text", {1: "Water", 3: "Land"})}
            found = judged(s, **params)
            assert found.outcome.tolist() == [outcome]
        s = shared([(0, "A1", "BUY", 1)], instruments, sells={"A2": 1}, groups=("own.theme",))
        s.own = {"theme": Own("text", {1: "Water", 3: "Land"})}
        assert "that of A2 is not on file" in judged(s, **params).say(0).text

    def test_what_the_filter_asks_for_and_is_not_on_file(self):
        s = shared([(0, "A1", "BUY", 1)], [share(1, "A1", **ALPHA, rating="AA"), share(2, "A2", **ALPHA)], held={"A2": 5})
        found = judged(s, **USD, filter="rating_rank < 5", limit="1000000")
        assert found.outcome.tolist() == [INDETERMINATE] and "not on file for A2" in found.say(0).text

    @pytest.mark.parametrize(
        ("worth", "why"),
        [
            (None, "was not read"), (Worth(Fraction(1), Fraction(1), micros(NOW), ["ZZZ"]), "no price or rate for ZZZ, which the firm"),
            (Worth(Fraction(1), Fraction(1), micros(NOW - timedelta(minutes=61))), "older than 60 minutes"),
            (Worth(Fraction(-5), Fraction(1), micros(NOW)), "−USD 5.00, not above zero"),
        ],
    )  # fmt: skip
    def test_what_the_firm_is_worth(self, worth, why):
        s = shared([(0, "A1", "BUY", 1)])
        s.firm.worth = worth
        found = judged(s, **SHARE, limit="50", max_age=60)
        assert found.outcome.tolist() == [INDETERMINATE] and why in found.say(0).text

    def test_inputs_that_were_read_for_no_rule_or_another(self):
        for groups in ((), ("sector",)):
            assert outcomes(shared([(0, "A1", "BUY", 1)], groups=groups), **USD) == [INDETERMINATE]
        instruments = lines()
        s = book(instruments, [(0, "A1", "BUY", 1)], cash=HOME, portfolios=TWO)
        assert s.firm is None and outcomes(s, **USD) == [INDETERMINATE]


class TestKeptRoom:
    """Of what waits for an officer, what was entered after room was kept for all judged of the group took none of that."""

    def test_counts_not_where_it_came_later_even_in_another_line(self):
        s = shared([(0, "A1", "BUY", 10)], buys={"A2": 90}, later=[("A2", 90, 200)], kept=[100])
        assert outcomes(s, **USD, limit="1000") == [PASS]

    @pytest.mark.parametrize(("since", "kept"), [(100, [100]), (50, [100]), (200, [0]), (200, [100, 0]), (150, [100, 180])])
    def test_counts_where_it_did_not_or_not_all_was_kept(self, since, kept):
        orders = [(0, "A1", "BUY", 10), (1, "A2", "BUY", 1)][: len(kept)]
        s = shared(orders, buys={"A2": 90}, later=[("A2", 90, since)], kept=kept)
        assert outcomes(s, **USD, limit="1000")[0] == (FAIL if since <= max(kept) or 0 in kept else PASS)

    def test_of_another_group_nothing_is_changed(self):
        s = shared([(0, "A1", "BUY", 10), (1, "B", "BUY", 1)], buys={"B": 20}, later=[("B", 20, 200)], kept=[100, 0])
        assert outcomes(s, **USD, limit="1000") == [PASS, FAIL]


@st.composite
def markets(draw):
    n = draw(st.integers(1, 4))
    group = st.integers(1, 2)
    instruments = [
        share(k, f"I{k}", draw(st.sampled_from(["10", "33.33", "0.01"])), issuer_group=draw(group), issuer_name="x",
              currency=draw(st.sampled_from(["USD", "EUR"])))
        for k in range(1, n + 1)
    ]  # fmt: skip
    names = [i.symbol for i in instruments]
    qty = st.integers(1, 400)
    orders = draw(st.lists(st.tuples(st.integers(0, 1), st.sampled_from(names), st.sampled_from(["BUY", "SELL"]), qty), max_size=6))
    some = st.dictionaries(st.sampled_from(names), qty)
    firm = of_firm(instruments, draw(some), draw(some), draw(some), worth=draw(st.sampled_from(["10000", "33333.33"])), orders=len(orders))
    return book(instruments, orders, cash=[*HOME, (0, "EUR", "1")], portfolios=TWO, firm=firm, rates={"EUR": "1.1"})


@given(s=markets(), bound=st.sampled_from(["max", "min"]), limit=st.integers(0, 60), against=st.sampled_from(["nav", "nothing"]))
def test_says_what_adding_up_by_hand_says(s, bound, limit, against):
    if against == "nothing":
        limit *= 100
    params = {"across": "firm", "group": "issuer", "bound": bound, "against": against, "limit": str(limit)}
    found, selling = judged(s, **params), bound == "min"
    cap = Fraction(limit) if against == "nothing" else s.firm.worth.nav * limit / 100

    def worth(place, qty):
        return Fraction(int(qty), QTY) * s.exact_unit(place)

    for row in range(len(s.orders)):
        if bool(s.orders.sell[row]) != selling:
            assert found.outcome[row] == NOT_ASKED
            continue
        group = s.instrument_of(row).issuer_group
        mine = [p for p, i in enumerate(s.instruments) if i.issuer_group == group]
        open_ = s.firm.sells if selling else s.firm.buys
        taken = sum(worth(p, open_[p]) for p in mine)
        taken += sum(
            worth(int(s.orders.instrument[k]), s.orders.qty[k])
            for k in range(row + 1) if bool(s.orders.sell[k]) == selling and s.orders.instrument[k] in mine
        )  # fmt: skip
        held = sum(worth(p, s.firm.held[p]) for p in mine)
        fine = held - taken >= cap if selling else held + taken <= cap
        assert found.outcome[row] == (PASS if fine else FAIL)
        if not fine:
            unit, most = s.exact_unit(int(s.orders.instrument[row])), int(found.max_qty[row])
            before = taken - worth(int(s.orders.instrument[row]), s.orders.qty[row])
            room = held - before - cap if selling else cap - held - before
            assert most == max(room // unit, 0) * QTY


class TestWords:
    def test_says_what_the_firm_holds_has_open_and_what_came_before(self):
        s = shared([(1, "A2", "BUY", 5), (0, "A1", "BUY", 10)], held={"A1": 40, "A2": 20}, buys={"A2": 10}, worth="100000")
        said = judged(s, **SHARE, limit="8").say(1)
        assert said.text == (
            "Alpha across the firm would be 8.5% of the firm's net asset value; the limit is 8%. USD 500.00 of room is left."
        )
        told = {one["what"]: one["value"] for one in said.data}
        assert told == {
            "Held by the firm": "6000", "Open buys of the firm": "1000", "Earlier orders judged with this one": "500",
            "A1, held by the firm": "4000", "A2, held by the firm": "2000",
        }  # fmt: skip


class TestStored:
    def test_is_read_back_and_says_the_same(self):
        s = shared([(0, "A1", "BUY", 30)], held={"A1": 40, "A2": 20}, buys={"A2": 10}, later=[("A2", 10, 5)], kept=[7], worth="1000")
        again = unpacked(packed(s))
        r = rule("measure", **SHARE, limit="5")
        assert screen(again, [r]).results(again) == screen(s, [r]).results(s) != ["[]"]
        assert packed(again) == packed(s)

    def test_what_was_stored_before_has_none(self):
        s = shared([(0, "A1", "BUY", 30)])
        assert unpacked(packed(replace(s, firm=None))).firm is None


def told(s, **params):
    return [(one.name, one.outcome, one.value, one.over, one.portfolio) for _, one in stand(s, [rule("measure", **params)])]


class TestStanding:
    def test_of_each_group_there_is_one_number_whoever_holds_it(self):
        s = shared([], held={"A1": 40, "A2": 10, "B": 20}, worth="100000")
        assert told(s, **SHARE, limit="5") == [("Alpha", "PASS", 5.0, 0.0, FIRM), ("Beta", "PASS", 1.0, 0.0, FIRM)]
        found = told(s, **SHARE, limit="4.5")
        assert found == [("Alpha", "FAIL", 5.0, pytest.approx(500), FIRM), ("Beta", "PASS", 1.0, 0.0, FIRM)]
        assert told(s, **SHARE, limit="4.999999")[0][1] == "FAIL"
        [(_, one), _] = stand(s, [rule("measure", **SHARE, limit="4.5")])
        assert one.text == "Alpha is 5% of the firm's net asset value across the firm; the most is 4.5%."
        assert one.places == (0, 1) and [line["what"] for line in one.data] == ["A1, held by the firm", "A2, held by the firm"]

    def test_of_a_least_also_of_what_nobody_holds_any_more(self):
        s = shared([], held={"A1": 40})
        assert [one[:3] for one in told(s, **USD, bound="min", limit="4000")] == [("Alpha", "PASS", 4000.0), ("Beta", "FAIL", 0.0)]
        s.firm.asked[2] = False
        assert [one[0] for one in told(s, **USD, bound="min", limit="4000")] == ["Alpha"]

    def test_warned_and_not_known(self):
        s = shared([], held={"A1": 40, "B": 1}, worth="100000")
        [(_, one), _] = stand(s, [rule("measure", **SHARE, limit="5", warning="4")])
        assert one.warned and one.outcome == "PASS"
        instruments = [share(1, "A1", **ALPHA), share(2, "A2", None, **ALPHA), share(3, "B", issuer_group=3, issuer_name="Beta")]
        found = told(shared([], instruments, held={"A2": 1, "B": 1}), **USD, limit="1")
        assert [one[:2] for one in found] == [("Alpha", "INDETERMINATE"), ("Beta", "FAIL")]
        s.firm.worth = None
        assert {one[1] for one in told(s, **SHARE)} == {"INDETERMINATE"}

    def test_nothing_where_nothing_was_read(self):
        r = rule("measure", **SHARE)
        assert told(book(lines(), [], portfolios=TWO), **SHARE) == []
        assert list(asked_of(book(lines(), [], portfolios=TWO), [r])) == []
        assert list(asked_of(shared([]), [r])) == [(r, FIRM)]

    @pytest.mark.parametrize(("before", "cause"), [({(1, 1): 20, (2, 1): 20}, PASSIVE), ({(1, 1): 39}, ACTIVE), ({(9, 1): 50}, PASSIVE)])
    def test_is_caused_by_whichever_portfolio_bought(self, before, cause):
        s = shared([], held={"A1": 40})
        [(_, one)] = stand(s, [rule("measure", **USD, limit="1")])
        assert cause_of(s, one, {key: qty * QTY for key, qty in before.items()}) == cause


def test_a_rate_that_is_missing_cannot_tell():
    s = shared([(0, "A1", "BUY", 1)], lines(currency="JPY"), held={"A2": 1})
    assert outcomes(s, **USD) == [INDETERMINATE]
    s = replace(s, rates={**s.rates, "JPY": Rate(Decimal("0.01"), NOW)})
    assert outcomes(s, **USD, limit="101") == [PASS]
