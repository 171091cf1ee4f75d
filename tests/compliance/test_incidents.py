"""Breaches from one day to the next: new, going on, over, and by whom."""

from datetime import date

import pytest

from apps.compliance.engine.columns import Portfolio
from apps.compliance.engine.incidents import ACTIVE, PASSIVE, UNKNOWN, Key, cause_of, cure_by, held_in, reconciled
from apps.compliance.engine.scope import Scope
from apps.compliance.engine.standing import Standing, asked_of, stand
from tests.compliance.books import book, rule, share


def says(outcome: str, group: str = "A") -> Standing:
    return Standing(0, group, group, outcome, 6.0, 5.0, "% of NAV")


KEY = Key(1, 1, "A")


def test_a_new_breach_opens_and_one_that_goes_on_is_the_same():
    assert reconciled({}, {KEY: says("FAIL")}) == ({KEY: says("FAIL")}, {}, [], [])
    assert reconciled({KEY: 7}, {KEY: says("FAIL")}) == ({}, {7: says("FAIL")}, [], [])


def test_one_that_passes_is_over_and_one_that_cannot_be_told_stays():
    assert reconciled({KEY: 7}, {KEY: says("PASS")}).cured == [7]
    assert reconciled({KEY: 7}, {KEY: says("INDETERMINATE")}) == ({}, {}, [], [])


def test_one_whose_group_is_held_no_more_is_over():
    assert reconciled({KEY: 7}, {Key(1, 1, "B"): says("PASS", "B")}).cured == [7]
    assert reconciled({KEY: 7}, {Key(1, 1, "B"): says("INDETERMINATE", "B")}).cured == []


def test_one_of_which_nothing_at_all_is_held_is_over_where_its_rule_was_asked():
    """A portfolio that sold its only fund is not named by a rule about funds."""
    assert reconciled({KEY: 7}, {}, asked=[(1, 1)]).cured == [7]
    assert reconciled({KEY: 7}, {}, asked=[(1, 2), (2, 1)]).cured == []
    assert reconciled({KEY: 7}, {Key(1, 1, "B"): says("INDETERMINATE", "B")}, asked=[(1, 1)]).cured == []


def test_one_whose_portfolio_left_the_scope_of_its_rule_is_neither_broken_nor_cured():
    assert reconciled({KEY: 7}, {}, outside=[(1, 1)]) == ({}, {}, [], [7])
    assert reconciled({KEY: 7}, {}, outside=[(1, 2), (2, 1)]).left == []


def test_a_rule_is_asked_of_portfolios_that_hold_nothing_of_it_save_where_it_binds_orders_alone():
    s = book([share(1, "A")], [], cash=[(0, "USD", 1000)])
    funds = rule("measure", filter='asset_class == "FUND"')
    amounts = rule("measure", group="issuer", against="nothing")
    assert list(asked_of(s, [funds, amounts, rule("price_collar")])) == [(funds, 0)]
    scoped = funds._replace(scope=Scope(portfolios=frozenset(["OTHER"])))
    assert list(asked_of(s, [scoped])) == []


def test_one_whose_rule_was_not_asked_stays():
    assert reconciled({KEY: 7}, {Key(2, 1, "A"): says("PASS")}).cured == []


@pytest.mark.parametrize(
    ("before", "cause"), [(None, UNKNOWN), (600, PASSIVE), (601, PASSIVE), (599, ACTIVE), (0, ACTIVE)]
)
def test_a_breach_is_active_where_more_is_held_than_before(before, cause):
    held = [(0, "A", 600), (0, "B", 100)]
    s = book([share(1, "A"), share(2, "B")], [], positions=held, cash=[(0, "USD", 1)], portfolios=[Portfolio(5, "P")])
    ((_, one), *_) = [pair for pair in stand(s, [rule("measure", group="instrument", limit="50")]) if pair[1].outcome == "FAIL"]
    held = None if before is None else {(5, 1): before * 10_000}
    assert cause_of(s, one, held) == cause
    assert held_in(s) == {(5, 1): 6_000_000, (5, 2): 1_000_000}


@pytest.mark.parametrize(("before", "cause"), [(100, PASSIVE), (101, ACTIVE), (99, PASSIVE)])
def test_of_a_least_where_less_is_held(before, cause):
    s = book([share(1, "A")], [], positions=[(0, "A", 100)], cash=[(0, "USD", 90_000)], portfolios=[Portfolio(5, "P")])
    ((_, one),) = stand(s, [rule("measure", bound="min", limit="50")])
    assert cause_of(s, one, {(5, 1): before * 10_000}) == cause


@pytest.mark.parametrize(
    ("opened", "cause", "by"),
    [
        (date(2026, 11, 27), ACTIVE, date(2026, 11, 30)), (date(2026, 11, 30), ACTIVE, date(2026, 12, 1)),
        (date(2026, 11, 30), PASSIVE, date(2026, 12, 14)), (date(2026, 11, 28), UNKNOWN, date(2026, 11, 30)),
    ],
)  # fmt: skip
def test_is_cured_in_time_within_weekdays(opened, cause, by):
    assert cure_by(opened, cause) == by
