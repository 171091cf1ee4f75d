"""Facts of what was traded by voice, or elsewhere than over a session, and entered by a person."""

from dataclasses import dataclass

from apps.core.events import Event


@dataclass(frozen=True)
class RouteByHand(Event, code="route.by_hand"):
    """A broker or dealer traded it by voice or elsewhere; a person entered the fill. ``executed_at`` is when it was traded."""

    block_id: int
    broker_id: int
    qty: str
    price: str
    executed_at: str
    is_voice: bool
    far: str = ""  # How far it is from what the market traded then, where that is beyond what is usual.


@dataclass(frozen=True)
class RouteTakenBack(Event, code="route.taken_back"):
    """What was entered by hand did not happen so; the act has the reason."""

    block_id: int
    exec_id: str
