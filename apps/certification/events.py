"""What can happen to a matrix that is played."""

from dataclasses import dataclass

from apps.core.events import Event


@dataclass(frozen=True)
class PlayStarted(Event, code="play.started"):
    """A matrix goes out with a route. ``scale``: of its quantities."""

    matrix: str
    route_id: int
    broker_id: int
    scale: str


@dataclass(frozen=True)
class PlayPassed(Event, code="play.passed"):
    """All of it was played, and the order is what the matrix says."""


@dataclass(frozen=True)
class PlayFailed(Event, code="play.failed"):
    """The order is something else, or the counterparty did not play it to its end; ``found`` says what."""

    found: str
