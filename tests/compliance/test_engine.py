"""Every measure at its exact edges. A net asset value of 1,000,000 makes 1% ten thousand."""

import json
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest

from apps.compliance.engine.columns import Portfolio, Rate
from apps.compliance.engine.figures import read as read_figures
from apps.compliance.engine.judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS, UNKNOWN
from apps.compliance.engine.params import BadRule, read
from apps.compliance.engine.rules import MEASURES
from apps.compliance.engine.screening import screen
from tests.compliance.books import LATER, NEXT, NOW, D, book, rule, share

MILLION = [(0, "USD", 1_000_000)]


def outcomes(s, *rules) -> list[int]:
    return screen(s, rules).outcome.tolist()


def asked(s, one) -> list[int]:
    return screen(s, [one]).verdicts[0].outcome.tolist()


def told(s, *rules, order: int = 0) -> dict:
    """The first result of an order that did not pass."""
    return next(r for r in json.loads(screen(s, rules).results(s)[order]) if r["outcome"] != "PASS")


class TestConcentration:
    limit = rule("issuer_share", max_pct="5")

    @pytest.mark.parametrize(("qty", "outcome"), [(499, PASS), (500, PASS), (501, FAIL)])
    def test_exactly_five_percent_is_not_above_five(self, qty, outcome):
        s = book([share(1, "A")], [(0, "A", "BUY", qty)], cash=MILLION)
        assert outcomes(s, self.limit) == [outcome]

    def test_the_edge_is_exact_where_floats_are_not(self):
        assert 0.1 * 3 + 0.1 * 4 > 0.7
        for qty, outcome in ((4, PASS), ("4.0001", FAIL)):
            cheap = share(1, "A", "0.1", increment=D("0.0001"), min_piece=D("0.0001"))
            s = book([cheap], [(0, "A", "BUY", qty)], positions=[(0, "A", 3)], cash=[(0, "USD", "13.7")])
            assert outcomes(s, self.limit) == [outcome]

    def test_two_lines_parent_and_subsidiary_add_up(self):
        group = [share(1, "A"), share(2, "B", issuer_group=1), share(3, "C", issuer_group=1)]
        held = [(0, "A", 200), (0, "B", 200)]
        for qty, outcome in ((100, PASS), (101, FAIL)):
            s = book(group, [(0, "C", "BUY", qty)], positions=held, cash=[(0, "USD", 960_000)])
            assert outcomes(s, self.limit) == [outcome]

    def test_open_buys_count_and_open_sells_do_not(self):
        a = [share(1, "A")]
        sells = book(a, [(0, "A", "BUY", 100)], positions=[(0, "A", 450)], cash=[(0, "USD", 955_000)],
                     others=[(0, "A", "SELL", 400)])  # fmt: skip
        buys = book(a, [(0, "A", "BUY", 300)], cash=MILLION, others=[(0, "A", "BUY", 201)])
        assert outcomes(sells, self.limit) == [FAIL]
        assert outcomes(buys, self.limit) == [FAIL]
        assert screen(buys, [self.limit]).max_qty.tolist() == [299 * 10_000]

    def test_orders_judged_together_use_up_the_room_in_their_order(self):
        s = book([share(1, "A")], [(0, "A", "BUY", 300), (0, "A", "BUY", 200), (0, "A", "BUY", 1)], cash=MILLION)
        assert outcomes(s, self.limit) == [PASS, PASS, FAIL]

    def test_a_sale_passes_where_the_limit_is_already_broken(self):
        s = book([share(1, "A")], [(0, "A", "SELL", 10)], positions=[(0, "A", 5000)], cash=[(0, "USD", 500_000)])
        assert asked(s, self.limit) == [NOT_ASKED]

    def test_buying_more_of_what_is_above_has_no_passing_quantity(self):
        s = book([share(1, "A")], [(0, "A", "BUY", 10)], positions=[(0, "A", 5000)], cash=[(0, "USD", 500_000)])
        found = screen(s, [self.limit])
        assert (found.outcome.tolist(), found.max_qty.tolist()) == ([FAIL], [0])

    def test_governments_are_left_out_unless_the_rule_says_otherwise(self):
        s = book([share(1, "T", asset_class="GOVT")], [(0, "T", "BUY", 5000)], cash=MILLION)
        assert asked(s, self.limit) == [NOT_ASKED]
        assert asked(s, rule("issuer_share", max_pct="35", exempt=[])) == [FAIL]

    def test_the_mandate_gives_the_limit_where_the_rule_gives_none(self):
        p = [Portfolio(1, "P1", issuer_max_pct=D(6)), Portfolio(2, "P2")]
        s = book([share(1, "A")], [(0, "A", "BUY", 600), (1, "A", "BUY", 600)], cash=[*MILLION, (1, "USD", 1_000_000)],
                 portfolios=p)  # fmt: skip
        assert asked(s, rule("issuer_share")) == [PASS, NOT_ASKED]

    def test_sectors_and_instruments_are_measured_alike(self):
        both = [share(1, "A"), share(2, "B")]
        s = book(both, [(0, "A", "BUY", 300), (0, "B", "BUY", 300)], cash=MILLION)
        assert outcomes(s, rule("sector_share", max_pct="5")) == [PASS, FAIL]
        assert outcomes(s, rule("instrument_share", max_pct="3")) == [PASS, PASS]
        assert outcomes(s, rule("instrument_share", max_pct="2.9999")) == [FAIL, FAIL]

    def test_value_is_turned_into_the_firms_currency(self):
        euro = share(1, "E", "100", currency="EUR")
        for rate, outcome in (("1.25", PASS), ("1.2501", FAIL)):
            s = book([euro], [(0, "E", "BUY", 400)], cash=MILLION, rates={"EUR": rate})
            assert outcomes(s, self.limit) == [outcome]

    @pytest.mark.parametrize(
        "bad",
        [share(1, "A", None, priced_at=None), share(1, "A", priced_at=NOW - timedelta(days=4)), share(1, "A", currency="EUR")],
        ids=["no price", "old price", "no rate"],
    )
    def test_cannot_tell_without_a_fresh_price_and_rate(self, bad):
        s = book([bad], [(0, "A", "BUY", 1)], cash=MILLION)
        assert outcomes(s, self.limit) == [INDETERMINATE]
        assert told(s, self.limit)["text"].startswith("Cannot tell")

    def test_cannot_tell_where_anything_held_has_no_price(self):
        s = book([share(1, "A"), share(2, "X", None, priced_at=None)], [(0, "A", "BUY", 1)], positions=[(0, "X", 1)],
                 cash=MILLION)  # fmt: skip
        assert outcomes(s, self.limit) == [INDETERMINATE]
        assert "X" in told(s, self.limit)["text"]

    def test_cannot_tell_of_a_portfolio_worth_nothing(self):
        s = book([share(1, "A")], [(0, "A", "BUY", 1)])
        assert outcomes(s, self.limit) == [INDETERMINATE]

    def test_evidence_names_numbers_times_room_and_version(self):
        s = book([share(1, "A")], [(0, "A", "BUY", 600)], positions=[(0, "A", 100)], cash=[(0, "USD", 990_000)])
        found = told(s, self.limit)
        assert {k: found[k] for k in ("rule", "version", "now", "after", "limit", "room", "max_qty", "unit")} == {
            "rule": "issuer_share", "version": 7, "now": "1", "after": "7", "limit": "5", "room": "40000",
            "max_qty": "400", "unit": "% of NAV",
        }  # fmt: skip
        assert found["text"].startswith("Issuer 1 would be 7% of net asset value; the limit is 5%.")
        assert [d["what"] for d in found["data"]] == ["Net asset value", "A, held", "A, this order"]
        assert all(d["at"].startswith("2026-03-04T14:59") for d in found["data"])


class TestFirmOwnership:
    one = rule("issue_ownership", max_pct="5")

    def test_positions_and_open_buys_of_the_whole_firm_count(self):
        for qty, outcome in ((10_000, PASS), (10_001, FAIL)):
            s = book([share(1, "A")], [(0, "A", "BUY", qty)], firm_held=[30_000], firm_promised=[10_000])
            assert outcomes(s, self.one) == [outcome]

    def test_two_portfolios_share_the_room(self):
        s = book([share(1, "A")], [(0, "A", "BUY", 30_000), (1, "A", "BUY", 20_001)],
                 portfolios=[Portfolio(1, "P1"), Portfolio(2, "P2")])  # fmt: skip
        found = screen(s, [self.one])
        assert (found.outcome.tolist(), found.max_qty.tolist()) == ([PASS, FAIL], [UNKNOWN, 20_000 * 10_000])

    def test_cannot_tell_without_shares_outstanding_and_asks_no_bond(self):
        s = book([share(1, "A", shares_outstanding=None), share(2, "B", asset_class="CORP")],
                 [(0, "A", "BUY", 1), (0, "B", "BUY", 1)])  # fmt: skip
        assert asked(s, self.one) == [INDETERMINATE, NOT_ASKED]


class TestBands:
    one = rule("asset_class_band")
    mandate = Portfolio(1, "P1", equity_min_pct=D(40), equity_max_pct=D(60), fixed_income_min_pct=D(30),
                        fixed_income_max_pct=D(50))  # fmt: skip

    def with_equity(self, units: int, side: str, qty: int):
        s = book([share(1, "A")], [(0, "A", side, qty)], positions=[(0, "A", units)],
                 cash=[(0, "USD", 1_000_000 - units * 100)], portfolios=[self.mandate])  # fmt: skip
        found = screen(s, [self.one])
        return found.outcome.tolist()[0], found.max_qty.tolist()[0]

    def test_the_bounds_themselves_pass(self):
        assert self.with_equity(5000, "BUY", 1000) == (PASS, UNKNOWN)
        assert self.with_equity(5000, "BUY", 1001) == (FAIL, 1000 * 10_000)
        assert self.with_equity(5000, "SELL", 1000) == (PASS, UNKNOWN)
        assert self.with_equity(5000, "SELL", 1001) == (FAIL, 1000 * 10_000)

    def test_outside_the_band_a_trade_toward_it_passes_and_one_away_fails(self):
        assert self.with_equity(7000, "SELL", 500) == (PASS, UNKNOWN)
        assert self.with_equity(7000, "BUY", 1) == (FAIL, 0)
        assert self.with_equity(3000, "BUY", 500) == (PASS, UNKNOWN)
        assert self.with_equity(3000, "SELL", 1) == (FAIL, 0)

    def test_open_orders_of_the_same_side_count(self):
        s = book([share(1, "A"), share(2, "B")], [(0, "A", "SELL", 600)], positions=[(0, "A", 3000), (0, "B", 2000)],
                 cash=[(0, "USD", 500_000)], others=[(0, "B", "SELL", 401)], portfolios=[self.mandate])  # fmt: skip
        assert outcomes(s, self.one) == [FAIL]

    def test_other_classes_and_portfolios_without_mandate_are_not_asked(self):
        s = book([share(1, "A"), share(2, "F", asset_class="FUTURE")], [(0, "F", "BUY", 1), (1, "A", "BUY", 1)],
                 portfolios=[self.mandate, Portfolio(2, "P2")], cash=MILLION)  # fmt: skip
        assert asked(s, self.one) == [NOT_ASKED, NOT_ASKED]


class TestHoldings:
    one = rule("holding", "HARD")

    def test_all_that_is_held_can_be_sold_and_not_one_more(self):
        for qty, outcome in (("100", PASS), ("100.0001", FAIL)):
            s = book([share(1, "A")], [(0, "A", "SELL", qty)], positions=[(0, "A", 100)])
            assert outcomes(s, self.one) == [outcome]

    def test_what_is_promised_cannot_be_sold_again(self):
        s = book([share(1, "A")], [(0, "A", "SELL", 50), (0, "A", "SELL", 31)], positions=[(0, "A", 100)],
                 others=[(0, "A", "SELL", 20, False), (0, "A", "BUY", 1000)])  # fmt: skip
        found = screen(s, [self.one])
        assert (found.outcome.tolist(), found.max_qty.tolist()) == ([PASS, FAIL], [UNKNOWN, 30 * 10_000])
        assert "70 of them promised" in told(s, self.one, order=1)["text"]

    def test_short_sales_pass_only_in_the_classes_allowed(self):
        s = book([share(1, "A")], [(0, "A", "SELL", 1)])
        assert asked(s, self.one) == [FAIL]
        assert asked(s, rule("holding", short_allowed=["EQUITY"])) == [NOT_ASKED]


class TestSize:
    def test_value_at_the_higher_of_mid_and_limit(self):
        one = rule("order_value", max_amount="10000")
        for order, outcome in (((0, "A", "BUY", 100), PASS), ((0, "A", "BUY", 101), FAIL),
                               ((0, "A", "BUY", 100, "100.01"), FAIL), ((0, "A", "BUY", 100, "50"), PASS)):  # fmt: skip
            assert outcomes(book([share(1, "A")], [order]), one) == [outcome]

    def test_part_of_an_average_day(self):
        one = rule("order_volume", max_pct="10")
        assert outcomes(book([share(1, "A")], [(0, "A", "BUY", 100_000), (0, "A", "SELL", 100_001)]), one) == [PASS, FAIL]
        assert outcomes(book([share(1, "A", daily_qty=None)], [(0, "A", "BUY", 1)]), one) == [INDETERMINATE]


class TestCollar:
    one = rule("price_collar", max_pct="5", max_age=15)

    @pytest.mark.parametrize(
        ("side", "limit", "outcome"),
        [("BUY", "105", PASS), ("BUY", "105.00000001", FAIL), ("BUY", "1", PASS),
         ("SELL", "95", PASS), ("SELL", "94.99999999", FAIL), ("SELL", "500", PASS)],
    )  # fmt: skip
    def test_a_limit_may_reach_the_collar_and_not_pass_it(self, side, limit, outcome):
        assert outcomes(book([share(1, "A")], [(0, "A", side, 1, limit)]), self.one) == [outcome]

    def test_cannot_tell_from_an_old_or_missing_quote(self):
        edge = share(1, "A", priced_at=NOW - timedelta(minutes=15))
        old = share(2, "B", priced_at=NOW - timedelta(minutes=15, microseconds=1))
        none = share(3, "C", None, priced_at=None)
        s = book([edge, old, none], [(0, i, "BUY", 1) for i in "ABC"])
        assert outcomes(s, self.one) == [PASS, INDETERMINATE, INDETERMINATE]
        assert asked(s, rule("price_collar", market_orders=False)) == [NOT_ASKED] * 3


class TestDuplicates:
    one = rule("duplicate", window=30)

    def test_the_later_of_two_alike_is_stopped_and_names_the_first(self):
        s = book([share(1, "A")], [(0, "A", "BUY", 5), (0, "A", "BUY", 5), (0, "A", "SELL", 5), (0, "A", "BUY", 6)])
        assert outcomes(s, self.one) == [PASS, FAIL, PASS, PASS]
        assert told(s, self.one, order=1)["data"][0]["order_id"] == 1

    def test_an_unfinished_order_counts_within_the_window_only(self):
        for minutes, outcome in ((30, FAIL), (31, PASS)):
            s = book([share(1, "A")], [(0, "A", "BUY", 5)], others=[(0, "A", "BUY", 5)])
            s.others.created_us[:] = s.orders.created_us[0] - minutes * 60_000_000
            assert outcomes(s, self.one) == [outcome]


class TestCash:
    one = rule("cash_by_currency", slip_pct="0")

    def test_the_last_cent_may_be_spent(self):
        for money, outcome in (("1000", PASS), ("999.99", FAIL)):
            s = book([share(1, "A")], [(0, "A", "BUY", 10)], cash=[(0, "USD", money)])
            assert outcomes(s, self.one) == [outcome]

    def test_each_currency_pays_for_itself(self):
        s = book([share(1, "E", currency="EUR")], [(0, "E", "BUY", 10)], cash=[(0, "USD", 10**6), (0, "EUR", 999)],
                 rates={"EUR": "1.1"})  # fmt: skip
        assert outcomes(s, self.one) == [FAIL]

    def test_sells_judged_together_pay_whatever_their_place(self):
        both = [share(1, "A"), share(2, "B")]
        s = book(both, [(0, "A", "BUY", 10), (0, "B", "SELL", 10)], positions=[(0, "B", 10)], cash=[(0, "USD", 0)])
        assert outcomes(s, self.one) == [PASS, PASS]
        strict = rule("cash_by_currency", slip_pct="0", count_open_sells=False)
        assert outcomes(s, strict) == [FAIL, PASS]

    def test_a_sale_that_was_refused_pays_for_nothing(self):
        both = [share(1, "A"), share(2, "B")]
        s = book(both, [(0, "A", "BUY", 10), (0, "B", "SELL", 10)], cash=[(0, "USD", 0)])
        assert outcomes(s, rule("holding"), self.one) == [FAIL, FAIL]

    def test_a_sale_that_settles_too_late_does_not_pay(self):
        both = [share(1, "A"), share(2, "B", settle_date=LATER)]
        s = book(both, [(0, "A", "BUY", 10), (0, "B", "SELL", 10)], positions=[(0, "B", 10)], cash=[(0, "USD", 0)])
        assert outcomes(s, self.one) == [FAIL, PASS]

    def test_unsettled_money_counts_from_its_date(self):
        for day, outcome in ((NEXT, PASS), (LATER, FAIL)):
            s = book([share(1, "A")], [(0, "A", "BUY", 10)], cash=[(0, "USD", 1000)], unsettled=[(0, "USD", 1000, day)])
            assert outcomes(s, self.one) == [outcome]

    def test_no_later_payment_may_be_left_uncovered(self):
        s = book([share(1, "A")], [(0, "A", "BUY", 6)], cash=[(0, "USD", 500)], unsettled=[(0, "USD", -500, LATER)])
        assert screen(s, [self.one]).max_qty.tolist() == [5 * 10_000]

    def test_open_orders_count_and_held_sales_do_not_pay(self):
        a = [share(1, "A"), share(2, "B")]
        bought = book(a, [(0, "A", "BUY", 10)], cash=[(0, "USD", 1000)], others=[(0, "B", "BUY", 1, False)])
        assert outcomes(bought, self.one) == [FAIL]
        for cleared, outcome in ((True, PASS), (False, FAIL)):
            s = book(a, [(0, "A", "BUY", 10)], cash=[(0, "USD", 0)], others=[(0, "B", "SELL", 10, cleared)])
            assert outcomes(s, self.one) == [outcome]

    def test_a_bond_is_paid_with_its_accrued_interest(self):
        bond = share(1, "B", "99", asset_class="CORP", price_factor=D("0.01"), accrued_pct=D("1.5"),
                     increment=D(1000), min_piece=D(2000))  # fmt: skip
        for money, outcome in (("10050", PASS), ("10049.99", FAIL)):
            s = book([bond], [(0, "B", "BUY", 10_000)], cash=[(0, "USD", money)])
            assert outcomes(s, self.one) == [outcome]
        assert screen(s, [self.one]).max_qty.tolist() == [9000 * 10_000]

    def test_slippage_and_overdraft(self):
        s = book([share(1, "A")], [(0, "A", "BUY", 10)], cash=[(0, "USD", 1000)])
        assert outcomes(s, rule("cash_by_currency", slip_pct="1")) == [FAIL]
        assert outcomes(s, rule("cash_by_currency", slip_pct="1", overdraft="10")) == [PASS]

    def test_a_purchase_bears_its_fees_and_taxes(self):
        taxed = share(1, "A", buy_fees_bp=Fraction(50))
        for money, outcome in (("1005", PASS), ("1004.99", FAIL)):
            s = book([taxed], [(0, "A", "BUY", 10)], cash=[(0, "USD", money)])
            assert outcomes(s, self.one) == [outcome]
        s = book([taxed], [(0, "A", "SELL", 10), (0, "A", "BUY", 9)], cash=[(0, "USD", "0")], positions=[(0, "A", 10)])
        assert outcomes(s, self.one) == [PASS, PASS]

    def test_cannot_tell_without_a_settlement_date(self):
        s = book([share(1, "A", settle_date=None)], [(0, "A", "BUY", 1)], cash=MILLION)
        assert outcomes(s, self.one) == [INDETERMINATE]

    def test_the_mandates_least_cash(self):
        one = rule("cash_share", slip_pct="0")
        p = [Portfolio(1, "P1", cash_min_pct=D(1))]
        for qty, outcome in ((9900, PASS), (9901, FAIL)):
            s = book([share(1, "A")], [(0, "A", "BUY", qty)], cash=MILLION, portfolios=p)
            assert outcomes(s, one) == [outcome]
        assert screen(s, [one]).max_qty.tolist() == [9900 * 10_000]


class TestScreening:
    def test_a_warning_is_recorded_and_stops_nothing(self):
        s = book([share(1, "A")], [(0, "A", "SELL", 1)])
        found = screen(s, [rule("holding", "WARN")])
        assert found.outcome.tolist() == [PASS]
        assert json.loads(found.results(s)[0])[0]["outcome"] == "FAIL"

    def test_the_tightest_rule_binds_and_the_hardest_leads(self):
        s = book([share(1, "A")], [(0, "A", "SELL", 1000)], positions=[(0, "A", 500)], cash=MILLION)
        found = screen(s, [rule("order_value", max_amount="30000"), rule("holding", "HARD")])
        assert found.max_qty.tolist() == [300 * 10_000]
        assert [found.rules[p].code for p in (found.binding[0], found.leading[0])] == ["order_value", "holding"]
        assert (found.failed.tolist(), found.unsure.tolist()) == ([2], [0])

    def test_a_rule_that_cannot_tell_leaves_no_passing_quantity_to_name(self):
        s = book([share(1, "A", daily_qty=None)], [(0, "A", "SELL", 1)])
        found = screen(s, [rule("holding"), rule("order_volume")])
        assert (found.outcome.tolist(), found.max_qty.tolist()) == ([FAIL], [UNKNOWN])

    def test_a_passing_quantity_is_tradable(self):
        bond = share(1, "B", asset_class="CORP", increment=D(1000), min_piece=D(100_000))
        s = book([bond], [(0, "B", "SELL", 200_000)], positions=[(0, "B", 50_500)])
        assert screen(s, [rule("holding")]).max_qty.tolist() == [0]

    def test_a_smaller_quantity_is_never_that_of_a_like_order(self):
        s = book([share(1, "A")], [(0, "A", "SELL", 100), (0, "A", "SELL", 1000)], positions=[(0, "A", 200)])
        assert screen(s, [rule("holding"), rule("duplicate")]).max_qty.tolist() == [UNKNOWN, 99 * 10_000]

    def test_nothing_to_judge_is_no_trouble(self):
        s = book([share(1, "A")], [])
        found = screen(s, [rule(kind) for kind in MEASURES])
        assert (len(found.outcome), found.results(s)) == (0, [])

    def test_no_rules_pass_everything(self):
        s = book([share(1, "A")], [(0, "A", "BUY", 1)])
        assert (outcomes(s), screen(s, []).results(s)) == ([PASS], ["[]"])

    def test_a_passing_rule_leaves_its_numbers(self):
        s = book([share(1, "A")], [(0, "A", "BUY", 100)], cash=MILLION)
        found = screen(s, [rule("issuer_share", max_pct="5")])
        assert found.results(s) == ["[]"]
        assert read_figures(found.figures(s)).passed(1) == [
            {"rule": "issuer_share", "version": 7, "outcome": "PASS", "now": "0", "after": "1", "limit": "5"}
        ]

    def test_the_same_columns_give_the_same_answer_bit_for_bit(self):
        s = book([share(1, "A")], [(0, "A", "BUY", 501)], cash=MILLION)
        rules = [rule(kind) for kind in MEASURES]
        assert screen(s, rules).results(s) == screen(replace(s), rules).results(s)

    def test_an_old_rate_is_an_old_price(self):
        s = book([share(1, "E", currency="EUR")], [(0, "E", "BUY", 1)], cash=MILLION, rates={"EUR": "1.1"})
        s.rates["EUR"] = Rate(D("1.1"), NOW - timedelta(days=10))
        assert outcomes(s, rule("issuer_share", max_pct="5")) == [INDETERMINATE]


class TestParameters:
    @pytest.mark.parametrize(
        ("kind", "given", "field"),
        [("issuer_share", {"max_pct": "five"}, "max_pct"), ("issuer_share", {"max_pct": "-1"}, "max_pct"),
         ("issuer_share", {"limit": "5"}, "limit"), ("price_collar", {"max_age": "1.5"}, "max_age"),
         ("issuer_share", {"max_pct": "NaN"}, "max_pct"), ("issuer_share", {"exempt": ["SHARES"]}, "exempt"),
         ("price_collar", {"market_orders": "yes"}, "market_orders"), ("duplicate", {"window": 0}, "window")],
    )  # fmt: skip
    def test_a_malformed_one_is_refused_by_name(self, kind, given, field):
        with pytest.raises(BadRule) as refusal:
            read(MEASURES[kind].takes, given)
        assert refusal.value.facts["field"] == field
