"""Orders that are replaced, by us or by the broker."""

from .steps import ALL, BID, NEW, Vector, cancels, refuses, replaces, says

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
