"""Whether a breach that an officer accepted covers what the rules find later; without a database."""

import pytest

from apps.compliance.engine.acceptance import is_accepted

BREACH = {"rule": "issuer", "version": 3, "outcome": "FAIL", "severity": "SOFT", "limit": "5", "limit_from": "", "unit": "%",
          "after": "6.2", "text": "6.2% after"}  # fmt: skip


@pytest.mark.parametrize(
    ("now", "covered"),
    [
        ({}, True), ({"after": "5.9"}, True), ({"after": "6.21"}, False), ({"version": 4}, False), ({"limit": "4"}, False),
        ({"outcome": "INDETERMINATE"}, False), ({"rule": "sector"}, False), ({"severity": "WARN", "rule": "other"}, True),
        ({"outcome": "PASS", "rule": "other"}, True),
    ],
)  # fmt: skip
def test_the_same_breach_by_no_more_is_covered(now, covered):
    assert is_accepted([BREACH], [BREACH | now]) is covered


def test_a_least_is_missed_by_no_more_either():
    least = BREACH | {"limit": "20", "after": "18"}
    assert is_accepted([least], [least | {"after": "19"}]) and not is_accepted([least], [least | {"after": "17"}])


def test_without_numbers_the_words_must_be_the_same():
    listed = BREACH | {"after": None, "limit": None, "text": "Alpha is on the list since May"}
    assert is_accepted([listed], [listed]) and not is_accepted([listed], [listed | {"text": "Beta is on the list"}])


@pytest.mark.parametrize(
    ("then", "now", "covered"),
    [(["a"], ["a"], True), (["a", "b"], ["a"], True), (["a"], ["a", "b"], False), ([], ["a"], False), (None, ["a"], True)],
)  # fmt: skip
def test_of_a_list_no_further_entry_is_covered(then, now, covered):
    """None: what was let stand before entries were told apart."""
    held = BREACH | {"after": None, "limit": None, "text": "Compliance has to look at this order."}
    assert is_accepted([held | {"met": then}], [held | {"met": now}]) is covered


def test_one_breach_more_is_not_covered():
    assert not is_accepted([BREACH], [BREACH, BREACH | {"rule": "sector"}])
