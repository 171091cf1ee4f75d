"""
Every vector as raw FIX through the gateway: after each step the order's state, its amounts and average price, which ClOrdID
the next request names, what its block has placed and filled, what the desk is told, and what waits for a person.
"""

import re
from decimal import Decimal
from fractions import Fraction

import pytest
from django.db import connection, transaction

from apps.audit.models import Entry
from apps.blocks.models import Block
from apps.certification.rules import STATES, VECTORS, Asks, Refuses, Says
from apps.core.refusals import Refusal
from apps.routing import services as routing
from apps.routing.models import Alert, AlertRule, Execution, Message, Route, RouteRequest
from apps.routing.states import DEAD

from .conftest import sent
from .says_fix import Counterparty

D = Decimal
PLAYED = [
    pytest.param(vector, version, id=f"{re.sub(r'[^A-Za-z0-9.-]+', '-', vector.name)}-{version}")
    for vector in VECTORS
    for version in vector.versions
]
TABLES = ("routing_route", "routing_routerequest", "routing_execution", "blocks_block", "routing_alert", "audit_entry")


class Played:
    """A vector being played, with what must hold of the order by now."""

    def __init__(self, vector, begin_string, a_route, tom, by):
        self.tom, self.by = tom, by
        for kind, threshold in (("UNASKED", 60), ("HELD", 1)):
            AlertRule.objects.create(name=kind, kind=kind, threshold=threshold)
        self.route = a_route(vector.qty, unplaced=vector.unplaced, **vector.order)
        self.broker = Counterparty(self.route.broker_id, begin_string)
        self.names = {"X": self.route.cl_ord_id}
        self.said: list[str] = []
        self.minute = 0
        self.state, self.amounts, self.avg, self.chain = "PENDING_SEND", (vector.qty, 0, vector.qty), None, "X"
        self.block, self.alerts, self.held = "WORKING", (), ()
        self.asked: dict[str, Decimal] = {}

    def step(self, step) -> None:
        if isinstance(step, Says):
            self.says(step)
        elif isinstance(step, Refuses):
            self.refuses(step)
        elif isinstance(step, Asks):
            self.asks(step)
        else:
            self.said.append("")
            self.broker.say_again(self.said[step.place], step.flag)
        self.take_in(step.after)
        self.check()

    def on(self, names: str) -> dict:
        on, _, orig = names.partition(",")
        return {11: self.names[on], 41: self.names[orig] if orig else None, 37: f"O{self.route.pk}"}

    def says(self, step: Says) -> None:
        self.minute += 1
        minute = self.minute if step.minute is None else step.minute
        kind, status = step.told.split("/")
        qty, cum, leaves = step.amounts.split("/")
        last_qty, _, last_price = step.last.partition("@")
        if step.after.avg is not None:
            self.avg = D(step.after.avg or 0)
        if not step.after.ours:
            self.state, self.amounts = STATES[status], tuple(map(D, (qty, cum, leaves)))
        body = self.on(step.on) | {
            17: f"{step.exec_id or f'E{len(self.said)}'}-{self.route.pk}", 54: 1, 55: "AAA", 38: qty, 14: cum, 151: leaves,
            6: self.avg or 0, 32: last_qty, 31: last_price, 19: step.ref and f"{step.ref}-{self.route.pk}",
            60: self.broker.at(minute), 75: f"{self.broker.start:%Y%m%d}",
        }  # fmt: skip
        self.said.append(self.broker.report(kind, status, body | step.more))

    def refuses(self, step: Refuses) -> None:
        body = self.on(step.on) | {39: step.status, 434: step.to, 102: step.reason}
        body[37] = "NONE" if step.reason == "1" else body[37]
        self.said.append(self.broker.say("9", body))

    def asks(self, step: Asks) -> None:
        self.said.append("")
        self.route.refresh_from_db()
        change = {name: D(value) for name, value in (("qty", step.qty), ("limit_price", step.limit)) if value}
        act, seen = self.by(self.tom), {self.route.pk: self.route.version}
        if change:
            routing.replace_routes(act, {self.route.pk: change}, seen=seen)
        else:
            routing.cancel_routes(act, [self.route.pk], seen=seen)
        wanted = sent("G" if change else "F")[-1]
        self.names[step.name] = wanted[11]
        if step.qty:
            self.asked[step.name] = D(step.qty)
            assert wanted[38] == str(step.qty)
        assert wanted[41] == self.names[step.orig], f"the request names {wanted[41]}, not {step.orig}"

    def take_in(self, after) -> None:
        if after.ours:
            state, amounts = after.ours.split()
            self.state, self.amounts = state, tuple(map(D, amounts.split("/")))
        if after.avg is not None:
            self.avg = D(after.avg or 0)
        for name in ("chain", "block", "alerts", "held"):
            if getattr(after, name) is not None:
                setattr(self, name, getattr(after, name))

    def check(self) -> None:
        route = self.route = Route.objects.get(pk=self.route.pk)
        assert (str(route.status), (route.qty, route.cum_qty, route.leaves_qty)) == (self.state, self.amounts)
        self.check_sums(route)
        self.check_chain(route)
        block = Block.objects.get(pk=route.block_id)
        waiting = [r.qty for r in RouteRequest.objects.filter(route=route, msg_type="G", answer="WAITING")]
        reserved = max([D(0), *(qty - route.qty for qty in waiting)])
        assert (block.placed_qty, block.filled_qty) == (route.cum_qty + route.leaves_qty + reserved, route.cum_qty)
        assert block.status == self.block
        routing.raise_alerts(self.by("scheduler", via="worker"))
        told = list(Alert.objects.exclude(status="ENDED").order_by("pk").values_list("text", flat=True))
        for part in self.alerts:
            assert any(part in text for text in told), (part, told)
        assert bool(told) == bool(self.alerts or self.held), told
        held = list(Message.objects.filter(status="QUARANTINED").order_by("pk").values_list("problem", flat=True))
        assert len(held) == len(self.held), held
        assert all(part in problem for part, problem in zip(self.held, held, strict=True)), held

    def check_sums(self, route) -> None:
        live = list(Execution.objects.filter(route=route, status="LIVE").values_list("qty", "price"))
        assert route.cum_qty == sum((qty for qty, _ in live), D(0))
        assert route.cum_value == sum((qty * price for qty, price in live), D(0))
        if route.cum_qty:
            exact = Fraction(route.cum_value) / Fraction(route.cum_qty)
            assert abs(exact - Fraction(self.avg)) < Fraction(1, 10**7), (float(exact), self.avg)
        if route.status not in DEAD:
            assert route.leaves_qty == route.qty - route.cum_qty

    def check_chain(self, route) -> None:
        current, _, pending = self.chain.partition(">")
        assert (route.cl_ord_id, route.pending_cl_ord_id) == (self.names[current], self.names[pending] if pending else "")
        try:
            with transaction.atomic():
                routing.cancel_routes(self.by(self.tom), [route.pk], seen={route.pk: route.version})
                assert sent("F")[-1][41] == self.names[pending or current]
                transaction.set_rollback(True)
        except Refusal:
            pass  # It is over, or was asked to cancel already.


def everything() -> dict[str, list]:
    """All rows of what booking may change; messages that were not booked, without how often they were heard."""
    found = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT * FROM {table} ORDER BY 1")  # noqa: S608
            found[table] = cursor.fetchall()
    found["aside"] = list(Message.objects.exclude(status="BOOKED").order_by("pk").values("pk", "status", "version", "problem"))
    return found


@pytest.mark.parametrize(("vector", "begin_string"), PLAYED)
def test_vector(vector, begin_string, a_route, tom, by):
    played = Played(vector, begin_string, a_route, tom, by)
    for n, step in enumerate(vector.steps):
        try:
            played.step(step)
        except AssertionError as error:
            error.add_note(f"{vector.name}, {vector.title}: step {n}, {step}")
            raise
    before = everything()
    for flag in ("43", "97"):  # The whole day's log again, twice.
        for raw in [raw for raw in played.said if raw]:
            played.broker.say_again(raw, flag)
        assert everything() == before, f"the log again with {flag}=Y"
    assert Entry.objects.filter(event="execution.booked").count() == Execution.objects.count()
