"""The page of the rules that the portal itself keeps, and the same for programs."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.desk import selectors


@pytest.fixture
def officer(omar) -> Client:
    client = Client()
    client.force_login(omar)
    return client


def test_the_page_says_each_rule_with_its_source_and_what_its_cases_find(officer):
    page = officer.get(reverse("desk:built_in")).content.decode()

    for words in ("Reports of ownership", "Trades between clients", "Message throttles", "17 CFR 240.13d-1(a)", "29 USC 1106(b)",
                  "13D on A, threshold 5%, due on 2026-03-11 by 17 CFR 240.13d-1(a)", "Not crossed: the owners differ",
                  "number 2 is refused (RATE_LIMIT_PER_SECOND: x=3, max=2)"):  # fmt: skip
        assert words in page
    assert "Not as expected" not in page
    assert reverse("desk:built_in") in officer.get(reverse("compliance:library")).content.decode()
    for rule in selectors.built_in_rules():
        assert officer.get(reverse(rule.at)).status_code == 200  # Where it acts is open to whoever reads it.


def test_a_case_that_comes_out_otherwise_is_shown_with_what_was_expected(officer, monkeypatch):
    rule = next(rule for rule in selectors.built_in_rules() if rule.code == "us_wash_9a1")
    monkeypatch.setitem(rule.__dict__, "cases", [case._replace(found="May be crossed") for case in rule.cases])

    page = officer.get(reverse("desk:built_in")).content.decode()

    assert page.count("expected: Not crossed: the owners differ") == 2
    assert page.count("Not as expected") == 2  # Of the rule and of the page.


def test_programs_read_them(officer):
    answer = officer.get(reverse("api-built-in-rules"))

    rules = {one["code"]: one for one in answer.json()}
    assert len(rules) == len(selectors.built_in_rules())
    assert all(case["holds"] for one in rules.values() for case in one["cases"])
    assert rules["us_13f"]["cases"][0] == {
        "name": "one cent less at the year's end", "expected": "No report falls due", "found": "No report falls due", "stops": False,
        "holds": True,
    }  # fmt: skip
