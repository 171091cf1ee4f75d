"""
The lives of routes, executions and inquiries.

A route's status is the broker's order state (FIX 4.4 tag 39), with PENDING_SEND of our own before the broker has
answered. FIX 5.0 SP2 vol. 4 app. D illustrates transitions and says that what it does not show is not forbidden, so
every report may move any route; what the appendix does not show is flagged by the service as unusual.
"""

from enum import StrEnum

from apps.core.lifecycles import Lifecycle

from . import card_events as ca
from . import dialect_events as di
from . import events as e
from . import gateway_events as g
from . import hand_events as h
from . import inquiry_events as i
from . import list_events as li
from . import reconciling_events as rc
from . import rule_events as r
from . import strategy_events


class Rt(StrEnum):
    PENDING_SEND = "PENDING_SEND"
    PENDING_NEW = "PENDING_NEW"
    NEW = "NEW"
    PARTLY_FILLED = "PARTLY_FILLED"
    FILLED = "FILLED"
    DONE_FOR_DAY = "DONE_FOR_DAY"
    CANCELED = "CANCELED"
    PENDING_CANCEL = "PENDING_CANCEL"
    STOPPED = "STOPPED"
    REJECTED = "REJECTED"
    SUSPENDED = "SUSPENDED"
    CALCULATED = "CALCULATED"
    EXPIRED = "EXPIRED"
    PENDING_REPLACE = "PENDING_REPLACE"


BY_ORD_STATUS: dict[str, tuple[Rt, type[e.RouteReported]]] = {
    "A": (Rt.PENDING_NEW, e.RoutePendingNew),
    "0": (Rt.NEW, e.RouteNew),
    "1": (Rt.PARTLY_FILLED, e.RoutePartlyFilled),
    "2": (Rt.FILLED, e.RouteFilled),
    "3": (Rt.DONE_FOR_DAY, e.RouteDoneForDay),
    "4": (Rt.CANCELED, e.RouteCanceled),
    "6": (Rt.PENDING_CANCEL, e.RoutePendingCancel),
    "7": (Rt.STOPPED, e.RouteStopped),
    "8": (Rt.REJECTED, e.RouteRejected),
    "9": (Rt.SUSPENDED, e.RouteSuspended),
    "B": (Rt.CALCULATED, e.RouteCalculated),
    "C": (Rt.EXPIRED, e.RouteExpired),
    "E": (Rt.PENDING_REPLACE, e.RoutePendingReplace),
}
DEAD = (Rt.FILLED, Rt.CANCELED, Rt.REJECTED, Rt.EXPIRED, Rt.CALCULATED, Rt.DONE_FOR_DAY)

LIFE = Lifecycle(
    "route",
    born={e.RouteRequested: Rt.PENDING_SEND, e.RouteCrossed: Rt.FILLED, h.RouteByHand: Rt.FILLED},
    moves={(status, event): after for status in Rt for after, event in BY_ORD_STATUS.values()}
    | {(Rt.PENDING_SEND, e.RouteWithdrawn): Rt.CANCELED, (Rt.FILLED, h.RouteTakenBack): Rt.CANCELED},
    stays={
        e.RouteCancelRequested: set(Rt) - set(DEAD),
        e.RouteReplaceRequested: set(Rt) - set(DEAD) | {Rt.FILLED},
        e.RouteRequestRefused: set(Rt),
    },
)


class X(StrEnum):
    LIVE = "LIVE"
    BUSTED = "BUSTED"
    CORRECTED = "CORRECTED"


EXECUTION_LIFE = Lifecycle(
    "execution",
    born={e.ExecutionBooked: X.LIVE},
    moves={(X.LIVE, e.ExecutionBusted): X.BUSTED, (X.LIVE, e.ExecutionCorrected): X.CORRECTED},
)


class Q(StrEnum):
    COLLECTING = "COLLECTING"
    AWARDED = "AWARDED"
    TRADED = "TRADED"
    PASSED = "PASSED"
    FAILED = "FAILED"


INQUIRY_LIFE = Lifecycle(
    "inquiry",
    born={e.InquirySent: Q.COLLECTING},
    moves={
        (Q.COLLECTING, e.InquiryAwarded): Q.AWARDED,
        (Q.COLLECTING, e.InquiryPassed): Q.PASSED,
        (Q.AWARDED, e.InquiryTraded): Q.TRADED,
        (Q.AWARDED, e.InquiryFailed): Q.FAILED,
    },
    stays={
        e.InquiryQuoted: set(Q),  # A late quote is kept, whatever was decided meanwhile.
        i.InquiryCountered: [Q.COLLECTING],
        i.InquiryDrifted: set(Q) - {Q.COLLECTING},
    },
)


class Ax(StrEnum):
    LIVE = "LIVE"
    ENDED = "ENDED"


AXIS_LIFE = Lifecycle("axis", born={i.AxisTold: Ax.LIVE}, moves={(Ax.LIVE, i.AxisEnded): Ax.ENDED})


class M(StrEnum):
    """Of quarantined and post-trade messages only; others have no life of their own (their version is 0)."""

    BOOKED = "BOOKED"
    QUARANTINED = "QUARANTINED"
    SETTLED = "SETTLED"


MESSAGE_LIFE = Lifecycle(
    "message",
    born={e.MessageQuarantined: M.QUARANTINED, e.PostTradeHeard: M.BOOKED, li.ListHeard: M.BOOKED, li.PackageHeard: M.BOOKED},
    moves={(M.BOOKED, e.MessageQuarantined): M.QUARANTINED, (M.QUARANTINED, e.MessageSettled): M.SETTLED},
)


class H(StrEnum):
    ACTIVE = "ACTIVE"
    LIFTED = "LIFTED"


HALT_LIFE = Lifecycle(
    "halt",
    born={e.HaltSet: H.ACTIVE},
    moves={(H.ACTIVE, e.HaltLifted): H.LIFTED},
    stays={e.HaltAskedAgain: set(H)},  # What was asked to end may refuse after the halt is lifted.
)


class Al(StrEnum):
    OPEN = "OPEN"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    ENDED = "ENDED"


ALERT_LIFE = Lifecycle(
    "alert",
    born={e.AlertRaised: Al.OPEN},
    moves={
        (Al.OPEN, e.AlertAcknowledged): Al.ACKNOWLEDGED,
        (Al.OPEN, e.AlertEnded): Al.ENDED,
        (Al.ACKNOWLEDGED, e.AlertEnded): Al.ENDED,
    },
    stays={e.AlertSnoozed: [Al.OPEN], e.AlertWoke: [Al.OPEN]},
)


class G(StrEnum):
    ASKED = "ASKED"
    GRANTED = "GRANTED"
    DECLINED = "DECLINED"
    ENDED = "ENDED"


GRANT_LIFE = Lifecycle(
    "grant",
    born={e.GrantAsked: G.ASKED},
    moves={
        (G.ASKED, e.GrantConfirmed): G.GRANTED,
        (G.ASKED, e.GrantDeclined): G.DECLINED,
        (G.GRANTED, e.GrantEnded): G.ENDED,
    },
)


class Rc(StrEnum):
    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"
    DROPPED = "DROPPED"


RULE_CHANGE_LIFE = Lifecycle(
    "rule_change",
    born={r.RuleChangeProposed: Rc.PROPOSED, r.RuleChangeStopped: Rc.APPROVED},
    moves={
        (Rc.PROPOSED, r.RuleChangeApproved): Rc.APPROVED,
        (Rc.PROPOSED, r.RuleChangeRefused): Rc.REFUSED,
        (Rc.PROPOSED, r.RuleChangeDropped): Rc.DROPPED,
    },
)


class Sf(StrEnum):
    LOADED = "LOADED"
    IN_FORCE = "IN_FORCE"
    DECLINED = "DECLINED"
    ENDED = "ENDED"


STRATEGY_FILE_LIFE = Lifecycle(
    "strategy_file",
    born={strategy_events.StrategyFileLoaded: Sf.LOADED},
    moves={
        (Sf.LOADED, strategy_events.StrategyFileApproved): Sf.IN_FORCE,
        (Sf.LOADED, strategy_events.StrategyFileDeclined): Sf.DECLINED,
        (Sf.IN_FORCE, strategy_events.StrategyFileEnded): Sf.ENDED,
    },
)


class Di(StrEnum):
    PROPOSED = "PROPOSED"
    IN_FORCE = "IN_FORCE"
    DECLINED = "DECLINED"
    ENDED = "ENDED"


DIALECT_LIFE = Lifecycle(
    "dialect",
    born={di.DialectProposed: Di.PROPOSED},
    moves={
        (Di.PROPOSED, di.DialectApproved): Di.IN_FORCE,
        (Di.PROPOSED, di.DialectDeclined): Di.DECLINED,
        (Di.IN_FORCE, di.DialectEnded): Di.ENDED,
    },
)


class Rc(StrEnum):
    PROPOSED = "PROPOSED"
    IN_FORCE = "IN_FORCE"
    DECLINED = "DECLINED"


RATE_CARD_LIFE = Lifecycle(
    "rate_card",
    born={ca.RateCardProposed: Rc.PROPOSED},
    moves={
        (Rc.PROPOSED, ca.RateCardApproved): Rc.IN_FORCE,
        (Rc.PROPOSED, ca.RateCardDeclined): Rc.DECLINED,
    },
    stays={ca.RateCardCut: [Rc.IN_FORCE]},
)


class Ss(StrEnum):
    STOPPED = "STOPPED"
    ENDED = "ENDED"


SESSION_STOP_LIFE = Lifecycle("session_stop", born={g.SessionStopped: Ss.STOPPED}, moves={(Ss.STOPPED, g.SessionStarted): Ss.ENDED})


class Sr(StrEnum):
    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    BEGUN = "BEGUN"
    SET = "SET"
    UNSURE = "UNSURE"
    DECLINED = "DECLINED"


OPEN_RESETS = (Sr.PROPOSED, Sr.APPROVED, Sr.BEGUN)
SEQUENCE_RESET_LIFE = Lifecycle(
    "sequence_reset",
    born={g.NumbersProposed: Sr.PROPOSED},
    moves={
        (Sr.PROPOSED, g.NumbersApproved): Sr.APPROVED,
        (Sr.PROPOSED, g.NumbersDeclined): Sr.DECLINED,
        (Sr.APPROVED, g.NumbersDeclined): Sr.DECLINED,  # Also approved, until the gateway begins.
        (Sr.APPROVED, g.NumbersBegun): Sr.BEGUN,
        (Sr.BEGUN, g.NumbersSet): Sr.SET,
        (Sr.BEGUN, g.NumbersUnsure): Sr.UNSURE,
    },
)


class Rec(StrEnum):
    WAITING = "WAITING"
    AGREED = "AGREED"
    DIFFERS = "DIFFERS"
    MENDED = "MENDED"
    REPLACED = "REPLACED"


RECONCILIATION_LIFE = Lifecycle(
    "reconciliation",
    born={rc.ReconciliationBegan: Rec.WAITING},
    moves={
        (Rec.WAITING, rc.ReconciliationAgreed): Rec.AGREED,
        (Rec.WAITING, rc.ReconciliationDiffered): Rec.DIFFERS,
        (Rec.WAITING, rc.ReconciliationReplaced): Rec.REPLACED,
        (Rec.DIFFERS, rc.ReconciliationReplaced): Rec.REPLACED,
        (Rec.DIFFERS, rc.ReconciliationMended): Rec.MENDED,
    },
    stays={rc.DifferenceDecided: {Rec.DIFFERS}},
)
