"""The clock of T+1: until when a trade date's confirmations are to be affirmed."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
AFFIRM_BY = time(21)  # DTCC's benchmark: 9 pm Eastern on trade date, for the night cycle. 17 CFR 240.15c6-2 names none.


def affirm_by(trade_date: date) -> datetime:
    """The benchmark's moment, in UTC: 21:00 in New York on the trade date."""
    return datetime.combine(trade_date, AFFIRM_BY, NEW_YORK).astimezone(UTC)
