"""Closes: kept once a session is over, from what was quoted in it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.marketdata import rules, selectors, services
from apps.marketdata.models import Close, FxRate, Quote, RateClose
from apps.reference import selectors as reference

D = Decimal
OPEN = datetime(2026, 11, 24, 20, 59, tzinfo=UTC)  # Tuesday, 15:59 in New York; Frankfurt has closed at 16:00 local.
SHUT = datetime(2026, 11, 24, 21, 1, tzinfo=UTC)
LATE = datetime(2026, 11, 24, 22, 1, tzinfo=UTC)  # 17:01 in New York.


@pytest.mark.parametrize(
    ("at", "day", "ended"),
    [
        (datetime(2026, 11, 24, 21, 59, tzinfo=UTC), date(2026, 11, 24), None),
        (datetime(2026, 11, 24, 22, 0, tzinfo=UTC), date(2026, 11, 24), date(2026, 11, 24)),
        (datetime(2026, 11, 25, 4, 59, tzinfo=UTC), date(2026, 11, 24), date(2026, 11, 24)),
        (datetime(2026, 11, 25, 5, 0, tzinfo=UTC), date(2026, 11, 25), None),
        (datetime(2026, 11, 28, 23, 0, tzinfo=UTC), date(2026, 11, 30), None),  # Saturday
        (datetime(2026, 7, 24, 21, 0, tzinfo=UTC), date(2026, 7, 24), date(2026, 7, 24)),  # Summer time
    ],
)
def test_the_day_of_rates_ends_at_five_in_new_york(at, day, ended):
    assert (rules.rate_day(at), rules.rate_day_ended(at)) == (day, ended)


@pytest.fixture
def quoted(firm):
    Quote.objects.update(at=OPEN - timedelta(hours=5))
    FxRate.objects.update(at=OPEN)
    return firm


def closes() -> dict[str, tuple[date, Decimal]]:
    return {symbol: (on, price) for symbol, on, price in Close.objects.values_list("instrument__symbol", "date", "price")}


def test_are_kept_when_each_venue_has_closed(quoted):
    services.store_closes(OPEN)
    assert closes() == {"BBB": (date(2026, 11, 24), D(80))}

    services.store_closes(SHUT)
    assert closes()["AAA"] == (date(2026, 11, 24), D(50)) and len(closes()) == 5
    assert not RateClose.objects.exists()


def test_are_kept_once(quoted):
    services.store_closes(SHUT)
    quoted.quote("AAA", "51", at=LATE)

    assert services.store_closes(LATE) == 2  # The two rates.
    assert closes()["AAA"] == (date(2026, 11, 24), D(50))
    assert set(RateClose.objects.values_list("base_id", "date", "rate")) == {
        ("EUR", date(2026, 11, 24), D("1.10")), ("GBP", date(2026, 11, 24), D("1.30")),
    }  # fmt: skip
    with CaptureQueriesContext(connection) as seen:
        assert services.store_closes(LATE) == 0
    assert len(seen) == 5  # Venues, closes, rates, and the savepoint around them.


def test_no_session_no_close(quoted):
    holiday = datetime(2026, 11, 26, 22, 30, tzinfo=UTC)  # Thanksgiving
    Quote.objects.update(at=holiday)

    services.store_closes(holiday)

    assert set(closes()) == {"BBB"}


def test_what_was_not_quoted_in_the_session_has_no_close(quoted):
    Quote.objects.filter(instrument__symbol="AAA").update(at=OPEN - timedelta(days=1))

    services.store_closes(SHUT)

    assert set(closes()) == {"BBB", "CCC", "BOND", "TSY"}


def test_the_last_before_a_day_is_found_with_its_rates(firm):
    aaa = firm.instruments["AAA"].pk
    monday, tuesday = date(2026, 11, 23), date(2026, 11, 24)
    services.record_closes(
        [(aaa, monday, D(49)), (aaa, tuesday, D(50))],
        [("EUR", "USD", monday, D("1.08")), ("EUR", "USD", tuesday, D("1.09")), ("GBP", "USD", monday, D("1.35"))],
    )

    assert selectors.closes_before({aaa: tuesday, firm.instruments["BBB"].pk: tuesday}) == {aaa: (monday, D(49))}
    assert selectors.closing_rates_before(tuesday) == {"EUR": D("1.08"), "GBP": D("1.35"), "USD": D(1)}
    assert selectors.closing_rates_before(date(2026, 11, 25), "EUR")["GBP"] == D("1.35") / D("1.09")


def test_the_session_before_skips_what_is_no_session(firm):
    friday = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)  # After Thanksgiving.
    before = reference.previous_sessions(friday)

    assert before[firm.instruments["AAA"].venue_id] == date(2026, 11, 25)
    assert before[firm.instruments["BBB"].venue_id] == date(2026, 11, 26)
