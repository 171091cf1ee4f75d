"""Instruments by what people call them, and dates by calendar."""

import csv
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.reference import rules, selectors
from apps.reference.models import Instrument, Issuer, SettlementCycle, SettlementHoliday, Venue

DEMO = Path(selectors.__file__).parent / "demo"

pytestmark = pytest.mark.django_db


@pytest.fixture
def calendars(firm):
    """The cycles and holidays of the demo's files."""
    SettlementCycle.objects.all().delete()
    SettlementHoliday.objects.all().delete()
    with (DEMO / "settlement_cycles.csv").open(encoding="utf-8", newline="") as file:
        SettlementCycle.objects.bulk_create(
            SettlementCycle(**row | {"effective_to": row["effective_to"] or None}) for row in csv.DictReader(file)
        )
    with (DEMO / "settlement_holidays.csv").open(encoding="utf-8", newline="") as file:
        SettlementHoliday.objects.bulk_create(
            SettlementHoliday(currency_id=row["currency"], date=row["date"], name=row["name"])
            for row in csv.DictReader(file)
            if row["currency"] in ("USD", "EUR", "GBP")
        )


class TestSettlementDates:
    @pytest.mark.parametrize(
        "trade_date, country, asset_class, currency, settles",
        [
            ((2026, 11, 23), "US", "EQUITY", "USD", (2026, 11, 24)),
            ((2026, 11, 20), "US", "EQUITY", "USD", (2026, 11, 23)),  # Over a weekend.
            ((2026, 11, 25), "US", "EQUITY", "USD", (2026, 11, 27)),  # Thanksgiving.
            ((2026, 11, 23), "US", "GOVT", "USD", (2026, 11, 24)),
            ((2026, 11, 23), "US", "FX", "EUR/USD", (2026, 11, 25)),
            ((2026, 11, 25), "US", "FX", "EUR/USD", (2026, 11, 30)),  # Thanksgiving is the dollar's, and counts for both.
            ((2026, 4, 30), "US", "FX", "EUR/USD", (2026, 5, 5)),  # The first of May is the euro's.
            ((2026, 11, 23), "DE", "EQUITY", "EUR", (2026, 11, 25)),
            ((2027, 10, 8), "DE", "EQUITY", "EUR", (2027, 10, 12)),  # The last Friday of T+2 …
            ((2027, 10, 11), "DE", "EQUITY", "EUR", (2027, 10, 12)),  # … meets the first Monday of T+1.
            ((2027, 10, 11), "GB", "EQUITY", "GBP", (2027, 10, 12)),
        ],
    )
    def test_follow_the_cycle_in_force(self, calendars, trade_date, country, asset_class, currency, settles):
        assert selectors.settlement_date(date(*trade_date), country, asset_class, currency) == date(*settles)

    @pytest.mark.parametrize("holiday", [date(2026, 10, 12), date(2026, 11, 11), date(2027, 10, 11), date(2027, 11, 11)])
    def test_columbus_and_veterans_day_trade_but_do_not_settle(self, calendars, holiday):
        before = max(d for n in range(1, 5) if (d := date.fromordinal(holiday.toordinal() - n)).weekday() < 5)
        after = min(d for n in range(1, 5) if (d := date.fromordinal(holiday.toordinal() + n)).weekday() < 5)

        assert selectors.is_session("XNYS", holiday)
        assert selectors.settlement_date(before, "US", "EQUITY", "USD") == after
        assert selectors.settlement_date(holiday, "US", "EQUITY", "USD") == after

    def test_good_friday_neither_trades_nor_settles(self, calendars):
        good_friday = date(2026, 4, 3)

        assert not selectors.is_session("XNYS", good_friday) and not selectors.is_session("XETR", good_friday)
        assert selectors.settlement_date(date(2026, 4, 1), "DE", "EQUITY", "EUR") == date(2026, 4, 7)  # Easter Monday too.

    def test_are_never_guessed_where_a_calendar_ends(self, calendars):
        with pytest.raises(rules.NoSettlementCalendar, match="holidays of USD are on file for 2028"):
            selectors.settlement_date(date(2027, 12, 31), "US", "EQUITY", "USD")

    def test_are_two_queries_for_any_number(self, calendars):
        wanted = [(date(2026, 11, n), c, "EQUITY", m) for n in range(2, 21) for c, m in (("US", "USD"), ("DE", "EUR"))]
        with CaptureQueriesContext(connection) as seen:
            assert len(selectors.settlement_dates(wanted)) == 38

        assert len(seen) == 2

    def test_days_between_are_the_columns_of_a_ladder(self, calendars):
        days = selectors.settlement_days_between(date(2026, 11, 10), date(2026, 11, 16), "USD")

        assert days == [date(2026, 11, 12), date(2026, 11, 13), date(2026, 11, 16)]


class TestTradeDates:
    @pytest.mark.parametrize(
        "mic, at, trade_date",
        [
            ("XNAS", datetime(2026, 11, 23, 15, tzinfo=UTC), date(2026, 11, 23)),
            ("XNAS", datetime(2026, 11, 24, 3, tzinfo=UTC), date(2026, 11, 23)),  # Still Monday in New York.
            ("XNAS", datetime(2026, 11, 26, 15, tzinfo=UTC), date(2026, 11, 27)),  # Thanksgiving.
            ("XETR", datetime(2026, 11, 26, 15, tzinfo=UTC), date(2026, 11, 26)),
            ("XETR", datetime(2026, 11, 28, 15, tzinfo=UTC), date(2026, 11, 30)),
        ],
    )
    def test_are_local_days_on_which_the_venue_trades(self, firm, mic, at, trade_date):
        assert selectors.trade_date_for(mic, at) == trade_date

    def test_of_many_venues_are_one_query(self, firm):
        ids = list(Venue.objects.values_list("pk", flat=True))
        with CaptureQueriesContext(connection) as seen:
            selectors.trade_dates(ids, datetime(2026, 11, 23, 15, tzinfo=UTC))

        assert len(seen) == 1


class TestInstruments:
    def test_are_meant_by_symbol_or_identifier_in_any_case(self, firm):
        found = selectors.resolve_instruments([" aaa ", "US0378331005", "nothing", "", None])

        aaa = firm.instruments["AAA"]
        assert found == {"AAA": [aaa], "US0378331005": [aaa], "NOTHING": []}

    def test_an_isin_listed_twice_gives_both_for_the_asker_to_refuse(self, firm):
        aaa = firm.instruments["AAA"]
        twin = Instrument.objects.create(
            symbol="AAA.DE", name="AAA in Frankfurt", asset_class="EQUITY", isin=aaa.isin, issuer=aaa.issuer,
            currency_id="EUR", venue=Venue.objects.get(mic="XETR"), country="DE", sector="x",
        )  # fmt: skip

        assert set(selectors.resolve_instruments([aaa.isin])[aaa.isin]) == {aaa, twin}

    def test_that_are_not_active_are_not_found(self, firm):
        Instrument.objects.filter(symbol="AAA").update(is_active=False)

        assert selectors.resolve_instruments(["AAA"]) == {"AAA": []}
        assert not selectors.find_instruments("aaa").exists()

    def test_are_one_query_for_any_number_of_values(self, firm):
        with CaptureQueriesContext(connection) as seen:
            selectors.resolve_instruments([f"X{n}" for n in range(500)] + ["AAA"])

        assert len(seen) == 1

    def test_are_searched_by_a_part_of_the_name(self, firm):
        assert [i.symbol for i in selectors.find_instruments("beta")] == ["BBB"]


class TestIssuers:
    def test_daughters_count_with_their_ultimate_parent(self, firm):
        alpha, gamma = (firm.instruments[s].issuer_id for s in ("AAA", "CCC"))
        grand = Issuer.objects.create(code="G", name="G", country="US", sector="x", parent_id=gamma)

        groups = selectors.issuer_groups()
        assert groups[alpha] == groups[gamma] == groups[grand.pk] == alpha
        assert selectors.is_within(alpha, grand.pk) and not selectors.is_within(grand.pk, alpha)

    def test_a_circle_is_said_to_be_one(self, firm):
        alpha, gamma = (firm.instruments[s].issuer_id for s in ("AAA", "CCC"))
        Issuer.objects.filter(pk=alpha).update(parent=gamma)

        with pytest.raises(ValueError, match="its own ancestor"):
            selectors.issuer_groups()
