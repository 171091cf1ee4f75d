"""
Whether one more message, or one more application of a strategy, is let out.

At most so many messages a second and a day of one session or one strategy (Delegated Regulation (EU) 2017/589, Article 15(1)(d)),
and so many applications of a strategy to one instrument and side before it stops until a person lets it go on (Article 15(3)).
A second is the one that ends with the act, a day the calendar's in UTC.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

COUNTED = ("D", "E", "AB", "F", "G", "AC")
CANCEL = "F"
SECOND = timedelta(seconds=1)
PER_SECOND, PER_DAY, REPEATED = "RATE_LIMIT_PER_SECOND", "RATE_LIMIT_PER_DAY", "REPEATED_EXECUTION"


class Cap(NamedTuple):
    """One limit and the time whose messages it counts: after ``since``, or from it on where ``includes``."""

    name: str
    most: int
    since: datetime
    includes: bool

    def counts(self, at: datetime) -> bool:
        return at >= self.since if self.includes else at > self.since

    def over(self, used: int, more: int) -> str:
        """What is said where as many more are over the limit; empty where they go out."""
        return said(self.name, used + more, self.most) if used + more > self.most else ""


def caps(at: datetime, per_second: int | None, per_day: int | None) -> list[Cap]:
    """The limits that an act at a time is held to."""
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    found = [(PER_SECOND, per_second, at - SECOND, False), (PER_DAY, per_day, day, True)]
    return [Cap(name, most, since, includes) for name, most, since, includes in found if most is not None]


def is_refused(kinds: Collection[str]) -> bool:
    """Whether a limit may refuse messages of these kinds: what only cancels always goes, though it counts."""
    return set(kinds) != {CANCEL}


def repeats_since(at: datetime, seconds: int, lifted: datetime | None) -> datetime:
    """After when applications count: those of the last seconds, but none before a person let the strategy go on."""
    since = at - timedelta(seconds=seconds)
    return max(since, lifted) if lifted else since


def is_over(applied: int, most: int) -> bool:
    """Whether it would be applied oftener than it may."""
    return applied > most


def stops(applied: int, most: int) -> bool:
    """Whether this is the last time that it may be applied: it goes out, and the strategy stops."""
    return applied == most


def said(name: str, n: int, most: int) -> str:
    """As a machine reads it: which limit, how many, and the most."""
    return f"{name}: x={n}, max={most}"
