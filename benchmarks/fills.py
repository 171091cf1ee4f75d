"""
``fills``: executions a second from a broker's socket into PostgreSQL, with every check, and a flood of ten times that.

A counterparty in a process of its own says fills of one share in turns over the rebalance's routes; the gateway, a process too,
keeps each message, and books it: state, totals, limits, blocks, alerts, the record. Sustained is from the first byte until the last
fill is committed. The yardstick, in the same run on the same server, is bare QuickFIX in Python with one bare batched insert of
each execution. Then ten times the sustained speed is said for ten seconds: whatever is not booked by then queues, and at the end every
execution is booked once, each route at what its broker executed.
"""

import io
import time

from benchmarks import _wire, ground

FILLS = 5_000
FLOOD_TIMES, FLOOD_SECONDS = 10, 10
TARGET = 1 / 3


def main() -> None:
    with ground.servers() as home:
        from django.core.management import call_command

        call_command("load_demo", scale=1, seed=1, stdout=io.StringIO())
        from benchmarks._rebalance import Pipeline
        from benchmarks.pipeline import Steps

        Pipeline(home, Steps()).to_routes()
        with _wire.counterparty() as broker:
            broker.do("prices", of=_wire.prices())
            with _wire.gateway(home, broker.port):
                _wire.wait_until("orders acknowledged", _acknowledged)
                sustained = _portal(broker, FILLS)
                with _wire.bare(home, broker.port, "BAREBROKER"):
                    orders = broker.do("state")
                    broker.do("invent", comp="BAREBROKER", n=len(orders))
                    bare = _bare(broker, FILLS)
                broker.do("resume")
                flood = _flood(broker, sustained)
    print(f"{'':>22} {'executions':>11} {'a second':>9}")
    print(f"{'portal':>22} {FILLS:>11,} {sustained:>9,.0f}")
    print(f"{'bare QuickFIX':>22} {FILLS:>11,} {bare:>9,.0f}")
    print(f"{'flood, said':>22} {flood['said']:>11,} {flood['said_a_second']:>9,}")
    print(f"{'flood, booked':>22} {flood['booked']:>11,} {flood['booked_a_second']:>9,}")
    figures = {"portal_a_second": round(sustained), "bare_a_second": round(bare), "flood": flood}
    reached = sustained / bare >= TARGET and flood["lost"] == 0 and flood["doubled"] == 0
    ground.report("fills", figures, sustained / bare, TARGET, reached)


def _acknowledged() -> bool:
    return not _wire.one("SELECT count(*) FROM routing_route WHERE status IN ('PENDING_SEND', 'PENDING_NEW')")


def _booked() -> int:
    return _wire.one("SELECT count(*) FROM routing_execution")


def _portal(broker: _wire.Counterparty, n: int) -> float:
    before, began = _booked(), time.perf_counter()
    broker.do("fill", n=n)
    _wire.wait_until("fills booked", lambda: _booked() - before >= n)
    return n / (time.perf_counter() - began)


def _bare(broker: _wire.Counterparty, n: int) -> float:
    began = time.perf_counter()
    broker.do("fill", n=n)
    _wire.wait_until("bare fills", lambda: _wire.one("SELECT count(*) FROM bare_execution") >= n)
    return n / (time.perf_counter() - began)


def _flood(broker: _wire.Counterparty, sustained: float) -> dict:
    speed = sustained * FLOOD_TIMES
    n, before, began = round(speed * FLOOD_SECONDS), _booked(), time.perf_counter()
    said = broker.do("fill", n=n, a_second=speed)
    out = time.perf_counter() - began
    _wire.wait_until("flood booked", lambda: _booked() - before >= n or _quiet(), every=0.5)
    seconds = time.perf_counter() - began
    theirs = broker.do("state")
    differs = [name for name, cum in _ours().items() if theirs.get(name) != cum]
    booked = _booked() - before
    kept = set(_ids())
    return {
        "said": n, "said_a_second": round(n / out), "booked": booked, "booked_a_second": round(booked / seconds),
        "lost": sum(exec_id not in kept for exec_id, _, _ in said), "doubled": booked - len({one[0] for one in said} & kept),
        "routes_that_differ": len(differs),
        "quarantined": _wire.one("SELECT count(*) FROM routing_message WHERE status = 'QUARANTINED'"),
    }  # fmt: skip


def _quiet() -> bool:
    """Whether nothing that was heard waits any more, for some seconds."""
    waiting, heard = "SELECT count(*) FROM routing_message WHERE status = 'HEARD'", "SELECT count(*) FROM routing_message"
    before = _wire.one(heard)
    time.sleep(5)
    return _wire.one(waiting) == 0 and _wire.one(heard) == before


def _ours() -> dict[str, int]:
    from apps.routing.models import Route

    return {name: int(cum) for name, cum in Route.objects.values_list("cl_ord_id", "cum_qty") if name}


def _ids() -> list[str]:
    from apps.routing.models import Execution

    return list(Execution.objects.values_list("exec_id", flat=True))


if __name__ == "__main__":
    main()
