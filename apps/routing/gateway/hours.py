"""Where QuickFIX's own week begins: it knows one day or week in UTC, counterparties have hours in their time zones."""

from datetime import UTC, datetime, timedelta

from .. import rules

DAY = timedelta(days=1)


def boundary_of(schedule: rules.Schedule, now: datetime) -> datetime:
    """
    A moment of the week at which the session is closed, for QuickFIX to begin its own week at: it resets the numbers
    then. Of a session that never closes, when its numbers begin anew.
    """
    period = rules.period_at(schedule, now)
    start = period.closes if period else now
    while (period := rules.period_at(schedule, start)) is not None:
        if start - now > 8 * DAY:
            return rules.period_at(schedule, now).closes
        start = period.closes
    return start.astimezone(UTC)


def is_gapless(schedule: rules.Schedule, now: datetime) -> bool:
    """Whether it never closes: what ends begins again at once."""
    return rules.period_at(schedule, boundary_of(schedule, now)) is not None
