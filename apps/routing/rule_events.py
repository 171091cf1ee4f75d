"""What can happen to a routing rule, and what rules decide by themselves."""

from dataclasses import dataclass, field

from apps.core.events import Event


@dataclass(frozen=True)
class RuleChangeProposed(Event, code="rule_change.proposed"):
    """Somebody wrote a routing rule, or another text of one; nothing changes until another person approves it."""

    name: str
    routing_rule_id: int | None = None
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class RuleChangeApproved(Event, code="rule_change.approved"):
    """It is the rule's text from now on, as its version ``number``."""

    routing_rule_id: int
    number: int


@dataclass(frozen=True)
class RuleChangeRefused(Event, code="rule_change.refused"):
    why: str = ""


@dataclass(frozen=True)
class RuleChangeDropped(Event, code="rule_change.dropped"):
    """Its author took it back."""


@dataclass(frozen=True)
class RuleChangeStopped(Event, code="rule_change.stopped"):
    """A rule that routed by itself only says what it would do from now on. One person is enough for it."""

    routing_rule_id: int
    number: int
    name: str = ""
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class DecisionMade(Event, code="decision.made"):
    """A rule that acts by itself, or would, decided where a block goes."""

    block_id: int
    outcome: str
    rule: str = ""
    routing_rule_id: int | None = None
    number: int = 1
    usd: str | None = None
