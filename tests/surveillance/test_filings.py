"""Reports to authorities: their clocks start with the day's report, once, and end with what an officer says."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import ClassVar

import pytest
from django.test import Client
from django.urls import reverse

from apps.core.refusals import IllegalMove, Invalid, NotAllowed
from apps.reference.models import Instrument
from apps.surveillance import selectors, services
from apps.surveillance.models import Filing, MonthEnd

D = Decimal
MONDAY = datetime(2026, 11, 30, 22, 5, tzinfo=UTC)
TUESDAY = datetime(2026, 12, 1, 22, 5, tzinfo=UTC)


@pytest.fixture
def of_all(firm):
    """``of_all(3_000_000)``: so many of AAA are outstanding, of which the firm holds 150,000."""
    return lambda shares: Instrument.objects.filter(symbol="AAA").update(shares_outstanding=shares)


@pytest.fixture
def daily(settings):
    settings.OWNERSHIP_FILER = "PASSIVE"


class TestClocks:
    @pytest.mark.parametrize(("shares", "n"), [(3_000_000, 0), (2_999_999, 1)])
    def test_more_than_five_percent_of_all_portfolios_together(self, daily, of_all, report, shares, n):
        of_all(shares)
        report(MONDAY)

        found = list(Filing.objects.filter(form="13G"))
        assert len(found) == n
        if n:
            assert (found[0].instrument.symbol, found[0].threshold, found[0].due_on.isoformat()) == ("AAA", 5, "2026-12-07")
            assert found[0].text == "13G: the firm holds 5.000002% of AAA." and found[0].source == "17 CFR 240.13d-1(c)"

    def test_start_once_however_often_and_long(self, daily, of_all, report):
        of_all(2_000_000)
        report(MONDAY)
        report(MONDAY)
        report(TUESDAY)
        assert Filing.objects.filter(form="13G").count() == 1

    def test_start_again_where_it_moves_on(self, daily, of_all, report, trade):
        of_all(2_000_000)
        report(MONDAY)
        trade("P1", "AAA", 60_000)
        report(TUESDAY)
        texts = list(Filing.objects.filter(form="13G").order_by("pk").values_list("text", flat=True))
        assert texts == ["13G: the firm holds 7.5% of AAA.", "13G/A: the firm holds 7.5% → 10.5% of AAA."]

    def test_directive_in_europe(self, firm, report):
        Instrument.objects.filter(symbol="BBB").update(shares_outstanding=600_000)
        report(MONDAY)
        (found,) = Filing.objects.filter(form="TR-1")
        assert (found.pct, found.threshold, found.source) == (5, 5, "2004/109/EC Art. 9(1), 12(2)")

    def test_what_the_firm_holds_is_read_with_its_worth(self, firm):
        held = {one.symbol: one for one in selectors.held_by_the_firm(MONDAY.date())}
        assert set(held) == {"AAA", "BBB", "CCC"}
        assert (held["AAA"].qty, held["AAA"].value, held["BBB"].value) == (150_000, 7_500_000, Decimal("2640000"))


class TestRights:
    @pytest.fixture
    def right(self, firm, trade):
        """``right("OPTION", ...)``: ten of an instrument on BBB that nobody holds any share of are held."""

        def make(kind, held=10, **terms):
            share = Instrument.objects.get(symbol="CCC")
            row = Instrument.objects.get(symbol="AAA")
            row.pk, row.symbol, row.isin, row.asset_class, row.underlying = None, kind + str(len(terms)), "", kind, share
            row.maturity_date = MONDAY.date() + timedelta(days=61)
            for name, value in terms.items():
                setattr(row, name, value)
            row.save()
            firm.instruments[row.symbol] = row
            trade("P1", row.symbol, held)
            return row

        return make

    CALL: ClassVar = {"strike_price": D(10), "put_or_call": "CALL", "price_factor": D(100)}

    def read(self, day=MONDAY):
        one = next(one for one in selectors.held_by_the_firm(day.date()) if one.symbol == "CCC")
        return int(one.calls_soon), int(one.calls), int(one.converts)

    @pytest.mark.parametrize(
        ("terms", "day", "expected"),
        [
            ({}, MONDAY, (1000, 1000, 0)),  # Without a CFI code: as if it were American.
            ({"cfi_code": "OCASPS"}, MONDAY, (1000, 1000, 0)),
            ({"cfi_code": "OCESPS"}, MONDAY, (0, 1000, 0)),
            ({"cfi_code": "OCESPS"}, TUESDAY, (1000, 1000, 0)),  # Sixty days before it may be exercised.
            ({"put_or_call": "PUT"}, MONDAY, (0, 0, 0)),
            ({"maturity_date": date(2026, 11, 29)}, MONDAY, (0, 0, 0)),
        ],
    )
    def test_calls(self, right, terms, day, expected):
        right("OPTION", **self.CALL | terms)
        assert self.read(day) == expected

    def test_convertible_bonds_by_their_ratio(self, right, omar):
        bond = right("CORP", 20_000, conversion_ratio=D("12.5"))
        assert self.read() == (0, 0, 250) and selectors.uncounted_convertibles() == []
        Instrument.objects.filter(pk=bond.pk).update(conversion_ratio=None)
        assert self.read() == (0, 0, 0)
        client = Client()
        client.force_login(omar)
        assert f"{bond.symbol}: reference data do not say" in client.get(reverse("surveillance:days")).content.decode()


class TestMonths:
    def test_a_month_that_ended_above_decides_for_the_next_year(self, firm, report):
        report(MONDAY)
        (row,) = MonthEnd.objects.all()
        assert (row.date, row.worth) == (MONDAY.date(), selectors.rules.worth_13f(selectors.held_by_the_firm(MONDAY.date())))
        report(MONDAY)
        report(TUESDAY)
        assert MonthEnd.objects.count() == 1
        MonthEnd.objects.update(worth=D(100_000_000))
        report(datetime(2026, 12, 31, 22, 5, tzinfo=UTC))
        assert Filing.objects.get(form="13F").text.endswith("at the end of November 2026.")


class TestWhatBecomesOfThem:
    @pytest.fixture
    def due(self, daily, of_all, report) -> Filing:
        of_all(2_000_000)
        report(MONDAY)
        return Filing.objects.get(form="13G")

    def test_made_by_a_reference(self, due, omar, by):
        services.filing_made(by(omar), due.pk, "0001193125-26-000001", seen={due.pk: 1})
        due.refresh_from_db()
        assert (due.status, due.reference, due.ended_by, due.version) == ("MADE", "0001193125-26-000001", omar, 2)
        with pytest.raises(IllegalMove):
            services.filing_not_needed(by(omar, "x"), due.pk, seen={due.pk: 2})

    def test_not_needed_for_a_reason_and_not_asked_again(self, due, omar, by, report):
        services.filing_not_needed(by(omar, "No discretion over P1."), due.pk, seen={due.pk: 1})
        report(TUESDAY)
        assert list(Filing.objects.filter(form="13G").values_list("status", flat=True)) == ["NOT_NEEDED"]

    def test_bad_input_and_other_people_are_refused(self, due, omar, mira, by):
        with pytest.raises(Invalid, match="Give the reference"):
            services.filing_made(by(omar), due.pk, " ", seen={due.pk: 1})
        with pytest.raises(Invalid, match="Say why"):
            services.filing_not_needed(by(omar), due.pk, seen={due.pk: 1})
        with pytest.raises(services.StaleFiling):
            services.filing_made(by(omar), due.pk, "1", seen={due.pk: 7})
        with pytest.raises(NotAllowed):
            services.filing_made(by(mira), due.pk, "1", seen={due.pk: 1})
        due.refresh_from_db()
        assert due.status == "DUE"

    def test_on_the_page_and_over_the_api(self, due, omar):
        client = Client()
        client.force_login(omar)
        assert "13G: the firm holds 7.5% of AAA." in client.get(reverse("surveillance:days")).content.decode()
        (row,) = client.get("/api/v1/filings/?form=13G").json()["results"]
        assert (row["symbol"], row["due_on"], row["status"]) == ("AAA", "2026-12-07", "DUE")
        said = {"seen": f"{due.pk}:1", "how": "made", "said": "0001"}
        assert client.post(reverse("surveillance:filing", args=[due.pk]), said).status_code == 302
        page = client.get(reverse("surveillance:days")).content.decode()
        assert "0001" in page and "Made" in page
        assert client.post(reverse("surveillance:filing", args=[due.pk]), {**said, "how": "dance"}).status_code == 422

    def test_a_refusal_stands_beside_the_filing_with_what_was_typed(self, due, omar):
        client = Client()
        client.force_login(omar)
        address = reverse("surveillance:filing", args=[due.pk])
        page = client.post(address, {"seen": f"{due.pk}:1", "how": "made", "said": "A" * 101})
        assert page.status_code == 422 and "A" * 101 in page.content.decode() and "at most 100 characters" in page.content.decode()
        assert client.post(address, {"seen": f"{due.pk}:9", "how": "made", "said": "7"}).status_code == 409
