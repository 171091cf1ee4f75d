"""Clocks of ownership reports, at their exact edges."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from apps.surveillance.rules import (
    ACTIVE,
    EXEMPT,
    PASSIVE,
    QII,
    Held,
    Last,
    after,
    due_on,
    is_last_session,
    large_trader,
    month_end,
)

D = Decimal
HOLIDAYS = {date(2026, 1, 1), date(2026, 7, 3), date(2026, 11, 26), date(2026, 12, 25)}
MARCH, APRIL, MAY = date(2026, 3, 31), date(2026, 4, 30), date(2026, 5, 29)


def is_session(day: date) -> bool:
    return day.weekday() < 5 and day not in HOLIDAYS


def held(pct, country="US", kind="EQUITY", value=None) -> Held:
    return Held(1, "AAA", country, kind, D(str(pct)) * 1000, D(100_000), value)


def due(day, one, filer=QII, before=None, form=None):
    last = {} if before is None else {(form or ("13D" if filer == ACTIVE else "13G"), 1): Last(Fraction(str(before)), date(2026, 1, 2))}
    return [(d.form, d.threshold, d.due_on) for d in due_on(day, [one], last, filer, is_session)]


class TestQualifiedInstitution:
    @pytest.mark.parametrize(
        ("day", "pct", "before", "expected"),
        [
            (MARCH, "5", None, []),
            (MARCH, "5.001", None, [("13G", 5, date(2026, 5, 15))]),
            (APRIL, "5.001", None, []),  # No quarter ends.
            (date(2026, 3, 30), "6", None, []),  # Nor here.
            (APRIL, "10", None, []),
            (APRIL, "10.001", None, [("13G", 10, date(2026, 5, 7))]),
            (MARCH, "10.001", None, [("13G", 10, date(2026, 4, 7))]),
            (MARCH, "6.999", "6", []),
            (MARCH, "7", "6", [("13G", 1, date(2026, 5, 15))]),  # A material change, by quarter.
            (APRIL, "7", "6", []),
            (MARCH, "5", "5.5", [("13G", 5, date(2026, 5, 15))]),
            (MARCH, "5.001", "5.5", []),
            (APRIL, "10.001", "6", [("13G", 10, date(2026, 5, 7))]),
            (APRIL, "16", "11", []),
            (APRIL, "16.001", "11", [("13G", 10, date(2026, 5, 7))]),
            (APRIL, "5.999", "11", [("13G", 10, date(2026, 5, 7))]),
            (MARCH, "6", "4", [("13G", 5, date(2026, 5, 15))]),  # It had fallen under.
        ],
    )
    def test_by_quarter_and_month(self, day, pct, before, expected):
        assert due(day, held(pct), QII, before) == expected


class TestByTheDay:
    @pytest.mark.parametrize(
        ("filer", "pct", "before", "expected"),
        [
            (PASSIVE, "5", None, []),
            (PASSIVE, "5.001", None, [("13G", 5, date(2026, 4, 20))]),
            (PASSIVE, "10", "6", []),
            (PASSIVE, "10.001", "6", [("13G", 10, date(2026, 4, 15))]),
            (PASSIVE, "15.5", "10.5", []),
            (PASSIVE, "15.501", "10.5", [("13G", 10, date(2026, 4, 15))]),
            (ACTIVE, "5", None, []),
            (ACTIVE, "5.001", None, [("13D", 5, date(2026, 4, 20))]),
            (ACTIVE, "6.999", "6", []),
            (ACTIVE, "7", "6", [("13D", 1, date(2026, 4, 15))]),
            (ACTIVE, "5", "6", [("13D", 1, date(2026, 4, 15))]),
            (EXEMPT, "20", None, []),
            (EXEMPT, "20", "6", []),
        ],
    )
    def test_of_others(self, filer, pct, before, expected):
        assert due(date(2026, 4, 13), held(pct), filer, before) == expected

    @pytest.mark.parametrize(
        ("pct", "before", "expected"),
        [
            ("5", None, []), ("5.001", None, [("13G", 5, date(2026, 5, 15))]), ("5.9", "5.5", []),
            ("6.5", "5.5", [("13G", 1, date(2026, 5, 15))]),
        ],
    )  # fmt: skip
    def test_of_exempt_investors_by_quarter(self, pct, before, expected):
        assert due(MARCH, held(pct), EXEMPT, before) == expected

    def test_holidays_are_no_business_days(self):
        assert due(date(2026, 11, 25), held("6"), ACTIVE) == [("13D", 5, date(2026, 12, 3))]


class TestEurope:
    @pytest.mark.parametrize(
        ("country", "pct", "before", "expected"),
        [
            ("DE", "4.999", None, []),
            ("DE", "5", None, [("TR-1", 5, date(2026, 4, 17))]),
            ("DE", "9.999", "5", []),
            ("DE", "31", "5", [("TR-1", 30, date(2026, 4, 17))]),
            ("DE", "4.9", "5", [("TR-1", 5, date(2026, 4, 17))]),
            ("GB", "2.999", None, []),
            ("GB", "3", None, [("TR-1", 3, date(2026, 4, 15))]),
            ("GB", "3.999", "3", []),
            ("GB", "4", "3", [("TR-1", 4, date(2026, 4, 15))]),
            ("GB", "2.9", "3", [("TR-1", 3, date(2026, 4, 15))]),
            ("JP", "20", None, []),
        ],
    )
    def test_thresholds_are_reached_by_their_number(self, country, pct, before, expected):
        assert due(date(2026, 4, 13), held(pct, country), before=before, form="TR-1") == expected


class TestRights:
    """100,000 are outstanding."""

    def test_calls_count_within_sixty_days_in_the_united_states(self):
        one = held("4")._replace(calls_soon=D(1_000), calls=D(9_000))
        assert due(MARCH, one, ACTIVE) == []  # 5% is not above 5%.
        (found,) = due_on(MARCH, [one._replace(calls_soon=D(1_001))], {}, ACTIVE, is_session)
        assert found.text == "13D: the firm holds 5.001% of AAA, 4% by shares and the rest by calls and convertible bonds."

    def test_what_bonds_turn_into_is_deemed_outstanding(self):
        one = held("0")._replace(converts=D(5_263))
        assert one.owned_pct == Fraction(5_263 * 100, 105_263) < 5
        assert due(MARCH, one, ACTIVE) == [] and due(MARCH, one._replace(converts=D(5_264)), ACTIVE) != []

    def test_europe_counts_whatever_refers_to_them_and_shares_alone(self):
        one = held("4", "DE")._replace(calls=D(1_000))
        (found,) = due_on(MARCH, [one], {}, QII, is_session)
        assert (found.pct, found.direct_pct, found.threshold, found.source) == (5, 4, 5, "2004/109/EC Art. 9(1), 12(2), 13a")
        last = {("TR-1", 1): Last(found.pct, MARCH, found.direct_pct)}
        assert due_on(MARCH, [one], last, QII, is_session) == []
        (exercised,) = due_on(MARCH, [held("5", "DE")], last, QII, is_session)  # Nothing more together, but 5% by shares alone.
        assert exercised.threshold == 5 and exercised.source == "2004/109/EC Art. 9(1), 12(2)"

    def test_a_number_just_beside_a_whole_one_does_not_read_like_it(self):
        (found,) = due_on(MARCH, [held("5.0000017")._replace(shares=D(100_000))], {}, ACTIVE, is_session)
        assert found.text == "13D: the firm holds 5.000002% of AAA."


class TestFirm:
    @pytest.mark.parametrize(("value", "n"), [("99999999.99", 0), ("100000000", 1)])
    def test_13f_at_a_quarters_end(self, value, n):
        found = due_on(MARCH, [held("1", value=D(value))], {}, QII, is_session)
        assert [(d.form, d.due_on) for d in found] == [("13F", date(2026, 5, 15))] * n
        assert due_on(APRIL, [held("1", value=D(value))], {}, QII, is_session) == []

    @pytest.mark.parametrize(
        ("day", "months", "expected"),
        [
            (MARCH, {date(2025, 5, 30): "100000000", date(2025, 12, 31): "1"}, ["at the end of May 2025"]),
            (MARCH, {date(2025, 12, 31): "99999999"}, []),
            (MARCH, {date(2026, 1, 30): "100000000", date(2025, 12, 31): "1"}, []),  # That decides from December on.
            (date(2026, 12, 31), {date(2026, 1, 30): "100000000"}, ["at the end of January 2026"]),
            (date(2026, 12, 31), {date(2025, 12, 31): "100000000"}, []),
            (date(2026, 12, 30), {date(2026, 1, 30): "100000000"}, []),
        ],
    )
    def test_13f_for_a_year_in_which_any_month_ended_with_as_much(self, day, months, expected):
        held_then = {on: D(worth) for on, worth in months.items()}
        found = due_on(day, [held("1", value=D(5))], {}, QII, is_session, held_then)
        said = "13F: the firm held USD 100,000,000 of section 13(f) securities "
        assert [d.text.removeprefix(said).rstrip(".") for d in found] == expected

    def test_13f_counts_listed_shares_and_funds_of_the_united_states(self):
        rows = [held("1", "DE", value=D(10**9)), held("1", kind="CORP", value=D(10**9)), held("1", kind="ETF", value=D(10**8))]
        assert [d.form for d in due_on(MARCH, rows, {}, QII, is_session)] == ["13F"]
        assert due_on(MARCH, rows[:2], {}, QII, is_session) == []

    def test_13f_of_a_quarter_once(self):
        last = {("13F", None): Last(Fraction(0), MARCH)}
        assert due_on(MARCH, [held("1", value=D(10**9))], last, QII, is_session) == []

    @pytest.mark.parametrize(
        ("numbers", "n"),
        [
            ((1_999_999, 19_999_999, 19_999_999, 199_999_999), 0), ((2_000_000, 0, 0, 0), 1), ((0, 20_000_000, 0, 0), 1),
            ((0, 0, 20_000_000, 0), 1), ((0, 0, 0, 200_000_000), 1),
        ],
    )  # fmt: skip
    def test_large_traders_once(self, numbers, n):
        numbers = [D(number) for number in numbers]
        found = large_trader(MARCH, *numbers, None)
        assert [(d.form, d.due_on) for d in found] == [("13H", date(2026, 4, 10))] * n
        assert large_trader(MARCH, *numbers, Last(Fraction(0), MARCH)) == []


def test_what_is_not_on_file_or_no_share_starts_no_clock():
    assert due_on(MARCH, [held("50")._replace(shares=None), held("50", kind="CORP")], {}, ACTIVE, is_session) == []


@pytest.mark.parametrize(
    ("day", "is_last"), [(MARCH, True), (date(2026, 3, 30), False), (MAY, True), (date(2026, 5, 30), False), (date(2026, 5, 28), False)]
)
def test_the_last_session_of_a_month(day, is_last):
    assert is_last_session(day, is_session) == is_last


def test_days():
    assert [month_end(date(2028, m, 5)) for m in (1, 2, 4, 12)] == [date(2028, m, d) for m, d in ((1, 31), (2, 29), (4, 30), (12, 31))]
    assert after(date(2026, 11, 25), 1, is_session) == date(2026, 11, 27)
