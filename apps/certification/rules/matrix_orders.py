"""Orders that end as orders do, and orders that we cancel."""

from .steps import ALL, DONE_FOR_DAY, NEW, Vector, cancels, refuses, replaces, says

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
