"""Our gateway as a process against an acceptor that is not ours and not QuickFIX: what it says is booked to the share."""

import signal
from decimal import Decimal

import pytest

from apps.routing import services as routing
from apps.routing.models import Execution, Message, Route, Session

from .conftest import amounts
from .foreign_acceptor import ForeignBroker
from .test_gateway import GatewayProcess, wait_until

D = Decimal
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]


@pytest.fixture
def line(a_route, tmp_path):
    class Line:
        def __init__(self):
            self.route = a_route(10_000, order_type="LIMIT", limit_price="55")
            mine = Session.objects.get(broker_id=self.route.broker_id)
            Session.objects.exclude(pk=mine.pk).update(is_enabled=False)
            Session.objects.update(reconnect_seconds=1)
            self.broker = ForeignBroker(mine.target_comp_id)
            self.gateway = GatewayProcess(tmp_path / "fix", self.broker.port).start()
            self.new = self.broker.wait_for("D")
            self.order = self.broker.order_of(self.new)

        def says(self, *what, **more):
            self.broker.send(self.broker.report(self.order, *what, **more))

        def is_now(self, *wanted):
            wait_until(f"the order to be {wanted}", lambda: amounts(Route.objects.get(pk=self.route.pk)) == wanted, 60)

    made = Line()
    yield made
    if made.gateway.process.poll() is None:
        made.gateway.kill()
    made.broker.close()


def filled() -> list[tuple]:
    return [(int(e.qty), e.price, str(e.status)) for e in Execution.objects.order_by("pk")]


def test_an_order_lives_and_what_becomes_of_it_is_booked(line, tom, by):
    broker, order, x = line.broker, line.order, line.new[11]
    line.says("0", "0")
    line.says("F", "1", last=2_000)
    line.is_now("PARTLY_FILLED", 10_000, 2_000, 8_000)

    route = Route.objects.get()
    routing.replace_routes(by(tom), {route.pk: {"qty": D(8_000), "limit_price": D(51)}}, seen={route.pk: route.version})
    asked = broker.wait_for("G")
    assert (asked[41], float(asked[38]), float(asked[44])) == (x, 8_000, 51)
    line.says("F", "1", last=500, price=49.25)
    broker.asked_for(order, asked)
    line.says("5", "1", order_qty=8_000, orig_clord_id=x)
    line.is_now("PARTLY_FILLED", 8_000, 2_500, 5_500)

    route.refresh_from_db()
    routing.cancel_routes(by(tom), [route.pk], seen={route.pk: route.version})
    refused = broker.wait_for("F")
    broker.send(broker.tester.fix_cxlrep_reject_msg(refused, "1"))
    wait_until("refused", lambda: Route.objects.get().pending_cl_ord_id == "", 60)
    line.is_now("PARTLY_FILLED", 8_000, 2_500, 5_500)

    first, second = Execution.objects.order_by("pk")
    for kind, ref, more in (("H", first, {32: 2_000, 31: 50}), ("G", second, {32: 500, 31: 49})):
        order.cum_qty -= 2_000 if kind == "H" else 0
        order.value = 500 * (49.25 if kind == "H" else 49)
        message = broker.report(order, "0", "1")
        for tag, value in ({150: kind, 19: ref.exec_id} | more).items():
            message.set(tag, value, replace=True)
        broker.tester.schema.validate(message)
        broker.send(message)
    wait_until("busted and corrected", lambda: len(filled()) == 3, 60)
    line.is_now("PARTLY_FILLED", 8_000, 500, 7_500)

    route.refresh_from_db()
    routing.cancel_routes(by(tom), [route.pk], seen={route.pk: route.version})
    asked = broker.wait_for("F", 2)
    broker.asked_for(order, asked)
    line.says("6", "6", orig_clord_id=asked[41])
    line.says("4", "4", orig_clord_id=asked[41])

    line.is_now("CANCELED", 8_000, 500, 0)
    assert filled() == [(2_000, D(50), "BUSTED"), (500, D("49.25"), "CORRECTED"), (500, D(49), "LIVE")]
    assert not Message.objects.filter(status="QUARANTINED").exists()
    assert broker.acceptor.wrong == []


def test_an_order_is_rejected(line):
    line.says("8", "8")

    line.is_now("REJECTED", 10_000, 0, 0)
    assert not Message.objects.filter(status="QUARANTINED").exists()


def test_what_the_network_swallowed_is_asked_for_and_comes_once(line):
    broker, order = line.broker, line.order
    line.says("0", "0")
    for n in range(1, 9):
        message = broker.report(order, "F", "1", last=100 * n, price=50 - n)
        broker.do(broker.acceptor.lose(message) if n in (2, 3, 5) else broker.acceptor.send_msg(message))
    broker.do(broker.acceptor.send_test_req())

    line.is_now("PARTLY_FILLED", 10_000, 3_600, 6_400)
    broker.do(broker.acceptor.cut())
    wait_until("back", lambda: broker.acceptor.logons == 2, 60)
    asked = broker.wait_for("H")
    line.broker.send(status_of(line, asked.get(790, "")))
    line.says("F", "2", last=6_400, price=40)

    line.is_now("FILLED", 10_000, 10_000, 0)
    assert filled() == [(100 * n, D(50 - n), "LIVE") for n in range(1, 9)] + [(6_400, D(40), "LIVE")]
    assert not Message.objects.filter(status="QUARANTINED").exists()


def status_of(line, ref: str):
    message = line.broker.report(line.order, "0", "1")
    message.set(150, "I", replace=True)
    message.set(17, "0", replace=True)
    if ref:
        message[790] = ref
    return message


def test_what_they_lost_of_ours_goes_out_again_under_its_number(line, a_route):
    broker = line.broker
    line.says("0", "0")
    line.is_now("NEW", 10_000, 0, 10_000)
    broker.do(broker.acceptor.forget_from(int(line.new[34])))
    fresh = a_route(700, order_type="LIMIT", limit_price="55")

    again = broker.wait_for("D", 2)
    assert (again[11], again[34], again[43]) == (line.new[11], line.new[34], "Y")
    assert broker.wait_for("D", 3)[11] == fresh.cl_ord_id
    assert broker.acceptor.wrong == []


def test_killed_and_started_again_it_goes_on_where_it_was(line):
    broker = line.broker
    line.says("0", "0")
    line.says("F", "1", last=1_000)
    line.is_now("PARTLY_FILLED", 10_000, 1_000, 9_000)
    line.gateway.process.send_signal(signal.SIGKILL)
    line.gateway.process.wait(10)
    wait_until("gone", lambda: broker.acceptor.connection_state <= 3, 30)
    broker.do(broker.acceptor.lose(broker.report(line.order, "F", "1", last=2_500)))

    line.gateway.start()
    asked = broker.wait_for("H")
    broker.send(status_of(line, asked.get(790, "")))
    line.is_now("PARTLY_FILLED", 10_000, 3_500, 6_500)
    line.says("F", "2", last=6_500)

    line.is_now("FILLED", 10_000, 10_000, 0)
    assert [m.msg_type for m in broker.acceptor.heard if m.msg_type == "D"] == ["D"]
    assert filled() == [(qty, D(50), "LIVE") for qty in (1_000, 2_500, 6_500)]
    assert line.gateway.stop() == 0
