"""Simulated time: seconds of trading since the street first opened, `speed` of them to one real second."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

SESSION_MINUTES = 390
SESSION_SECONDS = SESSION_MINUTES * 60
TRADING_DAYS = 252  # Of a year.


class Clock:
    """
    Simulated seconds as a function of real time. Only trading time is simulated: one session of 390 minutes
    follows the other without a night, so there is always a market.

    :param speed: simulated seconds per real second
    :param origin: simulated seconds at the moment of construction (where an earlier run stopped)
    """

    def __init__(self, speed: float, origin: float = 0.0, real: Callable[[], float] = time.monotonic):
        if speed <= 0:
            raise ValueError(f"The speed must be above zero simulated seconds per second, not {speed}.")
        self.speed = speed
        self._real = real
        self._origin = origin
        self._started = real()
        self._opened_at = utc_now()

    def now(self) -> float:
        return self._origin + (self._real() - self._started) * self.speed

    def resume_at(self, simulated: float) -> None:
        """Lets simulated time go on from here: what a stalled process missed is left out."""
        self._origin = simulated
        self._started = self._real()
        self._opened_at = utc_now()

    def utc(self, simulated: float) -> datetime:
        """The time of day at which simulated time was there, whenever the process got to it."""
        return self._opened_at + timedelta(seconds=(simulated - self._origin) / self.speed)


def tick_seconds(speed: float) -> int:
    """The simulated seconds of one market step: one at real speed, at most fifteen however fast."""
    return max(1, min(15, round(speed * 0.05)))


def minute_of_session(simulated: float) -> float:
    """0.0 (open) to 390.0 (close, which is the next open)."""
    return (simulated % SESSION_SECONDS) / 60


def utc_now() -> datetime:
    return datetime.now(UTC)


def trade_date_at(at: datetime) -> date:
    """The trade date of an execution where the order named none: the UTC day, a weekend's being Monday's."""
    day = at.date()
    return day + timedelta(days=max(0, 7 - day.weekday())) if day.weekday() >= 5 else day
