"""What can happen to a group of legs, and to a leg."""

from dataclasses import dataclass

from apps.core.events import Event


@dataclass(frozen=True)
class GroupComposed(Event, code="linked_group.composed"):
    """Blocks are to be worked together; nothing is sent yet."""

    kind: str
    how: str
    legs: list[list]  # [block id, role, quantity] each.


@dataclass(frozen=True)
class GroupSent(Event, code="linked_group.sent"):
    """From now on the group keeps its legs at brokers as its rule says, in the name of who sent it."""


@dataclass(frozen=True)
class GroupPaused(Event, code="linked_group.paused"):
    """Nothing more is placed; what has to become less still does."""


@dataclass(frozen=True)
class GroupResumed(Event, code="linked_group.resumed"):
    pass


@dataclass(frozen=True)
class GroupGivenUp(Event, code="linked_group.given_up"):
    """What its legs have at brokers is being cancelled."""


@dataclass(frozen=True)
class GroupDropped(Event, code="linked_group.dropped"):
    """It was taken apart before anything was sent."""


@dataclass(frozen=True)
class GroupCancelled(Event, code="linked_group.cancelled"):
    """After it was given up, nothing of it is at a broker any more."""


@dataclass(frozen=True)
class GroupDone(Event, code="linked_group.done"):
    """Every leg has what the rule lets it have, and nothing of it is at a broker."""


@dataclass(frozen=True)
class WaveSent(Event, code="linked_group.wave_sent"):
    """``pct`` percent of every block went out, in whole lots; with the waves before ``up_to_pct``."""

    nth: int
    pct: str
    up_to_pct: str
    legs: int = 0


@dataclass(frozen=True)
class PackagesAsked(Event, code="linked_group.packages_asked"):
    """Its broker was asked for another number of packages, or another limit on their net price; None is at market."""

    packages: str
    net_limit: str | None = None


@dataclass(frozen=True)
class PackagesPutBack(Event, code="linked_group.packages_put_back"):
    """Its broker refused what it was asked to change: it is again what was accepted before."""

    packages: str
    net_limit: str | None = None


@dataclass(frozen=True)
class LegMoved(Event, code="leg.moved"):
    """More or less of a leg may be at brokers from now on: ``allowed`` of ``qty``, ``filled`` being done."""

    linked_group_id: int
    block_id: int
    before: str
    allowed: str
    filled: str


@dataclass(frozen=True)
class LegStuck(Event, code="leg.stuck"):
    """What the rule asks for cannot be had now, and why."""

    linked_group_id: int
    block_id: int
    why: str


@dataclass(frozen=True)
class LegFreed(Event, code="leg.freed"):
    """Nothing is in its way any more; or a person has what its broker did not take placed again."""

    linked_group_id: int
    block_id: int
