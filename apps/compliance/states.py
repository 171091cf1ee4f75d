"""The lives of reviews, rules, changes of rules and restrictions."""

from enum import StrEnum

from apps.core.lifecycles import Lifecycle

from . import events as e
from . import limit_events as le
from . import mandate_events as me


class R(StrEnum):
    WAITING = "WAITING"
    APPROVED = "APPROVED"
    SENT_BACK = "SENT_BACK"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


REVIEW_LIFE = Lifecycle(
    "review",
    born={e.ReviewOpened: R.WAITING},
    moves={
        (R.WAITING, e.ReviewApproved): R.APPROVED,
        (R.WAITING, e.ReviewSentBack): R.SENT_BACK,
        (R.WAITING, e.ReviewRejected): R.REJECTED,
        (R.WAITING, e.ReviewWithdrawn): R.WITHDRAWN,
    },
    stays=dict.fromkeys((e.ApprovalAsked, e.ApprovalAskEnded, e.ReviewQuestioned, e.ReviewAnswered), [R.WAITING]),
)


class Q(StrEnum):
    OPEN = "OPEN"
    ANSWERED = "ANSWERED"
    CLOSED = "CLOSED"


QUESTION_LIFE = Lifecycle(
    "question",
    born={e.QuestionAsked: Q.OPEN},
    moves={(Q.OPEN, e.QuestionAnswered): Q.ANSWERED, (Q.OPEN, e.QuestionClosed): Q.CLOSED},
)


class V(StrEnum):
    ASKED = "ASKED"
    LIVE = "LIVE"
    DROPPED = "DROPPED"
    EXPIRED = "EXPIRED"
    LAPSED = "LAPSED"


OVERRIDE_LIFE = Lifecycle(
    "override",
    born={e.OverrideAsked: V.ASKED, e.OverrideGranted: V.LIVE},
    moves={
        (V.ASKED, e.OverrideConfirmed): V.LIVE,
        (V.ASKED, e.OverrideDropped): V.DROPPED,
        (V.ASKED, e.OverrideExpired): V.EXPIRED,
        (V.LIVE, e.OverrideExpired): V.EXPIRED,
        (V.LIVE, e.OverrideLapsed): V.LAPSED,
    },
)


class Code(StrEnum):
    """Why an officer lets a finding stand; the words are beside it in ``CODES``."""

    CLIENT = "CLIENT"
    CURE = "CURE"
    DATA = "DATA"
    SCOPE = "SCOPE"
    PASSIVE = "PASSIVE"
    EXECUTION = "EXECUTION"
    OTHER = "OTHER"


CODES = {
    Code.CLIENT: "The client or its trustee consented",
    Code.CURE: "Another order brings it back within the limit",
    Code.DATA: "A number the rule used is wrong",
    Code.SCOPE: "The rule is not meant for this case",
    Code.PASSIVE: "It brings a passive breach nearer to its limit",
    Code.EXECUTION: "How it will be worked answers the concern",
    Code.OTHER: "Another reason, in words",
}


class InForce(StrEnum):
    ACTIVE = "ACTIVE"
    RETIRED = "RETIRED"


RULE_LIFE = Lifecycle(
    "rule",
    born={e.RuleActivated: InForce.ACTIVE},
    moves={
        (InForce.ACTIVE, e.RuleRetired): InForce.RETIRED,
        (InForce.RETIRED, e.RuleActivated): InForce.ACTIVE,
    },
    stays={e.RuleActivated: [InForce.ACTIVE]},
)

class DraftStatus(StrEnum):
    DRAFT = "DRAFT"
    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"
    DROPPED = "DROPPED"


DRAFT_LIFE = Lifecycle(
    "draft",
    born={e.DraftWritten: DraftStatus.DRAFT},
    moves={
        (DraftStatus.DRAFT, e.DraftProposed): DraftStatus.PROPOSED,
        (DraftStatus.PROPOSED, e.DraftEdited): DraftStatus.DRAFT,
        (DraftStatus.PROPOSED, e.DraftApproved): DraftStatus.APPROVED,
        (DraftStatus.PROPOSED, e.DraftRefused): DraftStatus.REFUSED,
        (DraftStatus.DRAFT, e.DraftDropped): DraftStatus.DROPPED,
        (DraftStatus.PROPOSED, e.DraftDropped): DraftStatus.DROPPED,
    },
    stays={e.DraftEdited: [DraftStatus.DRAFT]},
)

MANDATE_LIFE = Lifecycle(
    "mandate",
    born={me.MandateEntered: InForce.ACTIVE},
    moves={(InForce.ACTIVE, me.MandateRetired): InForce.RETIRED},
    stays={me.MandateReissued: [InForce.ACTIVE], me.MandateReworded: [InForce.ACTIVE]},
)


class Cl(StrEnum):
    STANDS = "STANDS"
    GONE = "GONE"


CLAUSE_LIFE = Lifecycle(
    "clause",
    born={me.ClauseEntered: Cl.STANDS},
    moves={(Cl.STANDS, me.ClauseRemoved): Cl.GONE, (Cl.GONE, me.ClauseEntered): Cl.STANDS},
    stays={me.ClauseChanged: [Cl.STANDS]},
)


class Mp(StrEnum):
    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    STALE = "STALE"
    ENDED = "ENDED"
    REFUSED = "REFUSED"
    DROPPED = "DROPPED"


MAPPING_LIFE = Lifecycle(
    "mapping",
    born={me.MappingProposed: Mp.PROPOSED},
    moves={
        (Mp.PROPOSED, me.MappingApproved): Mp.APPROVED,
        (Mp.PROPOSED, me.MappingRefused): Mp.REFUSED,
        (Mp.PROPOSED, me.MappingDropped): Mp.DROPPED,
        (Mp.PROPOSED, me.MappingOutdated): Mp.DROPPED,
        (Mp.APPROVED, me.MappingOutdated): Mp.STALE,
        (Mp.APPROVED, me.MappingEnded): Mp.ENDED,
        (Mp.STALE, me.MappingEnded): Mp.ENDED,
    },
)

RESTRICTION_LIFE = Lifecycle(
    "restriction",
    born={e.RestrictionAdded: InForce.ACTIVE},
    moves={(InForce.ACTIVE, e.RestrictionLifted): InForce.RETIRED},
    stays=dict.fromkeys((e.RestrictionLiftAsked, e.RestrictionKept), [InForce.ACTIVE]),
)

ENTRY_LIFE = Lifecycle(
    "entry",
    born={e.EntryAdded: InForce.ACTIVE},
    moves={(InForce.ACTIVE, e.EntryLifted): InForce.RETIRED},
)
"""Of what is on the lists of the control room: told apart, for the record of it is theirs."""


POSITION_LIMIT_LIFE = Lifecycle(
    "position_limit",
    born={e.PositionLimitAdded: InForce.ACTIVE},
    moves={(InForce.ACTIVE, e.PositionLimitEnded): InForce.RETIRED},
)


class LE(StrEnum):
    """Of the end of a trading limit, which two officers agree on."""

    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"
    DROPPED = "DROPPED"


LIMIT_END_LIFE = Lifecycle(
    "limit_end",
    born={le.LimitEndProposed: LE.PROPOSED},
    moves={
        (LE.PROPOSED, le.LimitEndApproved): LE.APPROVED,
        (LE.PROPOSED, le.LimitEndRefused): LE.REFUSED,
        (LE.PROPOSED, le.LimitEndDropped): LE.DROPPED,
    },
)


class Room(StrEnum):
    """Of room that is kept for a draft."""

    HELD = "HELD"
    ENDED = "ENDED"


RESERVATION_LIFE = Lifecycle(
    "reservation", born={e.ReservationMade: Room.HELD}, moves={(Room.HELD, e.ReservationEnded): Room.ENDED}
)


class Moment(StrEnum):
    """What asks for a screening."""

    SUBMIT = "SUBMIT"
    CARRY = "CARRY"
    TRIGGER = "TRIGGER"
    RECHECK = "RECHECK"
    CROSS = "CROSS"
    ROUTE = "ROUTE"


class Stage(StrEnum):
    """
    When a rule is asked: of proposals that are tried, of orders that are submitted, or submitted again after they were
    amended, or about to be sent to a broker; and of portfolios as they stand when fills are booked and when the day ends.
    """

    PROPOSAL = "proposal"
    SUBMIT = "submit"
    AMEND = "amend"
    ROUTE = "route"
    FILL = "fill"
    EOD = "eod"


WHEN = {
    Stage.PROPOSAL: "proposals are tried", Stage.SUBMIT: "orders are submitted", Stage.AMEND: "amended orders are submitted again",
    Stage.ROUTE: "orders are about to be sent to a broker", Stage.FILL: "fills are booked to portfolios", Stage.EOD: "the day ends",
}  # fmt: skip
USUAL = frozenset({Stage.PROPOSAL, Stage.SUBMIT, Stage.AMEND, Stage.EOD})
"""When a rule is asked that does not say otherwise: once before the desk, and once a day."""
AS_HELD = frozenset({Stage.FILL, Stage.EOD})
"""When no order is asked but what is held."""


class M(StrEnum):
    WAITING = "WAITING"
    CONFIRMED = "CONFIRMED"
    CLEARED = "CLEARED"
    GONE = "GONE"


MATCH_LIFE = Lifecycle(
    "match",
    born={e.MatchFound: M.WAITING},
    moves={
        (M.WAITING, e.MatchConfirmed): M.CONFIRMED,
        (M.WAITING, e.MatchCleared): M.CLEARED,
        (M.WAITING, e.MatchGone): M.GONE,
        (M.GONE, e.MatchFound): M.WAITING,
    },
)


class CO(StrEnum):
    OPEN = "OPEN"
    CLOSED = "CLOSED"


CLOSE_OUT_LIFE = Lifecycle(
    "close_out", born={e.CloseOutDue: CO.OPEN}, moves={(CO.OPEN, e.CloseOutDone): CO.CLOSED}
)


class Outcome(StrEnum):
    PASS = "PASS"
    FAIL = "FAIL"
    INDETERMINATE = "INDETERMINATE"
