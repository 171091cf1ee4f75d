"""What makes orders alike, and a statement that can be verified."""

from datetime import date
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.blocks import rules

ALIKE = rules.Likeness(1, "SELL", "LIMIT", "10.5", "DAY", "", "USD", 1, date(2026, 11, 20), date(2026, 11, 23))


def test_the_same_likeness_has_the_same_key():
    assert ALIKE.key == rules.Likeness(*ALIKE).key and len(ALIKE.key) == 64


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("instrument_id", 2), ("side", "SELL_SHORT"), ("order_type", "MARKET"), ("limit_price", "10.51"), ("tif", "GTC"),
        ("instructions", "Not at the open"), ("currency", "EUR"), ("desk_id", 2), ("trade_date", date(2026, 11, 19)),
        ("settle_date", date(2026, 11, 24)), ("terms", '{"stop_price": "5"}'), ("alone_id", 7), ("apart", "team growth"),
    ],
)  # fmt: skip
def test_whatever_differs_makes_another_block(field, other):
    assert ALIKE._replace(**{field: other}).key != ALIKE.key


def test_a_limit_is_the_same_however_it_is_written():
    assert rules.plain(Decimal("10.50000000")) == rules.plain(Decimal("10.5")) == "10.5"
    assert rules.plain(Decimal("1200.0000")) == "1200"


members = st.lists(
    st.tuples(st.integers(1, 10**9), st.integers(1, 10**6), st.decimals(1, 10**9, places=4)),
    min_size=1, max_size=30, unique_by=lambda m: m[0],
)  # fmt: skip


@given(members)
def test_a_statement_survives_the_database_and_any_change_is_found(rows):
    content, digest = rules.statement(7, Decimal(1), Decimal(1), rows)
    stored = dict(reversed(list(orjson.loads(content).items())))  # As jsonb may give it back: keys in another order.
    assert rules.is_true_to(stored, digest)
    stored["orders"][0][2] += "0"
    assert not rules.is_true_to(stored, digest)
