"""Every rule that comes with the portal says what its fixtures expect, at its exact edges."""

from decimal import Decimal

import pytest

from apps.compliance.engine import fixtures
from apps.compliance.engine.rules import MEASURES, read
from apps.compliance.library import shipped

RULES = shipped()


@pytest.mark.parametrize("code", RULES)
class TestEach:
    def test_passes_its_fixtures(self, code):
        assert RULES[code].misses() == []

    def test_has_one_that_passes_and_one_that_fails(self, code):
        expected = {order["expect"] for told in RULES[code].fixtures for order in told["orders"]}
        assert {"PASS", "FAIL"} <= expected

    def test_has_its_edge_at_the_limit(self, code):
        """Its fixtures tell it from the same rule with a limit a twentieth further, and a twentieth nearer."""
        rule, told = RULES[code], [fixtures.read(one) for one in RULES[code].fixtures]
        limit = Decimal(rule.params["limit"])
        for moved in (limit * Decimal("1.05"), limit * Decimal("0.95")):
            values = read(rule.kind, {**rule.params, "limit": str(moved)} | ({"warning": None} if "warning" in rule.params else {}))
            assert fixtures.tried(rule.version._replace(params=values), told), moved

    def test_says_itself_with_its_source(self, code):
        rule = RULES[code]
        assert rule.citation and rule.clause and rule.name and len(rule.code) <= 40
        assert rule.text.endswith(".") and len(rule.text) <= 400
        assert rule.kind in MEASURES


def test_codes_are_told_apart():
    assert len({rule.name for rule in RULES.values()}) == len(RULES)


ORDER = {"side": "BUY", "qty": "1", "symbol": "A", "expect": "PASS"}
BOOK = {"name": "x", "instruments": {"A": {}}, "portfolios": {"P": {}}, "orders": [ORDER]}


@pytest.mark.parametrize(
    ("change", "field", "why"),
    [
        ({"orders": [{**ORDER, "side": "UP"}]}, "orders[0].side", "BUY or SELL"),
        ({"orders": [ORDER, {**ORDER, "qty": "much"}]}, "orders[1].qty", "is a number"),
        ({"orders": [{**ORDER, "qty": "0"}]}, "orders[0].qty", "above zero"),
        ({"orders": [{**ORDER, "qty": "NaN"}]}, "orders[0].qty", "a number below"),
        ({"orders": [{**ORDER, "expect": "MAYBE"}]}, "orders[0].expect", "is one of PASS"),
        ({"orders": [{**ORDER, "symbol": "Z"}]}, "orders[0].symbol", "There is no instrument “Z”"),
        ({"orders": [{**ORDER, "portfolio": "Z"}]}, "orders[0].portfolio", "There is no portfolio “Z”"),
        ({"orders": [{"side": "BUY", "qty": "1", "symbol": "A"}]}, "orders[0]", "“expect” is missing"),
        ({"orders": {}}, "orders", "is a list"),
        ({"orders": [ORDER] * 201}, "orders", "at most 200"),
        ({"instruments": {"A": {"colour": "red"}}}, "instruments.A", "There is no “colour”"),
        ({"instruments": {"A": {"price": "dear"}}}, "instruments.A.price", "is a number"),
        ({"instruments": {"A": {"maturity_date": "soon"}}}, "instruments.A.maturity_date", "is a day"),
        ({"instruments": {"A": {"underlying": "Z"}}}, "instruments.A.underlying", "There is no instrument"),
        ({"instruments": []}, "instruments", "named parts"),
        ({"portfolios": {"P": {"holds": {"Z": "1"}}}}, "portfolios.P.holds", "There is no instrument"),
        ({"portfolios": {"P": {"cash": {"USD": "1e99"}}}}, "portfolios.P.cash.USD", "a number below"),
        ({"weather": "fine"}, "fixture", "There is no “weather”"),
    ],
)
def test_a_fixture_that_cannot_be_understood_is_refused_with_its_place(change, field, why):
    with pytest.raises(fixtures.BadFixture) as refused:
        fixtures.read(BOOK | change)
    assert refused.value.facts["field"] == field
    assert why in refused.value.message


def test_a_miss_says_what_was_expected_and_what_was_found():
    rule = RULES["us_ric_25"]
    told = {**BOOK, "portfolios": {"P": {"cash": {"USD": "1000000"}}},
            "orders": [{**ORDER, "qty": "2501", "largest": "7", "expect": "FAIL"}, {**ORDER, "expect": "FAIL"}]}  # fmt: skip
    misses = fixtures.tried(rule.version, [fixtures.read(told)])
    assert misses == [
        fixtures.Miss("x", 1, "largest 7", "largest 2500"),
    ]
