"""Facts of the files in which brokers describe their strategies (FIXatdl)."""

from dataclasses import dataclass

from apps.core.events import Event


@dataclass(frozen=True)
class StrategyFileLoaded(Event, code="strategy_file.loaded"):
    """A broker's strategies were read from its file; they are offered once another person approves them."""

    broker_id: int
    name: str
    sha256: str
    strategies: str  # Their names with commas between.


@dataclass(frozen=True)
class StrategyFileApproved(Event, code="strategy_file.approved"):
    """From now on traders are offered its strategies."""


@dataclass(frozen=True)
class StrategyFileDeclined(Event, code="strategy_file.declined"):
    """It was not approved, or taken back before it was."""


@dataclass(frozen=True)
class StrategyFileEnded(Event, code="strategy_file.ended"):
    """Its strategies are offered no more; what was sent with them goes on."""

    why: str = ""
