"""
Web processes killed while other systems enter orders, run as a process of its own: ``python -m tests.faults.web_kills``.

Two web processes stand side by side, each a real granian (see web_nodes). Three systems enter orders by HTTP, each request with an
Idempotency-Key of its own, and repeat one that was not answered, at whichever process answers, with the same key.
Meanwhile one process after another is killed (SIGKILL) with requests in it, most of them committed and not yet
published, because Redis is made to hesitate a moment before. Prints what came of it as one JSON object.
"""

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from redis import Redis

from oms_portal.parts import CHECKOUT
from oms_portal.scenario import House, free_port
from tests import prepared

KILLS, SYSTEMS, NODES, SEED = 30, 3, 2, 4
SECONDS_TO_BOOT, SECONDS_TO_ANSWER, SECONDS_TO_ENTER, SECONDS_TO_CATCH_UP = 30, 5, 90, 15
HESITATION_MS = 250
PATH = "/api/v1/orders/?submit=1"


class Unanswered(Exception):
    """Nobody knows whether the request was carried out."""


class Nodes:
    """The web processes, and one request to one of them."""

    def __init__(self, house: House):
        self.house, self.token = house, ""
        self.ports = {f"web-{n}": free_port() for n in range(NODES)}
        self.pids: dict[str, int] = {}
        self.starter: subprocess.Popen | None = None

    def open(self) -> None:
        with (self.house.home / "log" / "web.log").open("ab") as log:
            self.starter = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.web_nodes"], cwd=CHECKOUT, text=True, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=log, env=self.house.parts.env | {"OMS_PROCESS": "web"},
            )  # fmt: skip
        self.starter.stdout.readline()
        for name in self.ports:
            self.start(name)

    def start(self, name: str) -> None:
        self.starter.stdin.write(f"{self.ports[name]}\n")
        self.starter.stdin.flush()
        self.pids[name] = int(self.starter.stdout.readline())

    def kill(self, name: str) -> None:
        """SIGKILL to the process and its workers."""
        os.killpg(self.pids.pop(name), signal.SIGKILL)

    def close(self) -> None:
        for name in list(self.pids):
            self.kill(name)
        if self.starter:
            self.starter.stdin.close()
            self.starter.wait(10)

    def ask(self, name: str, method: str, path: str, body: object = None, **headers: str) -> tuple[int, dict]:
        """:raises Unanswered: where no whole answer came"""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[name], timeout=SECONDS_TO_ANSWER)
        headers = {"Content-Type": "application/json", "Authorization": f"Token {self.token}"} | headers
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, json.JSONDecodeError) as problem:
            raise Unanswered(str(problem)) from problem
        finally:
            connection.close()

    def enter(self, name: str, key: str, order: dict) -> tuple[int, dict]:
        return self.ask(name, "POST", PATH, order, **{"Idempotency-Key": key})

    def wait_for(self, name: str) -> None:
        """Until it answers. :raises TimeoutError: with how it ended, where it does not"""
        deadline = time.monotonic() + SECONDS_TO_BOOT
        while time.monotonic() < deadline:
            try:
                if self.ask(name, "GET", "/api/v1/orders/?page_size=1")[0] == 200:
                    return
            except Unanswered:
                time.sleep(0.05)
        raise TimeoutError(f"{name} does not answer: {self.house.parts.logs.joinpath('web.log').read_text()[-2000:]}")


@dataclass
class Entered:
    """What the systems were told: for each key the order's id and the answer's status; and how much by whom."""

    answers: dict[str, tuple[int, int]] = field(default_factory=dict)
    unanswered: Counter = field(default_factory=Counter)
    answered_by: Counter = field(default_factory=Counter)


class System(threading.Thread):
    """Another firm's system: enters orders one after another until it is told to stop."""

    def __init__(self, number: int, nodes: Nodes, told: Entered, wanted: Callable[[int], dict], ended: threading.Event):
        super().__init__(daemon=True)
        self.number, self.nodes, self.told, self.wanted, self.ended = number, nodes, told, wanted, ended
        self.draw = random.Random(f"{SEED}/{number}")
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            turn = 0
            while not self.ended.is_set():
                self.enter(turn * SYSTEMS + self.number)
                turn += 1
                time.sleep(0.02)
        except Exception as error:
            self.error = error
            raise

    def enter(self, n: int) -> None:
        key = f"key-{n}"
        order = self.wanted(n) | {"client_ref": key}
        deadline = time.monotonic() + SECONDS_TO_ENTER
        while time.monotonic() < deadline:
            name = self.draw.choice(list(self.nodes.ports))
            try:
                status, said = self.nodes.enter(name, key, order)
            except Unanswered:
                self.told.unanswered[key] += 1
                time.sleep(0.05)
                continue
            if status not in (200, 201):
                raise RuntimeError(f"{key} was refused: {status} {said}")
            self.told.answers[key] = (said["id"], status)
            self.told.answered_by[name] += 1
            return
        raise TimeoutError(f"{key} was never answered")


def kill_one_after_another(nodes: Nodes, told: Entered) -> None:
    """Each once it has taken orders since it was started."""
    redis = Redis.from_url(nodes.house.servers.urls().redis)
    draw = random.Random(SEED)
    taken = dict.fromkeys(nodes.ports, 0)
    for n in range(KILLS):
        name = f"web-{n % NODES}"
        deadline = time.monotonic() + SECONDS_TO_BOOT
        while told.answered_by[name] <= taken[name]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} takes no order")
            time.sleep(0.01)
        redis.execute_command("CLIENT", "PAUSE", HESITATION_MS, "ALL")
        time.sleep(draw.uniform(0.05, HESITATION_MS / 1000))
        nodes.kill(name)
        nodes.start(name)
        taken[name] = told.answered_by[name]


def wishes() -> Callable[[int], dict]:
    """The nth order: a sale of one to a few hundred of what a portfolio holds, no two alike."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT f.code, i.symbol FROM portfolios_position p JOIN portfolios_portfolio f ON f.id = p.portfolio_id"
            " JOIN reference_instrument i ON i.id = p.instrument_id"
            " WHERE i.asset_class = 'EQUITY' AND p.qty > 1000 ORDER BY f.code, i.symbol"
        )
        held = cursor.fetchall()

    def wanted(n: int) -> dict:
        portfolio, symbol = held[n % len(held)]
        return {"portfolio": portfolio, "instrument": symbol, "side": "SELL", "qty": str(1 + n // len(held))}

    return wanted


def at_once(nodes: Nodes, order: dict, times: int) -> dict:
    """The same request many times in parallel, then its key with another quantity."""
    names = list(nodes.ports)
    order = order | {"client_ref": "key-at-once"}
    with ThreadPoolExecutor(times) as pool:
        answers = list(pool.map(lambda n: nodes.enter(names[n % len(names)], "key-at-once", order), range(times)))
    status, said = nodes.enter(names[0], "key-at-once", order | {"qty": "9999"})
    return {
        "statuses": Counter(str(status) for status, _ in answers),
        "orders": len({said.get("id") for _, said in answers}),
        "other_body": [status, said.get("code")],
    }


def caught_up() -> float | None:
    """The seconds until every cleared order is in a block and no promise is open; None where that takes too long."""
    from apps.audit.selectors import open_promises
    from oms_portal.rebalance import count

    left = "status = 'CLEARED' AND NOT EXISTS (SELECT 1 FROM blocks_member m WHERE m.order_id = orders_order.id)"
    began = time.monotonic()
    while count("orders_order", left) or open_promises().exists():
        if time.monotonic() - began > SECONDS_TO_CATCH_UP:
            return None
        time.sleep(0.1)
    return round(time.monotonic() - began, 1)


def outcome(told: Entered) -> dict:
    from apps.orders.models import Order
    from apps.reporting.invariants import broken_invariants

    kept = Counter(Order.objects.filter(client_ref__startswith="key-").values_list("client_ref", flat=True))
    ids = dict(Order.objects.filter(client_ref__startswith="key-").values_list("client_ref", "pk"))
    asked = told.answers | {"key-at-once": (ids.get("key-at-once"), 201)}
    return {
        "keys": len(asked),
        "orders": Order.objects.count(),
        "lost": sorted(asked.keys() - kept.keys()),
        "doubled": sorted(key for key, n in kept.items() if n > 1),
        "misnamed": sorted(key for key, (pk, _) in asked.items() if ids.get(key) != pk),
        "unanswered": len(told.unanswered),
        "answered_by_the_first_answer": sum(status == 200 for _, status in told.answers.values()),
        "cleared": Order.objects.filter(status="CLEARED").count(),
        "statuses": Counter(Order.objects.values_list("status", flat=True)),
        "broken": {name: lines for name, lines in broken_invariants().items() if lines},
    }


def token_of_another_system() -> str:
    from django.utils import timezone

    from apps.core.acts import Act
    from apps.users import services as users
    from apps.users.models import User

    mira = User.objects.get(username="mira")
    return users.make_token(Act(by=mira.pk, at=timezone.now(), via="command"), "another system")


def kill_while_orders_come(nodes: Nodes, told: Entered, wanted: Callable[[int], dict]) -> None:
    """Returns once every request was answered."""
    ended = threading.Event()
    systems = [System(n, nodes, told, wanted, ended) for n in range(SYSTEMS)]
    for system in systems:
        system.start()
    try:
        kill_one_after_another(nodes, told)
    finally:
        ended.set()
    for system in systems:
        system.join(SECONDS_TO_ENTER)
        if system.error:
            raise system.error


def main() -> int:
    began = time.monotonic()
    house = prepared.house(seed=SEED, durable=False)
    nodes, told = Nodes(house), Entered()
    try:
        house.open(("worker", "beat"))
        nodes.open()
        nodes.token = token_of_another_system()
        wanted = wishes()
        for name in nodes.ports:
            nodes.wait_for(name)
        kill_while_orders_come(nodes, told, wanted)
        caught = caught_up()
        for name in nodes.ports:
            nodes.wait_for(name)
        parallel = at_once(nodes, wanted(7) | {"qty": "777"}, 50)
        again = caught_up()
        answer = outcome(told) | {"kills": KILLS, "caught_up_seconds": [caught, again], "at_once": parallel}
        answer["seconds"] = round(time.monotonic() - began, 1)
    finally:
        nodes.close()
        house.close()
    print(json.dumps(answer, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main())
