"""Orders in currencies as the rules see them: one money is paid and another brought on the value date; nothing is held."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from apps.compliance.engine.judgement import FAIL, PASS
from apps.compliance.engine.rules import MEASURES
from tests.compliance.books import D, book, rule, share

SPOT, LATER = date(2026, 3, 6), date(2026, 6, 10)
PAIR = share(1, "EUR/USD", "1.10", asset_class="FX", base_currency="EUR", settle_date=SPOT, daily_qty=None)
SHARE = share(2, "A", "10")
EURO_SHARE = share(3, "E", "10", currency="EUR", settle_date=SPOT)
RATES = {"EUR": "1.1"}


def judged(kind: str, orders, *, instruments=(PAIR, SHARE, EURO_SHARE), **given):
    with_rules = {k: v for k, v in given.items() if k in ("slip_pct", "count_open_sells", "max_pct", "overdraft")}
    s = book(instruments, orders, rates=RATES, **{k: v for k, v in given.items() if k not in with_rules})
    return MEASURES[kind].judge(s, rule(kind, **with_rules), np.zeros(len(s.orders), bool))


def outcomes(*args, **kwargs) -> list[int]:
    return judged(*args, **kwargs).outcome.tolist()


@pytest.mark.parametrize(
    ("side", "qty", "limit", "outcome"),
    [
        ("BUY", 1000, "1.1", PASS),  # 1,100 dollars to the cent
        ("BUY", "1000.01", "1.1", FAIL),
        ("SELL", 500, None, PASS),
        ("SELL", "500.01", None, FAIL),
    ],
)
def test_pays_the_quote_currency_to_buy_and_the_base_currency_to_sell(side, qty, limit, outcome):
    cash = [(0, "USD", 1100), (0, "EUR", 500)]

    assert outcomes("cash_by_currency", [(0, "EUR/USD", side, qty, limit)], cash=cash) == [outcome]


def test_what_a_sale_in_currencies_pays_is_told_in_its_base_currency():
    verdicts = judged("cash_by_currency", [(0, "EUR/USD", "SELL", 600)], cash=[(0, "EUR", 500)])

    assert (verdicts.outcome[0], verdicts.room_unit[0], int(verdicts.max_qty[0])) == (FAIL, "EUR", 500 * 10_000)
    assert verdicts.say(0).text.startswith("EUR would be ") and "on 06 Mar 2026." in verdicts.say(0).text


def test_euros_bought_and_cleared_pay_for_shares_that_settle_no_earlier():
    later = share(4, "L", "10", currency="EUR", settle_date=LATER)
    bought = [(0, "EUR/USD", "BUY", 100)]
    cash = [(0, "USD", 1000)]

    def buying(symbol, **more):
        return outcomes(
            "cash_by_currency", [(0, symbol, "BUY", 10, "10")], instruments=(PAIR, EURO_SHARE, later), others=bought,
            cash=cash, **more,
        )  # fmt: skip

    assert buying("E") == [PASS]
    assert buying("E", count_open_sells=False) == [FAIL]
    forward = {10_001: date(2026, 6, 9)}
    assert buying("E", value_dates=forward) == [FAIL]  # The euros come after the shares are to be paid.
    assert buying("L", value_dates=forward) == [PASS]


def test_each_forward_is_paid_on_its_own_day():
    dollars = {"cash": [(0, "USD", 110)], "unsettled": [(0, "USD", 110, date(2026, 6, 1))]}
    buys = [(0, "EUR/USD", "BUY", 100, "1.1")]

    assert outcomes("cash_by_currency", buys, **dollars) == [FAIL]  # The dollars are not here at spot.
    assert outcomes("cash_by_currency", buys, value_dates={1: LATER}, **dollars) == [PASS]
    two = [(0, "EUR/USD", "BUY", 100, "1.1"), (0, "EUR/USD", "BUY", 1, "1.1")]
    assert outcomes("cash_by_currency", two, value_dates={1: LATER, 2: LATER}, **dollars) == [PASS, FAIL]


@pytest.mark.parametrize("kind", ["holding", "instrument_share", "issuer_share", "sector_share", "asset_class_band", "order_volume"])
@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_no_rule_on_holdings_or_volume_asks_of_a_pair(kind, side):
    orders = [(0, "EUR/USD", side, 1_000_000)]

    assert outcomes(kind, orders, cash=[(0, "USD", 100)]) == [0]


def test_least_cash_counts_neither_side_of_it():
    mandate = book((SHARE,), ()).portfolios[0]._replace(cash_min_pct=Decimal(50))
    given = {"portfolios": (mandate,), "cash": [(0, "USD", 1000)], "positions": [(0, "A", 50)], "others": [(0, "EUR/USD", "SELL", 400)]}

    assert outcomes("cash_share", [(0, "EUR/USD", "BUY", 900)], **given) == [0]
    assert outcomes("cash_share", [(0, "A", "BUY", 24)], **given) == [PASS]
    assert outcomes("cash_share", [(0, "A", "BUY", 30)], **given) == [FAIL]


def test_its_value_counts_as_one_order():
    assert outcomes("order_value", [(0, "EUR/USD", "BUY", D(30_000_000))]) == [FAIL]
