"""What can happen to a rule version, a check's review, and a restricted-list entry."""

from dataclasses import dataclass, field

from apps.core.events import Event


@dataclass(frozen=True)
class ReviewOpened(Event, code="review.opened"):
    order_id: int
    check_id: int
    failed: int = 0
    indeterminate: int = 0


@dataclass(frozen=True)
class ReviewApproved(Event, code="review.approved"):
    order_id: int


@dataclass(frozen=True)
class ReviewSentBack(Event, code="review.sent_back"):
    order_id: int


@dataclass(frozen=True)
class ReviewRejected(Event, code="review.rejected"):
    order_id: int


@dataclass(frozen=True)
class ReviewWithdrawn(Event, code="review.withdrawn"):
    """The order was cancelled, amended, done or checked anew while it waited."""

    order_id: int


@dataclass(frozen=True)
class RuleActivated(Event, code="rule.activated"):
    """A version of the rule came into force; ``before`` and ``after`` hold each changed field, of a new rule all."""

    number: int
    params: str = ""
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class RuleRetired(Event, code="rule.retired"):
    pass


@dataclass(frozen=True)
class RestrictionAdded(Event, code="restriction.added"):
    issuer_id: int | None = None
    instrument_id: int | None = None
    direction: str = "ALL"


@dataclass(frozen=True)
class RestrictionLifted(Event, code="restriction.lifted"):
    pass
