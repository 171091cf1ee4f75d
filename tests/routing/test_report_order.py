"""
Whatever a broker says, in whatever order: nothing that is well formed makes booking fail, the sums hold after every message,
and what an honest broker says ends the same however it arrives.
"""

from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from apps.audit.models import Entry
from apps.blocks.models import Block
from apps.core.events import REGISTRY
from apps.core.refusals import Refusal
from apps.routing import services as routing
from apps.routing.models import Execution, Message, Route, RouteRequest
from apps.routing.states import DEAD, LIFE

from .says_fix import Counterparty

D = Decimal
SETTINGS = settings(
    max_examples=25, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
EXEC_TYPES, STATUSES = "03456789ABCDEFGHI", "01234678 9ABCE".replace(" ", "")


class Undone:
    """An order of 10,000, of which the block has 5,000 more; undone as the example ends."""

    def __init__(self, a_route_made, by, tom, begin_string="FIX.4.4"):
        self.route, self.by, self.tom = a_route_made, by, tom
        self.broker = Counterparty(self.route.broker_id, begin_string)
        self.names = {"X": self.route.cl_ord_id}

    def __enter__(self):
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        return self

    def __exit__(self, *error):
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def ask(self, name: str, qty: int | None) -> bool:
        """Whether it could be asked for."""
        self.route = Route.objects.get(pk=self.route.pk)
        seen = {self.route.pk: self.route.version}
        try:
            with transaction.atomic():
                if qty is None:
                    routing.cancel_routes(self.by(self.tom), [self.route.pk], seen=seen)
                else:
                    routing.replace_routes(self.by(self.tom), {self.route.pk: {"qty": D(qty)}}, seen=seen)
        except Refusal:
            return False
        self.names[name] = RouteRequest.objects.latest("pk").cl_ord_id
        return True

    def check(self) -> None:
        route = self.route = Route.objects.get(pk=self.route.pk)
        live = list(Execution.objects.filter(route=route, status="LIVE").values_list("qty", "price"))
        assert route.cum_qty == sum((q for q, _ in live), D(0))
        assert route.cum_value == sum((q * p for q, p in live), D(0))
        if route.status in DEAD:
            assert route.cum_qty + route.leaves_qty <= route.qty
        else:
            assert route.leaves_qty == route.qty - route.cum_qty
        block = Block.objects.get(pk=route.block_id)
        waiting = RouteRequest.objects.filter(route=route, msg_type="G", answer="WAITING").values_list("qty", flat=True)
        reserved = max([D(0), *(qty - route.qty for qty in waiting)])
        assert (block.placed_qty, block.filled_qty) == (route.cum_qty + route.leaves_qty + reserved, route.cum_qty)
        assert block.placed_qty <= block.qty
        told = Entry.objects.filter(subject="route", subject_id=route.pk).order_by("nth").values_list("event", flat=True)
        assert LIFE.replay(REGISTRY[event] for event in told) == route.status
        assert not Message.objects.filter(problem__startswith="Booking failed").exists()


@pytest.fixture
def a_made_route(a_route):
    return a_route(10_000, unplaced=5_000)


AMOUNTS = st.sampled_from([0, 1, 1_000, 4_000, 10_000, 10_001, 12_000])
SAID = st.fixed_dictionaries(
    {
        150: st.sampled_from(EXEC_TYPES), 39: st.sampled_from(STATUSES), 11: st.sampled_from(["X", "X", "Y", "Z", "?"]),
        41: st.sampled_from([None, "X", "Y"]), 17: st.sampled_from("ABCDEF"), 19: st.sampled_from([None, *"ABCDEF"]),
        32: AMOUNTS, 31: st.sampled_from([0, "50", "50.01", "100"]), 38: st.sampled_from([None, 10_000, 12_000]),
        14: st.one_of(st.none(), AMOUNTS), 151: st.one_of(st.none(), AMOUNTS), 54: st.sampled_from([None, 1, 1, 1, 2]),
        378: st.sampled_from([None, None, "1", "2", "99"]), 60: st.integers(0, 40),
    }
)  # fmt: skip
ASKED = st.one_of(st.just(("cancel", None)), st.tuples(st.just("replace"), st.sampled_from([8_000, 12_000, 15_000])))
REFUSED = st.tuples(st.just("refused"), st.sampled_from("YZ"), st.sampled_from(STATUSES), st.sampled_from("0123"))


class TestAnything:
    @SETTINGS
    @given(st.lists(st.one_of(SAID, SAID, SAID, ASKED, REFUSED), min_size=1, max_size=12), st.sampled_from(["FIX.4.4", "FIX.4.2"]))
    def test_no_sequence_of_reports_fails_or_breaks_a_sum(self, a_made_route, tom, by, steps, version):
        with Undone(a_made_route, by, tom, version) as order:
            for step in steps:
                note(str(step))
                if isinstance(step, dict):
                    body = step | {11: order.names.get(step[11], "NOBODY"), 41: order.names.get(step[41]), 60: order.broker.at(step[60])}
                    order.broker.report(str(body.pop(150)), str(body.pop(39)), body)
                elif step[0] == "refused":
                    _, name, status, reason = step
                    order.broker.say("9", {11: order.names.get(name, "NOBODY"), 41: order.names["X"], 39: status, 434: 1, 102: reason})
                else:
                    order.ask("Z" if "Y" in order.names else "Y", step[1])
                order.check()


class Honest:
    """A broker that fills, takes back, corrects, cancels and replaces, and tells it as FIX says: messages in their order."""

    def __init__(self, names: dict[str, str], route_pk: int):
        self.names, self.pk = names, route_pk
        self.qty, self.live, self.on = D(10_000), {}, "X"
        self.pending, self.over = "", ""
        self.told: list[tuple[str, dict]] = []
        self.asked: dict[str, int | None] = {}

    @property
    def cum(self):
        return sum((q for q, _ in self.live.values()), D(0))

    def status(self) -> str:
        if self.pending:
            return self.pending
        if self.cum >= self.qty:
            return "2"
        return self.over or ("1" if self.cum else "0")

    def tell(self, kind: str, on: str = "", **more) -> None:
        value = sum((q * p for q, p in self.live.values()), D(0))
        n = len(self.told)
        body = {
            11: self.names[on or self.on], 37: f"O{self.pk}", 17: more.pop("exec_id", f"S{n}"), 54: 1, 38: self.qty, 14: self.cum,
            151: 0 if self.over else self.qty - self.cum, 6: round(value / self.cum, 8) if self.cum else 0,
            150: kind, 39: self.status(), 60: n + 1,
        } | more  # fmt: skip
        self.told.append(("8", body))

    def refuse(self, name: str) -> None:
        body = {11: self.names[name], 41: self.names["X"], 37: f"O{self.pk}", 39: self.status(), 434: 1, 102: 0, 60: len(self.told) + 1}
        self.told.append(("9", body))

    def do(self, what: tuple) -> None:
        kind, n = what
        if kind == "fill" and not self.over and self.cum < self.qty:
            exec_id, qty = f"F{len(self.told)}", min(D(n), self.qty - self.cum)
            price = D(50) + D(n % 7) / 100
            self.live[exec_id] = (qty, price)
            self.tell("F", exec_id=exec_id, **{"32": qty, "31": price})
        elif kind in ("bust", "correct") and self.live:
            ref = sorted(self.live)[n % len(self.live)]
            qty, price = self.live.pop(ref)
            exec_id = f"C{len(self.told)}"
            if kind == "correct":
                self.live[exec_id] = (qty, price + D("0.05"))
                self.tell("G", exec_id=exec_id, **{"19": ref, "32": qty, "31": price + D("0.05")})
            else:
                self.tell("H", exec_id=exec_id, **{"19": ref, "32": 0, "31": 0})
        elif kind == "pend" and "Y" in self.asked and not self.over and not self.pending:
            self.pending = "6" if self.asked["Y"] is None else "E"
            self.tell(self.pending, "Y", **{"41": self.names["X"]})
        elif kind == "answer" and "Y" in self.asked:
            self.answer(n)

    def answer(self, n: int) -> None:
        qty = self.asked.pop("Y")
        self.pending = ""
        if n % 3 == 0 or self.over or self.cum >= self.qty:
            self.refuse("Y")
        elif qty is None:
            self.over = "4"
            self.tell("4", "Y", **{"41": self.names["X"]})
        else:
            self.qty, self.on = max(D(qty), self.cum), "Y"
            self.tell("5", "Y", **{"41": self.names["X"]})


DOES = st.lists(
    st.tuples(st.sampled_from(["fill", "fill", "fill", "bust", "correct", "pend", "answer"]), st.integers(1, 4_000)), min_size=2, max_size=8
)


class TestAnHonestDay:
    @SETTINGS
    @given(DOES, st.sampled_from([None, 8_000, 12_000]), st.randoms(use_true_random=False))
    def test_it_ends_the_same_however_it_arrives(self, a_made_route, tom, by, does, wish, random):
        ends = []
        for shuffled in (False, True):
            with Undone(a_made_route, by, tom) as order:
                assert order.ask("Y", wish)
                broker = Honest(order.names, order.route.pk)
                broker.asked["Y"] = wish
                broker.tell("0")
                for what in does:
                    broker.do(what)
                told = [(n, *said) for n, said in enumerate(broker.told)]
                if shuffled:
                    told += [random.choice(told) for _ in range(3)]
                    random.shuffle(told)
                for _, msg_type, body in told:
                    note(f"{msg_type} {body}")
                    said = {int(tag): value for tag, value in body.items()} | {60: order.broker.at(int(body[60]))}
                    order.broker.say(msg_type, said)
                    order.check()
                route = order.route
                waiting = Message.objects.filter(status="QUARANTINED")
                assert not waiting.exists(), list(waiting.values_list("problem", flat=True))
                on = {name: alias for alias, name in order.names.items()}
                ends.append((route.status, route.qty, route.cum_qty, route.leaves_qty, route.cum_value, on[route.cl_ord_id]))
        assert ends[0] == ends[1]
        assert ends[0][2] == broker.cum
