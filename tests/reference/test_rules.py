"""Identifiers, steps and business days."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.reference import rules

D = Decimal


class TestIdentifiers:
    @pytest.mark.parametrize(
        "kind, value",
        [
            ("isin", "US0378331005"), ("cusip", "037833100"), ("sedol", "B0YBKJ7"), ("figi", "BBG000BLNNH6"),
            ("lei", "HWUPKR0MPOU8FGXBT394"), ("bic", "DTCYUS33"),
        ],
    )  # fmt: skip
    def test_right_ones_pass_and_any_other_last_character_does_not(self, kind, value):
        other = value[:-1] + ("1" if value[-1] != "1" else "2")

        assert rules.identifier_problem(kind, value) is None
        if kind != "bic":  # It has no check digit.
            assert f"“{other}” is not a valid {kind.upper()}" in rules.identifier_problem(kind, other)
        assert kind.upper() in rules.identifier_problem(kind, value[:-2])

    def test_are_kept_as_they_are_compared(self):
        assert "must be written “US0378331005”" in rules.identifier_problem("isin", "US 0378331005")


class TestSteps:
    @given(st.integers(1, 10**6), st.decimals("0.0001", "1000", places=4))
    def test_whole_steps_are_multiples_and_a_part_of_one_is_not(self, count, step):
        assert rules.is_multiple(count * step, step)
        assert not rules.is_multiple(count * step + step / 2, step)


CYCLES = [
    ("US", "*", 2, date(2017, 9, 5), date(2024, 5, 27)),
    ("US", "*", 1, date(2024, 5, 28), None),
    ("US", "GOVT", 1, date(1995, 6, 7), None),
    ("DE", "*", 2, date(2014, 10, 6), date(2027, 10, 10)),
    ("DE", "*", 1, date(2027, 10, 11), None),
]


class TestCycles:
    @pytest.mark.parametrize(
        "country, asset_class, on, days",
        [
            ("US", "EQUITY", date(2024, 5, 27), 2),
            ("US", "EQUITY", date(2024, 5, 28), 1),
            ("US", "GOVT", date(2020, 1, 2), 1),
            ("US", "CORP", date(2020, 1, 2), 2),
            ("DE", "EQUITY", date(2027, 10, 10), 2),
            ("DE", "EQUITY", date(2027, 10, 11), 1),
        ],
    )
    def test_hold_from_their_first_trade_date_to_their_last(self, country, asset_class, on, days):
        assert rules.cycle_days(CYCLES, country, asset_class, on) == days

    @pytest.mark.parametrize("country, on", [("FR", date(2026, 1, 5)), ("US", date(1990, 1, 2))])
    def test_that_are_not_on_file_are_never_guessed(self, country, on):
        with pytest.raises(rules.NoSettlementCalendar, match=f"EQUITY in {country}"):
            rules.cycle_days(CYCLES, country, "EQUITY", on)


class TestSettlementDays:
    @given(
        st.dates(date(2020, 1, 1), date(2030, 12, 31)),
        st.integers(0, 10),
        st.sets(st.dates(date(2020, 1, 1), date(2031, 12, 31)), max_size=40),
    )
    def test_count_weekdays_that_are_no_holiday(self, start, days, holidays):
        end = rules.add_settlement_days(start, days, holidays)

        passed = [start + timedelta(days=n + 1) for n in range((end - start).days)]
        assert sum(day.weekday() < 5 and day not in holidays for day in passed) == days
        assert days == 0 or (end.weekday() < 5 and end not in holidays)


class TestTerms:
    BOND = {
        "symbol": "B", "asset_class": "CORP", "price_factor": D("0.01"), "coupon_pct": D(4), "coupon_frequency": 2,
        "day_count": "30/360", "maturity_date": date(2033, 5, 15),
    }  # fmt: skip

    def test_a_whole_bond_has_no_problem(self):
        assert rules.instrument_problems(self.BOND) == {}

    @pytest.mark.parametrize(
        "changes, field",
        [
            ({"price_factor": D(1)}, "price_factor"),
            ({"coupon_frequency": 3}, "coupon_frequency"),
            ({"coupon_pct": D(100)}, "coupon_pct"),
            ({"day_count": ""}, "day_count"),
            ({"maturity_date": None}, "maturity_date"),
            ({"asset_class": "FUTURE", "maturity_date": None}, "maturity_date"),
        ],
    )
    def test_each_missing_or_wrong_one_is_named(self, changes, field):
        assert list(rules.instrument_problems(self.BOND | changes)) == [field]

    @pytest.mark.parametrize(
        ("changes", "fields"),
        [
            ({"underlying": 3, "conversion_ratio": D("12.5")}, []),
            ({"underlying": 3}, ["conversion_ratio"]),
            ({"underlying": 3, "conversion_ratio": D(0)}, ["conversion_ratio"]),
            ({"conversion_ratio": D("12.5")}, ["conversion_ratio"]),
        ],
    )
    def test_a_convertible_bond_says_how_many_shares_it_turns_into(self, changes, fields):
        assert list(rules.instrument_problems(self.BOND | {"asset_class": "CORP"} | changes)) == fields

    @pytest.mark.parametrize(
        "check, facts, field",
        [
            (rules.venue_problems, {"mic": "xnas"}, "mic"),
            (rules.venue_problems, {"calendar": "NOWHERE"}, "calendar"),
            (rules.venue_problems, {"timezone": "Mars/Olympus"}, "timezone"),
            (rules.currency_problems, {"code": "usd"}, "code"),
            (rules.currency_problems, {"minor_units": 5}, "minor_units"),
            (rules.cycle_problems, {"days": 11}, "days"),
            (rules.cycle_problems, {"effective_from": date(2026, 1, 2), "effective_to": date(2026, 1, 1)}, "effective_to"),
            (rules.broker_problems, {"code": "abc"}, "code"),
            (rules.broker_problems, {"commission_kind": "bps", "commission_rate": D(0)}, "commission_rate"),
            (rules.party_problems, {"bic": "NOTABIC"}, "bic"),
        ],
    )
    def test_other_rows_are_held_to_their_codes(self, check, facts, field):
        assert list(check(facts)) == [field]


class TestForwards:
    HOLIDAYS = {"EUR": {date(2026, 12, 25): "Christmas Day"}, "USD": {date(2026, 11, 26): "Thanksgiving Day"}}

    @pytest.mark.parametrize(
        ("day", "says"),
        [
            (date(2026, 11, 20), "not later than spot"),
            (date(2026, 11, 19), "not later than spot"),
            (date(2026, 11, 21), "is a Saturday"),
            (date(2026, 11, 26), "USD does not settle on 2026-11-26 (Thanksgiving Day)"),
            (date(2026, 12, 25), "EUR does not settle on 2026-12-25"),
            (date(2027, 1, 4), "No settlement holidays of EUR are on file for 2027"),
            (date(2026, 11, 27), None),
        ],
    )
    def test_settle_after_spot_on_a_day_of_both_currencies(self, day, says):
        problem = rules.forward_problem("EUR/USD", day, date(2026, 11, 20), self.HOLIDAYS)

        assert problem is None if says is None else says in problem

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"base_currency": None}, "base_currency"),
            ({"base_currency": "USD"}, "base_currency"),
            ({"symbol": "EURUSD"}, "symbol"),
            ({"price_factor": D("0.01")}, "price_factor"),
            ({"asset_class": "EQUITY"}, "base_currency"),
            ({}, None),
        ],
    )
    def test_a_pair_is_two_currencies_and_called_by_both(self, change, field):
        pair = {"symbol": "EUR/USD", "asset_class": "FX", "base_currency": "EUR", "currency": "USD", "price_factor": D(1)}

        assert list(rules.instrument_problems(pair | change)) == ([] if field is None else [field])
