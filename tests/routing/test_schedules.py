"""When sessions are open, in time zones whose clocks change."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.routing.rules.schedules import Period, Schedule, next_opening, period_at, schedule_problems, schedule_words


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


DAILY = Schedule(time(7), time(17, 30), "Europe/London", "01234", None, None)
NIGHT = Schedule(time(18), time(17), "America/New_York", "01236", None, None)
ALWAYS = Schedule(time(0), time(0), "UTC", "", 6, 6)
WEEK = Schedule(time(18), time(17), "America/New_York", "", 6, 4)


class TestOpen:
    @pytest.mark.parametrize(
        ("schedule", "when", "opens", "closes"),
        [
            (DAILY, "2026-11-30 07:00", "2026-11-30 07:00", "2026-11-30 17:30"),
            (DAILY, "2026-11-30 17:29:59", "2026-11-30 07:00", "2026-11-30 17:30"),
            (DAILY, "2026-07-01 06:00", "2026-07-01 06:00", "2026-07-01 16:30"),  # Summer time.
            (DAILY, "2026-10-26 07:00", "2026-10-26 07:00", "2026-10-26 17:30"),  # Clocks went back the day before.
            (NIGHT, "2026-11-30 00:00", "2026-11-29 23:00", "2026-11-30 22:00"),
            (NIGHT, "2026-03-08 22:30", "2026-03-08 22:00", "2026-03-09 21:00"),  # Clocks went forward on it.
            (WEEK, "2026-12-02 12:00", "2026-11-29 23:00", "2026-12-04 22:00"),
            (ALWAYS, "2026-11-29 00:00", "2026-11-29 00:00", "2026-12-06 00:00"),
            (ALWAYS, "2026-11-28 23:59:59", "2026-11-22 00:00", "2026-11-29 00:00"),
        ],
    )
    def test_at_its_edges_and_in_between(self, schedule, when, opens, closes):
        assert period_at(schedule, at(when)) == Period(at(opens), at(closes))

    @pytest.mark.parametrize(
        ("schedule", "when", "then"),
        [
            (DAILY, "2026-11-30 17:30", "2026-12-01 07:00"), (DAILY, "2026-11-30 06:59:59", "2026-11-30 07:00"),
            (DAILY, "2026-11-28 12:00", "2026-11-30 07:00"), (DAILY, "2026-07-01 05:59", "2026-07-01 06:00"),
            (NIGHT, "2026-11-28 12:00", "2026-11-29 23:00"), (NIGHT, "2026-11-30 22:00", "2026-11-30 23:00"),
            (WEEK, "2026-12-04 22:00", "2026-12-06 23:00"),
        ],
    )  # fmt: skip
    def test_closed_in_between_and_until_when(self, schedule, when, then):
        assert period_at(schedule, at(when)) is None
        assert next_opening(schedule, at(when)) == at(then)

    @settings(deadline=None)
    @given(st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)), st.sampled_from([DAILY, NIGHT, WEEK, ALWAYS]))
    def test_it_is_open_or_opens_within_a_week_and_periods_never_meet(self, when, schedule):
        now = when.replace(tzinfo=UTC)
        period, then = period_at(schedule, now), next_opening(schedule, now)

        assert then is not None and now < then <= now + timedelta(days=8)
        if period:
            assert period.opens <= now < period.closes <= then
            assert period_at(schedule, period.closes - timedelta(microseconds=1)) == period


class TestJudged:
    @pytest.mark.parametrize("schedule", [DAILY, ALWAYS, WEEK, NIGHT._replace(days="0")])
    def test_what_can_be(self, schedule):
        assert list(schedule_problems(schedule)) == []

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"zone": "London"}, "time_zone"), ({"days": "10"}, "days"), ({"days": "00"}, "days"), ({"days": "7"}, "days"),
            ({"days": ""}, "days"), ({"open_day": 6, "close_day": 4}, "days"), ({"days": "", "open_day": 6}, "close_day"),
            ({"days": "", "open_day": 7, "close_day": 4}, "open_day"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_said_beside_its_field(self, changes, field):
        assert field in [name for name, _ in schedule_problems(DAILY._replace(**changes))]

    def test_in_words(self):
        assert schedule_words(DAILY) == "Mon Tue Wed Thu Fri 07:00 to 17:30 Europe/London"
        assert schedule_words(ALWAYS) == "always, a week from Sunday 00:00 UTC"
        assert schedule_words(WEEK) == "Sunday 18:00 to Friday 17:00 America/New_York"
