"""
``halt``: from the kill switch, pressed with 500 routes open at brokers, to the cancels' bytes at the brokers.

The clock starts as the act is asked for: what it stops is decided, written and committed within it. Told are when it was committed
and when the first, the middle and the last cancel were at their brokers. The yardstick is bare QuickFIX in Python that sends as many
orders when the notifications of committed rows wake it. The target is in milliseconds, to the last cancel.
"""

import gc
import io
import os
import statistics
import time

from benchmarks import _bare_fix, _wire, ground

ROUTES, TIMES = 500, 3
TARGET_MS = 200


def main() -> None:
    with ground.servers() as home:
        from django.core.management import call_command

        call_command("load_demo", scale=1, seed=1, stdout=io.StringIO())
        from benchmarks._rebalance import Pipeline
        from benchmarks.pipeline import Steps

        pipeline, rounds, bare = Pipeline(home, Steps()), [], []
        pipeline.to_blocks()
        with _wire.counterparty() as broker:
            broker.do("prices", of=_wire.prices())
            with _wire.gateway(home, broker.port):
                for _ in range(TIMES):
                    _open_routes(pipeline)
                    rounds.append(_pressed(broker, pipeline))
            with _wire.bare(home, broker.port, "BAREBROKER"):
                bare = [_bare(broker, n) for n in range(TIMES)]
    print(f"{'':>16} {'commit':>9} {'first':>8} {'median':>8} {'last':>8}  (ms, medians of {TIMES})")
    figures = {"routes": ROUTES, "portal": _middle(rounds), "bare": _middle(bare)}
    for name in ("portal", "bare"):
        print(f"{name:>16} " + " ".join(f"{figures[name][part]:>8}" for part in ("committed", "first", "median", "last")))
    last = figures["portal"]["last"]
    ground.report("halt", figures | {"target_ms": TARGET_MS}, last / figures["bare"]["last"], None, last < TARGET_MS)


def _open_routes(pipeline) -> None:
    """Routes parts of blocks until so many are open at their brokers."""
    from apps.blocks.models import Block
    from apps.routing import services as routing
    from apps.routing.models import Route

    blocks = list(Block.objects.filter(instrument__asset_class="EQUITY").order_by("pk").values_list("pk", "qty", "instrument__increment"))
    open_ones = Route.objects.filter(status="NEW")
    for n in range(ROUTES):
        pk, qty, step = blocks[n % len(blocks)]
        version = Block.objects.values_list("version", flat=True).get(pk=pk)
        part = max(qty // (ROUTES // len(blocks) + 2) // step, 1) * step
        routing.route_blocks(pipeline.act("tom"), [pk], seen={pk: version}, qty=part)
    _wire.wait_until("routes open", lambda: open_ones.count() >= ROUTES)


def _pressed(broker: _wire.Counterparty, pipeline) -> dict[str, float]:
    """Milliseconds from asking for the halt until its commit, and until cancels are at the brokers."""
    from apps.routing import services as routing
    from apps.routing.models import Halt, Route

    gc.collect()
    gc.freeze()  # What loaded the demo is no server's to look through.
    before, began = len(broker.do("heard")), time.time()
    pk = routing.set_halt(pipeline.act("tom", "Drill."), "FIRM")
    committed = time.time()
    _wire.wait_until("cancels at the brokers", lambda: len(broker.do("heard")) >= before + ROUTES, 60, every=0.2)
    heard = [(at - began) * 1000 for _, kind, at in broker.do("heard")[before:] if kind == "F"]
    if len(heard) != ROUTES:
        raise RuntimeError(f"{len(heard)} cancels for {ROUTES} routes")
    _wire.wait_until("routes cancelled", lambda: not Route.objects.filter(status__in=("NEW", "PENDING_CANCEL")).exists())
    version = Halt.objects.values_list("version", flat=True).get(pk=pk)
    routing.lift_halt(pipeline.act("tess", "The drill is over."), pk, seen={pk: version})
    return {"first": heard[0], "median": statistics.median(heard), "last": max(heard), "committed": (committed - began) * 1000}


def _bare(broker: _wire.Counterparty, turn: int) -> dict[str, float]:
    import psycopg

    before, began = len(broker.do("heard")), time.time()
    with psycopg.connect(os.environ["DATABASE_URL"]) as database, database.cursor() as cursor:
        names = [f"H{turn}{n:08d}" for n in range(ROUTES)]
        cursor.executemany("INSERT INTO bare_request (cl_ord_id, text) VALUES (%s, '')", [(name,) for name in names])
        cursor.executemany("SELECT pg_notify(%s, %s)", [(_bare_fix.CHANNEL, name) for name in names])
    committed = time.time()
    _wire.wait_until("bare orders at the broker", lambda: len(broker.do("heard")) >= before + ROUTES, 60, every=0.2)
    heard = [(at - began) * 1000 for _, _, at in broker.do("heard")[before:]]
    return {"first": heard[0], "median": statistics.median(heard), "last": max(heard), "committed": (committed - began) * 1000}


def _middle(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {part: round(statistics.median(one[part] for one in rounds), 1) for part in rounds[0]}


if __name__ == "__main__":
    main()
