"""What can happen to an algorithm of our own."""

from dataclasses import dataclass, field

from apps.core.events import Event


@dataclass(frozen=True)
class AlgoPlanned(Event, code="algo.planned"):
    """``terms``: what it was asked for, as text."""

    block_id: int
    broker_id: int
    algorithm: str
    qty: str
    terms: dict = field(default_factory=dict)


@dataclass(frozen=True)
class AlgoStarted(Event, code="algo.started"):
    """It sends its slices from now on, in the name of who started it. ``slices``: how many are planned."""

    slices: int


@dataclass(frozen=True)
class AlgoChanged(Event, code="algo.changed"):
    """Other terms; the rest was planned anew."""

    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class AlgoReplanned(Event, code="algo.replanned"):
    """The rest was planned anew by the algorithm itself, and why."""

    text: str


@dataclass(frozen=True)
class AlgoWaited(Event, code="algo.waited"):
    """What is due is not sent for now, and why; it is looked at again with each beat."""

    text: str


@dataclass(frozen=True)
class AlgoPaused(Event, code="algo.paused"):
    """It sends nothing until somebody lets it go on: by a person, or by itself, which ``text`` says."""

    text: str = ""


@dataclass(frozen=True)
class AlgoResumed(Event, code="algo.resumed"):
    """It goes on, in the name of who let it; the rest was planned anew."""


@dataclass(frozen=True)
class AlgoStopped(Event, code="algo.stopped"):
    """A person ended it. ``cancels``: how many of its orders brokers were asked to cancel."""

    cancels: int


@dataclass(frozen=True)
class AlgoFinished(Event, code="algo.finished"):
    """Its time is over, or all is filled."""

    filled_qty: str
    text: str = ""


@dataclass(frozen=True)
class SliceSent(Event, code="slice.sent"):
    """One child order went out. ``planned_qty``: what the plan has for it; the rest is carried from slices before."""

    algo_id: int
    nth: int
    route_id: int
    qty: str
    planned_qty: str
