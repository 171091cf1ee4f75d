"""Modified duration, checked against published figures and closed forms."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.compliance.engine.duration import modified

D = Decimal


def priced(yield_pct: str, coupon: str, f: int, n: int) -> Decimal:
    """The price at a yield on a coupon date, by the formula of the standard."""
    rate, paid = D(yield_pct) / 100 / f, D(coupon) / f
    return sum(paid / (1 + rate) ** k for k in range(1, n + 1)) + 100 / (1 + rate) ** n


@pytest.mark.parametrize(
    ("settles", "matures", "coupon", "yield_pct", "coupons", "published"),
    [
        # The examples of Excel's MDURATION and DURATION (support.microsoft.com), the second divided by 1 + 9% ÷ 2.
        (date(2008, 1, 1), date(2016, 1, 1), "8", "9", 16, D("5.73567")),
        (date(2018, 7, 1), date(2048, 1, 1), "8", "9", 59, D("10.9191453") / D("1.045")),
    ],
)
def test_published_examples(settles, matures, coupon, yield_pct, coupons, published):
    found = modified(priced(yield_pct, coupon, 2, coupons), D(coupon), 2, "ACT/ACT", matures, settles)
    assert abs(found - published) < D("0.000005")


@pytest.mark.parametrize(("coupon", "years"), [("10", 10), ("4", 5), ("0.5", 30)])
def test_at_par_it_is_an_annuity(coupon, years):
    """At par the yield is the coupon, and the modified duration (1 − (1 + y ÷ f)^−n) ÷ y."""
    y = D(coupon) / 100
    closed = (1 - (1 + y / 2) ** (-2 * years)) / y
    found = modified(D(100), D(coupon), 2, "30/360", date(2026 + years, 3, 4), date(2026, 3, 4))
    assert abs(found - closed) < D("0.00000001")


def test_without_coupons_it_is_the_time_left_as_discounted():
    assert modified(D(100), D(0), None, "ACT/ACT", date(2036, 3, 4), date(2026, 3, 4)) == 10
    found = modified(D(50), D(0), 0, "30/360", date(2036, 3, 4), date(2026, 3, 4))
    assert abs(found - 10 / D(2) ** (D(1) / 20)) < D("0.00000001")


def test_in_the_last_period_interest_is_simple():
    # 90 of 180 days left; 100 + 1 accrued pays 102: modified is w ÷ f × price ÷ what is paid.
    assert modified(D(100), D(4), 2, "30/360", date(2026, 6, 4), date(2026, 3, 4)) == (D("0.25") * 101 / 102).quantize(D("0.00000001"))


@pytest.mark.parametrize(
    "change",
    [
        {"price": None}, {"coupon_pct": None}, {"frequency": None}, {"frequency": 0}, {"day_count": ""}, {"day_count": "ACT/365"},
        {"maturity": None}, {"maturity": date(2026, 3, 4)}, {"price": D(0), "coupon_pct": D(0)},
    ],
)  # fmt: skip
def test_is_not_known_without_its_terms(change):
    terms = {
        "price": D(100), "coupon_pct": D(5), "frequency": 2, "day_count": "30/360", "maturity": date(2030, 3, 4), "on": date(2026, 3, 4),
    }  # fmt: skip
    assert modified(**terms | change) is None


@settings(max_examples=150, deadline=None)
@given(
    st.decimals("0.01", "400", places=2), st.decimals("0", "20", places=3), st.sampled_from([1, 2, 4, 12]),
    st.sampled_from(["30/360", "ACT/ACT"]), st.dates(date(2026, 3, 5), date(2070, 1, 1)),
)  # fmt: skip
def test_arrives_for_any_bond_and_falls_as_the_price_falls(price, coupon, f, count, matures):
    on = date(2026, 3, 4)
    found = modified(price, coupon, f, count, matures, on)
    assert found > 0
    if coupon and (matures - on).days > 370:
        assert modified(price / 2, coupon, f, count, matures, on) < found
