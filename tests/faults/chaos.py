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

    def run(self) -> None:
        try:
            while not self.ended.wait(self.draw.uniform(*self.pause)):
                name = self.draw.choice(sorted(self.faults))
                self.faults[name]()
                self.done[name] += 1
        except Exception as error:
            self.error = error
            raise

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


def repeat_reports(house: House) -> None:
    """The street sends every execution report three times from here on."""
    tell_street(house, "duplicate", times=3)


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
        for step in (run.import_orders, run.review, run.gather, run.route, run.execute, run.allocate):
            step()
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
