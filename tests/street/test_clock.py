from datetime import UTC, date, datetime

import pytest

from street.clock import Clock, minute_of_session, tick_seconds, trade_date_at


def test_time_runs_at_its_speed_from_where_an_earlier_run_stopped():
    real = iter([100.0, 101.0, 104.0])
    clock = Clock(1500, origin=60.0, real=lambda: next(real))

    assert clock.now() == 60 + 1500
    assert clock.now() == 60 + 6000


def test_a_clock_that_stands_is_refused():
    with pytest.raises(ValueError, match="above zero"):
        Clock(0)


def test_sessions_follow_each_other_without_a_night():
    assert minute_of_session(0) == 0
    assert minute_of_session(390 * 60 - 30) == 389.5
    assert minute_of_session(390 * 60 + 60) == 1


@pytest.mark.parametrize(("speed", "tick"), [(1, 1), (120, 6), (1500, 15), (10_000, 15)])
def test_a_step_is_a_twentieth_of_a_real_second_within_bounds(speed, tick):
    assert tick_seconds(speed) == tick


@pytest.mark.parametrize(
    ("at", "trade_date"),
    [
        (datetime(2026, 11, 20, 12, tzinfo=UTC), date(2026, 11, 20)),
        (datetime(2026, 11, 21, 12, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 11, 22, 12, tzinfo=UTC), date(2026, 11, 23)),
    ],
)
def test_a_weekends_trade_is_mondays(at, trade_date):
    assert trade_date_at(at) == trade_date
