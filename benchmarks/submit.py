"""
``submit``: orders entered, screened by every rule and recorded in one act, at 1, 100, 8,500 and 10,000 orders.

Two yardsticks in the same run. Of the service: one COPY a table of exactly the rows the act wrote. Of the API: a bare
Django view that reads the same JSON and inserts the same orders, with no rule, no record and no life.
"""

import io
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import ground

SIZES = (1, 100, 8_500, 10_000)
BASKET = 8_500
ORDERS_A_SECOND = 6_000  # Of the basket, in one act.
TARGET = 4.0  # Times the bare COPY, of the basket.
STATEMENT_FOR_EVERY = 500  # Orders: what is written in batches of bounded size may grow by its batches.
MEASURED = "--measure"
FEW, OFTEN = 1_000, 9  # Acts of fewer orders than this are done so often.


def measure(size: int) -> dict:
    """One size in a process of its own: the same book of 2,000 portfolios, whatever the size."""
    with ground.servers() as home:
        from django.core.management import call_command
        from django.test import Client
        from django.test.utils import override_settings

        call_command("load_demo", scale=40, seed=1, stdout=io.StringIO())
        from django.db import connection
        from django.utils import timezone

        from apps.core.acts import Act
        from apps.desk.transition import transition
        from apps.orders import services as orders
        from apps.portfolios.models import Portfolio
        from apps.reference.models import Instrument
        from apps.users.models import User
        from benchmarks import _bare
        from benchmarks._rebalance import Yardstick
        from benchmarks.pipeline import Steps

        mira = User.objects.get(username="mira")
        portfolios = dict(Portfolio.objects.values_list("code", "pk"))
        instruments = dict(Instrument.objects.values_list("symbol", "pk"))
        lines = iter(transition(1))
        _bare.make_table()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")

        def wishes(count: int) -> list:
            return [
                orders.Wish(portfolios[line.portfolio], instruments[line.symbol], line.side, line.qty)
                for line, _ in zip(lines, range(count), strict=False)
            ]

        steps = Steps()

        def act(what: list) -> None:
            with steps.step("act"):
                orders.create_orders(Act(by=mira.pk, at=timezone.now(), via="command"), what, submit=True)

        act(wishes(100))  # Warms.
        times = OFTEN if size < FEW else 1
        batches = [wishes(size) for _ in range(times)]
        yardstick = Yardstick(home)
        connection.ensure_connection()
        seconds, statements = [], 0
        for batch in batches:
            steps.rows.clear()
            act(batch)
            seconds.append(steps.rows["act"][0])
            statements = max(statements, steps.rows["act"][1])  # One batch has an order that is held, another has none.
        bare = yardstick.measure()
        api = _by_api(Client, override_settings, mira, lines, size, min(times, 3))
    took = statistics.median(seconds)
    return {
        "orders": size,
        "seconds": round(took, 4),
        "orders_a_second": round(size / took),
        "statements": statements,
        "rows": bare.rows // times,
        "copy_seconds": round(bare.seconds / times, 4),
        "copy_ratio": round(took / (bare.seconds / times), 2),
        **api,
    }


def _by_api(client_class, override_settings, user, lines, size: int, times: int) -> dict:
    """The same through the API, as JSON, beside the bare view: both by Django's own client, in this process."""
    from benchmarks import _bare

    bodies = []
    for _ in range(times + 1):
        rows = [line for line, _ in zip(lines, range(size), strict=False)]
        bodies.append(
            json.dumps([
                {"portfolio": r.portfolio, "instrument": r.symbol, "side": r.side, "qty": str(r.qty)} for r in rows
            ])
        )  # fmt: skip

    def timed(path: str) -> float:
        client = client_class(SERVER_NAME="localhost")
        client.force_login(user)
        seconds = []
        for body in bodies:
            began = time.perf_counter()
            answer = client.post(path, body, content_type="application/json")
            seconds.append(time.perf_counter() - began)
            if answer.status_code != 201:
                raise RuntimeError(answer.content[:2000])
        return statistics.median(seconds[1:])

    api = timed("/api/v1/orders/?submit=1")
    with override_settings(ROOT_URLCONF="benchmarks._bare", MIDDLEWARE=_bare.MIDDLEWARE):
        bare = timed("/bare/")
    return {
        "api_seconds": round(api, 4),
        "bare_view_seconds": round(bare, 4),
        "view_ratio": round(api / bare, 2),
    }


def main() -> None:
    if MEASURED in sys.argv:
        print(json.dumps(measure(int(sys.argv[-1]))))
        return
    sizes = [_in_own_process(size) for size in SIZES]
    print(
        f"{'orders':>7} {'seconds':>9} {'a second':>9} {'statements':>11} {'rows':>8} {'COPY':>8} {'API':>9} {'bare view':>10}"
    )
    for s in sizes:
        print(
            f"{s['orders']:>7,} {s['seconds']:>9.4f} {s['orders_a_second']:>9,} {s['statements']:>11} {s['rows']:>8,}"
            f" {s['copy_seconds']:>8.4f} {s['api_seconds']:>9.4f} {s['bare_view_seconds']:>10.4f}"
        )
    basket = next(s for s in sizes if s["orders"] == BASKET)
    few, many = sizes[1], sizes[-1]
    grew = many["statements"] > few["statements"] + (many["orders"] - few["orders"]) / STATEMENT_FOR_EVERY
    reached = basket["orders_a_second"] >= ORDERS_A_SECOND and basket["copy_ratio"] <= TARGET and not grew
    ground.report("submit", {"sizes": sizes, "statements_grew": grew}, basket["copy_ratio"], TARGET, reached)


def _in_own_process(size: int) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.submit", MEASURED, str(size)], stdout=subprocess.PIPE, text=True, check=True,
        cwd=Path(__file__).resolve().parent.parent,
    )  # fmt: skip
    return json.loads(done.stdout.strip().splitlines()[-1])


if __name__ == "__main__":
    main()
