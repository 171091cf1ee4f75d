"""Questions about prices."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.marketdata import selectors, services
from apps.marketdata.models import Bar, FxRate
from apps.reference.models import Currency

D = Decimal
T0 = datetime(2026, 11, 23, 15, 0, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


class TestIntervalVwaps:
    @pytest.fixture
    def aaa(self, firm, settings) -> int:
        settings.BAR_SECONDS = 5
        instrument = firm.instruments["AAA"]
        for second, volume, price in ((0, 100, 50), (5, 300, 52), (10, 100, 60)):
            Bar.objects.create(
                instrument=instrument, at=at(second), open=price, high=price, low=price, close=price, volume=volume,
                turnover=volume * price,
            )  # fmt: skip
        return instrument.pk

    def test_weigh_prices_by_volume_over_the_bars_that_overlap(self, aaa):
        wanted = [(aaa, at(0), at(9)), (aaa, at(5), at(20)), (aaa, at(7), at(8)), (aaa, at(0), at(60))]

        found = selectors.interval_vwaps(wanted)

        assert [found[w] for w in wanted] == [D("51.5"), D(54), D(52), D("53.2")]

    def test_an_interval_without_trading_is_absent(self, aaa, firm):
        nothing = [(aaa, at(15), at(30)), (firm.instruments["BBB"].pk, at(0), at(30)), (aaa, at(-9), at(-1))]

        assert selectors.interval_vwaps(nothing) == {}
        assert selectors.interval_vwaps([]) == {}

    def test_are_one_query_whatever_their_number(self, aaa):
        wanted = [(aaa, at(n), at(n + 5)) for n in range(50)]
        with CaptureQueriesContext(connection) as seen:
            selectors.interval_vwaps(wanted)

        assert len(seen) == 1


class TestRates:
    @pytest.fixture(autouse=True)
    def _rates(self, firm):
        FxRate.objects.all().delete()
        for code in ("JPY", "SEK"):
            Currency.objects.create(code=code, name=code, minor_units=0)
        services.record_rates(
            [("EUR", "USD", D("1.25"), at(3)), ("USD", "JPY", D(160), at(1)), ("GBP", "USD", D("1.5"), at(2))]
        )

    def test_come_as_quoted_or_inverted(self):
        assert selectors.fx_rates("USD") == {
            "USD": (1, at(3)), "EUR": (D("1.25"), at(3)), "JPY": (D("0.00625"), at(1)), "GBP": (D("1.5"), at(2)),
        }  # fmt: skip

    def test_cross_through_the_dollar_with_the_older_time(self):
        into = selectors.fx_rates("EUR")

        assert into["USD"] == (D("0.8"), at(3))
        assert into["GBP"] == (D("1.20"), at(2))
        assert into["JPY"] == (D("0.005"), at(1))
        assert into["EUR"][0] == 1 and "SEK" not in into

    def test_of_two_ways_the_newer_counts(self):
        services.record_rates([("USD", "EUR", D("0.5"), at(9))])

        assert selectors.fx_rates("USD")["EUR"] == (D(2), at(9))

    def test_without_any_only_the_currency_itself_is_known(self):
        FxRate.objects.all().delete()

        into = selectors.fx_rates("USD")
        assert (list(into), into["USD"][0]) == (["USD"], 1)
        assert into["USD"][1].tzinfo is not None


def test_quotes_and_volumes_of_some_or_of_all(firm):
    aaa = firm.instruments["AAA"].pk

    assert len(selectors.quotes_of()) == len(selectors.average_volumes()) == 5
    assert selectors.quotes_of([aaa, 0])[aaa].mid == 50
    assert selectors.average_volumes([aaa]) == {aaa: (D(1_000_000), D("0.25"))}
