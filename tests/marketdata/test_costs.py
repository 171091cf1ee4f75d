"""What trading is expected to cost: vectors by hand, what is not known, and what must hold of any trade."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.marketdata import costs
from apps.marketdata.costs import Commission, Known, Model, cost_of
from apps.reference.rules import FeeTerms

D = Decimal
AT = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)
SEC = FeeTerms("SEC", "1", D("0.206"))


def known(**more) -> Known:
    said = {
        "qty": D(10_000), "price_factor": D(1), "currency": "USD", "minor_units": 2, "bid": D("49.99"), "ask": D("50.01"),
        "quote_at": AT - timedelta(seconds=5), "daily_qty": D(1_000_000), "annual_volatility": D("0.25"),
        "volume_date": AT.date(), "commission": Commission("HARBOR", "bps", D(1)),
    }  # fmt: skip
    return Known(**(said | more))


class TestVectors:
    def test_a_hundredth_of_a_days_volume_of_a_share(self):
        """½ · 0.02 ÷ 50 = 2 bp; 0.25 ÷ √252 · √0.01 = 15.7485 bp; of 500,000."""
        found = cost_of(known(), AT, Model())

        assert {p.name: (p.bp, p.amount) for p in found.parts} == {
            "spread": (D("2.0000"), D("100.00")), "fees": (D("1.0000"), D("50.00")), "impact": (D("15.7485"), D("787.43")),
        }  # fmt: skip
        assert (found.value, found.bp, found.amount) == (500_000, D("18.7485"), D("937.43"))
        assert found.is_whole
        assert [p.worked for p in found.parts] == [
            "½ × (50.01 − 49.99) ÷ 50", "commission of HARBOR 50.00", "1 × 25% ÷ √252 × √(10000 ÷ 1000000)",
        ]  # fmt: skip

    def test_four_times_the_quantity_moves_the_price_twice_as_far(self):
        one, four = (cost_of(known(qty=D(qty)), AT, Model()).part("impact") for qty in (10_000, 40_000))
        assert (one.bp, four.bp) == (D("15.7485"), D("31.4970"))
        assert four.amount == D("6299.41")  # Eight times the money.

    def test_the_constant_scales_the_impact_alone(self):
        found = cost_of(known(), AT, Model(y=D("0.5")))
        assert [p.bp for p in found.parts] == [D("2.0000"), D("1.0000"), D("7.8743")]

    def test_fees_are_those_that_would_be_booked_and_a_commission_a_share(self):
        found = cost_of(known(fees=(SEC,), commission=Commission("MERIDIAN", "per_share", D("0.01"))), AT, Model())
        fees = found.part("fees")
        assert (fees.amount, fees.bp) == (D("110.30"), D("2.2060"))  # 10.30 and 100.
        assert fees.worked == "SEC 10.30 + commission of MERIDIAN 100.00"

    def test_a_bond_is_valued_at_percent_of_par(self):
        found = cost_of(
            known(qty=D(1_000_000), price_factor=D("0.01"), bid=D("97.9"), ask=D("98.1"), daily_qty=None,
                  commission=Commission("D1", "none", D(0))), AT, Model(),
        )  # fmt: skip
        assert found.value == 980_000
        assert found.part("spread")[1:3] == (D("10.2041"), D("1000.00"))
        assert (found.is_whole, found.missing) == (False, ("The average daily volume is not known.",))
        assert (found.bp, found.amount) == (D("10.2041"), D("1000.00"))  # Of what is known.

    def test_a_fund_is_dealt_at_its_net_asset_value(self):
        found = cost_of(known(at_net_value=True, daily_qty=None, quote_at=AT - timedelta(days=3)), AT, Model())
        assert [p.amount for p in found.parts] == [0, D("50.00"), 0]
        assert found.is_whole


class TestWhatIsNotKnown:
    @pytest.mark.parametrize(
        ("more", "lost", "why"),
        [
            ({"bid": None}, {"spread", "fees", "impact"}, "There is no quote."),
            ({"quote_at": AT - timedelta(seconds=901)}, {"spread", "fees", "impact"}, "The last quote is 15 min old, more than 15 min."),
            ({"daily_qty": None}, {"impact"}, "The average daily volume is not known."),
            ({"daily_qty": D(0)}, {"impact"}, "The average daily volume is not known."),
            ({"annual_volatility": D(0)}, {"impact"}, "The volatility is not known."),
            ({"volume_date": date(2026, 10, 15)}, {"impact"}, "The average daily volume is 46 days old, more than 45."),
            ({"commission": None}, set(), "No broker is chosen yet, so its commission is not counted."),
        ],
    )
    def test_is_said_and_not_guessed(self, more, lost, why):
        found = cost_of(known(**more), AT, Model())

        assert {p.name for p in found.parts if p.bp is None} == lost
        assert {p.name for p in found.parts if p.amount is None} == lost
        assert found.missing[0] == why
        assert not found.is_whole
        assert (found.bp is None) == (len(lost) == 3)

    def test_at_the_edge_a_price_still_counts(self):
        assert cost_of(known(quote_at=AT - timedelta(seconds=900), volume_date=date(2026, 10, 16)), AT, Model()).is_whole

    def test_what_is_kept_says_it_too(self):
        kept = costs.as_kept(cost_of(known(daily_qty=None), AT, Model()))
        assert kept["parts"][2] == {
            "name": "impact", "bp": None, "amount": None, "worked": "", "why": "The average daily volume is not known.",
        }  # fmt: skip
        assert kept["missing"] == ["The average daily volume is not known."]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    qty=st.integers(1, 10**9), bid=st.integers(1, 10**7), spread=st.integers(0, 10**4), volume=st.integers(1, 10**9),
    volatility=st.integers(1, 300),
)  # fmt: skip
def test_parts_sum_to_the_whole_and_are_exact_to_half_a_step(qty, bid, spread, volume, volatility):
    given_ = known(
        qty=D(qty), bid=D(bid) / 100, ask=D(bid + spread) / 100, daily_qty=D(volume), annual_volatility=D(volatility) / 100
    )
    found = cost_of(given_, AT, Model())
    spread_part, _, impact = found.parts
    assert found.bp == sum(p.bp for p in found.parts)
    assert found.amount == sum(p.amount for p in found.parts)
    assert abs(spread_part.amount - D(qty) * D(spread) / 200) <= D("0.005")
    assert abs(float(impact.bp) - volatility * 100 * (qty / volume / 252) ** 0.5) <= 0.0000501 + float(impact.bp) * 1e-12


def test_several_are_one_in_money_and_what_has_no_price_is_counted_apart():
    one, short, none = (cost_of(known(**more), AT, Model()) for more in ({}, {"daily_qty": None}, {"bid": None}))
    found = costs.in_one([(one, D(1)), (short, D(2)), (none, D(1)), (one, None)])
    assert found["amount"] == D("937.43") + 2 * D("150.00")
    assert found["bp"] == D("8.2495")  # 1237.43 of 1,500,000.
    assert (found["unknown"], found["incomplete"]) == (2, 1)
