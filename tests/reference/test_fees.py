"""Which fees a trade bears, and how much each comes to."""

from datetime import date
from decimal import Decimal

import pytest

from apps.reference import rules
from apps.reference.rules import FeeRow, FeeTerms

D = Decimal
SEC = FeeTerms("SEC31", "1", D("0.278"))
SEC_LATER = FeeTerms("SEC31", "1", D(0))
STAMP = FeeTerms("SDRT", "5", D(50))
EXEMPT = FeeTerms("SDRT", "5", D(0))
LEVY = FeeTerms("PTM", "6", D(0), least=D("1.50"), most=D("1.50"))
ROWS = [
    FeeRow("US", "*", "SELL", date(2024, 5, 22), date(2025, 5, 13), SEC),
    FeeRow("US", "*", "SELL", date(2025, 5, 14), None, SEC_LATER),
    FeeRow("GB", "*", "BUY", date(1986, 10, 27), None, STAMP),
    FeeRow("GB", "ETF", "BUY", date(2007, 1, 1), None, EXEMPT),
    FeeRow("GB", "*", "BUY", date(2000, 1, 1), None, LEVY),
]


@pytest.mark.parametrize(
    ("trade", "fees"),
    [
        (("US", "EQUITY", "SELL", date(2025, 5, 13)), (SEC,)),
        (("US", "EQUITY", "SELL_SHORT", date(2024, 5, 22)), (SEC,)),
        (("US", "EQUITY", "SELL", date(2025, 5, 14)), (SEC_LATER,)),
        (("US", "EQUITY", "SELL", date(2024, 5, 21)), ()),
        (("US", "EQUITY", "BUY", date(2025, 1, 2)), ()),
        (("GB", "EQUITY", "BUY", date(2026, 3, 2)), (LEVY, STAMP)),
        (("GB", "ETF", "BUY", date(2026, 3, 2)), (LEVY, EXEMPT)),
        (("DE", "EQUITY", "BUY", date(2026, 3, 2)), ()),
    ],
)
def test_are_those_of_country_class_side_and_trade_date(trade, fees):
    assert rules.fees_in_force(ROWS, *trade) == fees


@pytest.mark.parametrize(
    ("terms", "qty", "gross", "minor_units", "amount"),
    [
        (SEC, "1000", "1000000.00", 2, "27.80"),
        (STAMP, "100", "4466.01", 2, "22.33"),  # 22.33005
        (STAMP, "1", "1.00", 2, "0.01"),  # 0.005, half up
        (STAMP._replace(rounding="UP"), "1", "0.01", 2, "0.01"),
        (STAMP._replace(rounding="DOWN"), "1", "3.99", 2, "0.01"),
        (STAMP, "100", "1999", 0, "10"),
        (LEVY, "1", "10001.00", 2, "1.50"),
        (FeeTerms("TAF", "1", D(0), unit_amount=D("0.000166"), most=D("8.30")), "12345", "1.00", 2, "2.05"),
        (FeeTerms("TAF", "1", D(0), unit_amount=D("0.000166"), most=D("8.30")), "60000", "1.00", 2, "8.30"),
    ],
)
def test_come_to(terms, qty, gross, minor_units, amount):
    assert str(rules.fee_amount(terms, D(qty), D(gross), minor_units)) == amount
