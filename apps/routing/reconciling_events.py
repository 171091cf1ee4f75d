"""What is found as a session comes back and its open orders are asked about."""

from dataclasses import dataclass

from apps.core.events import Event


@dataclass(frozen=True)
class ReconciliationBegan(Event, code="reconciliation.began"):
    """The broker was asked for the state of every open order (35=H); new ones wait until it has answered."""

    session: str
    routes: int


@dataclass(frozen=True)
class ReconciliationAgreed(Event, code="reconciliation.agreed"):
    """Every open order is at the broker as it is here."""


@dataclass(frozen=True)
class ReconciliationDiffered(Event, code="reconciliation.differed"):
    """Some are not, or were not answered in time; new orders go out, and a person decides about the differences."""

    differences: int
    silent: int


@dataclass(frozen=True)
class DifferenceDecided(Event, code="reconciliation.decided"):
    """A person mended an order as the broker says it is, or kept it as it is here."""

    route_id: int
    how: str


@dataclass(frozen=True)
class ReconciliationMended(Event, code="reconciliation.mended"):
    """Nothing of it is left to decide."""


@dataclass(frozen=True)
class ReconciliationReplaced(Event, code="reconciliation.replaced"):
    """The session came back again, and everything is asked anew."""
