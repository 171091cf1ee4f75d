"""What happens to the dialects in which brokers are spoken to."""

from dataclasses import dataclass

from apps.core.events import Event


@dataclass(frozen=True)
class DialectProposed(Event, code="dialect.proposed"):
    """How a broker is to be spoken to, whole; in force once another person approves it."""

    session: str
    said: dict


@dataclass(frozen=True)
class DialectApproved(Event, code="dialect.approved"):
    pass


@dataclass(frozen=True)
class DialectDeclined(Event, code="dialect.declined"):
    pass


@dataclass(frozen=True)
class DialectEnded(Event, code="dialect.ended"):
    """A later edition took its place."""

    by: str
