"""What can happen to a route, an execution, an inquiry, and a FIX session."""

from dataclasses import dataclass, field

from apps.core.events import Event


@dataclass(frozen=True)
class RouteRequested(Event, code="route.requested"):
    """The route is committed and its message waits for the gateway."""

    block_id: int
    broker_id: int
    cl_ord_id: str
    qty: str
    strategy: str = ""
    rule: str = ""


@dataclass(frozen=True)
class RouteCancelRequested(Event, code="route.cancel_requested"):
    """The desk asked; the route's state is the broker's to change."""

    cl_ord_id: str


@dataclass(frozen=True)
class RouteReplaceRequested(Event, code="route.replace_requested"):
    cl_ord_id: str
    qty: str
    limit_price: str | None = None


@dataclass(frozen=True)
class RouteWithdrawn(Event, code="route.withdrawn"):
    """A halt took it back before its message was handed to the session: the broker never hears of it."""

    halt_id: int


@dataclass(frozen=True)
class RouteRequestRefused(Event, code="route.request_refused"):
    """The broker answered a cancel or replace with 35=9."""

    cl_ord_id: str
    reason: str = ""
    text: str = ""


@dataclass(frozen=True)
class RouteReported(Event, code="route.reported"):
    """
    Common to every report of the broker that may move the route: FIX 150/39 and the quantities after it; TransactTime as
    the broker's clock said, and when it was heard by ours. ``actor``: the broker, where it did unasked what it reports.
    """

    exec_type: str
    ord_status: str
    exec_id: str
    cum_qty: str
    leaves_qty: str
    text: str = ""
    note: str = ""  # unsolicited, late, unusual: what a person should know of it.
    at_broker: str = ""
    heard_at: str = ""
    actor: str = ""


@dataclass(frozen=True)
class RoutePendingNew(RouteReported, code="route.pending_new"):
    pass


@dataclass(frozen=True)
class RouteNew(RouteReported, code="route.new"):
    pass


@dataclass(frozen=True)
class RoutePartlyFilled(RouteReported, code="route.partly_filled"):
    pass


@dataclass(frozen=True)
class RouteFilled(RouteReported, code="route.filled"):
    pass


@dataclass(frozen=True)
class RouteDoneForDay(RouteReported, code="route.done_for_day"):
    pass


@dataclass(frozen=True)
class RouteCanceled(RouteReported, code="route.canceled"):
    pass


@dataclass(frozen=True)
class RoutePendingCancel(RouteReported, code="route.pending_cancel"):
    pass


@dataclass(frozen=True)
class RouteStopped(RouteReported, code="route.stopped"):
    pass


@dataclass(frozen=True)
class RouteRejected(RouteReported, code="route.rejected"):
    pass


@dataclass(frozen=True)
class RouteSuspended(RouteReported, code="route.suspended"):
    pass


@dataclass(frozen=True)
class RouteCalculated(RouteReported, code="route.calculated"):
    pass


@dataclass(frozen=True)
class RouteExpired(RouteReported, code="route.expired"):
    pass


@dataclass(frozen=True)
class RoutePendingReplace(RouteReported, code="route.pending_replace"):
    pass


@dataclass(frozen=True)
class RouteCrossed(Event, code="route.crossed"):
    """No broker had it: it was filled by another client of the firm, in one step."""

    block_id: int
    qty: str
    price: str
    ref: str = ""


@dataclass(frozen=True)
class CostEstimated(Event, code="estimate.made"):
    """What a block, or a route of it, is expected to cost; basis points and money of what is known."""

    block_id: int
    moment: str
    qty: str
    currency: str
    total_bp: str | None = None
    total_amount: str | None = None
    is_whole: bool = True
    route_id: int | None = None


@dataclass(frozen=True)
class ExecutionBooked(Event, code="execution.booked"):
    route_id: int
    block_id: int
    exec_id: str
    qty: str
    price: str


@dataclass(frozen=True)
class ExecutionBusted(Event, code="execution.busted"):
    block_id: int
    exec_id: str


@dataclass(frozen=True)
class ExecutionCorrected(Event, code="execution.corrected"):
    """Superseded by the execution that follows it in the chain."""

    block_id: int
    exec_id: str


@dataclass(frozen=True)
class InquirySent(Event, code="inquiry.sent"):
    block_id: int
    dealers: int
    due_at: str
    mid: str | None = None
    asked_in: int | None = None  # The list it was asked in.


@dataclass(frozen=True)
class InquiryQuoted(Event, code="inquiry.quoted"):
    """A dealer answered with a price, or declined (price None)."""

    dealer_id: int
    price: str | None = None


@dataclass(frozen=True)
class InquiryAwarded(Event, code="inquiry.awarded"):
    """Of several parts the first is said apart: that at the best price. ``rest`` was taken from nobody, and is free again."""

    dealer_id: int
    price: str
    route_id: int
    mid: str | None = None
    cover: str | None = None
    parts: list = field(default_factory=list)  # Of each: dealer_id, qty, price, route_id, is_tied.
    rest: str = ""


@dataclass(frozen=True)
class InquiryPassed(Event, code="inquiry.passed"):
    """Nobody's price was taken."""

    reason: str = ""


@dataclass(frozen=True)
class InquiryTraded(Event, code="inquiry.traded"):
    pass


@dataclass(frozen=True)
class InquiryFailed(Event, code="inquiry.failed"):
    """The dealer refused the hit: its quote had ended."""

    reason: str = ""


@dataclass(frozen=True)
class MessageQuarantined(Event, code="message.quarantined"):
    """A message that could not be booked waits for a person, or for what makes it bookable."""

    reason: str
    cl_ord_id: str = ""
    route_id: int | None = None
    dk_reason: str = ""


@dataclass(frozen=True)
class MessageSettled(Event, code="message.settled"):
    """
    A person dealt with a quarantined message: accepted, linked to a route, refused to the broker (dk) or dismissed; or it
    was booked by itself once what it waited for was heard (cleared).
    """

    how: str
    route_id: int | None = None
    dk_reason: str = ""


@dataclass(frozen=True)
class PostTradeHeard(Event, code="message.post_trade_heard"):
    """A counterparty's answer to a confirmation (35=AU): for settlement to take in."""

    broker_id: int
    msg_type: str
    ref: str
    answer: str
    text: str = ""


@dataclass(frozen=True)
class AlertRaised(Event, code="alert.raised"):
    """A rule is met by a block, or by one of its routes or algorithms."""

    rule_id: int
    block_id: int
    route_id: int | None = None
    text: str = ""
    algo_id: int | None = None


@dataclass(frozen=True)
class AlertSnoozed(Event, code="alert.snoozed"):
    until: str


@dataclass(frozen=True)
class AlertWoke(Event, code="alert.woke"):
    """Its snooze is over and the rule is still met."""


@dataclass(frozen=True)
class AlertAcknowledged(Event, code="alert.acknowledged"):
    """Somebody sees to it."""


@dataclass(frozen=True)
class AlertEnded(Event, code="alert.ended"):
    """The rule is met no longer."""


@dataclass(frozen=True)
class HaltSet(Event, code="halt.set"):
    """From now on nothing in its scope is routed, or only what reduces a position."""

    scope: str
    mode: str
    of: str = ""
    routes: int = 0
    withdrawn: int = 0
    cancels: int = 0
    inquiries: int = 0


@dataclass(frozen=True)
class HaltAskedAgain(Event, code="halt.asked_again"):
    """Cancels went out once more to brokers that have not ended their routes."""

    cancels: int


@dataclass(frozen=True)
class HaltLifted(Event, code="halt.lifted"):
    """Another person than who set it lets routing go on; ``open`` routes had not ended by then."""

    open: int = 0


@dataclass(frozen=True)
class SessionAdded(Event, code="session.added"):
    """A session of an upstream system is kept; it enters nothing until somebody's grant is confirmed."""

    settings: dict


@dataclass(frozen=True)
class SessionChanged(Event, code="session.changed"):
    before: dict
    after: dict


@dataclass(frozen=True)
class GrantAsked(Event, code="grant.asked"):
    """Somebody wants an upstream system to enter orders of a person; another must confirm it."""

    session: str
    acts_for_id: int
    portfolios: str  # Codes with commas between; empty for all that the person runs.
    submits: bool


@dataclass(frozen=True)
class GrantConfirmed(Event, code="grant.confirmed"):
    """From now on the session enters orders of the person."""


@dataclass(frozen=True)
class GrantDeclined(Event, code="grant.declined"):
    """It was not confirmed, or taken back before it was."""


@dataclass(frozen=True)
class GrantEnded(Event, code="grant.ended"):
    """The session enters nothing more of the person."""

    why: str = ""


@dataclass(frozen=True)
class ThrottleSet(Event, code="throttle.set"):
    """A message throttle of a session or a strategy, in force from then on."""

    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class ThrottleChanged(Event, code="throttle.changed"):
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class ThrottleEnded(Event, code="throttle.ended"):
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)
