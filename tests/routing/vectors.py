"""
The order state matrices of FIX (4.4 vol. 4 app. D, 4.2 app. D, 5.0 SP2 vol. 4 app. D) as data: what a broker says, what we
ask in between, and what the order is after each step. Names are the matrices' own; numbers are theirs.

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

ORDERS = [
    Vector("A.1.a", "filled", [
        says("X", "A/A", "10000/0/10000"), NEW,
        says("X", "F/1", "10000/2000/8000", "2000@50.01", avg="50.01"),
        says("X", "F/2", "10000/10000/0", "8000@50.02", avg="50.018", block="DONE"),
    ]),
    Vector("A.1.b", "done for the day, part filled: a day order leaves nothing", [
        NEW, says("X", "F/1", "10000/2000/8000", "2000@50", avg="50"),
        says("X", "3/3", "10000/2000/0", alerts=(DONE_FOR_DAY,)),
    ]),
    Vector("A.1.c", "rejected by the broker", [
        says("X", "8/8", "10000/0/0", more={103: "0", 58: "no credit"}),
    ]),
    Vector("A.1.d", "rejected after it was acknowledged", [NEW, says("X", "8/8", "10000/0/0", more={103: "99"})]),
    Vector("A.1.e", "expired", [
        NEW, says("X", "F/1", "10000/2000/8000", "2000@50", avg="50"), says("X", "C/C", "10000/2000/0"),
    ]),
    Vector("A.1.f", "stopped, then filled at the price or better", [
        NEW, says("X", "7/7", "10000/0/10000"), says("X", "F/1", "10000/1000/9000", "1000@50", avg="50"),
        says("X", "F/2", "10000/10000/0", "9000@50", block="DONE"),
    ]),
    Vector("A.1.g", "calculated after it was done for the day", [
        NEW, says("X", "F/1", "10000/2000/8000", "2000@50", avg="50"),
        says("X", "3/3", "10000/2000/0", alerts=(DONE_FOR_DAY,)),
        says("X", "B/B", "10000/2000/0", alerts=("which is unusual",)),
    ]),
    Vector("I.1.a", "fill or kill that was not filled", [NEW, says("X", "4/4", "10000/0/0")], order={"tif": "FOK"}),
    Vector("I.1.b", "immediate or cancel, part filled", [
        NEW, says("X", "F/1", "10000/1000/9000", "1000@50", avg="50"), says("X", "4/4", "10000/1000/0"),
    ], order={"tif": "IOC"}),
    Vector("I.1.c", "immediate or cancel, at a venue that says expired", [
        NEW, says("X", "C/C", "10000/0/0"),
    ], order={"tif": "IOC"}),
    Vector("fill first", "a fill before its acknowledgement", [
        says("X", "F/1", "10000/1000/9000", "1000@50", minute=2, avg="50"),
        says("X", "0/0", "10000/0/10000", minute=1, ours="PARTLY_FILLED 10000/1000/9000"),
        says("X", "F/2", "10000/10000/0", "9000@50", minute=3, block="DONE"),
    ]),
    Vector("stamped before", "a fill stamped before its acknowledgement is not lost on the order's state", [
        says("X", "0/0", "10000/0/10000", minute=2),
        says("X", "F/2", "10000/10000/0", "10000@50", minute=1, avg="50", block="DONE"),
    ]),
]

CANCELS = [
    Vector("B.1.a", "cancel of an order without executions", [
        NEW, cancels("Y", "X"),
        says("Y,X", "6/6", "10000/0/10000"), says("Y,X", "4/4", "10000/0/0", chain="X"),
    ]),
    Vector("B.1.b", "cancel while it is being filled", [
        NEW, says("X", "F/1", "10000/2000/8000", "2000@50", avg="50"),
        cancels("Y", "X"),
        says("X", "F/1", "10000/5000/5000", "3000@51", avg="50.6"),  # It crosses the cancel.
        says("Y,X", "6/6", "10000/5000/5000"),
        says("X", "F/6", "10000/6000/4000", "1000@52", avg="50.83333333"),
        says("Y,X", "4/4", "10000/6000/0", chain="X"),
    ], versions=ALL),
    Vector("B.1.b′", "cancel while it is being filled, by a broker that does not keep to the precedence of states", [
        NEW, cancels("Y", "X"),
        says("Y,X", "6/6", "10000/0/10000"),
        says("X", "F/1", "10000/6000/4000", "6000@50", avg="50", ours="PENDING_CANCEL 10000/6000/4000"),
        says("X", "4/4", "10000/6000/0", chain="X"),  # And that names the order, not the request.
    ]),
    Vector("B.1.b″", "the cancel is refused", [
        NEW, says("X", "F/1", "10000/2000/8000", "2000@50", avg="50"),
        cancels("Y", "X"), says("Y,X", "6/6", "10000/2000/8000"),
        refuses("Y,X", "1", "2", "1", ours="PARTLY_FILLED 10000/2000/8000", chain="X"),
        says("X", "F/2", "10000/10000/0", "8000@50", block="DONE"),
    ]),
    Vector("B.1.c", "filled before the cancel could be accepted", [
        NEW, says("X", "F/1", "10000/2000/8000", "2000@50", avg="50"),
        cancels("Y", "X"),
        says("X", "F/1", "10000/5000/5000", "3000@50"), says("Y,X", "6/6", "10000/5000/5000"),
        says("X", "F/2", "10000/10000/0", "5000@50", block="DONE"),
        refuses("Y,X", "2", "0", "1", chain="X"),
    ]),
    Vector("B.1.c′", "filled while the cancel is pending, as the precedence of states has it", [
        NEW, cancels("Y", "X"), says("Y,X", "6/6", "10000/0/10000"),
        says("X", "F/6", "10000/10000/0", "10000@50", avg="50", block="DONE"),
        refuses("Y,X", "2", "0", "1", ours="FILLED 10000/10000/0", chain="X"),
    ]),
    Vector("B.1.d", "cancel refused of an order without executions", [
        NEW, cancels("Y", "X"), says("Y,X", "6/6", "10000/0/10000"),
        refuses("Y,X", "0", "2", "1", ours="NEW 10000/0/10000", chain="X"),
    ]),
    Vector("B.1.e", "cancel sent before the acknowledgement is heard", [
        cancels("Y", "X"),
        says("X", "0/0", "10000/0/10000", chain="X>Y"),
        says("Y,X", "6/6", "10000/0/10000"),
        says("Y,X", "4/4", "10000/0/0", chain="X"),
    ]),
    Vector("B.1.e′", "an acknowledgement after the cancel is pending does not turn the order back", [
        cancels("Y", "X"),
        says("Y,X", "6/6", "10000/0/10000"),
        says("X", "0/0", "10000/0/10000", ours="PENDING_CANCEL 10000/0/10000"),
        says("Y,X", "4/4", "10000/0/0", chain="X"),
        says("X", "0/0", "10000/0/10000", ours="CANCELED 10000/0/0"),
    ]),
    Vector("B.1.f", "cancel of an order that the broker does not know: its ClOrdID is not consumed", [
        NEW, cancels("Y", "X"),
        refuses("Y,X", "8", "1", "1", ours="NEW 10000/0/10000", chain="X",
                alerts=("does not know the order, which is new here",)),
        cancels("Z", "X"),
        says("Z,X", "4/4", "10000/0/0", chain="X"),
    ]),
    Vector("B.1.g", "a cancel that was pending, and the broker then does not know the order", [
        NEW, says("X", "F/1", "10000/2000/8000", "2000@50", avg="50"),
        cancels("Y", "X"), says("Y,X", "6/6", "10000/2000/8000"),
        refuses("Y,X", "8", "1", "1", ours="PARTLY_FILLED 10000/2000/8000", chain="X", alerts=("does not know the order",)),
    ]),
    Vector("E.1.b", "cancelled by the broker unasked", [
        NEW, says("X", "F/1", "10000/1000/9000", "1000@50", avg="50"),
        says("X", "4/4", "10000/1000/0", more={378: "2"}, alerts=("cancelled it unasked (verbal change)",)),
    ]),
    *(
        Vector(f"E.1.b/{code}", f"cancelled unasked: {why}", [
            NEW, says("X", "4/4", "10000/0/0", more={378: code}, alerts=(f"cancelled it unasked ({why})",)),
        ])
        for code, why in (("6", "trading halt"), ("7", "system failure"), ("12", "connection lost"), ("13", "logged out"))
    ),
    Vector("E.1.b′", "cancelled unasked while a replace waits", [
        NEW, replaces("Y", "X", 8_000), says("Y,X", "E/E", "10000/0/10000"),
        says("X", "4/4", "10000/0/0", more={378: "6"}, chain="X", alerts=("cancelled it unasked",)),
        refuses("Y,X", "4", "0", "2"),
    ]),
]

REPLACES = [
    Vector("C.1.a", "increase of an order without executions", [
        NEW, replaces("Y", "X", 11_000), says("Y,X", "E/E", "10000/0/10000"),
        says("Y,X", "5/0", "11000/0/11000", chain="Y"),
        says("Y", "F/1", "11000/1000/10000", "1000@50", avg="50"),
        says("Y", "F/2", "11000/11000/0", "10000@50", block="DONE"),
    ], unplaced=1_000),
    Vector("C.1.b", "increase while it is being filled", [
        NEW, says("X", "F/1", "10000/1000/9000", "1000@50", avg="50"),
        replaces("Y", "X", 12_000),
        says("Y,X", "E/E", "10000/1000/9000"),
        says("X", "F/E", "10000/1100/8900", "100@50"),
        says("Y,X", "5/1", "12000/1100/10900", chain="Y"),
        says("Y", "F/2", "12000/12000/0", "10900@50", block="DONE"),
    ], versions=ALL, unplaced=2_000),
    Vector("C.1.b′", "the increase is refused while it is pending", [
        NEW, says("X", "F/1", "10000/1000/9000", "1000@50", avg="50"),
        replaces("Y", "X", 12_000), says("Y,X", "E/E", "10000/1000/9000"),
        says("X", "F/E", "10000/1100/8900", "100@50"),
        refuses("Y,X", "1", "2", "2", ours="PARTLY_FILLED 10000/1100/8900", chain="X"),
    ], unplaced=2_000),
    Vector("C.1.c", "increase of an order that is filled", [
        NEW, says("X", "F/2", "10000/10000/0", "10000@50", avg="50"),
        replaces("Y", "X", 12_000),
        says("Y,X", "E/E", "10000/10000/0"),
        says("Y,X", "5/1", "12000/10000/2000", chain="Y"),
        says("Y", "F/2", "12000/12000/0", "2000@50", block="DONE"),
    ], unplaced=2_000),
    Vector("C.1.c′", "increase of an order that is filled, refused", [
        NEW, says("X", "F/2", "10000/10000/0", "10000@50", avg="50"),
        replaces("Y", "X", 12_000), says("Y,X", "E/E", "10000/10000/0"),
        refuses("Y,X", "2", "0", "2", ours="FILLED 10000/10000/0", chain="X"),
    ], unplaced=2_000),
    Vector("C.2.a", "change of price, but it is filled", [
        NEW, says("X", "F/1", "10000/1000/9000", "1000@50", avg="50"),
        replaces("Y", "X", limit="50.05"),
        says("X", "F/2", "10000/10000/0", "9000@50", block="DONE"),
        refuses("Y,X", "2", "0", "2", chain="X"),
    ], order={"order_type": "LIMIT", "limit_price": BID}),
    Vector("C.3.a", "decrease above what is filled", [
        NEW, says("X", "F/1", "10000/1500/8500", "1500@50", avg="50"),
        replaces("Y", "X", 8_000), says("Y,X", "E/E", "10000/1500/8500"),
        says("X", "F/E", "10000/1600/8400", "100@50"),
        says("Y,X", "5/1", "8000/1600/6400", chain="Y"),
        says("Y", "F/2", "8000/8000/0", "6400@50"),
    ]),
    Vector("C.3.b", "decrease to what is filled: filled beats replaced", [
        NEW, says("X", "F/1", "10000/6000/4000", "6000@50", avg="50"),
        replaces("Y", "X", 7_000), says("Y,X", "E/E", "10000/6000/4000"),
        says("X", "F/E", "10000/7000/3000", "1000@50"),
        says("Y,X", "5/2", "7000/7000/0", chain="Y"),
    ]),
    Vector("C.3.c", "decrease below what is filled: amended to it", [
        NEW, says("X", "F/1", "10000/6000/4000", "6000@50", avg="50"),
        replaces("Y", "X", 7_000),
        says("X", "F/1", "10000/8000/2000", "2000@50"),
        says("Y,X", "5/2", "8000/8000/0", chain="Y"),
    ]),
    Vector("D.1", "one replace after the other, both accepted", [
        NEW, replaces("Y", "X", 8_000), says("Y,X", "E/E", "10000/0/10000"),
        says("Y,X", "5/0", "8000/0/8000", chain="Y"),
        says("Y", "F/1", "8000/1000/7000", "1000@50", avg="50"),
        replaces("Z", "Y", 6_000, chain="Y>Z"), says("Z,Y", "E/E", "8000/1000/7000"),
        says("Y", "F/E", "8000/1500/6500", "500@50"),
        says("Z,Y", "5/1", "6000/1500/4500", chain="Z"),
        says("Z", "F/2", "6000/6000/0", "4500@50"),
    ]),
    Vector("4.2-D15", "a replace after one that was refused names the order again", [
        NEW, replaces("Y", "X", 8_000), says("Y,X", "E/E", "10000/0/10000"),
        says("X", "F/E", "10000/1000/9000", "1000@50", avg="50"),
        refuses("Y,X", "1", "2", "2", ours="PARTLY_FILLED 10000/1000/9000", chain="X"),
        replaces("Z", "X", 7_000), says("Z,X", "E/E", "10000/1000/9000"),
        says("Z,X", "5/1", "7000/1000/6000", chain="Z"),
        says("Z", "F/2", "7000/7000/0", "6000@50"),
    ]),
    Vector("D.2.a", "the second before the first is answered: processed one after the other", [
        NEW, replaces("Y", "X", 8_000), says("X", "F/1", "10000/1000/9000", "1000@50", avg="50"),
        replaces("Z", "Y", 6_000),
        says("Y,X", "E/E", "10000/1000/9000"), says("Y,X", "5/1", "8000/1000/7000", chain="Y>Z"),
        says("Z,Y", "E/E", "8000/1000/7000"), says("Z,Y", "5/1", "6000/1000/5000", chain="Z"),
        says("Z", "F/2", "6000/6000/0", "5000@50"),
    ]),
    Vector("D.2.b", "the second before the first is answered: both pending, then both accepted", [
        NEW, replaces("Y", "X", 8_000), says("X", "F/1", "10000/1000/9000", "1000@50", avg="50"),
        replaces("Z", "Y", 6_000),
        says("Y,X", "E/E", "10000/1000/9000"),
        says("Z,X", "E/E", "8000/1000/7000", ours="PENDING_REPLACE 10000/1000/9000"),  # Printed so, before Y is accepted.
        says("Y,X", "5/E", "8000/1000/7000", chain="Y>Z"),
        says("Z,Y", "5/1", "6000/1000/5000", chain="Z"),
        says("Z", "F/2", "6000/6000/0", "5000@50"),
    ], versions=ALL),
    Vector("4.3-#21", "the second is refused, for one is pending", [
        NEW, replaces("Y", "X", 8_000), says("X", "F/1", "10000/1000/9000", "1000@50", avg="50"),
        replaces("Z", "Y", 6_000),
        says("Y,X", "E/E", "10000/1000/9000"),
        refuses("Z,X", "E", "3", "2", chain="X>Y"),
        says("Y,X", "5/1", "8000/1000/7000", chain="Y"),
        says("Y", "F/2", "8000/8000/0", "7000@50"),
    ]),
    Vector("D.2.d", "the first is refused, the second accepted", [
        NEW, replaces("Y", "X", 8_000), replaces("Z", "Y", 6_000),
        refuses("Y,X", "0", "2", "2", chain="X>Z"),
        says("Z,X", "E/E", "10000/0/10000"), says("Z,X", "5/0", "6000/0/6000", chain="Z"),
        says("Z", "F/2", "6000/6000/0", "6000@50", avg="50"),
    ]),
    Vector("D.2.e", "both are refused: the next names the order", [
        NEW, replaces("Y", "X", 12_000), replaces("Z", "Y", 13_000),
        refuses("Y,X", "0", "2", "2", chain="X>Z"), refuses("Z,X", "0", "2", "2", chain="X"),
        cancels("W", "X"), says("W,X", "4/4", "10000/0/0", chain="X"),
    ], unplaced=4_000),
    Vector("D.2.f", "a cancel after a replace that waits", [
        NEW, replaces("Y", "X", 8_000), cancels("Z", "Y"),
        says("Y,X", "5/0", "8000/0/8000", chain="Y>Z"),
        says("Z,Y", "6/6", "8000/0/8000"), says("Z,Y", "4/4", "8000/0/0", chain="Y"),
    ]),
    Vector("fill on Y", "a fill on the replaced order before its replacement is heard waits for it", [
        NEW, replaces("Y", "X", 12_000),
        says("Y", "F/2", "12000/12000/0", "12000@50", ours="NEW 10000/0/10000", avg="",
             held=("would fill 12000 of an order for 10000",), alerts=("1 report", "12000")),
        says("Y,X", "5/0", "12000/0/12000", ours="FILLED 12000/12000/0", avg="50", chain="Y", held=(), alerts=(),
             block="DONE"),
    ], unplaced=2_000),
    Vector("E.1.c", "replaced by the broker unasked", [
        NEW, says("X", "D/0", "11000/0/11000", more={378: "2"}, alerts=("restated it unasked (verbal change)",)),
        says("X", "F/1", "11000/1000/10000", "1000@50", avg="50"),
    ], unplaced=1_000),
    Vector("4.2-D20", "replaced unasked, as FIX 4.2 prints it: nothing left of an open order", [
        NEW, says("X", "D/0", "11000/0/0", more={378: "2"}, ours="NEW 11000/0/11000", alerts=("restated it unasked",)),
    ], unplaced=1_000, versions=("FIX.4.2",)),
    Vector("E.1.c′", "decreased by the broker unasked", [
        NEW, says("X", "F/1", "10000/1000/9000", "1000@50", avg="50"),
        says("X", "D/1", "6000/1000/5000", more={378: "5"}, alerts=("partial decline of the quantity",)),
    ]),
]

DAYS = [
    Vector("4.2-D29", "good till cancelled: renewed the next day, filled, done", [
        NEW, says("X", "F/1", "10000/2000/8000", "2000@50", avg="50", more={424: "10000", 425: "2000"}),
        says("X", "3/3", "10000/2000/8000", alerts=(DONE_FOR_DAY,)),
        says("X", "D/1", "10000/2000/8000", more={378: "1", 424: "8000", 425: "0"}),
        says("X", "F/1", "10000/3000/7000", "1000@53", avg="51", more={424: "8000", 425: "1000"}),
        says("X", "F/2", "10000/10000/0", "7000@51", more={424: "8000", 425: "8000"}, block="DONE"),
    ], versions=ALL, order={"tif": "GTC"}),
    Vector("4.2-D30", "good till cancelled: renewed without executions of the days before", [
        NEW, says("X", "3/3", "10000/0/10000", alerts=(DONE_FOR_DAY,)),
        says("X", "D/0", "10000/0/10000", more={378: "1", 424: "10000", 425: "0"}),
        says("X", "F/1", "10000/3000/7000", "3000@50", avg="50", more={424: "10000", 425: "3000"}),
    ], order={"tif": "GTC"}),
    Vector("4.2-D36", "good till cancelled: raised on the second day", [
        NEW, says("X", "F/1", "10000/2000/8000", "2000@50", avg="50"),
        says("X", "3/3", "10000/2000/8000", alerts=(DONE_FOR_DAY,)),
        says("X", "D/1", "10000/2000/8000", more={378: "1", 424: "8000", 425: "0"}),
        replaces("Y", "X", 15_000), says("Y,X", "E/E", "10000/2000/8000"),
        says("Y,X", "5/1", "15000/2000/13000", more={424: "13000", 425: "0"}, chain="Y"),
    ], order={"tif": "GTC"}, unplaced=5_000),
    Vector("J.1.c", "good till cancelled: an execution of yesterday is corrected", [
        NEW, says("X", "F/1", "10000/2000/8000", "2000@50", exec_id="A", avg="50"),
        says("X", "3/3", "10000/2000/8000", alerts=(DONE_FOR_DAY,)),
        says("X", "D/1", "10000/2000/8000", more={378: "1", 424: "8000", 425: "0"}),
        says("X", "F/1", "10000/3000/7000", "1000@56", avg="52", more={424: "8000", 425: "1000"}),
        says("X", "G/1", "10000/2500/7500", "1500@50", ref="A", avg="52.4", more={424: "8500", 425: "1000"}),
    ], order={"tif": "GTC"}),
    Vector("day wrong", "good till cancelled: what is the day's does not add up", [
        NEW, says("X", "F/1", "10000/2000/8000", "2000@50", avg="50"),
        says("X", "D/1", "10000/2000/8000", more={378: "1", 424: "7000", 425: "0"},
             held=("7000 are the day's to fill (DayOrderQty); 10000 less the 2000 of the days before are 8000",),
             alerts=("not booked",)),
    ], order={"tif": "GTC"}),
]

CHAINS = [
    Vector("J.1.a", "busts and corrections along the chain, then an increase", [
        NEW,
        says("X", "F/1", "10000/1000/9000", "1000@100", exec_id="C", avg="100"),
        says("X", "F/2", "10000/10000/0", "9000@110", exec_id="D", avg="109"),
        says("X", "H/1", "10000/9000/1000", "0@0", exec_id="E", ref="C", avg="110"),
        says("X", "G/1", "10000/9000/1000", "9000@100", exec_id="F", ref="D", avg="100"),
        says("X", "F/2", "10000/10000/0", "1000@120", exec_id="G", avg="102"),
        says("X", "G/2", "10000/10000/0", "9000@120", exec_id="H", ref="F", avg="120"),
        replaces("Y", "X", 12_000),
        says("Y,X", "E/E", "10000/10000/0"),
        says("Y,X", "5/1", "12000/10000/2000", exec_id="J", chain="Y"),
        says("Y", "G/1", "12000/10500/1500", "9500@120", exec_id="K", ref="H"),
    ], versions=ALL, unplaced=10_000),
    Vector("J.1.a′", "the same by a broker that names the first of the chain each time", [
        NEW, says("X", "F/2", "10000/10000/0", "10000@110", exec_id="D", avg="110", block="DONE"),
        says("X", "G/2", "10000/10000/0", "10000@100", exec_id="F", ref="D", avg="100"),
        says("X", "G/2", "10000/10000/0", "10000@120", exec_id="H", ref="D", avg="120"),
        says("X", "H/0", "10000/0/10000", "0@0", exec_id="K", ref="D", avg="", block="WORKING"),
    ]),
    Vector("J.1.b", "cancelled, then busted, then a new execution", [
        NEW, says("X", "F/1", "10000/5000/5000", "5000@50", exec_id="A", avg="50"),
        cancels("Y", "X"), says("Y,X", "4/4", "10000/5000/0", chain="X"),
        says("X", "H/4", "10000/0/0", "0@0", exec_id="B", ref="A", avg=""),
        says("X", "F/4", "10000/4000/0", "4000@51", exec_id="C", avg="51"),
    ]),
    Vector("bust while pending", "a bust leaves a pending cancel pending", [
        NEW, says("X", "F/1", "10000/5000/5000", "5000@50", exec_id="A", avg="50"),
        cancels("Y", "X"), says("Y,X", "6/6", "10000/5000/5000"),
        says("X", "H/0", "10000/0/10000", "0@0", ref="A", avg="", ours="PENDING_CANCEL 10000/0/10000"),
        says("Y,X", "4/4", "10000/0/0", chain="X"),
    ]),
    Vector("bust first", "a bust heard before its execution waits for it", [
        NEW,
        says("X", "H/0", "10000/0/10000", "0@0", exec_id="B", ref="A", minute=9, ours="NEW 10000/0/10000",
             held=("which this order does not have",), alerts=("not booked",)),
        says("X", "F/1", "10000/1000/9000", "1000@50", exec_id="A", minute=8, ours="NEW 10000/0/10000", held=(), alerts=()),
    ]),
]

REPEATS = [
    Vector("43=Y", "retransmissions, possibly duplicates, change nothing", [
        NEW, says("X", "F/1", "10000/2000/8000", "2000@50", avg="50"), again(1, "43"), again(0, "43"),
        says("X", "F/2", "10000/10000/0", "8000@50", block="DONE"), again(1, "43"), again(0, "43"), again(4, "43"),
    ], versions=ALL),
    Vector("97=Y", "possible resends under new sequence numbers change nothing", [
        NEW, says("X", "F/1", "10000/2000/8000", "2000@50", avg="50"), again(1, "97"), again(0, "97"), again(1, "97"),
    ]),
    Vector("unmarked", "a resend that does not say so changes nothing", [
        NEW, says("X", "F/1", "10000/2000/8000", "2000@50", exec_id="A", avg="50"), again(1, ""),
        says("X", "H/0", "10000/0/10000", "0@0", ref="A", avg=""), again(3, ""), again(1, ""),
    ]),
    Vector("refused twice", "a refusal that is heard twice is one", [
        NEW, cancels("Y", "X"), refuses("Y,X", "0", "2", "1", chain="X"), again(2, "97"),
        cancels("Z", "X"), again(2, "43"),
    ]),
    Vector("4.2-D31", "an order sent again with PossResend: the broker tells its state, and there is no second order", [
        NEW, says("X", "F/1", "10000/1000/9000", "1000@50", avg="50"),
        says("X", "I/1", "10000/1000/9000"),
    ]),
    Vector("one ExecID", "another trade under an ExecID that is taken is not booked", [
        NEW, says("X", "F/1", "10000/2000/8000", "2000@50", exec_id="A", avg="50"),
        says("X", "F/1", "10000/5000/5000", "3000@50", exec_id="A", ours="PARTLY_FILLED 10000/2000/8000",
             held=("says something else: LastQty (32) 3000, not 2000",)),
    ]),
]

ENDS = [ORDERS, CANCELS, REPLACES, DAYS, CHAINS, REPEATS]
VECTORS = [vector for group in ENDS for vector in group]
