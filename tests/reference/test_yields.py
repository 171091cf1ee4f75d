"""Yields against published examples, and back to the price."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.reference.accruals import Coupon, accrued
from apps.reference.coupons import coupon_period, coupons_left, days_30_360
from apps.reference.yields import Benchmark, nearness, spread_bp, yield_pct

D = Decimal
LONG = Coupon(D("8.75"), 2, "ACT/ACT", None, date(2020, 5, 15))


def test_of_a_thirty_year_bond_as_in_31_cfr_356_appendix_b():
    assert yield_pct(D("99.057893"), LONG, date(1990, 5, 15)) == D("8.84000")


def test_at_par_on_a_coupon_date_it_is_the_coupon():
    assert yield_pct(D(100), Coupon(D(5), 2, "30/360", None, date(2030, 6, 15)), date(2026, 6, 15)) == D("5.00000")


def test_in_the_last_coupon_period_interest_is_simple():
    bond = Coupon(D(6), 2, "30/360", None, date(2026, 7, 1))

    # Half the period: 103 ÷ (100 + 1.5) = 1 + y/4.
    assert yield_pct(D(100), bond, date(2026, 4, 1)) == round((D(103) / D("101.5") - 1) * 400, 5)


@pytest.mark.parametrize(
    "bond",
    [
        Coupon(D(5), 2, "ACT/365", None, date(2030, 6, 15)), Coupon(D(5), None, "30/360", None, date(2030, 6, 15)),
        Coupon(None, 2, "30/360", None, date(2030, 6, 15)), Coupon(D(5), 2, "30/360", None, None),
        Coupon(D(5), 2, "30/360", None, date(2026, 6, 15)), Coupon(D(5), 5, "30/360", None, date(2030, 6, 15)),
    ],
)  # fmt: skip
def test_is_unknown_where_it_cannot_be_told(bond):
    assert yield_pct(D(100), bond, date(2026, 6, 15)) is None
    assert spread_bp(None, Benchmark("T", date(2030, 1, 1), D(4))) is None


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    price=st.decimals(40, 180, places=4), rate=st.decimals("0.1", 12, places=3), years=st.integers(1, 40), days=st.integers(0, 180),
    count=st.sampled_from(["30/360", "ACT/ACT"]),
)  # fmt: skip
def test_what_the_bond_pays_at_its_yield_is_worth_its_price(price, rate, years, days, count):
    settles = date.fromordinal(date(2026, 6, 15).toordinal() - days)
    bond = Coupon(rate, 2, count, None, date(2026 + years, 6, 15))
    last, following = coupon_period(bond.maturity_date, 2, settles)
    found = yield_pct(price, bond, settles)
    n = coupons_left(bond.maturity_date, 2, following)
    if found is None or n == 1:
        return
    ahead = (following - settles).days / (following - last).days if count == "ACT/ACT" else 1 - days_30_360(last, settles) / 180
    off = 1 / (1 + float(found) / 200)
    worth = sum(float(rate) / 2 * off ** (ahead + k) for k in range(n)) + 100 * off ** (ahead + n - 1)
    assert worth == pytest.approx(float(price) + float(accrued(D(100), bond, settles)), rel=1e-4)


def test_the_nearest_maturity_comes_first_and_of_two_the_earlier():
    days = [date(2028, 1, 1), date(2032, 1, 1), date(2034, 1, 1), date(2031, 12, 31)]

    def order(maturity):
        return sorted(days, key=lambda day: nearness(maturity, day))

    assert order(date(2032, 6, 1))[0] == date(2032, 1, 1)
    assert order(date(2040, 1, 1))[0] == date(2034, 1, 1)
    assert order(date(2029, 12, 31))[:2] == [date(2028, 1, 1), date(2031, 12, 31)]  # 730 days from both.


def test_a_spread_is_the_difference_in_basis_points():
    assert spread_bp(D("5.12"), Benchmark("A", date(2028, 1, 1), D(4))) == D("112.00")
