"""
``wire``: how long it takes from a route's commit to its bytes at the broker, and from a report's bytes to its booking and to the
changed row in Chromium.

Acts come one after another, a few a second, as people's do. The yardstick, in the same run on the same server, is bare QuickFIX in
Python: out, an order that it sends when a committed row's notification wakes it; in, one committed insert of what the report
says. When an insert is committed is seen by a connection that asks every millisecond. What is measured are medians and 99th
percentiles; the ratio is that of the way out.
"""

import io
import os
import re
import statistics
import threading
import time
from typing import Any

from benchmarks import _bare_fix, _wire, ground

OUT, IN = 200, 200
A_SECOND = 8
# When each row of the list said something else than before; also where the list was fetched whole.
WATCH = """() => {
  const said = new Map();
  window.seen = [];
  const look = () => {
    const at = (performance.timeOrigin + performance.now()) / 1000;
    for (const row of document.querySelectorAll("#list tr[data-row]")) {
      if (said.get(row.dataset.row) === row.textContent) continue;
      said.set(row.dataset.row, row.textContent);
      window.seen.push([row.dataset.row, at]);
    }
  };
  look();
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""


class Commits(threading.Thread):
    """When rows of a table were first there for others to read, by their ExecID."""

    def __init__(self, table: str):
        super().__init__(daemon=True)
        self.table, self.seen, self.stopping = table, {}, threading.Event()

    def run(self) -> None:
        import psycopg

        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
            last = 0
            while not self.stopping.is_set():
                rows = database.execute(f"SELECT id, exec_id FROM {self.table} WHERE id > %s ORDER BY id", [last]).fetchall()
                at = time.time()
                for last, exec_id in rows:  # noqa: B007 - the last one is where the next look begins.
                    self.seen[exec_id] = at
                time.sleep(0.001)


def main() -> None:
    from playwright.sync_api import sync_playwright

    from benchmarks.live import free_port, people, serving

    os.environ |= {"DJANGO_ALLOW_ASYNC_UNSAFE": "1", "PORT": str(free_port())}
    with ground.servers() as home, sync_playwright() as playwright:
        from django.conf import settings
        from django.core.management import call_command

        call_command("load_demo", scale=1, seed=1, stdout=io.StringIO())
        from benchmarks._rebalance import Pipeline
        from benchmarks.pipeline import Steps

        pipeline = Pipeline(home, Steps())
        pipeline.to_blocks()
        with _wire.counterparty() as broker:
            broker.do("prices", of=_wire.prices())
            with _wire.gateway(home, broker.port):
                out = _out(broker, pipeline)
                browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
                with (
                    serving("wsgi", "oms_portal.wsgi:application", settings.PORT),
                    serving("asgi", "oms_portal.asgi:application", settings.STREAM_PORT),
                ):
                    booked, shown = _in(broker, _page(browser, people()["tom"]))
                browser.close()
            with _wire.bare(home, broker.port, "BAREBROKER"):
                bare_out = _bare_out(broker)
                broker.do("invent", comp="BAREBROKER", n=30)
                bare_in = _bare_in(broker)
    rows = {
        "commit to bytes": (out, bare_out), "bytes to booking": (booked, bare_in), "bytes to the row": (shown, None),
    }  # fmt: skip
    print(f"{'':>18} {'n':>5} {'median':>8} {'99th':>8}   bare: {'median':>8} {'99th':>8}  (ms)")
    figures: dict[str, Any] = {}
    for name, (ours, bare) in rows.items():
        figures[name] = _summed(ours) | ({"bare": _summed(bare)} if bare else {})
        told = figures[name]
        said = f"{told['bare']['median_ms']:>8} {told['bare']['p99_ms']:>8}" if bare else ""
        print(f"{name:>18} {told['n']:>5} {told['median_ms']:>8} {told['p99_ms']:>8}         {said}")
    ground.report("wire", figures, statistics.median(out) / statistics.median(bare_out), None, True)


def _out(broker: _wire.Counterparty, pipeline) -> list[float]:
    """Seconds from the commit of each act that routes a part of a block until the broker has its order."""
    from apps.blocks.models import Block
    from apps.routing import services as routing
    from apps.routing.models import Route

    blocks = list(Block.objects.filter(instrument__asset_class="EQUITY").order_by("pk").values_list("pk", "qty", "instrument__increment"))
    committed = {}
    for n in range(OUT):
        pk, qty, step = blocks[n % len(blocks)]
        version = Block.objects.values_list("version", flat=True).get(pk=pk)
        part = max(qty // (OUT // len(blocks) + 2) // step, 1) * step
        [route] = routing.route_blocks(pipeline.act("tom"), [pk], seen={pk: version}, qty=part).routes
        committed[route] = time.time()
        time.sleep(1 / A_SECOND)
    names = dict(Route.objects.filter(pk__in=committed).values_list("cl_ord_id", "pk"))
    _wire.wait_until("orders at the broker", lambda: len(broker.do("heard")) >= OUT, every=0.5)
    return [at - committed[names[name]] for name, kind, at in broker.do("heard") if kind == "D" and name in names]


def _bare_out(broker: _wire.Counterparty) -> list[float]:
    import psycopg

    committed, before = {}, len(broker.do("heard"))
    with psycopg.connect(os.environ["DATABASE_URL"]) as database:
        for n in range(OUT):
            name = f"N{n:09d}"
            database.execute("INSERT INTO bare_request (cl_ord_id, text) VALUES (%s, '')", [name])
            database.execute("SELECT pg_notify(%s, %s)", [_bare_fix.CHANNEL, name])
            database.commit()
            committed[name] = time.time()
            time.sleep(1 / A_SECOND)
    _wire.wait_until("bare orders at the broker", lambda: len(broker.do("heard")) >= before + OUT, every=0.5)
    return [at - committed[name] for name, _, at in broker.do("heard") if name in committed]


def _page(browser, session: str):
    from django.conf import settings

    context = browser.new_context(viewport={"width": 1440, "height": 900})
    address = f"http://127.0.0.1:{settings.PORT}"
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": address}])
    page = context.new_page()
    page.goto(f"{address}/blocks/")
    page.locator("[data-live-state] [data-word]", has_text=re.compile("^Live$")).wait_for()
    page.evaluate(WATCH)
    return page


def _in(broker: _wire.Counterparty, page) -> tuple[list[float], list[float]]:
    """Seconds from each report's bytes until its execution is committed, and until its block's row has changed."""
    from apps.routing.models import Route

    commits = Commits("routing_execution")
    commits.start()
    said = broker.do("fill", n=IN, a_second=A_SECOND, parts=90)
    _wire.wait_until("fills booked", lambda: len(commits.seen) >= IN, 60)
    blocks = {name: f"block:{block}" for name, block in Route.objects.values_list("cl_ord_id", "block_id")}
    for _ in range(20):
        page.wait_for_timeout(1000)
        seen: dict[str, list[float]] = {}
        for row, at in page.evaluate("window.seen"):
            seen.setdefault(row, []).append(at)
        shown = [min((at for at in seen.get(blocks[name], ()) if at >= sent), default=None) for _, name, sent in said]
        if None not in shown:
            break
    commits.stopping.set()
    lost = [(n, said[n], blocks[said[n][1]]) for n, at in enumerate(shown) if at is None]
    if lost:
        at = [commits.seen[one[0]] for _, one, _ in lost]
        raise RuntimeError(f"{len(lost)} of {IN} fills never came to the page: {lost[:3]}, booked at {at[:3]}")
    booked = [commits.seen[exec_id] - sent for exec_id, _, sent in said]
    return booked, [at - sent for at, (_, _, sent) in zip(shown, said, strict=True)]


def _bare_in(broker: _wire.Counterparty) -> list[float]:
    commits = Commits("bare_execution")
    commits.start()
    said = broker.do("fill", n=IN, a_second=A_SECOND)
    _wire.wait_until("bare fills", lambda: len(commits.seen) >= IN, 60)
    commits.stopping.set()
    return [commits.seen[exec_id] - sent for exec_id, _, sent in said]


def _summed(seconds: list[float]) -> dict:
    ms = sorted(one * 1000 for one in seconds)
    return {"n": len(ms), "median_ms": round(statistics.median(ms), 1), "p99_ms": round(ms[int(len(ms) * 0.99)], 1)}


if __name__ == "__main__":
    main()
