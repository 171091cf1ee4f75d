"""Quotes, bars and rates as they are kept."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.marketdata import services
from apps.marketdata.models import Bar, FxRate, Quote
from apps.marketdata.services import Tick

D = Decimal
T0 = datetime(2026, 11, 23, 15, 0, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def aaa(firm) -> int:
    Quote.objects.all().delete()
    return firm.instruments["AAA"].pk


def tick(instrument: int, seconds: float, volume: int, last: str = "50", turnover: str | None = None) -> Tick:
    price = D(last)
    return Tick(
        instrument, price - D("0.01"), price + D("0.01"), price, D(volume),
        D(turnover) if turnover else volume * price, T0 + timedelta(seconds=seconds),
    )  # fmt: skip


def record(*ticks: Tick, source: str = "SIMX") -> None:
    services.record_ticks(ticks, source, bar_seconds=5)


def bars() -> list[tuple[int, Decimal, Decimal]]:
    """(second after T0, volume, turnover) of each bar."""
    return [
        (int((at - T0).total_seconds()), volume, turnover)
        for at, volume, turnover in Bar.objects.order_by("at").values_list("at", "volume", "turnover")
    ]


class TestTicks:
    def test_the_first_of_a_source_makes_a_quote_and_no_bar(self, aaa):
        record(tick(aaa, 0, 900))

        assert (Quote.objects.get().volume, bars()) == (900, [])

    def test_what_traded_since_the_last_goes_into_the_bar_of_its_time(self, aaa):
        record(tick(aaa, 0, 900))
        record(tick(aaa, 3, 1000))
        record(tick(aaa, 4, 1010))
        record(tick(aaa, 7, 1500))

        assert bars() == [(0, 110, 5500), (5, 490, 24500)]

    def test_several_of_one_instrument_in_a_batch_are_taken_in_order(self, aaa):
        record(tick(aaa, 0, 100))
        record(tick(aaa, 3, 300, "52", "15200"), tick(aaa, 1, 200, "51", "10100"), tick(aaa, 2, 200, "49", "10100"))

        bar = Bar.objects.get()
        assert (bar.open, bar.high, bar.low, bar.close) == (51, 52, 51, 52)
        assert (bar.volume, bar.turnover) == (200, 10200)
        assert (Quote.objects.get().last, Quote.objects.get().at) == (52, T0 + timedelta(seconds=3))

    def test_an_older_one_moves_nothing_back_and_trades_nothing(self, aaa):
        record(tick(aaa, 0, 900))
        record(tick(aaa, 9, 1000))
        record(tick(aaa, 4, 950, "45"), tick(aaa, 2, 5, "44"))

        quote = Quote.objects.get()
        assert (quote.last, quote.volume, quote.at) == (50, 1000, T0 + timedelta(seconds=9))
        assert bars() == [(5, 100, 5000)]

    def test_a_lower_volume_is_a_new_day_and_all_of_it_is_new(self, aaa):
        record(tick(aaa, 0, 900))
        record(tick(aaa, 1, 950))
        record(tick(aaa, 2, 30))
        record(tick(aaa, 3, 40))

        assert bars() == [(0, 90, 4500)]

    def test_a_repeat_trades_nothing(self, aaa):
        record(tick(aaa, 0, 900))
        record(tick(aaa, 1, 950))
        record(tick(aaa, 1, 950))

        assert bars() == [(0, 50, 2500)]

    def test_figures_of_two_sources_are_not_subtracted(self, aaa):
        record(tick(aaa, 0, 100), source="opening")
        record(tick(aaa, 1, 70_000))
        record(tick(aaa, 2, 70_001))

        assert (bars(), Quote.objects.get().source) == ([(0, 1, 50)], "SIMX")

    def test_statements_do_not_grow_with_the_number_of_ticks(self, firm):
        ids = [i.pk for i in firm.instruments.values()]
        counts = []
        for many in (ids[:1], ids * 20):
            with CaptureQueriesContext(connection, ) as seen:
                record(*(tick(pk, n, 10 + n) for n, pk in enumerate(many)))
            counts.append(len([q for q in seen if "SAVEPOINT" not in q["sql"]]))

        assert counts == [2, 2]

    def test_none_is_nothing(self, aaa):
        record()

        assert Quote.objects.count() == 0


class TestRates:
    def test_the_newest_of_a_batch_is_kept_and_never_an_older_one(self, firm):
        soon = datetime.now(UTC) + timedelta(seconds=1)
        services.record_rates([("EUR", "USD", D("1.2"), soon), ("EUR", "USD", D("1.3"), soon - timedelta(seconds=9))])
        services.record_rates([("EUR", "USD", D("1.4"), soon - timedelta(seconds=5))])

        assert FxRate.objects.get(base="EUR").rate == D("1.2")
        assert FxRate.objects.get(base="GBP").rate == D("1.3")


def test_old_bars_are_dropped_and_newer_ones_stay(aaa):
    record(tick(aaa, 0, 1))
    record(tick(aaa, 1, 2))
    record(tick(aaa, 60, 3))

    assert services.drop_old_bars(T0 + timedelta(seconds=30)) == 1
    assert bars() == [(60, 1, 50)]
