"""
``live``: from the commit of a changed order to its changed row in Chromium, at 200 changes a second with 50 open lists.

One list is Chromium's, the other 49 are event streams of the firm's people, read and thrown away by a process of their
own. The yardstick, in the same run with the same commits and as many readers, is a bare event stream: it is handed the
markup of each row as the portal draws it, says it as it comes, and a bare page puts it in place. It knows no rights, no
lists, no views, and reads and draws nothing. A change is seen when its row first shows it or a later one. The changes are
bare updates and hints: what an act costs is measured by ``submit`` and ``pipeline``. The two are measured in turns, so
that a machine that is slower for a while is so for both.
"""

import asyncio
import contextlib
import io
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import quote

from benchmarks import _echo, ground

READERS = 50
A_SECOND = 200
WARM_SECONDS, SECONDS, ROUNDS = 3, 6, 3
ORDERS = 850
TARGET = 3.0  # Times the bare echo, median and 99th percentile.
READ = "--read"
WATCH = """(at) => {
  window.seen = [];
  const look = (row) => {
    const said = Number(row.cells[at].textContent.replaceAll(",", ""));
    window.seen.push([Number(row.dataset.row.split(":")[1]), said, performance.timeOrigin + performance.now()]);
  };
  new MutationObserver((mutations) => {
    const rows = new Set();
    for (const one of mutations) {
      for (const node of one.addedNodes) {
        const row = node.nodeType === 1 && node.matches("tr[data-row]") ? node : one.target.closest?.("tr[data-row]");
        if (row) rows.add(row);
      }
    }
    rows.forEach(look);
  }).observe(document.querySelector("#list"), { childList: true, subtree: true });
}"""


class Sample(NamedTuple):
    """The orders on the page, which cell of a row shows the price, and the markup of the first row."""

    orders: list[int]
    column: int
    row: str


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def serving(interface: str, target: str, port: int) -> Iterator[None]:
    env = {name: value for name, value in os.environ.items() if name != "OMS_DB_POOL"}
    run = subprocess.Popen(
        ["granian", "--interface", interface, "--http", "1", "--no-ws", "--host", "127.0.0.1", "--port", str(port)]
        + ["--workers", "1", "--log-level", "error", target],
        env=env | {"PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"},
        start_new_session=True,
    )
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield
    finally:
        os.killpg(run.pid, signal.SIGKILL)  # A stream that is read has no end to wait for.
        run.wait()


@contextlib.contextmanager
def reading(port: int, asked: list[tuple[str, str]]) -> Iterator[None]:
    """Other readers, in a process of their own: the path and the cookie of each."""
    run = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.live", READ, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        run.stdin.write(json.dumps(asked) + "\n")
        run.stdin.flush()
        if run.stdout.readline().strip() != "open":
            raise RuntimeError("the other readers were not let in")
        yield
    finally:
        run.terminate()
        run.wait()


async def _read(port: int, path: str, cookie: str, opened: asyncio.Semaphore) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n".encode())
    if b" 200 " not in await reader.readline():
        raise RuntimeError(f"{path} was not answered")
    opened.release()
    while await reader.read(65536):
        pass


async def _read_all(port: int) -> None:
    asked = json.loads(sys.stdin.readline())
    opened = asyncio.Semaphore(0)
    async with asyncio.TaskGroup() as group:
        for path, cookie in asked:
            group.create_task(_read(port, path, cookie, opened))
        for _ in asked:
            await opened.acquire()
        print("open", flush=True)


def change(orders: list[int], tell, above: int) -> list[tuple[int, int, float]]:
    """
    Changes one order after another, evenly.

    :param above: the prices are higher than this, and rise
    :return: order, its new price, Unix milliseconds of its commit
    """
    from django.db import connection, transaction

    done = []
    began = time.perf_counter()
    for n in range((WARM_SECONDS + SECONDS) * A_SECOND):
        time.sleep(max(0.0, began + n / A_SECOND - time.perf_counter()))
        order, price = orders[n % len(orders)], above + n + 1
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE orders_order SET limit_price = %s WHERE id = %s", [price, order])
        done.append((order, price, time.time() * 1000))
        tell(order, price)
    if time.perf_counter() - began > 1.02 * (WARM_SECONDS + SECONDS):
        raise RuntimeError(f"the machine does not make {A_SECOND} changes a second")
    return done[WARM_SECONDS * A_SECOND :]


def waits(done: list[tuple[int, int, float]], seen: list[tuple[int, float, float]]) -> list[float]:
    """Milliseconds from each commit until its row shows it or a later one."""
    by_order: dict[int, list[tuple[float, float]]] = {}
    for order, price, at in seen:
        by_order.setdefault(order, []).append((at, price))
    found, lost = [], 0
    for order, price, at in done:
        shown = next((when for when, said in sorted(by_order.get(order, ())) if said >= price), None)
        if shown is None:
            lost += 1
        else:
            found.append(shown - at)
    if lost:
        raise RuntimeError(f"{lost} of {len(done)} changes never came to the page")
    return found


class Watched(NamedTuple):
    """A page whose rows are watched, and how it is told of an order's new price."""

    page: Any
    tell: Callable[[int, int], None]

    def measured(self, orders: list[int], above: int) -> list[float]:
        """Milliseconds of each change of one round."""
        self.page.evaluate("window.seen.length = 0")
        done = change(orders, self.tell, above)
        self.page.wait_for_timeout(1500)
        return waits(done, self.page.evaluate("window.seen"))


def summed(ms: list[float]) -> dict:
    ms = sorted(ms)
    return {
        "changes": len(ms),
        "median_ms": round(statistics.median(ms), 1),
        "p99_ms": round(ms[int(len(ms) * 0.99)], 1),
    }


def people() -> dict[str, str]:
    """The session cookies of everybody who sees orders, by name."""
    from django.conf import settings
    from django.test import Client

    from apps.users.services import holders_of

    found = {}
    for user in holders_of("orders.see"):
        client = Client(SERVER_NAME="127.0.0.1")
        client.force_login(user)
        found[user.username] = client.cookies[settings.SESSION_COOKIE_NAME].value
    return found


def enter(count: int) -> None:
    from django.utils import timezone

    from apps.core.acts import Act
    from apps.orders import services as orders
    from apps.portfolios.selectors import portfolios_run_by
    from apps.reference.models import Instrument
    from apps.users.models import User

    mira = User.objects.get(username="mira")
    homes = list(portfolios_run_by(mira).values_list("pk", flat=True))
    what = list(Instrument.objects.filter(asset_class="EQUITY").values_list("pk", "increment"))
    wishes = [
        orders.Wish(
            homes[n % len(homes)], what[n % len(what)][0], "BUY", what[n % len(what)][1] * (100 + n),
            order_type="LIMIT", limit_price=Decimal(10),
        )
        for n in range(count)
    ]  # fmt: skip
    orders.create_orders(Act(by=mira.pk, at=timezone.now(), via="command"), wishes)


@contextlib.contextmanager
def ours(browser, sessions: dict[str, str]) -> Iterator[tuple[Watched, Sample]]:
    from django.conf import settings

    from apps.audit import wires

    port, stream = settings.PORT, settings.STREAM_PORT
    with serving("wsgi", "oms_portal.wsgi:application", port), serving("asgi", "oms_portal.asgi:application", stream):
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        cookie = {"name": settings.SESSION_COOKIE_NAME, "value": sessions["mira"], "url": f"http://127.0.0.1:{port}"}
        context.add_cookies([cookie])
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/orders/")
        page.locator("[data-live-state] [data-word]", has_text=re.compile("^Live$")).wait_for()
        asked = page.evaluate("[document.body.dataset.stream, document.querySelector('#list').dataset.rowsUrl]")
        path = f"/stream/?{asked[0].partition('?')[2]}&list={quote(asked[1])}"
        heads = page.locator("#list thead th").all_inner_texts()
        column = next(n for n, text in enumerate(heads) if text.strip().upper().startswith("LIMIT"))
        shown = [
            int(row.split(":")[1])
            for row in page.evaluate("[...document.querySelectorAll('#list [data-row]')].map(r => r.dataset.row)")
        ]
        names = sorted(sessions)
        others = [
            (path, f"{settings.SESSION_COOKIE_NAME}={sessions[names[n % len(names)]]}") for n in range(READERS - 1)
        ]
        row = page.locator("#list [data-row]").first.evaluate("row => row.outerHTML")
        page.evaluate(WATCH, column)
        with reading(stream, others):
            yield (
                Watched(page, lambda order, _: wires.publish({"order": {order}})),
                Sample(shown, column, row),
            )


@contextlib.contextmanager
def bare(browser, sample: Sample) -> Iterator[Watched]:
    from apps.audit import wires

    port = free_port()
    whose, price_was = f'"order:{sample.orders[0]}"', re.search(r">10(\.0+)?<", sample.row)[0]

    def tell(order: int, price: int) -> None:
        row = sample.row.replace(whose, f'"order:{order}"').replace(price_was, f">{price}<", 1)
        wires.client().publish(_echo.CHANNEL, json.dumps({"id": order, "row": row}))

    with serving("asgi", "benchmarks._echo:application", port):
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.goto(f"http://127.0.0.1:{port}/?{','.join(map(str, sample.orders))}")
        page.evaluate(WATCH, sample.column)
        with reading(port, [("/events", "")] * (READERS - 1)):
            yield Watched(page, tell)


def main() -> None:
    if READ in sys.argv:
        asyncio.run(_read_all(int(sys.argv[-1])))
        return
    from playwright.sync_api import sync_playwright

    # Playwright keeps a loop in this thread, in which nothing of ours runs.
    os.environ |= {"DJANGO_ALLOW_ASYNC_UNSAFE": "1"}
    os.environ |= {"PORT": str(free_port())}
    with ground.servers(), sync_playwright() as playwright:
        from django.core.management import call_command

        call_command("load_demo", scale=1, seed=1, stdout=io.StringIO())
        enter(ORDERS)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        sessions = people()
        rounds: dict[str, list[float]] = {"portal": [], "echo": []}
        with ours(browser, sessions) as (ours_seen, sample), bare(browser, sample) as bare_seen:
            for n in range(ROUNDS):
                for name, watched in (("portal", ours_seen), ("echo", bare_seen)):
                    watched.page.bring_to_front()
                    rounds[name] += watched.measured(sample.orders, 10 + n * 100_000)
        browser.close()
    portal, echo = summed(rounds["portal"]), summed(rounds["echo"])
    print(f"{'':>12} {'changes':>8} {'median':>8} {'99th':>8}  (ms)")
    for name, row in (("portal", portal), ("bare echo", echo)):
        print(f"{name:>12} {row['changes']:>8,} {row['median_ms']:>8} {row['p99_ms']:>8}")
    ratio = portal["median_ms"] / echo["median_ms"]
    late = portal["p99_ms"] / echo["p99_ms"]
    figures = {"readers": READERS, "people": len(sessions), "portal": portal, "echo": echo, "p99_ratio": round(late, 2)}
    ground.report("live", figures, ratio, TARGET, max(ratio, late) < TARGET)


if __name__ == "__main__":
    main()
