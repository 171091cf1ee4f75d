"""Which halts stop what somebody wants to route."""

from collections.abc import Iterable
from typing import NamedTuple


class Wish(NamedTuple):
    """What is about to be routed: by whom, for which desk, to whom, and how."""

    user_id: int
    desk_id: int
    broker_id: int | None
    strategy: str


class Halted(NamedTuple):
    """A halt in force, as its row has it; of the four subjects it names one, or none where it stops the firm."""

    id: int
    scope: str
    mode: str
    user_id: int | None
    desk_id: int | None
    broker_id: int | None
    strategy: str

    def covers(self, wish: Wish) -> bool:
        if self.scope == "FIRM":
            return True
        field = "strategy" if self.scope == "STRATEGY" else f"{self.scope.lower()}_id"
        return getattr(self, field) == getattr(wish, field)


def stopping(standing: Iterable[Halted], wish: Wish) -> Halted | None:
    """The halt that is in the wish's way; one that stops everything before one that lets reductions pass."""
    covering = [halt for halt in standing if halt.covers(wish)]
    return min(covering, key=lambda halt: (halt.mode != "ALL", halt.id), default=None)
