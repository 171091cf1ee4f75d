"""Some of the vectors as bytes over TCP, from a counterparty that is not QuickFIX, through the gateway's own process."""

from decimal import Decimal

import pytest

from apps.routing import services as routing
from apps.routing.models import Execution, Message, Route, Session

from .conftest import amounts
from .raw_acceptor import RawAcceptor
from .test_gateway import GatewayProcess, wait_until

D = Decimal
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


@pytest.fixture
def line(a_route, tmp_path):
    """An order sent over a socket, and the broker at its other end."""

    class Line:
        def __init__(self):
            self.route = a_route(10_000)
            mine = Session.objects.get(broker_id=self.route.broker_id)
            Session.objects.exclude(pk=mine.pk).update(is_enabled=False)
            self.broker = RawAcceptor(mine.target_comp_id)
            self.gateway = GatewayProcess(tmp_path / "fix", self.broker.port).start()
            self.order = self.broker.wait_for("D")

        def fields(self, on, kind, status, sums, last=None, orig=None, **more):
            cum, leaves = sums
            said = {37: "O1", 17: more.pop("exec_id", f"E{kind}{cum}{on}"), 150: kind, 39: status, 11: on, 41: orig, 55: "AAA", 54: 1,
                    38: 10_000, 14: cum, 151: leaves, 6: 50 if cum else 0, 60: self.order[52]}  # fmt: skip
            return said | ({32: last, 31: 50} if last else {}) | more

        def is_now(self, *wanted):
            wait_until(f"the order to be {wanted}", lambda: amounts(Route.objects.get()) == wanted, 30)

    made = Line()
    yield made
    if made.gateway.process.poll() is None:
        made.gateway.kill()
    made.broker.close()


def test_a_cancel_while_it_is_being_filled(line, tom, by):
    x, broker = line.order[11], line.broker
    broker.send("8", line.fields(x, "0", "0", (0, 10_000)))
    broker.send("8", line.fields(x, "F", "1", (2_000, 8_000), 2_000))
    line.is_now("PARTLY_FILLED", 10_000, 2_000, 8_000)
    route = Route.objects.get()
    routing.cancel_routes(by(tom), [route.pk], seen={route.pk: route.version})
    asked = broker.wait_for("F")
    assert asked[41] == x
    y = asked[11]
    broker.send("8", line.fields(x, "F", "1", (5_000, 5_000), 3_000))
    broker.send("8", line.fields(y, "6", "6", (5_000, 5_000), orig=x))
    broker.send("8", line.fields(x, "F", "6", (6_000, 4_000), 1_000))
    line.is_now("PENDING_CANCEL", 10_000, 6_000, 4_000)

    broker.send("8", line.fields(y, "4", "4", (6_000, 0), orig=x))

    line.is_now("CANCELED", 10_000, 6_000, 0)
    for execution in Execution.objects.all():
        assert execution.message.at == execution.at and execution.at.microsecond
        assert f"{execution.at_broker:%Y%m%d-%H:%M:%S}" == line.order[52][:17]


def test_a_retransmission_of_a_known_number_is_nothing_and_of_a_missed_one_is_taken(line):
    x, broker = line.order[11], line.broker
    broker.send("8", line.fields(x, "0", "0", (0, 10_000)))
    seq = broker.send("8", line.fields(x, "F", "1", (1_000, 9_000), 1_000))
    line.is_now("PARTLY_FILLED", 10_000, 1_000, 9_000)

    broker.send("8", line.fields(x, "F", "1", (1_000, 9_000), 1_000), seq=seq, poss_dup=True)
    missed = line.fields(x, "F", "1", (3_000, 7_000), 2_000)
    broker.send("8", line.fields(x, "F", "1", (6_000, 4_000), 3_000), seq=seq + 2)
    asked = broker.wait_for("2")  # The gap is seen, and asked for.
    assert int(asked[7]) == seq + 1
    broker.send("8", missed, seq=seq + 1, poss_dup=True)
    broker.send("8", line.fields(x, "F", "1", (6_000, 4_000), 3_000), seq=seq + 2, poss_dup=True)

    line.is_now("PARTLY_FILLED", 10_000, 6_000, 4_000)
    assert sorted(Execution.objects.values_list("qty", flat=True)) == [1_000, 2_000, 3_000]
    assert not Message.objects.filter(status="QUARANTINED").exists()


def test_a_trade_that_is_refused_goes_out_as_dont_know_trade(line, tom, by):
    x, broker = line.order[11], line.broker
    broker.send("8", line.fields(x, "F", "2", (12_000, 0), 12_000, exec_id="E-OVER"))
    wait_until("held", lambda: Message.objects.filter(status="QUARANTINED").exists(), 30)

    routing.settle_message(by(tom, "More than we ordered."), Message.objects.get(status="QUARANTINED").pk, "dk")

    refused = broker.wait_for("Q")
    assert {tag: refused[tag] for tag in (37, 17, 127, 54, 38, 32, 31, 58)} == {
        37: "O1", 17: "E-OVER", 127: "C", 54: "1", 38: "10000", 32: "12000", 31: "50", 58: "More than we ordered.",
    }  # fmt: skip
    assert not Execution.objects.exists()
