"""Accrued interest by day count, from the last coupon to settlement."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.reference.accruals import Coupon, UnknownDayCount, accrued, accrued_amount
from apps.reference.coupons import coupon_period, days_30_360

D = Decimal


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (date(2024, 1, 15), date(2024, 2, 15), 30),
        (date(2024, 1, 31), date(2024, 3, 31), 60),
        (date(2024, 1, 30), date(2024, 1, 31), 0),
        (date(2024, 1, 29), date(2024, 1, 31), 2),
        (date(2023, 2, 28), date(2023, 3, 31), 30),
        (date(2024, 2, 28), date(2024, 3, 31), 33),
        (date(2023, 2, 28), date(2024, 2, 29), 360),
        (date(2006, 8, 31), date(2007, 2, 28), 178),
    ],
)
def test_counts_days_in_months_of_thirty(start, end, days):
    assert days_30_360(start, end) == days


def test_finds_the_coupon_dates_around_a_day():
    assert coupon_period(date(2033, 5, 15), 2, date(2026, 3, 1)) == (date(2025, 11, 15), date(2026, 5, 15))
    assert coupon_period(date(2033, 5, 15), 2, date(2025, 11, 15)) == (date(2025, 11, 15), date(2026, 5, 15))
    assert coupon_period(date(2033, 5, 15), 2, date(2025, 11, 14)) == (date(2025, 5, 15), date(2025, 11, 15))
    assert coupon_period(date(2030, 2, 28), 2, date(2026, 9, 1)) == (date(2026, 8, 31), date(2027, 2, 28))
    assert coupon_period(date(2030, 8, 31), 4, date(2028, 2, 29)) == (date(2028, 2, 29), date(2028, 5, 31))


@given(
    st.dates(date(2027, 1, 1), date(2060, 1, 1)),
    st.sampled_from([1, 2, 4, 12]),
    st.dates(date(2000, 1, 1), date(2026, 12, 31)),
)
def test_every_day_lies_in_exactly_one_coupon_period(maturity, frequency, day):
    last, following = coupon_period(maturity, frequency, day)

    assert last <= day < following


def test_accrues_a_corporate_bond_by_30_360():
    bond = Coupon(D("3.85"), 2, "30/360", date(2022, 8, 9), date(2032, 8, 15))

    # 15 August to 20 November is 95 days of 360: 1,000,000 × 3.85% × 95/360.
    assert accrued_amount(D(1_000_000), bond, date(2025, 11, 20), 2) == D("10159.72")


def test_accrues_a_treasury_by_actual_days_of_the_coupon_period():
    note = Coupon(D("4.25"), 2, "ACT/ACT", date(2024, 11, 15), date(2034, 11, 15))

    # 5 of 181 days of the half year from 15 November: 1,000,000 × 2.125% × 5/181.
    assert accrued_amount(D(1_000_000), note, date(2025, 11, 20), 2) == D("587.02")


def test_accrues_from_issue_where_no_coupon_has_been_paid():
    note = Coupon(D(4), 2, "ACT/ACT", date(2025, 12, 1), date(2035, 11, 15))

    assert accrued(D(100), note, date(2025, 12, 2)) == Fraction(2) / 181
    assert accrued(D(100), note, date(2025, 11, 20)) == 0


def test_accrues_nothing_on_a_share_at_maturity_or_without_a_coupon():
    assert accrued_amount(D(100), Coupon(None, None, "", None, None), date(2025, 1, 1), 2) == 0
    assert accrued_amount(D(100), Coupon(D(4), 2, "30/360", None, date(2025, 1, 1)), date(2025, 1, 1), 2) == 0


def test_refuses_a_day_count_it_does_not_know():
    with pytest.raises(UnknownDayCount):
        accrued(D(100), Coupon(D(4), 2, "ACT/364", None, date(2030, 1, 1)), date(2025, 2, 2))
