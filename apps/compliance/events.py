"""What can happen to what is decided: reviews, overrides, rules and their drafts, lists, matches, close-outs and reservations."""

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
class ApprovalAsked(Event, code="review.approval_asked"):
    """An officer wants to let it through; a hard rule needs another one to confirm. It still waits."""

    order_id: int


@dataclass(frozen=True)
class ApprovalAskEnded(Event, code="review.approval_ask_ended"):
    """Nobody confirmed before the time was over that was asked for. It still waits."""

    order_id: int


@dataclass(frozen=True)
class ReviewQuestioned(Event, code="review.questioned"):
    """An officer asked the order's managers something. It still waits."""

    order_id: int


@dataclass(frozen=True)
class ReviewAnswered(Event, code="review.answered"):
    order_id: int


@dataclass(frozen=True)
class QuestionAsked(Event, code="question.asked"):
    order_id: int
    review_id: int
    text: str = ""


@dataclass(frozen=True)
class QuestionAnswered(Event, code="question.answered"):
    order_id: int
    text: str = ""


@dataclass(frozen=True)
class QuestionClosed(Event, code="question.closed"):
    """Its review ended before anybody answered."""

    order_id: int


@dataclass(frozen=True)
class OverrideAsked(Event, code="override.asked"):
    """One officer would let a finding stand; another has to confirm. ``value`` and ``limit`` in ``unit``."""

    order_id: int
    rule_id: int
    review_id: int
    order_version: int = 0
    rule_version: int = 0
    value: str = ""
    limit: str = ""
    unit: str = ""
    reason_code: str = ""
    expires_at: str = ""
    tolerance_pct: str = "0"


@dataclass(frozen=True)
class OverrideGranted(Event, code="override.granted"):
    """An officer lets a finding stand, as it is."""

    order_id: int
    rule_id: int
    review_id: int
    order_version: int = 0
    rule_version: int = 0
    value: str = ""
    limit: str = ""
    unit: str = ""
    reason_code: str = ""
    expires_at: str = ""
    tolerance_pct: str = "0"


@dataclass(frozen=True)
class OverrideConfirmed(Event, code="override.confirmed"):
    order_id: int


@dataclass(frozen=True)
class OverrideDropped(Event, code="override.dropped"):
    """It was asked for and never confirmed."""

    order_id: int
    why: str = ""


@dataclass(frozen=True)
class OverrideExpired(Event, code="override.expired"):
    order_id: int


@dataclass(frozen=True)
class OverrideLapsed(Event, code="override.lapsed"):
    """It no longer covers what the rule finds, or its order is another or over."""

    order_id: int
    why: str = ""


@dataclass(frozen=True)
class ScreeningKept(Event, code="screening.kept"):
    """
    Orders were judged together: SHA-256 of what was looked at and of the rules that were asked. The run that is kept may be
    changed with its own hashes by whoever owns the database; what is sealed of it here may not.
    """

    orders: int
    inputs_hash: str
    rules_hash: str


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
    broker_id: int | None = None
    custodian_id: int | None = None


@dataclass(frozen=True)
class RestrictionLiftAsked(Event, code="restriction.lift_asked"):
    """One officer would have it lifted, for the act's reason; until another does it holds."""


@dataclass(frozen=True)
class RestrictionKept(Event, code="restriction.kept"):
    """It stays, though somebody asked to lift it: another officer refused, or who asked thought again."""


@dataclass(frozen=True)
class RestrictionLifted(Event, code="restriction.lifted"):
    pass


@dataclass(frozen=True)
class PositionLimitAdded(Event, code="position_limit.added"):
    family_id: int
    months: str
    kind: str
    qty: str


@dataclass(frozen=True)
class PositionLimitEnded(Event, code="position_limit.ended"):
    pass


@dataclass(frozen=True)
class DraftWritten(Event, code="draft.written"):
    """An officer began a change of a rule, or a new one; ``after`` holds all that it says."""

    rule_id: int | None = None
    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class DraftEdited(Event, code="draft.edited"):
    """Its author changed it; one that was proposed is a draft again."""

    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class DraftProposed(Event, code="draft.proposed"):
    pass


@dataclass(frozen=True)
class DraftApproved(Event, code="draft.approved"):
    """Another officer put it in force: ``number`` of the rule's version, 0 where it took the rule out of force."""

    rule_id: int
    number: int = 0


@dataclass(frozen=True)
class DraftRefused(Event, code="draft.refused"):
    pass


@dataclass(frozen=True)
class DraftDropped(Event, code="draft.dropped"):
    """Its author gave it up."""


@dataclass(frozen=True)
class EntryAdded(Event, code="entry.added"):
    """An entry of a list of the control room: who may not read those lists does not read this."""

    kind: str
    issuer_id: int | None = None
    instrument_id: int | None = None
    direction: str = "ALL"


@dataclass(frozen=True)
class EntryLifted(Event, code="entry.lifted"):
    pass


@dataclass(frozen=True)
class MatchFound(Event, code="match.found"):
    """A name of ours is, or is nearly, one on a sanctions list."""

    name: str
    called: str
    score: str = ""
    how: str = ""
    uid: int = 0


@dataclass(frozen=True)
class MatchConfirmed(Event, code="match.confirmed"):
    """They are the same; what restricts them since is ``restriction_id``."""

    restriction_id: int


@dataclass(frozen=True)
class MatchCleared(Event, code="match.cleared"):
    """They are not the same."""


@dataclass(frozen=True)
class MatchGone(Event, code="match.gone"):
    """One of the two is called otherwise since, or off the list, before anybody decided."""


@dataclass(frozen=True)
class CloseOutDue(Event, code="close_out.due"):
    """A sale was not delivered on its settlement date; ``due_on`` is when it must be closed out."""

    instrument_id: int
    portfolio_id: int
    qty: str
    due_on: str
    is_short: bool = False
    source: str = ""


@dataclass(frozen=True)
class CloseOutDone(Event, code="close_out.done"):
    how: str


@dataclass(frozen=True)
class ReservationMade(Event, code="reservation.made"):
    """Room under a shared limit is kept for a draft."""

    order_id: int
    until: str


@dataclass(frozen=True)
class ReservationEnded(Event, code="reservation.ended"):
    """It was given back, its time was over, or its draft is no more what it was made for: ``why``."""

    why: str
