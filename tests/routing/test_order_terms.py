"""The terms of an order on the wire (FIX 4.4)."""

from decimal import Decimal as D

import pytest

from apps.routing.rules import Terms, orders

PLAIN = Terms("AAA", "", "XNAS", "USD", "BUY", "DAY", "B-0001")


@pytest.mark.parametrize(
    ("changed", "limit", "fields"),
    [
        ({}, None, {40: "1", 59: "0"}),
        ({"order_type": "LIMIT"}, D("5.10"), {40: "2", 44: "5.1", 59: "0"}),
        ({}, D(5), {40: "2", 44: "5", 59: "0"}),  # A trader's limit on a market order.
        ({"order_type": "STOP", "handling": {"stop_price": "4"}}, None, {40: "3", 99: "4", 59: "0"}),
        ({"order_type": "STOP_LIMIT", "handling": {"stop_price": "4"}}, D(5), {40: "4", 44: "5", 99: "4", 59: "0"}),
        (
            {"order_type": "PEGGED", "handling": {"peg": "MID", "peg_offset": "-0.01", "flags": "NOT_HELD"}},
            None, {40: "P", 211: "-0.01", 18: "1 M", 59: "0"},
        ),
        ({"tif": "OPG"}, None, {40: "1", 59: "2"}),
        ({"tif": "CLS"}, None, {40: "1", 59: "7"}),
        ({"tif": "GTD", "handling": {"expire_date": "2035-01-31"}}, None, {40: "1", 59: "6", 432: "20350131"}),
        (
            {"handling": {"min_qty": "500", "display_qty": "50", "flags": "CARE,DO_NOT_INCREASE"}},
            None, {40: "1", 18: "E", 110: "100", 111: "50", 59: "0"},  # No more is asked than the route has.
        ),
    ],
)  # fmt: skip
def test_says_price_stop_peg_and_time(changed, limit, fields):
    assert dict(orders.price_fields(D(100), limit, PLAIN._replace(**changed))) == {38: "100"} | fields


def test_care_asks_for_a_person():
    care = PLAIN._replace(handling={"flags": "CARE,NOT_HELD"})
    assert (orders.handling_inst(care), orders.handling_inst(PLAIN)) == ("3", "1")


@pytest.mark.parametrize(
    ("terms", "is_so"),
    [
        (("MARKET", "DAY", {}), True), (("LIMIT", "GTC", {}), True), (("STOP", "DAY", {"stop_price": "4"}), False),
        (("MARKET", "CLS", {}), False), (("MARKET", "DAY", {"flags": "CARE"}), False),
        (("MARKET", "DAY", {"flags": "NOT_HELD"}), True), (("LIMIT", "DAY", {"display_qty": "5"}), False),
    ],
)  # fmt: skip
def test_an_algorithm_works_what_does_not_say_itself_when_it_trades(terms, is_so):
    assert orders.is_worked_by_strategy(*terms) is is_so
