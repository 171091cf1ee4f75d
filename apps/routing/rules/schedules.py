"""When a FIX session is open: by day or by week, in the counterparty's own time zone, whatever its clocks do in between."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SHORT = tuple(day[:3] for day in DAYS)
LEAST_BEAT, MOST_BEAT = 5, 3600


class Schedule(NamedTuple):
    """
    By day: opens on each of ``days`` and closes at the next ``closes_at`` after that. By week, where ``open_day`` and
    ``close_day`` are given: opens on the one and closes on the other; Sunday to Sunday at one time is always open.

    :param days: digits of weekdays on which it opens, Monday being 0
    """

    opens_at: time
    closes_at: time
    zone: str
    days: str
    open_day: int | None
    close_day: int | None


class Period(NamedTuple):
    opens: datetime
    closes: datetime


def period_at(s: Schedule, at: datetime) -> Period | None:
    """The session's period that holds a moment; None while it is closed. What closes at a moment is closed at it."""
    return next((p for p in _periods(s, at) if p.opens <= at < p.closes), None)


def next_opening(s: Schedule, at: datetime) -> datetime | None:
    return min((p.opens for p in _periods(s, at) if p.opens > at), default=None)


def _periods(s: Schedule, at: datetime) -> Iterator[Period]:
    """Those that may hold the moment, and the next."""
    today = at.astimezone(ZoneInfo(s.zone)).date()
    if s.open_day is not None and s.close_day is not None:
        length = (s.close_day - s.open_day) % 7
        if length == 0 and s.closes_at <= s.opens_at:
            length = 7
        first = today - timedelta(days=(today.weekday() - s.open_day) % 7)
        for week in (-1, 0, 1):
            day = first + timedelta(weeks=week)
            yield Period(_utc(day, s.opens_at, s.zone), _utc(day + timedelta(days=length), s.closes_at, s.zone))
        return
    for n in range(-2, 9):
        day = today + timedelta(days=n)
        if str(day.weekday()) in s.days:
            last = day if s.closes_at > s.opens_at else day + timedelta(days=1)
            yield Period(_utc(day, s.opens_at, s.zone), _utc(last, s.closes_at, s.zone))


def _utc(day: date, at: time, zone: str) -> datetime:
    """A time that does not exist as clocks go forward is the moment after; of one that comes twice, the first."""
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)


def schedule_problems(s: Schedule) -> Iterator[tuple[str, str]]:
    """What is wrong with a schedule: the field, and why."""
    if s.zone not in available_timezones():
        yield "time_zone", f"There is no time zone “{s.zone}”; write it as Europe/London."
    is_weekly = s.open_day is not None
    if is_weekly != (s.close_day is not None):
        yield "close_day", "A weekly session says the day it opens and the day it closes."
    if is_weekly == bool(s.days):
        yield "days", "Say the days on which it opens, or the two days of a weekly session, and not both."
    if any(d not in "0123456" for d in s.days) or len(set(s.days)) != len(s.days) or list(s.days) != sorted(s.days):
        yield "days", "Days are digits in order, Monday being 0: 01234 is Monday to Friday."
    for name, day in (("open_day", s.open_day), ("close_day", s.close_day)):
        if day is not None and not 0 <= day <= 6:
            yield name, "A day is a digit from 0, Monday, to 6, Sunday."


def schedule_words(s: Schedule) -> str:
    """The schedule as people read it."""
    times = f"{s.opens_at:%H:%M} to {s.closes_at:%H:%M} {s.zone}"
    if s.open_day is not None and s.close_day is not None:
        if s.open_day == s.close_day and s.opens_at == s.closes_at:
            return f"always, a week from {DAYS[s.open_day]} {s.opens_at:%H:%M} {s.zone}"
        return f"{DAYS[s.open_day]} {s.opens_at:%H:%M} to {DAYS[s.close_day]} {s.closes_at:%H:%M} {s.zone}"
    days = " ".join(SHORT[int(d)] for d in s.days)
    return f"{days} {times}" if s.days != "0123456" else f"daily {times}"
