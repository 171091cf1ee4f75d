"""Who does something, when, through which door, why, and because of what: the first argument of every service."""

from dataclasses import dataclass, field, replace
from datetime import datetime


@dataclass
class Act:
    """
    :param by: id of the acting user; automated parts act as users of their own
    :param at: aware UTC time, taken at the edge and nowhere else
    :param via: the door: ``page``, ``api``, ``worker``, ``gateway``, ``feed``, ``command``
    :param reason: in the person's own words, where one is asked for
    :param cause: id of the act that caused this one
    :param key: the caller's idempotency key
    :param request_ref: the request's id, to find it in the logs
    """

    by: int
    at: datetime
    via: str
    reason: str = ""
    cause: int | None = None
    key: str | None = None
    request_ref: str = ""
    id: int | None = field(default=None, compare=False)

    def __post_init__(self):
        if self.at.tzinfo is None or self.at.utcoffset().total_seconds() != 0:
            raise ValueError("an act's time is aware and in UTC")

    def because(self, reason: str) -> "Act":
        """The same act with the person's reason."""
        return replace(self, reason=reason)
