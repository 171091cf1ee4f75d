"""
``screening``: 850 orders of 50 portfolios asked 100 rules inside the submit that asks for it, and a hundred times as many.

Two yardsticks in the same run, of those of the rules that can be said as one comparison. The same predicates as bare polars
expressions over the same columns: the bare side projects too, once a grouping, for what will be held is part of the rule; it
knows nothing of exact edges, of stale prices, of the largest quantity that passes or of reasons. And the same rules order
by order in a general rule library (JSONLogic compiled by datalogic-py), given each order's positions ready-made. At the
end everything is judged again from what was stored, and must come to the same.
"""

import io
import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import ground

SCALES = (1, 100)
RULES = 100
SECONDS = 1.0  # For the verdicts of 850 orders.
BARE = 5.0  # Times the bare expressions, at most.
LIBRARY = 20.0  # Times faster than the library, at least.
GROWTH = 1.25  # Of the cost of an order, from the smallest to the largest.
MEASURED = "--measure"
KINDS = ("issuer_share", "sector_share", "instrument_share", "order_value", "order_volume", "measure")


def measure(scale: int) -> dict:
    """One size in a process of its own."""
    with ground.servers():
        from django.core.management import call_command

        call_command("load_demo", scale=scale, seed=1, stdout=io.StringIO())
        from django.db import connection
        from django.utils import timezone

        from apps.compliance.services import screening
        from apps.core.acts import Act
        from apps.desk.transition import transition
        from apps.orders import services as orders
        from apps.portfolios.models import Portfolio
        from apps.reference.models import Instrument
        from apps.users.models import User
        from benchmarks import _judging

        mira = User.objects.get(username="mira")
        _judging.write_rules(RULES, KINDS, mira)
        portfolios, instruments = (dict(m.objects.values_list(n, "pk")) for m, n in ((Portfolio, "code"), (Instrument, "symbol")))
        wishes = [orders.Wish(portfolios[r.portfolio], instruments[r.symbol], r.side, r.qty) for r in transition(1)]

        def act() -> Act:
            return Act(by=mira.pk, at=timezone.now(), via="command")

        orders.create_orders(act(), wishes[:20], submit=True)  # Warms.
        ids = orders.create_orders(act(), wishes)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        judging = _judging.Watched(screening)
        began = time.perf_counter()
        orders.submit_orders(act(), ids, seen=dict.fromkeys(ids, 1))
        submit = time.perf_counter() - began
        found = {
            "orders": len(ids), "portfolios": len(portfolios), "rules": len(judging.rules),
            "submit_seconds": round(submit, 4), "verdict_seconds": round(judging.seconds, 4),
            "verdict_us_an_order": round(judging.seconds / len(ids) * 1e6, 1), **_judging.stored(len(ids)),
        }  # fmt: skip
        return found | _yardsticks(judging, KINDS, library=scale == SCALES[0]) | _judging.replayed()


def _yardsticks(judging, kinds, *, library: bool) -> dict:
    from benchmarks import _judging

    rules = [rule for rule in judging.rules if rule.kind in kinds and _judging.can_be_said(rule)]
    s = judging.snapshot
    engine, said = _best(lambda: _judging.fresh(s), lambda one: _judging.judge(one, rules))
    bare, told = _best(lambda: _judging.columns_of(s), lambda one: _judging.bare(one, rules))
    found = {
        "compared_rules": len(rules), "engine_seconds": round(engine, 4), "bare_seconds": round(bare, 4),
        "bare_ratio": round(engine / bare, 2), "bare_differs": _judging.differing(said, told),
    }  # fmt: skip
    if library:
        asked, seconds, wrong = _judging.by_library(s, rules, said)
        found |= {
            "library_evaluations": asked, "library_seconds": round(seconds, 4), "library_ratio": round(seconds / engine, 1),
            "library_differs": wrong,
        }  # fmt: skip
    return found


def _best(prepare, work, times: int = 9):
    """The least time of the work, each on columns of its own, and what it gave: whatever else the machine does only adds."""
    seconds, found = [], None
    for _ in range(times):
        given = prepare()
        began = time.perf_counter()
        found = work(given)
        seconds.append(time.perf_counter() - began)
    return min(seconds), found


def main() -> None:
    if MEASURED in sys.argv:
        print(json.dumps(measure(int(sys.argv[-1]))))
        return
    sizes = [_in_own_process(scale) for scale in SCALES]
    print(
        f"{'orders':>7} {'rules':>6} {'submit':>8} {'verdicts':>9} {'µs/order':>9} {'B/order':>8} {'engine':>8} {'bare':>8}"
        f" {'ratio':>6} {'library':>8} {'ratio':>6} {'replay':>8} {'differs':>7}"
    )
    for s in sizes:
        print(
            f"{s['orders']:>7,} {s['rules']:>6} {s['submit_seconds']:>8.3f} {s['verdict_seconds']:>9.3f}"
            f" {s['verdict_us_an_order']:>9.1f} {s['bytes_an_order']:>8.0f} {s['engine_seconds']:>8.4f} {s['bare_seconds']:>8.4f}"
            f" {s['bare_ratio']:>6.2f} {s.get('library_seconds', 0):>8.3f} {s.get('library_ratio', 0):>6.1f}"
            f" {s['replay_seconds']:>8.3f} {s['replay_differs']:>7}"
        )
    small, large = sizes[0], sizes[-1]
    growth = large["verdict_us_an_order"] / small["verdict_us_an_order"]
    bare = max(s["bare_ratio"] for s in sizes)
    reached = (
        small["verdict_seconds"] <= SECONDS and growth <= GROWTH and bare <= BARE and small["library_ratio"] >= LIBRARY
        and not any(s["bare_differs"] or s["replay_differs"] for s in sizes) and not small["library_differs"]
    )  # fmt: skip
    ground.report("screening", {"sizes": sizes, "growth_of_cost_an_order": round(growth, 2)}, bare, BARE, reached)


def _in_own_process(scale: int) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.screening", MEASURED, str(scale)], stdout=subprocess.PIPE, text=True, check=True,
        cwd=Path(__file__).resolve().parent.parent,
    )  # fmt: skip
    return json.loads(done.stdout.strip().splitlines()[-1])


if __name__ == "__main__":
    main()
