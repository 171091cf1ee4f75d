"""A forward in currencies is judged at the price for its day, not at spot."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from apps.compliance.engine.judgement import FAIL, INDETERMINATE, PASS
from apps.compliance.engine.rules import MEASURES
from tests.compliance.books import book, rule
from tests.compliance.test_currencies import PAIR, RATES

DAY = date(2026, 6, 10)
FACTOR = {("EUR/USD", DAY): Decimal("1.01")}  # 1.10 at spot, 1.111 forward.


def verdicts(kind: str, *order, forwards=FACTOR, cash=(), **params):
    s = book((PAIR,), [(0, "EUR/USD", *order)], rates=RATES, cash=cash, value_dates={1: DAY}, forwards=forwards)
    return MEASURES[kind].judge(s, rule(kind, **params), np.zeros(1, bool))


@pytest.mark.parametrize(("dollars", "outcome"), [(1111, PASS), (1110, FAIL)])
def test_what_it_costs_is_the_forward_price(dollars, outcome):
    found = verdicts("cash_by_currency", "BUY", 1000, cash=[(0, "USD", dollars)], slip_pct="0")
    assert found.outcome.tolist() == [outcome]


@pytest.mark.parametrize(("side", "limit", "outcome"), [
    ("BUY", "1.1665", PASS), ("BUY", "1.1666", FAIL), ("SELL", "1.0555", PASS), ("SELL", "1.0554", FAIL),
])  # fmt: skip
def test_its_limit_is_compared_with_the_forward_quote(side, limit, outcome):
    found = verdicts("price_collar", side, 1000, limit)
    assert found.outcome.tolist() == [outcome]
    assert found.say(0).data[-1]["what"] == "Forward to 2026-06-10, × spot"


def test_its_value_is_at_the_forward_price():
    assert verdicts("order_value", "BUY", 22_600_000).outcome.tolist() == [FAIL]  # 24.86 million at spot.
    assert verdicts("order_value", "BUY", 22_500_000).outcome.tolist() == [PASS]


@pytest.mark.parametrize("kind", ["cash_by_currency", "price_collar", "order_value"])
def test_without_interest_on_file_it_cannot_be_told(kind):
    found = verdicts(kind, "BUY", 1000, forwards=None, cash=[(0, "USD", 10_000)])
    assert found.outcome.tolist() == [INDETERMINATE]
    assert "the interest of EUR or USD is not on file" in found.say(0).text
