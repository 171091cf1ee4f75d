"""What can happen to a proposal."""

from dataclasses import dataclass, field

from apps.core.events import Event


@dataclass(frozen=True)
class ProposalMade(Event, code="proposal.made"):
    """Somebody thinks of an order; terms as judged, numbers as text."""

    portfolio_id: int
    instrument_id: int
    terms: dict = field(default_factory=dict)


@dataclass(frozen=True)
class ProposalChanged(Event, code="proposal.changed"):
    """
    Another wish of the same person for the same instrument of the same portfolio took its place; ``before`` and ``after``
    hold each changed field.
    """

    terms: dict = field(default_factory=dict)
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class ProposalPromoted(Event, code="proposal.promoted"):
    order_id: int


@dataclass(frozen=True)
class ProposalDiscarded(Event, code="proposal.discarded"):
    pass
