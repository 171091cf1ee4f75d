"""What can happen to an algo wheel."""

from dataclasses import dataclass, field

from apps.core.events import Event


@dataclass(frozen=True)
class WheelChangeProposed(Event, code="wheel_change.proposed"):
    """A text of a wheel that waits for another person; what it would say instead of what."""

    name: str
    wheel_id: int | None = None
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class WheelChangeApproved(Event, code="wheel_change.approved"):
    """It is the wheel's version ``number``, and a season of its own began."""

    wheel_id: int
    number: int


@dataclass(frozen=True)
class WheelChangeRefused(Event, code="wheel_change.refused"):
    answer: str


@dataclass(frozen=True)
class WheelChangeDropped(Event, code="wheel_change.dropped"):
    """Its author took it back."""


@dataclass(frozen=True)
class SeasonOpened(Event, code="season.opened"):
    """``commitment``: the SHA-256 of the seed, told before anything is drawn with it."""

    wheel_id: int
    nth: int
    number: int
    commitment: str


@dataclass(frozen=True)
class SeasonClosed(Event, code="season.closed"):
    """Nothing more is drawn with it; its seed is told, so that anybody can make its draws again."""

    seed: str
    draws: int
    text: str = ""


@dataclass(frozen=True)
class DrawMade(Event, code="draw.made"):
    """On the record before anything is routed. ``excluded``: [destination, why]."""

    season_id: int
    block_id: int
    stratum: str
    counter: int
    pick: str
    excluded: list = field(default_factory=list)


@dataclass(frozen=True)
class DrawRouted(Event, code="draw.routed"):
    """What was drawn got the block."""

    route_id: int


@dataclass(frozen=True)
class DrawSetAside(Event, code="draw.set_aside"):
    """What was drawn did not get the block, and why."""

    text: str
