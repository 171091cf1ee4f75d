"""What rules say of portfolios as they stand, at their exact edges, with no order asked."""

from datetime import timedelta
from decimal import Decimal

import pytest

from apps.compliance.engine.columns import Portfolio
from apps.compliance.engine.standing import stand
from apps.compliance.library import shipped
from tests.compliance.books import NOW, book, rule, share

D = Decimal
MANDATE = {"equity_min_pct": D(20), "equity_max_pct": D(60), "fixed_income_min_pct": D(10), "fixed_income_max_pct": D(50),
           "issuer_max_pct": D(30), "sector_max_pct": D(45)}  # fmt: skip


def held(rule_, *portfolios, shares=None, **more):
    """What a rule says of portfolios worth 1,000,000 each that hold these shares at 100: (portfolio, name) to the answer."""
    shares = shares or [share(n, symbol, sector="Tech" if symbol in "AB" else "Cars") for n, symbol in enumerate("ABCD", start=1)]
    positions = [(n, symbol, qty) for n, one in enumerate(portfolios) for symbol, qty in one.items()]
    cash = [(n, "USD", 1_000_000 - 100 * sum(one.values())) for n, one in enumerate(portfolios)]
    homes = [Portfolio(n + 1, f"P{n + 1}", **MANDATE) for n in range(len(portfolios))]
    s = book(shares, [], positions=positions, cash=cash, portfolios=homes, **more)
    return {(one.portfolio, one.group): one for _, one in stand(s, [rule_])}


def outcomes(found) -> dict:
    return {key: one.outcome for key, one in found.items()}


class TestMeasure:
    def test_exactly_the_limit_is_no_breach(self):
        found = held(rule("measure", group="instrument", limit="5"), {"A": 500, "B": 501}, {"A": 501})
        assert outcomes(found) == {(0, "A"): "PASS", (0, "B"): "FAIL", (1, "A"): "FAIL"}
        over = found[0, "B"]
        assert (over.value, over.over, over.text) == (5.01, 100, "B is 5.01% of net asset value; the most is 5%.")
        assert [(one["what"], one["value"]) for one in over.data] == [("B", "50100")]

    def test_says_what_is_at_the_warning_or_beyond_it(self):
        found = held(rule("measure", group="instrument", limit="5", warning="4"), {"A": 399, "B": 400, "C": 501})
        assert {key[1]: (one.warned, one.outcome) for key, one in found.items()} == {
            "A": (False, "PASS"), "B": (True, "PASS"), "C": (False, "FAIL")
        }  # fmt: skip

    def test_a_least_is_asked_of_those_who_hold_nothing_of_it(self):
        found = held(rule("measure", filter='sector == "Tech"', bound="min", limit="5"), {"A": 500}, {"C": 10}, {"B": 499})
        assert [one.outcome for one in found.values()] == ["PASS", "FAIL", "FAIL"]

    def test_a_least_of_what_nobody_holds_is_a_breach(self):
        found = held(rule("measure", filter='sector == "Rail"', bound="min", limit="5"), {"A": 500})
        assert [(one.name, one.value, one.outcome) for one in found.values()] == [("Together", 0, "FAIL")]

    def test_against_a_part(self):
        tech = rule("measure", filter='symbol == "A"', against="part", of='sector == "Tech"', limit="50")
        found = held(tech, {"A": 50, "B": 50}, {"A": 51, "B": 50})
        assert [one.outcome for one in found.values()] == ["PASS", "FAIL"]

    def test_against_numbers_of_the_instrument(self):
        shares = [share(1, "A", daily_qty=D(10), shares_outstanding=None), share(2, "B", daily_qty=D(20))]
        params = {"basis": "units", "group": "instrument"}
        found = held(rule("measure", against="daily_volume", limit="2500", **params), {"A": 250, "B": 501}, shares=shares)
        assert outcomes(found) == {(0, "A"): "PASS", (0, "B"): "FAIL"}
        found = held(rule("measure", against="shares_outstanding", limit="10", **params), {"A": 250}, shares=shares)
        assert outcomes(found) == {(0, "A"): "INDETERMINATE"}

    def test_cannot_tell_without_a_price_or_a_field(self):
        shares = [share(1, "A", country=""), share(2, "B", priced_at=NOW - timedelta(days=9))]
        found = held(rule("measure", filter='country == "US"', limit="5"), {"A": 1}, shares=shares)
        assert [one.outcome for one in found.values()] == ["INDETERMINATE"]
        found = held(rule("measure", limit="5"), {"B": 1}, shares=shares)
        assert [(one.outcome, one.value) for one in found.values()] == [("INDETERMINATE", None)]

    def test_of_orders_alone_and_of_the_firm_nothing_is_said(self):
        assert held(rule("measure", against="nothing", limit="5"), {"A": 1}) == {}
        firm = rule("measure", basis="units", group="instrument", across="firm", against="shares_outstanding")
        assert held(firm, {"A": 1}) == {}


class TestStepped:
    @pytest.mark.parametrize(("qty", "outcome"), [(1000, "PASS"), (1001, "FAIL")])
    def test_bodies_above_five_percent_together(self, qty, outcome):
        found = held(shipped()["ucits_above_5_40"].version, {"A": 1000, "B": 1000, "C": 1000, "D": qty})
        assert outcomes(found) == {(0, "all"): outcome}

    def test_slow_to_sell(self):
        shares = [share(1, "A", daily_qty=D(1)), share(2, "B", daily_qty=D(10**6))]
        rule_ = shipped()["us_illiquid_15"].version
        found = held(rule_, {"A": 1500, "B": 8000}, {"A": 1501}, shares=shares)
        assert [(one.outcome, one.over) for one in found.values()] == [("PASS", 0), ("FAIL", 100)]
        unknown = [share(1, "A", daily_qty=None)]
        assert [one.outcome for one in held(rule_, {"A": 1}, shares=unknown).values()] == ["INDETERMINATE"]


class TestCodedRules:
    def test_shares_of_net_asset_value(self):
        found = held(rule("instrument_share", max_pct="10"), {"A": 1000, "B": 1001})
        assert outcomes(found) == {(0, "A"): "PASS", (0, "B"): "FAIL"}

    def test_the_mandates_limits(self):
        assert outcomes(held(rule("sector_share"), {"A": 2250, "B": 2250, "C": 4501})) == {
            (0, "Sector Tech"): "PASS", (0, "Sector Cars"): "FAIL"
        }  # fmt: skip
        assert outcomes(held(rule("issuer_share"), {"A": 3000, "B": 3001})) == {(0, "Issuer 1"): "PASS", (0, "Issuer 2"): "FAIL"}

    def test_bands_have_two_ends(self):
        found = held(rule("asset_class_band"), {"A": 1999}, {"A": 6001}, {"A": 2000})
        assert {key: one for key, one in outcomes(found).items() if one == "FAIL"} == {
            (0, "Equity, least"): "FAIL", (1, "Equity, most"): "FAIL"
        }  # fmt: skip


def test_rules_that_need_an_order_say_nothing():
    assert held(rule("duplicate"), {"A": 1}) == {}
