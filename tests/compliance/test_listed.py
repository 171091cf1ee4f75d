"""What compliance counts of options and futures: premium and value, or notional and nothing paid."""

from dataclasses import replace

import numpy as np

from tests.compliance.books import book, rule, share
from tests.compliance.test_engine import FAIL, NOT_ASKED, PASS, asked


def option(**more):
    return share(1, "OPT", "5", asset_class="OPTION", price_factor=100, underlying_id=9, underlying_group=9, issuer_group=9, **more)


def future(**more):
    return share(2, "FUT", "4000", asset_class="FUTURE", price_factor=50, **more)


def test_cash_counts_an_options_premium_and_nothing_of_a_future():
    s = book([option(), future()], [(0, "OPT", "BUY", 3), (0, "FUT", "BUY", 9)], cash=[(0, "USD", 1_000)])
    assert asked(s, rule("cash_by_currency", slip_pct="0")) == [FAIL, NOT_ASKED]


def test_concentration_counts_a_futures_notional_and_an_options_value():
    s = book([option(), future()], [(0, "OPT", "BUY", 3), (0, "FUT", "BUY", 1)], cash=[(0, "USD", 1_000_000)])
    assert asked(s, rule("instrument_share", max_pct="10")) == [PASS, FAIL]


def test_no_issuer_is_counted_for_a_future_on_an_index():
    s = book([future()], [(0, "FUT", "BUY", 1)], cash=[(0, "USD", 1_000_000)])
    assert asked(s, rule("issuer_share", max_pct="10")) == [NOT_ASKED]


def test_a_future_is_sold_without_being_held_and_an_option_is_not():
    s = book([option(), future()], [(0, "OPT", "SELL", 3), (0, "FUT", "SELL", 1)])
    assert asked(s, rule("holding")) == [FAIL, NOT_ASKED]


def test_net_asset_value_leaves_out_what_was_not_paid():
    s = book([future()], [], positions=[(0, "FUT", 2)], cash=[(0, "USD", 1_000)])
    s = replace(s, positions=replace(s.positions, unpaid=np.array([3_990_000_000], np.int64)))
    assert s.nav.tolist() == [2.0 * 50 * 4000 - 399_000 + 1_000] and s.exact_nav(0) == 2_000
