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
from tests.faults.people import People, refusals, tell_street

SPEEDS = {"all": 1000}  # For all of them to come while routes are out.


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
        """Once each was done."""
        while self.is_alive() and not all(self.done[name] for name in self.faults):
            time.sleep(0.1)
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


def database_stopped(house: House) -> None:
    """As a crash: nothing is written down in order, and the start recovers."""
    house.servers.postgres.stop("immediate")
    time.sleep(1)
    house.servers.postgres.start()


def connections_cut(house: House) -> None:
    """Every connection of every part, in the middle of whatever it does."""
    with psycopg.connect(house.servers.urls().database) as own:
        own.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")


def other_gateway(house: House) -> str:
    """The command of a gateway with the folder that the one at work has not."""
    usual, other = "exec python manage.py fix_gateway", f"exec python manage.py fix_gateway --folder={house.home / 'fix-2'}"
    return other if house.parts.commands["gateway"] == usual else usual


def gateway_moved(house: House) -> None:
    """The gateway dies, and another with a folder of its own takes its sessions over; the next time the first does."""
    house.parts.commands["gateway"] = other_gateway(house)
    house.parts.restart("gateway")


def standby_takes_over(house: House) -> None:
    """The gateway dies while another waits for that, which goes on in its place, though the database crashed meanwhile."""
    parts, log = house.parts, house.parts.logs / "standby.log"
    command = other_gateway(house)
    parts.commands["standby"] = f"{command} --standby"
    said = log.read_text(errors="replace").count("Stands by.") if log.exists() else 0
    parts.start("standby")
    deadline = time.monotonic() + 60
    while log.read_text(errors="replace").count("Stands by.") == said:
        if time.monotonic() > deadline:
            raise TimeoutError(f"No gateway stands by: {parts.dead()}")
        time.sleep(0.1)
    database_stopped(house)
    time.sleep(2)
    parts.kill("gateway")
    parts.commands["gateway"], parts.running["gateway"] = command, parts.running.pop("standby")


def say_again(house: House) -> None:
    """The street sends the last reports of executions again, as it were unsure of them."""
    tell_street(house.home, "replay", n=50)


def shuffle_reports(house: House) -> None:
    """The next reports of all brokers come in any order."""
    tell_street(house.home, "shuffle", n=40)


def go_astray(house: House) -> None:
    """Every broker reports on orders that are not ours, or that another broker has."""
    tell_street(house.home, "stray", n=3)


def astray(house: House, people: People) -> tuple[int, list[str]]:
    """
    How many reports went astray and were heard, by their ExecIDs; and those that are not in quarantine once, those in quarantine that
    did not go astray, and those not heard, but of brokers that lost with their numbers what was not delivered.
    """
    from apps.routing.models import Message

    told: set[str] = set()
    for path in (house.home / "street" / "control").glob("stray-*.done"):
        told.update(json.loads(path.read_text())["result"]["exec_ids"])
    rows = list(Message.objects.filter(is_out=False).values_list("ref", "status", "problem"))
    heard = {ref.rpartition("/")[2] for ref, _, _ in rows}
    kept = {ref.rpartition("/")[2]: problem for ref, status, problem in rows if status == "QUARANTINED"}
    times = Counter(ref.rpartition("/")[2] for ref, status, _ in rows if status == "QUARANTINED")
    wrong = [f"{name}: {kept.get(name)}" for name in kept.keys() | told & heard if times[name] != 1 or name not in told]
    lost = [name for name in told - heard if name.partition("-")[0] not in people.began_anew]
    return len(told & heard), sorted(wrong + lost)


def undecided() -> int:
    """Reconciliations and refusals that wait for a broker or a person."""
    from apps.routing.models import Reconciliation

    return Reconciliation.objects.filter(status__in=("WAITING", "DIFFERS")).count() + refusals().count()


def lines_cut(house: House) -> None:
    """Every connection of the street's, in the middle of a burst."""
    tell_street(house.home, "hang_up")


def numbers_anew(people: People, brokers: list[str], *, told: bool) -> None:
    """A broker loses its numbers and all that it did not deliver, and may say so as it is called (141=Y)."""
    from apps.routing.models import Session

    broker = brokers[people.resets % len(brokers)]
    people.resets += 1
    while not borne(lambda: Session.objects.get(target_comp_id=broker).is_up) and not people.ended.wait(0.2):
        continue
    people.began_anew[broker] = told
    tell_street(people.run_.house.home, "reset", broker=broker, told=told)


def repeat_reports(house: House) -> None:
    """The street sends every execution report three times from here on."""
    tell_street(house.home, "duplicate", times=3)


# Once the routes are out: what people did before would have to be done again by them.
LATER: dict[str, Callable[[House], dict[str, Callable[[], None]]]] = {
    "all": lambda h: {
        "connections cut": lambda: connections_cut(h),
        "gateway moved": lambda: gateway_moved(h),
        "PostgreSQL crashed and the standby took over": lambda: standby_takes_over(h),
        "reports astray": lambda: go_astray(h),
        "reports said again": lambda: say_again(h),
        "reports shuffled": lambda: shuffle_reports(h),
        "FIX lines cut": lambda: lines_cut(h),
    },
}


def with_people(people: People) -> dict[str, Callable[[], None]]:
    from apps.routing.models import Route

    brokers = sorted(set(Route.objects.filter(kind="ALGO").values_list("broker__code", flat=True)))
    return {
        "numbers begun anew": lambda: numbers_anew(people, brokers, told=True),
        "numbers gone back": lambda: numbers_anew(people, brokers, told=False),
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
    house = prepared.house(seed=seed, speed=SPEEDS.get(name, 1500))
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
        people = People(run, borne)
        if name in LATER:
            chaos.faults = chaos.faults | LATER[name](house) | with_people(people)
            bear_the_database(run)
            people.start()
            chaos.pause = (0.5, 2.0)
        else:
            chaos.most = 2
        for step in (run.execute, run.allocate):
            borne(step)
        chaos.stop()
        calm_at = time.monotonic()
        borne(run.confirm)
        borne(run.settle)
        if name in LATER:
            run.wait("decisions", lambda: borne(undecided) == 0, lambda: borne(undecided))
            people.stop()
        recovered = time.monotonic() - calm_at
        run.verify()
        strays, wrong, left = *astray(house, people), undecided()
        answer = run.answer(round(time.monotonic() - began, 1))
        run.print_tables()
    finally:
        house.close()
    answer |= {
        "faults": dict(chaos.done),
        "not_injected": sorted(name for name in chaos.faults if not chaos.done[name]),
        "people": dict(people.done),
        "undecided": left,
        "strays": strays,
        "astray": wrong,
        "order_entry_seconds": entry_seconds,
        "after_calm_seconds": round(recovered, 1),
    }
    print(json.dumps(answer, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main())
