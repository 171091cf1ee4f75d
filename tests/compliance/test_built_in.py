"""Rules that the portal itself keeps: each says what its cases expect, and the cases notice whatever is wrong in it."""

import re

import pytest

from apps.compliance.built_in import BuiltIn
from apps.crossing import built_in as crosses
from apps.crossing import rules as crossing
from apps.routing import built_in as throttles
from apps.routing.rules import throttles as throttling
from apps.surveillance import built_in as clocks
from apps.surveillance import rules as surveillance
from tests.house.misread_code import survivors

RULES = {rule.code: rule for kept in (clocks, crosses, throttles) for rule in kept.SHELF}


@pytest.mark.parametrize("code", RULES)
class TestEach:
    def test_says_what_its_cases_expect(self, code):
        assert RULES[code].broken == []

    def test_has_cases_that_pass_and_that_do_not(self, code):
        assert {case.stops for case in RULES[code].cases} == {True, False}
        assert len({case.name for case in RULES[code].cases}) == len(RULES[code].cases)

    def test_names_its_source(self, code):
        rule = RULES[code]
        assert rule.citation and rule.jurisdiction and rule.clause.endswith(".") and len(rule.code) <= 40


def test_codes_and_names_are_told_apart():
    assert len({rule.name for rule in RULES.values()}) == len(RULES) == 22


@pytest.mark.parametrize(
    ("kept", "module", "functions"),
    [
        (clocks, surveillance, [
            "Held", "due_on", "_beneficial", "_form_13d", "_passive", "_qualified", "_exempt", "_by_quarter", "worth_13f", "_form_13f",
            "large_trader", "_major", "_level", "after", "month_end", "is_last_session", "_ends_quarter",
        ]),
        (crosses, crossing, [
            "independent_price", "eligibility", "_quoted", "_current", "_cash", "_opposite", "_permits", "_owner", "_released", "_here",
            "_terms", "_limit", "_asked",
        ]),
        (throttles, throttling, ["Cap", "caps", "is_refused", "repeats_since", "is_over", "stops"]),
    ],
)  # fmt: skip
def test_the_cases_notice_code_that_is_wrong_in_one_place(kept, module, functions):
    def holds(wrong) -> bool:
        return all(kept.judge(told, wrong) == told["expect"] for rule in kept.SHELF for told in rule.fixtures)

    assert holds(module)
    assert survivors(module, functions, holds) == []


def test_a_case_that_is_not_met_is_told():
    told = {"code": "x", "name": "X", "jurisdiction": "US", "citation": "§ 1", "clause": "It holds.",
            "fixtures": [{"name": "one", "expect": []}, {"name": "two", "expect": ["A"]}]}  # fmt: skip
    rule = BuiltIn(told, collection="C", at="desk:home", judge=lambda told: [], words=lambda found: " ".join(found) or "nothing")
    assert [case.name for case in rule.broken] == ["two"]
    assert rule.broken[0][1:] == ("A", "nothing", True)


@pytest.mark.parametrize(
    ("kept", "outcome", "words"),
    [
        (clocks, [{"form": "13F", "due": "2026-05-15"}], "13F due on 2026-05-15"),
        (clocks, [{"form": "13D", "due": "2026-03-11", "of": "A", "threshold": 5, "by": "§ 1"}],
         "13D on A, threshold 5%, due on 2026-03-11 by § 1"),
        (clocks, [], "No report falls due"),
        (crosses, ["the owners differ"], "Not crossed: the owners differ"),
        (crosses, [], "May be crossed"),
        (throttles, [], "All of it goes out"),
        (throttles, [{"nr": 2, "said": "X"}, {"nr": 3, "said": "Y", "stops": True}],
         "number 2 is refused (X); number 3 goes out and the strategy stops (Y)"),
    ],
)  # fmt: skip
def test_outcomes_are_said_in_words(kept, outcome, words):
    assert kept.words(outcome) == words


def test_every_form_and_condition_of_the_portal_has_a_rule():
    """Nothing that starts a clock or bars a cross is without an entry."""
    said = {str(told["expect"]) for rule in RULES.values() for told in rule.fixtures}
    assert {form for text in said for form in re.findall(r"'form': '([^']+)'", text)} == {"13D", "13G", "13F", "13H", "TR-1"}
    conditions = {line.name for line in crossing.eligibility(*_parties(), TODAY)}
    assert {name for text in said for name in conditions if name in text} == conditions


def _parties():
    buy, sell = (crosses._party(crossing, pk, side, {}) for pk, side in ((1, "BUY"), (2, "SELL")))
    return buy, sell, crossing.Market("A", "EQUITY", "XNAS", True, 1, 1, None, crosses.NOW, 60)


TODAY = crosses.TODAY
