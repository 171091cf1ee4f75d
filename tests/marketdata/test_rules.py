"""Reading the venue's snapshots."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from apps.marketdata import rules

D = Decimal


def snapshot(text: str) -> rules.Snapshot:
    return rules.snapshot_of(rules.fields_of(text.replace("|", rules.SOH)))


WHOLE = (
    "35=W|262=md-1|55=AAA|48=US0378331005|268=5|269=0|270=49.99|271=300|269=1|270=50.01|271=200|269=2|270=50"
    "|269=B|271=1200|269=9|270=49.9833333333|10=001|"
)


def test_a_whole_snapshot_gives_quote_volume_and_turnover():
    found = snapshot(WHOLE)

    assert found == ("AAA", D("49.99"), D("50.01"), D(50), D(1200), D("59979.99999996"), None)
    assert found.pair is None


def test_without_a_trade_the_last_price_is_the_mid():
    found = snapshot("35=W|55=EUR/USD|269=0|270=1.10|269=1|270=1.12|")

    assert found == ("EUR/USD", D("1.10"), D("1.12"), D("1.11"), D(0), D(0), None)
    assert found.pair == ("EUR", "USD")


def test_figures_are_of_the_venues_time_unless_the_clocks_are_far_apart():
    heard = datetime(2026, 3, 2, 14, 30, 1, tzinfo=UTC)

    def told(day: str, time: str) -> datetime:
        entry = f"270=1|272={day}|273={time}|"
        return rules.time_of(snapshot(f"35=W|55=AAA|269=0|{entry}269=1|{entry}"), heard)

    assert told("20260302", "14:30:00.250") == datetime(2026, 3, 2, 14, 30, 0, 250_000, tzinfo=UTC)
    assert told("20260302", "14:29:58") == datetime(2026, 3, 2, 14, 29, 58, tzinfo=UTC)
    for unbelievable in (("20260302", "13:30:00"), ("20260303", "14:30:00"), ("2026-03-02", "14:30:00"), ("", "noon")):
        assert told(*unbelievable) == heard


@pytest.mark.parametrize(
    "text, why",
    [
        ("35=W|269=0|270=1|269=1|270=2|", "no instrument"),
        ("35=W|55=AAA|269=0|270=1|", "“” where a number belongs"),
        ("35=W|55=AAA|269=0|270=3|269=1|270=2|", "crossed"),
        ("35=W|55=AAA|269=0|270=0|269=1|270=2|", "a price of 0"),
        ("35=W|55=AAA|269=0|270=x|269=1|270=2|", "“x” where a number belongs"),
        ("35=W|55=AAA|269=0|270=NaN|269=1|270=2|", "cannot be kept"),
        ("35=W|55=AAA|269=0|270=1|269=1|270=1000000000000|", "cannot be kept"),
        ("35=W|55=AAA|269=0|270=1|269=1|270=2|269=B|271=-5|", "cannot be kept"),
        ("35=W|nonsense|", "not tag=value"),
    ],
)
def test_what_no_quote_can_be_made_of_says_why(text, why):
    with pytest.raises(rules.Unusable, match=why):
        snapshot(text)


def test_halves_end_at_one():
    assert rules.halves(["a", "b", "c"]) == [["a"], ["b", "c"]]
    assert rules.halves(["a"]) == rules.halves([]) == []


@pytest.mark.parametrize(
    ("base", "quote", "days", "factor"),
    [
        (("2", 360), ("4", 360), 90, "1.004975124378"),
        (("4", 365), ("4", 360), 365, "1.000534188034"),
        (("0", 360), ("-0.75", 360), 30, "0.999375000000"),
        (("2", 360), ("4", 360), 0, "1.000000000000"),
        (("2", 360), ("4", 360), -1, "1.000000000000"),
    ],
)
def test_a_forward_is_spot_grown_by_both_interests(base, quote, days, factor):
    base, quote = (rules.Interest(Decimal(pct), year) for pct, year in (base, quote))
    assert rules.forward_factor(base, quote, days) == Decimal(factor)
