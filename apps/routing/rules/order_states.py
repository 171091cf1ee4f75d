"""
The state of an order after a report (FIX 5.0 SP2 vol. 4 app. D): which of several states that hold at once is told, what
may still be filled, and which moves the appendix does not show.
"""

from datetime import datetime
from decimal import Decimal

from ..states import DEAD, Rt

PENDING = (Rt.PENDING_CANCEL, Rt.PENDING_REPLACE)
# Where several hold at once, the highest is told.
PRECEDENCE: dict[Rt, int] = {
    Rt.PENDING_CANCEL: 12, Rt.PENDING_REPLACE: 11, Rt.DONE_FOR_DAY: 10, Rt.CALCULATED: 9, Rt.FILLED: 8, Rt.STOPPED: 7,
    Rt.SUSPENDED: 6, Rt.CANCELED: 5, Rt.EXPIRED: 5, Rt.PARTLY_FILLED: 4, Rt.NEW: 2, Rt.PENDING_NEW: 2, Rt.REJECTED: 2,
    Rt.PENDING_SEND: 1,
}  # fmt: skip
UNHEARD = (Rt.PENDING_SEND, Rt.PENDING_NEW)  # Whatever is told of such an order, the broker has it.
# States that follow from quantities alone.
COUNTED = (Rt.PENDING_SEND, Rt.PENDING_NEW, Rt.NEW, Rt.PARTLY_FILLED, Rt.FILLED)

# What the appendix illustrates. It says that what it does not show is not forbidden.
ILLUSTRATED: dict[Rt, frozenset[Rt]] = {
    Rt.PENDING_SEND: frozenset(  # Ours: what the broker told before may not be heard yet.
        {Rt.PENDING_NEW, Rt.NEW, Rt.PARTLY_FILLED, Rt.FILLED, Rt.REJECTED, Rt.CANCELED, *PENDING}
    ),
    Rt.PENDING_NEW: frozenset({Rt.NEW, Rt.REJECTED}),
    Rt.NEW: frozenset(
        {
            Rt.NEW,
            Rt.PARTLY_FILLED,
            Rt.FILLED,
            Rt.DONE_FOR_DAY,
            Rt.PENDING_CANCEL,
            Rt.PENDING_REPLACE,
            Rt.REJECTED,
            Rt.STOPPED,
            Rt.CANCELED,
        }
    ),
    Rt.PARTLY_FILLED: frozenset(
        {Rt.PARTLY_FILLED, Rt.FILLED, Rt.DONE_FOR_DAY, Rt.PENDING_CANCEL, Rt.PENDING_REPLACE, Rt.CANCELED}
    ),
    Rt.FILLED: frozenset({Rt.PARTLY_FILLED, Rt.FILLED, Rt.PENDING_REPLACE}),
    Rt.DONE_FOR_DAY: frozenset({Rt.PARTLY_FILLED, Rt.DONE_FOR_DAY}),
    Rt.PENDING_CANCEL: frozenset({Rt.NEW, Rt.PARTLY_FILLED, Rt.FILLED, Rt.PENDING_CANCEL, Rt.CANCELED}),
    Rt.PENDING_REPLACE: frozenset({Rt.NEW, Rt.PARTLY_FILLED, Rt.FILLED, Rt.PENDING_REPLACE, Rt.CANCELED}),
    Rt.STOPPED: frozenset({Rt.PARTLY_FILLED, Rt.FILLED}),
    Rt.CANCELED: frozenset({Rt.CANCELED}),
}
EXPLAINED = "GHD"  # A bust, a correction and a restatement may take an order to any state that its quantities give.


def in_words(status: Rt) -> str:
    return str(status).lower().replace("_", " ")


def by_quantity(qty: Decimal, cum_qty: Decimal) -> Rt:
    """What an order is that nothing else is known of: new, partly filled or filled."""
    if not cum_qty:
        return Rt.NEW
    return Rt.FILLED if cum_qty >= qty else Rt.PARTLY_FILLED


def status_after(
    before: Rt, said: Rt, exec_type: str, qty: Decimal, cum_qty: Decimal, *, is_late: bool, fills: bool, is_asked: bool
) -> Rt:
    """
    The state of highest precedence after a report.

    A late one never takes the order back: of it only its fill counts, which moves what follows from quantities alone. While
    a request that the broker called pending has no outcome, fills and acknowledgements leave it pending. An
    acknowledgement of the order itself never ends what came after it.

    :param said: as OrdStatus (39) says
    :param qty: and ``cum_qty``, after the report
    :param fills: whether the report adds or takes away executions
    :param is_asked: whether a cancel or replace of ours waits that this report is not the outcome of
    """
    if is_late:
        return by_quantity(qty, cum_qty) if before in (UNHEARD if not fills else COUNTED) else before
    if exec_type in ("0", "A") and PRECEDENCE[before] > PRECEDENCE[said]:
        return before
    is_over = said in DEAD and not (said == Rt.FILLED and cum_qty < qty)
    if is_asked and before in PENDING and not is_over and PRECEDENCE[said] < PRECEDENCE[before]:
        return before
    return said


def after_refusal(before: Rt, said: Rt | None, qty: Decimal, cum_qty: Decimal) -> Rt:
    """
    What an order goes back to as its pending cancel or replace is refused (35=9): what OrdStatus (39) says of one that
    works, else what its quantities give. That it is over is for an execution report to say, unless all of it is filled.

    :param said: None where the refusal says nothing, or the broker does not know the order
    """
    if before not in PENDING:
        return before
    return said if said is not None and said not in DEAD else by_quantity(qty, cum_qty)


def leaves_of(status: Rt, qty: Decimal, cum_qty: Decimal, reported_cum: Decimal, good_till: bool) -> Decimal:
    """
    What the broker may still fill: quantity less cum while it works, nothing once it is dead, save fills that the
    broker counts and we have not heard yet. Done for day ends a day order; one good till cancelled works on.
    """
    dead = status in DEAD and not (status == Rt.DONE_FOR_DAY and good_till)
    left = max(qty - cum_qty, Decimal(0))
    return min(left, max(reported_cum - cum_qty, Decimal(0))) if dead else left


def is_late(at: datetime, last_at: datetime | None) -> bool:
    """Whether a report tells of a time before the last one that moved the route: of it only the fill counts."""
    return last_at is not None and at < last_at


def is_unusual(before: Rt, after: Rt, exec_type: str = "") -> bool:
    if exec_type and exec_type in EXPLAINED and after in COUNTED:
        return False
    seen_as = Rt.CANCELED if after == Rt.EXPIRED else after  # Of the same precedence.
    return before != after and seen_as not in ILLUSTRATED.get(before, frozenset())
