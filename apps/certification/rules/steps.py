"""
The words of the order state matrices of FIX (4.4 vol. 4 app. D, 4.2 app. D, 5.0 SP2 vol. 4 app. D): what a broker says, what we ask
in between, and what the order is after each step. Names are the matrices' own; numbers are theirs.

X is the order, Y and Z are requests on it. Amounts are OrderQty/CumQty/LeavesQty. After a report the order has the state
and the amounts that the report says, unless the step says others (``ours``); what a step does not mention stays.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

BID = "50.10"
BOTH = ("FIX.4.2", "FIX.4.4")  # Beyond 4.4 reports say the same; a few vectors show it.
ALL = (*BOTH, "FIXT.1.1")
STATES = {
    "A": "PENDING_NEW", "0": "NEW", "1": "PARTLY_FILLED", "2": "FILLED", "3": "DONE_FOR_DAY", "4": "CANCELED",
    "6": "PENDING_CANCEL", "7": "STOPPED", "8": "REJECTED", "9": "SUSPENDED", "B": "CALCULATED", "C": "EXPIRED",
    "E": "PENDING_REPLACE",
}  # fmt: skip


class After(NamedTuple):
    """What holds after a step; None: as before it, or as the report says."""

    ours: str | None = None  # “PENDING_CANCEL 10000/5000/5000”.
    avg: str | None = None
    chain: str | None = None  # “X”, or “X>Y” while Y waits.
    block: str | None = None
    alerts: tuple[str, ...] | None = None
    held: tuple[str, ...] | None = None


class Says(NamedTuple):
    """An execution report: “F/1” are ExecType and OrdStatus of FIX 4.4, ``on`` ClOrdID and, after a comma, OrigClOrdID."""

    on: str
    told: str
    amounts: str
    last: str = ""
    exec_id: str = ""
    ref: str = ""
    more: dict = {}  # noqa: RUF012
    minute: int | None = None
    after: After = After()


class Refuses(NamedTuple):
    """An OrderCancelReject (35=9): OrdStatus, CxlRejReason and to what it responds (1 cancel, 2 replace)."""

    on: str
    status: str
    reason: str
    to: str
    after: After = After()


class Asks(NamedTuple):
    """A cancel of ours, or a replace where a quantity or limit is given; ``orig`` is the OrigClOrdID it must name."""

    name: str
    orig: str
    qty: int | None = None
    limit: str | None = None
    after: After = After()


class Again(NamedTuple):
    """The report of an earlier step again, by its place: with PossDup (43), PossResend (97) or neither."""

    place: int
    flag: str
    after: After = After()


@dataclass(frozen=True)
class Vector:
    name: str
    title: str
    steps: list
    qty: int = 10_000
    unplaced: int = 0
    order: dict = field(default_factory=dict)
    versions: tuple[str, ...] = BOTH


def says(on, told, amounts, last="", *, exec_id="", ref="", more=None, minute=None, **after) -> Says:
    return Says(on, told, amounts, last, exec_id, ref, more or {}, minute, After(**after))


def refuses(on, status, reason, to, **after) -> Refuses:
    return Refuses(on, status, reason, to, After(**after))


def cancels(name, orig, **after) -> Asks:
    return Asks(name, orig, after=After(**{"chain": f"X>{name}"} | after))


def replaces(name, orig, qty=None, limit=None, **after) -> Asks:
    return Asks(name, orig, qty, limit, After(**{"chain": f"X>{name}"} | after))


def again(place, flag) -> Again:
    return Again(place, flag)


NEW = says("X", "0/0", "10000/0/10000")
DONE_FOR_DAY = "called it done for the day"
