"""Orders over days, busts and corrections along their chains, and what is heard twice."""

from .steps import ALL, DONE_FOR_DAY, NEW, Vector, again, cancels, refuses, replaces, says

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
