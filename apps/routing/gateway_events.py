"""What people do to FIX sessions, and what the gateway makes of it."""

from dataclasses import dataclass

from apps.core.events import Event


@dataclass(frozen=True)
class SessionStopped(Event, code="session_stop.made"):
    """The gateway logs the session out, and keeps it so until somebody starts it; the act has the reason."""

    session: str


@dataclass(frozen=True)
class SessionStarted(Event, code="session_stop.ended"):
    session: str


@dataclass(frozen=True)
class NumbersProposed(Event, code="sequence_reset.proposed"):
    """The next sequence numbers of a session are to be others; nothing changes until another person approves it."""

    session: str
    next_out: int | None
    next_in: int | None


@dataclass(frozen=True)
class NumbersApproved(Event, code="sequence_reset.approved"):
    pass


@dataclass(frozen=True)
class NumbersDeclined(Event, code="sequence_reset.declined"):
    pass


@dataclass(frozen=True)
class NumbersBegun(Event, code="sequence_reset.begun"):
    """The gateway is about to set them; what they were until then."""

    out_before: int
    in_before: int


@dataclass(frozen=True)
class NumbersSet(Event, code="sequence_reset.set"):
    pass


@dataclass(frozen=True)
class NumbersUnsure(Event, code="sequence_reset.unsure"):
    """The gateway ended while it set them, and does not do it twice: a person looks at the numbers."""
