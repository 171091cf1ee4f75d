"""
``pipeline``: the scenario's work at 1, 10 and 100 times its size, without the street's time.

Every step runs through the services; what the street would answer is generated before the clock of a step starts and
enters as kept FIX text and custodian files, by the same doors as from the wire. The yardstick is one COPY a table of
exactly the rows the pipeline wrote, into the same tables with their indexes and constraints as they were before it,
in the same run on the same server.
"""

import io
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from benchmarks import ground

SCALES = (1, 10, 100)
TARGET = 4.0
FLAT_WITHIN = 1.2
FILLS = 20  # partial fills a route
MEASURED = "--measure"


class Steps:
    """Seconds and statements of each step; a statement is one execute or one COPY."""

    def __init__(self):
        self.rows: dict[str, tuple[float, int]] = {}
        self.statements = 0
        self._count_statements()

    def _count_statements(self) -> None:
        from django.db.backends.postgresql import base

        for name in ("execute", "executemany", "copy"):
            plain = getattr(base.Cursor, name)

            def counted(cursor, *args, _plain=plain, **kwargs):
                self.statements += 1
                return _plain(cursor, *args, **kwargs)

            setattr(base.Cursor, name, counted)

    @contextmanager
    def step(self, name: str):
        before, began = self.statements, time.perf_counter()
        yield
        seconds, statements = time.perf_counter() - began, self.statements - before
        old = self.rows.get(name, (0.0, 0))
        self.rows[name] = (old[0] + seconds, old[1] + statements)


def measure(scale: int) -> dict:
    """One size in a process of its own, so that the peak of memory is its own."""
    with ground.servers() as home:
        from django.core.management import call_command

        call_command("load_demo", scale=scale, seed=1, stdout=io.StringIO())
        from benchmarks._rebalance import Pipeline, Yardstick

        yardstick = Yardstick(home)
        steps = Steps()
        pipeline = Pipeline(home, steps)
        pipeline.whole()
        pipeline.check()
        orders = pipeline.orders()
        peak = ground.peak_memory_mb()
        bare = yardstick.measure()
    seconds = sum(s for s, _ in steps.rows.values())
    return {
        "scale": scale,
        "orders": orders,
        "rows": bare.rows,
        "seconds": round(seconds, 3),
        "yardstick_seconds": round(bare.seconds, 3),
        "ratio": round(seconds / bare.seconds, 2),
        "ms_per_order": round(seconds / orders * 1000, 3),
        "peak_memory_mb": peak,
        "steps": {name: {"seconds": round(s, 3), "statements": n} for name, (s, n) in steps.rows.items()},
    }


def main() -> None:
    if MEASURED in sys.argv:
        print(json.dumps(measure(int(sys.argv[-1]))))
        return
    scales = [int(s) for s in os.environ.get("SCALES", "").split(",") if s] or list(SCALES)
    sizes = [_in_own_process(scale) for scale in scales]
    _print(sizes)
    ratios = {s["scale"]: s["ratio"] for s in sizes}
    large = [s for s in sizes if s["scale"] >= 10]
    flat = large[-1]["ms_per_order"] / large[0]["ms_per_order"] if len(large) > 1 else None
    grew = _grew(sizes)
    worst = max((s["ratio"] for s in large), default=max(ratios.values()))
    reached = bool(len(large) > 1 and worst <= TARGET and flat <= FLAT_WITHIN and not grew)
    ground.report(
        "pipeline",
        {
            "sizes": sizes,
            "cost_per_order_growth": round(flat, 3) if flat else None,
            "steps_whose_statements_grew": grew,
        },
        worst,
        TARGET,
        reached,
    )


def _in_own_process(scale: int) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.pipeline", MEASURED, str(scale)], stdout=subprocess.PIPE, text=True, check=True,
        cwd=Path(__file__).resolve().parent.parent,
    )  # fmt: skip
    return json.loads(done.stdout.strip().splitlines()[-1])


def _grew(sizes: list[dict]) -> list[str]:
    """
    Steps whose statements grow with the rows. Work that comes in batches of bounded size (files of rows, messages) may
    grow by its batches: at most one statement for every 50 orders.
    """
    if len(sizes) < 2:
        return []
    small, large = sizes[0], sizes[-1]
    room = (large["orders"] - small["orders"]) / 50
    return [
        name for name, step in large["steps"].items() if step["statements"] > small["steps"][name]["statements"] + room
    ]


def _print(sizes: list[dict]) -> None:
    heads = "".join(f"{s['orders']:>12,} orders" for s in sizes)
    print(f"{'seconds (statements)':<24}{heads}")
    for name in sizes[0]["steps"]:
        cells = "".join(f"{s['steps'][name]['seconds']:>11.3f} ({s['steps'][name]['statements']:>4})" for s in sizes)
        print(f"{name:<24}{cells}")
    for label, key in (
        ("all", "seconds"), ("yardstick", "yardstick_seconds"), ("ratio", "ratio"), ("ms an order", "ms_per_order"),
        ("rows written", "rows"), ("peak memory MB", "peak_memory_mb"),
    ):  # fmt: skip
        print(f"{label:<24}" + "".join(f"{s[key]:>18,}" for s in sizes))


if __name__ == "__main__":
    main()
