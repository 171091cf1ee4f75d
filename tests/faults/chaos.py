"""
The scenario with its parts killed under it, run as a process of its own: ``python -m tests.faults.chaos NAME SEED``.

Prints what was done and, as its last line, the scenario's JSON object with ``faults``, the number of each injected.
"""

import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal

import psycopg
from redis import Redis

from oms_portal.scenario import House
from tests import prepared

SPEED = 1500


class Chaos(threading.Thread):
    """Injects one of its faults at random moments until it is told to stop."""

    def __init__(self, house: House, faults: dict[str, Callable[[], None]], seed: int, pause: tuple[float, float]):
        super().__init__(daemon=True)
        self.house, self.faults, self.pause = house, faults, pause
        self.draw = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.ended = threading.Event()
        self.error: Exception | None = None
        self.most = 1

    def run(self) -> None:
        try:
            while not self.ended.wait(self.draw.uniform(*self.pause)):
                if name := self._next():
                    self.faults[name]()
                    self.done[name] += 1
        except Exception as error:
            self.error = error
            raise

    def _next(self) -> str:
        """Each once before any again; empty where each was done as often as it may: a part that never gets up does no work."""
        fewest = min(self.done[name] for name in self.faults)
        if fewest >= self.most:
            return ""
        return self.draw.choice(sorted(name for name in self.faults if self.done[name] == fewest))

    def stop(self) -> None:
        self.ended.set()
        self.join(60)
        if self.error:
            raise self.error


def killed(house: House, part: str) -> Callable[[], None]:
    return lambda: house.parts.restart(part)


def flush_redis(house: House) -> None:
    Redis.from_url(house.servers.urls().redis).flushall()


def redis_away(house: House) -> None:
    """Away for three seconds, back without anything it held."""
    Redis.from_url(house.servers.urls().redis).flushall()
    house.servers.redis.stop()
    time.sleep(3)
    house.servers.redis.start()


def tell_street(house: House, what: str, **more) -> None:
    """One of the operator's commands (see street.commands)."""
    folder = house.home / "street" / "control"
    folder.mkdir(parents=True, exist_ok=True)
    command = folder / f"{what}-{time.monotonic_ns()}"
    command.with_suffix(".part").write_text(json.dumps({"do": what} | more))
    command.with_suffix(".part").rename(command.with_suffix(".json"))


def database_stopped(house: House) -> None:
    """As a crash: nothing is written down in order, and the start recovers."""
    house.servers.postgres.stop("immediate")
    time.sleep(1)
    house.servers.postgres.start()


def connections_cut(house: House) -> None:
    """Every connection of every part, in the middle of whatever it does."""
    with psycopg.connect(house.servers.urls().database) as own:
        own.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")


def gateway_moved(house: House) -> None:
    """The gateway dies, and another with a folder of its own takes its sessions over; the next time the first does."""
    usual, other = "exec python manage.py fix_gateway", f"exec python manage.py fix_gateway --folder={house.home / 'fix-2'}"
    now = house.parts.commands["gateway"]
    house.parts.commands["gateway"] = other if now == usual else usual
    house.parts.restart("gateway")


def say_again(house: House) -> None:
    """The street sends the last reports of executions again, as it were unsure of them."""
    tell_street(house, "replay", n=50)


def shuffle_reports(house: House) -> None:
    """The next reports of all brokers come in any order."""
    tell_street(house, "shuffle", n=40)


def lines_cut(house: House) -> None:
    """Every connection of the street's, in the middle of a burst."""
    tell_street(house, "hang_up")


def repeat_reports(house: House) -> None:
    """The street sends every execution report three times from here on."""
    tell_street(house, "duplicate", times=3)


# Once the routes are out: what people did before would have to be done again by them.
LATER: dict[str, Callable[[House], dict[str, Callable[[], None]]]] = {
    "all": lambda h: {
        "PostgreSQL crashed": lambda: database_stopped(h),
        "connections cut": lambda: connections_cut(h),
        "gateway moved": lambda: gateway_moved(h),
        "reports said again": lambda: say_again(h),
        "reports shuffled": lambda: shuffle_reports(h),
        "FIX lines cut": lambda: lines_cut(h),
    },
}
CASES: dict[str, Callable[[House], dict[str, Callable[[], None]]]] = {
    "workers": lambda h: {"worker killed": killed(h, "worker"), "beat killed": killed(h, "beat")},
    "gateway": lambda h: {"gateway killed": killed(h, "gateway"), "reports repeated": lambda: repeat_reports(h)},
    "redis": lambda h: {"Redis flushed": lambda: flush_redis(h), "Redis away": lambda: redis_away(h)},
    "all": lambda h: {
        "worker killed": killed(h, "worker"),
        "gateway killed": killed(h, "gateway"),
        "web killed": killed(h, "web"),
        "Redis flushed": lambda: flush_redis(h),
        "reports repeated": lambda: repeat_reports(h),
    },
}


def order_entry_answers(run) -> float:
    """Creates one draft while Redis is away. :returns: the seconds it took"""
    from apps.orders import services as orders
    from apps.portfolios.models import Portfolio
    from apps.reference.models import Instrument

    run.house.servers.redis.stop()
    began = time.monotonic()
    wish = orders.Wish(
        portfolio_id=Portfolio.objects.order_by("pk").values_list("pk", flat=True)[0],
        instrument_id=Instrument.objects.get(symbol="AAPL").pk, side="BUY", qty=Decimal(1),
    )  # fmt: skip
    made = orders.create_orders(run.act("mira"), [wish])
    seconds = time.monotonic() - began
    run.house.servers.redis.start()
    orders.cancel_orders(run.act("mira"), made, seen={made[0]: 1})
    return seconds


def borne(do: Callable[[], object]) -> object:
    """What a person does who is told that the database is away: does it again."""
    from django.db import InterfaceError, OperationalError, connection

    while True:
        try:
            return do()
        except (OperationalError, InterfaceError, psycopg.OperationalError):
            connection.close()
            time.sleep(0.5)


def bear_the_database(run) -> None:
    """Looking whether something is done is no more than looking again, where the database was away."""
    wait = run.wait
    run.wait = lambda what, done, progress: wait(what, lambda: borne(done), lambda: borne(progress))


def main() -> int:
    name, seed = sys.argv[1], int(sys.argv[2])
    house = prepared.house(seed=seed, speed=SPEED)
    began = time.monotonic()
    try:
        house.open()
        from oms_portal.rebalance import Rebalance

        run = Rebalance(house)
        run.connect()
        entry_seconds = order_entry_answers(run) if name == "redis" else None
        chaos = Chaos(house, CASES[name](house), seed, (1.0, 4.0))
        chaos.start()
        for step in (run.import_orders, run.review, run.gather, run.route):
            step()
        chaos.most = 2
        if name in LATER:
            chaos.faults = chaos.faults | LATER[name](house)
            bear_the_database(run)
        for step in (run.execute, run.allocate):
            borne(step)
        chaos.stop()
        calm_at = time.monotonic()
        run.confirm()
        run.settle()
        recovered = time.monotonic() - calm_at
        run.verify()
        answer = run.answer(round(time.monotonic() - began, 1))
        run.print_tables()
    finally:
        house.close()
    answer |= {
        "faults": dict(chaos.done),
        "order_entry_seconds": entry_seconds,
        "after_calm_seconds": round(recovered, 1),
    }
    print(json.dumps(answer, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main())
