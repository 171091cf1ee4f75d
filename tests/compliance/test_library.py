"""Every rule that comes with the portal says what its fixtures expect, at its exact edges."""

from datetime import date
from decimal import ROUND_DOWN, ROUND_UP, Decimal

import pytest

from apps.compliance.engine import bench, fixtures, misread
from apps.compliance.engine.rules import MEASURES, read
from apps.compliance.library import shipped

RULES = shipped()
LIMITS = ("limit", "max_pct", "max_amount", "window")
LIMITED = [(code, name) for code, rule in RULES.items() for name in LIMITS if name in rule.params]  # The others forbid without a number.


@pytest.mark.parametrize("code", RULES)
class TestEach:
    def test_passes_its_fixtures(self, code):
        assert RULES[code].misses() == []

    def test_has_one_that_passes_and_one_that_fails(self, code):
        expected = {outcome for told in RULES[code].fixtures for outcome in fixtures.read(told).outcomes}
        assert {"PASS", "FAIL"} <= expected

    def test_says_itself_with_its_source(self, code):
        rule = RULES[code]
        assert rule.citation and rule.clause and rule.name and len(rule.code) <= 40
        assert rule.text.endswith(".") and len(rule.text) <= 400
        assert rule.kind in MEASURES
        assert rule.since == "" or date(1940, 1, 1) < date.fromisoformat(rule.since) < date.today()

    def test_its_fixtures_notice_whatever_is_changed_in_it(self, code):
        """Another limit, basis, group, measure, age or filter: what remains the same rule in other words is no mutant."""
        found = bench.run(RULES[code].version, RULES[code].fixtures)
        assert found.is_green
        least = 5 if "limit" in RULES[code].params else 0  # What forbids without a number has little to change.
        assert found.survivors == [] and found.mutants >= least


@pytest.mark.parametrize(("code", "name"), LIMITED)
def test_has_its_edge_at_the_limit(code, name):
    """Its fixtures tell it from the same rule with a limit a twentieth further, and a twentieth nearer."""
    rule, told = RULES[code], [fixtures.read(one) for one in RULES[code].fixtures]
    limit = Decimal(rule.params[name])
    for moved in (limit * Decimal("1.05"), limit * Decimal("0.95")) if limit else (Decimal("0.05"),):
        moved = moved if name != "window" else moved.to_integral_value(ROUND_UP if moved > limit else ROUND_DOWN)
        values = read(rule.kind, {**rule.params, name: str(moved)} | ({"warning": None} if "warning" in rule.params else {}))
        assert fixtures.tried(rule.version._replace(params=values), told), moved


@pytest.mark.parametrize("kind", MEASURES)
def test_a_firm_can_take_a_rule_of_every_kind_that_there_is(kind):
    assert kind in {rule.kind for rule in RULES.values()}


@pytest.mark.parametrize(("kind", "names"), misread.MANDATED.items())
def test_a_limit_of_the_mandate_is_changed_where_the_rule_has_none_of_its_own(kind, names):
    told = [one for rule in RULES.values() if rule.kind == kind for one in rule.fixtures]
    changes = [f"the mandate's {name.removesuffix('_pct').replace('_', ' ')} {how}" for name in names
               for how in ("a tenth lower", "a tenth higher", "no longer met at its very edge")]  # fmt: skip
    assert [words for words, _ in misread.misread(bench.read_version("x", "X", kind, "SOFT", {}), told) if "mandate" in words] == changes
    if "max_pct" in MEASURES[kind].takes:
        by_itself = bench.read_version("x", "X", kind, "SOFT", {"max_pct": "5"})
        assert not [words for words, _ in misread.misread(by_itself, told) if "mandate" in words]


def test_a_limit_of_the_mandate_without_a_case_at_its_edge_may_be_wrong_unnoticed():
    rule = RULES["ima_bands"]
    kept = [told for told in rule.fixtures if told["name"] != "bonds of companies and states are together exactly at the most"]
    assert bench.run(rule.version, kept).survivors == [
        f"the mandate's fixed income max {words}" for words in ("a tenth lower", "a tenth higher", "no longer met at its very edge")
    ]


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        (None, {"EQUITY", "ETF", "FUND", "CORP", "GOVT", "OPTION", "FUTURE", "FX"}),
        ('asset_class == "CORP" && is_covered', {"CORP"}),
        ('asset_class in ["ETF", "FUND"] && !is_ucits', {"ETF", "FUND"}),
        ('!(asset_class in ["GOVT", "ETF", "FUND", "FX"]) && currency != "USD"', {"EQUITY", "CORP", "OPTION", "FUTURE"}),
        ("false", set()),
    ],
)
def test_a_filter_tells_which_asset_classes_it_may_mean(text, classes):
    assert bench.classes_of(text) == classes


def test_the_same_rule_in_other_words_is_no_mutant():
    def words(**params) -> set[str]:
        rule = bench.read_version("x", "X", "measure", "SOFT", params)
        return {said for said, _ in bench.mutants_of(rule)}

    options, shares = words(filter='asset_class == "OPTION"'), words(filter='asset_class == "EQUITY"')
    assert {"basis notional for market_value", "basis delta for market_value", "basis par for market_value"} <= options
    assert not {"basis with_accrued for market_value", "group asset_class for all"} & options
    assert {one for one in shares if one.startswith("basis")} == {"basis par for market_value", "basis duration for market_value"}
    counted = words(filter='asset_class == "EQUITY"', basis="units", group="instrument", against="shares_outstanding")
    assert not {one for one in counted if one.startswith("max age")}
    nothing = words(limit="0", against="total_assets")
    assert "limit a tenth for nothing" in nothing and "against nav for total_assets" not in nothing


def test_fixtures_say_the_same_in_whatever_order_they_are_kept():
    """The database keeps the parts of each in an order of its own."""
    for rule in RULES.values():
        turned = [
            fixtures.read({**told, **{part: dict(reversed(told[part].items())) for part in ("instruments", "portfolios")}})
            for told in rule.fixtures
        ]
        assert fixtures.tried(rule.version, turned) == [], rule.code


def test_codes_are_told_apart():
    assert len({rule.name for rule in RULES.values()}) == len(RULES)


ORDER = {"side": "BUY", "qty": "1", "symbol": "A", "expect": "PASS"}
BOOK = {"name": "x", "instruments": {"A": {}}, "portfolios": {"P": {}}, "orders": [ORDER]}


@pytest.mark.parametrize(
    ("change", "field", "why"),
    [
        ({"orders": [{**ORDER, "side": "UP"}]}, "orders[0].side", "BUY, SELL or SELL_SHORT"),
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
        ({"instruments": {"A": {"has_votes": "yes"}}}, "instruments.A.has_votes", "true or false"),
        ({"portfolios": {"P": {"deals": {}}}}, "portfolios.P.deals", "is a list"),
        ({"portfolios": {"P": {"deals": [{"amounts": {}}]}}}, "portfolios.P.deals[0]", "“dealer” is missing"),
        ({"portfolios": {"P": {"deals": [{"dealer": "D", "amounts": {"USD": "x"}}]}}}, "portfolios.P.deals[0].amounts.USD", "a number"),
        ({"stands": [{"group": "A", "expect": "MAYBE"}]}, "stands[0].expect", "is one of PASS"),
        ({"stands": [{"group": "A", "expect": "PASS", "portfolio": "Z"}]}, "stands[0].portfolio", "There is no portfolio “Z”"),
        ({"orders": [{**ORDER, "warned": "no"}]}, "orders[0].warned", "true or false"),
        ({"orders": [{**ORDER, "limit": "-1"}]}, "orders[0].limit", "a price above zero"),
        ({"orders": [{**ORDER, "minutes_ago": "-1"}]}, "orders[0].minutes_ago", "up to a year ago"),
        ({"orders": [{**ORDER, "minutes_ago": "soon"}]}, "orders[0].minutes_ago", "is a number"),
        ({"orders": [{**ORDER, "value_date": "tomorrow"}]}, "orders[0].value_date", "is a day"),
        ({"orders": [{**ORDER, "value_date": "2026-03-03"}]}, "orders[0].value_date", "today, 2026-03-04, or later"),
        ({"orders": [{**ORDER, "cleared": True}]}, "orders[0]", "There is no “cleared”"),
        ({"open_orders": [{"side": "BUY", "qty": "1", "symbol": "A", "cleared": "no"}]}, "open_orders[0].cleared", "true or false"),
        ({"instruments": {"A": {"settle_date": "soon"}}}, "instruments.A.settle_date", "is a day"),
        ({"instruments": {"A": {"buy_fees_bp": None}}}, "instruments.A.buy_fees_bp", "is a number"),
        ({"instruments": {"A": {"increment": None}}}, "instruments.A.increment", "above zero"),
        ({"instruments": {"A": {"price_factor": "0"}}}, "instruments.A.price_factor", "above zero"),
        ({"portfolios": {"P": {"unsettled": []}}}, "portfolios.P.unsettled", "named parts"),
        ({"portfolios": {"P": {"unsettled": {"USD": "5"}}}}, "portfolios.P.unsettled.USD", "named parts"),
        ({"portfolios": {"P": {"unsettled": {"USD": {"soon": "5"}}}}}, "portfolios.P.unsettled.USD.soon", "is a day"),
        ({"portfolios": {"P": {"unsettled": {"USD": {"2026-03-03": "5"}}}}}, "portfolios.P.unsettled.USD.2026-03-03", "or later"),
        ({"portfolios": {"P": {"unsettled": {"USD": {"2026-03-06": "x"}}}}}, "portfolios.P.unsettled.USD.2026-03-06", "is a number"),
        ({"portfolios": {"P": {"cash_min_pct": "101"}}}, "portfolios.P.cash_min_pct", "from 0 to 100"),
        ({"portfolios": {"P": {"equity_min_pct": "60", "equity_max_pct": "50"}}}, "portfolios.P.equity_min_pct", "above the most"),
        ({"portfolios": {"P": {"issuer_max_pct": None}}}, "portfolios.P.issuer_max_pct", "is a number"),
        ({"rates": {"EUR": "0"}}, "rates.EUR", "above zero"),
        ({"rates": {"EUR": {"minutes_old": "5"}}}, "rates.EUR", "“rate” is missing"),
        ({"rates": {"EUR": {"rate": "1", "minutes_old": "x"}}}, "rates.EUR.minutes_old", "is a number"),
        ({"forwards": {"Z": {"2026-06-04": "1"}}}, "forwards.Z", "There is no instrument"),
        ({"forwards": {"A": {"2026-06-04": "1"}}}, "forwards.A", "no pair of currencies"),
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
