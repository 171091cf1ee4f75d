"""The gateway as a process, against the real street over TCP."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection

from apps.blocks.models import Block
from apps.routing import services as routing
from apps.routing.gateway.loops import Booking
from apps.routing.models import Axis, Execution, Inquiry, Message, Route, RouteRequest, Session
from apps.routing.models import Counter as Counters
from tests.races import at_once
from tests.street.conftest import Running, free_port

D = Decimal
ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


def wait_until(what: str, done, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.05)


@dataclass
class GatewayProcess:
    folder: Path
    port: int
    process: subprocess.Popen | None = None

    def start(self, *arguments: str, **kept) -> "GatewayProcess":
        name = connection.settings_dict["NAME"]
        env = os.environ | {
            "DJANGO_SETTINGS_MODULE": "oms_portal.settings.test",
            "DATABASE_URL": os.environ["DATABASE_URL"].rsplit("/", 1)[0] + f"/{name}",
            "OMS_PROCESS": "gateway under test",
        }
        command = [sys.executable, "manage.py", "fix_gateway", f"--folder={self.folder}", f"--street-port={self.port}"]
        self.process = subprocess.Popen([*command, *arguments], cwd=ROOT, env=env, **kept)
        return self

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """The street's universe: the instruments of the test firm."""
    folder = tmp_path_factory.mktemp("street-data")
    demo = ROOT / "apps" / "reference" / "demo"
    for name in ("fx", "brokers", "volume_curve"):
        (folder / f"{name}.csv").write_bytes((demo / f"{name}.csv").read_bytes())
    with (folder / "instruments.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        heading = "symbol,asset_class,isin,currency,mic,tick_size,increment,price,adv_qty,annual_vol,spread_bp"
        rows.writerow(heading.split(","))
        for row in (
            ("AAA", "EQUITY", "US0378331005", "USD", "XNAS", "0.01", 1, 50, 5_000_000, 0.2, 1),
            ("CCC", "EQUITY", "US5949181045", "USD", "XNAS", "0.01", 1, 100, 5_000_000, 0.2, 1),
            ("BOND", "CORP", "US91913YAE05", "USD", "XOFF", "0.001", 1000, 98, 5_000_000, 0.06, 14),
            ("TSY", "GOVT", "US912810TM09", "USD", "XOFF", "0.0078125", 1000, 99, 500_000_000, 0.06, 2),
        ):
            rows.writerow(row)
    return folder


@pytest.fixture
def market(data, tmp_path):
    """A street of this test alone, running."""
    running = Running(tmp_path / "home", data, free_port(), ("--completion=1", "--speed=5000"))
    running.start()
    yield running
    if running.process.poll() is None:
        running.stop()


@pytest.fixture
def gateway(counterparties, market, tmp_path):
    made = GatewayProcess(tmp_path / "fix", market.port)
    yield made
    if made.process and made.process.poll() is None:
        made.kill()


def all_up() -> bool:
    return not Session.objects.filter(is_up=False).exists()


def journal(market: Running, name: str) -> list[dict]:
    path = next(market.home.rglob(f"{name}.jsonl"))
    return [json.loads(line) for line in path.read_text().splitlines()]


def assert_both_sides_agree(market: Running) -> None:
    """Our executions are the broker's, and each order reached its broker once."""
    theirs = Counter(
        (row["exec_id"], D(row["qty"]), D(row["price"]))
        for row in journal(market, "executions")
        if row["exec_type"] == "F"
    )
    ours = Counter((e.exec_id, e.qty, e.price) for e in Execution.objects.all())
    assert ours == theirs
    accepted = Counter(row["cl_ord_id"] for row in journal(market, "orders") if row["event"] == "accepted")
    asked = RouteRequest.objects.filter(msg_type__in=("D", "AJ")).values_list("cl_ord_id", flat=True)
    assert accepted == Counter(asked)


def over(routes) -> bool:
    return not Route.objects.filter(pk__in=routes).exclude(status__in=("FILLED", "CANCELED", "REJECTED")).exists()


def test_blocks_are_routed_asked_filled_and_done(gateway, market, a_block, tom, by):
    gateway.start()
    wait_until("sessions up", all_up)
    made = [a_block("AAA", "BUY", 5_000), a_block("CCC", "SELL", 3_000), a_block("BOND", "BUY", 200_000)]

    routed = routing.route_blocks(by(tom), [b.pk for b in made], seen={b.pk: b.version for b in made})

    def decided():
        routing.decide_due_inquiries(by("scheduler"))
        return Inquiry.objects.get().status == "TRADED"

    wait_until("dealers answered", lambda: Inquiry.objects.get().quotes.exclude(price=None).count() >= 3)
    wait_until("inquiry traded", decided)
    wait_until("routes filled", lambda: over(routed.routes))
    wait_until("blocks done", lambda: set(Block.objects.values_list("status", flat=True)) == {"DONE"})
    inquiry = Inquiry.objects.get()
    assert inquiry.quotes.count() == 4
    assert Counter(inquiry.quotes.values_list("result", flat=True))["WON"] == 1
    assert inquiry.mid_at_decision == D(98)
    assert {b.filled_qty for b in Block.objects.all()} == {D(5_000), D(3_000), D(200_000)}
    assert_both_sides_agree(market)
    assert not Message.objects.filter(status="QUARANTINED").exists()

    assert gateway.stop() == 0
    assert not Session.objects.filter(is_up=True).exists()


def tell(market: Running, name: str, **command) -> None:
    """Has the street's operator do something."""
    folder = market.home / "street" / "control"
    (folder / f"{name}.part").write_text(json.dumps(command))
    (folder / f"{name}.part").rename(folder / f"{name}.json")
    wait_until(name, lambda: (folder / f"{name}.done").exists())
    assert json.loads((folder / f"{name}.done").read_text())["result"]["ok"]


def test_prices_are_countered_and_taken_in_parts_over_the_wire(gateway, market, a_block, tom, by):
    gateway.start()
    wait_until("sessions up", all_up)
    dealers = ["ALDGATE", "CASTLE", "DORSET", "ELMSTREET"]
    for dealer in dealers:
        tell(market, f"counter-{dealer}", do="answer_counter", dealer=dealer, how="accept")
    block = a_block("BOND", "BUY", 200_000)
    routing.send_inquiries(by(tom), [block.pk], seen={block.pk: block.version}, award="person", seconds=60, dealer_codes=dealers)
    wait_until("dealers answered", lambda: not Inquiry.objects.get().quotes.filter(result="ASKED").exists())
    inquiry, priced = Inquiry.objects.get(), list(Inquiry.objects.get().quotes.exclude(price=None).order_by("pk"))
    first, second = priced[:2]
    ours = first.price.quantize(D("0.01")) - D("0.05")

    made = routing.counter_quote(by(tom), first.pk, price=ours, qty=D(120_000), seen={inquiry.pk: inquiry.version})
    wait_until("counter answered", lambda: Counters.objects.get(pk=made.pk).answer != "WAITING")
    first.refresh_from_db()
    assert (Counters.objects.get().answer, first.price, first.qty) == ("MET", ours, 120_000)
    inquiry.refresh_from_db()
    shares = {first.pk: D(120_000), second.pk: D(80_000)}
    routing.award_inquiry(by(tom, "So."), inquiry.pk, seen={inquiry.pk: inquiry.version}, shares=shares)

    wait_until("inquiry traded", lambda: Inquiry.objects.get().status == "TRADED")
    wait_until("block done", lambda: Block.objects.get().status == "DONE")
    assert {(e.qty, e.price) for e in Execution.objects.all()} == {(120_000, ours), (80_000, second.price)}
    assert_both_sides_agree(market)
    assert not Message.objects.filter(status="QUARANTINED").exists()


def test_axes_come_and_go_over_the_wire(gateway, market, counterparties):
    gateway.start()
    wait_until("sessions up", all_up)

    tell(market, "axe", do="indicate", dealer="ALDGATE", symbol="BOND", side="sell", qty=2_000_000)
    wait_until("axe heard", lambda: Axis.objects.exists())
    axis = Axis.objects.get()
    assert (axis.dealer.code, axis.instrument.symbol, axis.dealer_side) == ("ALDGATE", "BOND", "SELL")
    assert (axis.qty, axis.source) == (2_000_000, "FIX")
    said = json.loads((market.home / "street" / "control" / "axe.done").read_text())["result"]
    assert (axis.ref, axis.price) == (said["ioi_id"], D(said["price"]))
    tell(market, "back", do="withdraw", dealer="ALDGATE", ioi_id=axis.ref)

    wait_until("axe taken back", lambda: Axis.objects.get().status == "ENDED")
    assert not Message.objects.filter(status="QUARANTINED").exists()


def test_a_route_is_cancelled_over_the_wire(gateway, market, a_block, tom, by):
    gateway.start()
    wait_until("sessions up", all_up)
    block = a_block("AAA", "BUY", 900_000)
    routed = routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})

    def working():
        return Route.objects.get().status in ("NEW", "PARTLY_FILLED")

    wait_until("acknowledged", working)
    for _ in range(20):  # Each fill is a change the trader has not seen yet.
        try:
            routing.cancel_routes(by(tom), routed.routes, seen={r.pk: r.version for r in Route.objects.all()})
            break
        except routing.StaleRoute:
            continue
    wait_until("cancelled", lambda: Route.objects.get().status == "CANCELED")

    route = Route.objects.get()
    assert route.leaves_qty == 0
    block.refresh_from_db()
    assert block.placed_qty == block.filled_qty == route.cum_qty < block.qty
    assert_both_sides_agree(market)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_any_moment_it_loses_and_doubles_nothing(gateway, market, a_block, tom, by, seed):
    draw = random.Random(seed)
    gateway.start()
    made = [a_block("AAA", "BUY", 2_000, limit_price=str(70 + n), order_type="LIMIT") for n in range(8)]
    made += [a_block("CCC", "SELL", 1_000, limit_price=str(50 + n), order_type="LIMIT") for n in range(8)]
    routed = []
    for kill in range(6):
        time.sleep(draw.uniform(0.3, 1.6))
        some = made[kill * 3 : kill * 3 + 3]
        if some:
            routed += routing.route_blocks(by(tom), [b.pk for b in some], seen={b.pk: b.version for b in some}).routes
        time.sleep(draw.uniform(0, 0.2))
        gateway.kill()
        gateway.start()

    wait_until("routes over", lambda: over(routed), 60)
    wait_until("all booked", lambda: not Message.objects.filter(status__in=("HEARD", "QUEUED", "SENDING")).exists())
    assert len(routed) == 16
    assert {(r.status, r.cum_qty == r.qty) for r in Route.objects.all()} == {("FILLED", True)}
    assert_both_sides_agree(market)
    assert not Message.objects.filter(status="QUARANTINED").exists()


def test_a_bust_and_a_correction_reach_their_executions(gateway, market, a_block, tom, by):
    gateway.start()
    block = a_block("AAA", "BUY", 3_000)
    routed = routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})
    wait_until("filled", lambda: over(routed.routes))
    first, second = Execution.objects.order_by("pk")[:2]

    control = market.home / "street" / "control"
    for name, command in (
        ("1", {"do": "bust", "exec_id": first.exec_id}),
        ("2", {"do": "correct", "exec_id": second.exec_id, "price": "49.5"}),
    ):
        (control / f"{name}.part").write_text(json.dumps(command))
        (control / f"{name}.part").rename(control / f"{name}.json")

    wait_until("busted", lambda: Execution.objects.filter(status="BUSTED").exists())
    wait_until("corrected", lambda: Execution.objects.filter(status="CORRECTED").exists())
    block.refresh_from_db()
    live = Execution.objects.filter(status="LIVE")
    assert block.status == "WORKING"
    assert block.filled_qty == sum(e.qty for e in live) == 3_000 - first.qty
    assert block.filled_value == sum(e.qty * e.price for e in live)
    assert live.get(corrects=second).price == D("49.5")


def test_connections_cut_by_the_database_are_borne(gateway, market, a_block, tom, by):
    gateway.start()
    wait_until("sessions up", all_up)
    block = a_block("AAA", "BUY", 4_000)
    routed = routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})

    def cut() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE application_name LIKE 'gateway%' AND datname = current_database()"
            )
            return cursor.fetchone()[0] >= 3

    for _ in range(3):
        wait_until("connected, and cut off", cut)

    wait_until("filled", lambda: over(routed.routes))
    assert gateway.process.poll() is None
    assert_both_sides_agree(market)


@contextmanager
def unbooked(routes):
    """What is said of these routes is heard, and waits to be booked."""
    other = connection.copy()
    other.set_autocommit(False)
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT id FROM routing_route WHERE id = ANY(%s) FOR NO KEY UPDATE", [list(routes)])
        yield
    finally:
        other.close()


def test_a_message_sent_but_not_marked_goes_out_again_and_makes_no_second_order(gateway, market, a_block, tom, by):
    block = a_block("AAA", "BUY", 1_000)
    routed = routing.route_blocks(by(tom), [block.pk], seen={block.pk: block.version})
    orders = Message.objects.filter(is_out=True, msg_type="D")
    with unbooked(routed.routes):
        gateway.start()
        wait_until("sent", lambda: orders.filter(status="SENT").exists())
        gateway.kill()
        orders.update(status="SENDING", sent_at=None)  # As if it had been killed a moment before.
        gateway.start()
        wait_until("sent again", lambda: not orders.filter(status="SENDING").exists())
    wait_until("answered", lambda: Message.objects.filter(is_out=False, text__contains="|150=I|").exists())
    wait_until("filled", lambda: over(routed.routes))

    arrived = [row for row in journal(market, "orders") if row["event"] == "received"]
    assert [row["times_seen"] for row in arrived] == [1, 2]
    assert_both_sides_agree(market)


class TestRefusals:
    def ends(self, gateway, *arguments) -> str:
        gateway.start(*arguments, stderr=subprocess.PIPE, text=True)
        _, said = gateway.process.communicate(timeout=90)
        assert gateway.process.returncode == 1
        return said

    def test_an_environment_other_than_the_installations(self, gateway):
        assert "a gateway for live must not start in it" in self.ends(gateway, "--environment=live")

    def test_a_live_session_that_points_at_the_simulated_street(self, gateway):
        session = Session.objects.first()
        Session.objects.filter(pk=session.pk).update(environment="live", sender_comp_id="OMS")

        assert "is where simulated counterparties answer" in self.ends(gateway)

    def test_no_session(self, gateway):
        Session.objects.update(is_enabled=False)

        assert "no enabled session" in self.ends(gateway)

    def test_a_second_gateway_on_the_same_folder(self, gateway, market):
        gateway.start()
        wait_until("sessions up", all_up)
        second = GatewayProcess(gateway.folder, market.port)

        assert f"A gateway (process {gateway.process.pid}) runs on" in self.ends(second)

    @pytest.mark.slow
    def test_a_second_gateway_on_the_same_database(self, gateway, market, tmp_path):
        gateway.start()
        wait_until("sessions up", all_up)
        second = GatewayProcess(tmp_path / "elsewhere", market.port)

        assert "Another gateway sends" in self.ends(second)
        assert gateway.process.poll() is None


def test_a_counterparty_that_does_not_answer_as_a_simulation_is_dropped(counterparties, tmp_path):
    """An acceptor that answers a logon without 464=Y, as a live one would."""
    import quickfix as fix

    port = free_port()
    config = tmp_path / "acceptor.cfg"
    config.write_text(
        "[DEFAULT]\nConnectionType=acceptor\nStartTime=00:00:00\nEndTime=00:00:00\nUseDataDictionary=N\n"
        f"SocketAcceptPort={port}\nFileStorePath={tmp_path / 'acceptor'}\n"
        "[SESSION]\nBeginString=FIX.4.4\nSenderCompID=HARBOR\nTargetCompID=OMS-SIM\n"
    )

    class Live(fix.Application):
        logons = 0

        def onCreate(self, session): ...
        def onLogon(self, session):
            Live.logons += 1

        def onLogout(self, session): ...
        def toAdmin(self, message, session): ...
        def fromAdmin(self, message, session): ...
        def toApp(self, message, session): ...
        def fromApp(self, message, session): ...

    application = Live()
    conf = fix.SessionSettings(str(config))
    acceptor = fix.SocketAcceptor(application, fix.FileStoreFactory(conf), conf)
    acceptor.start()
    Session.objects.exclude(target_comp_id="HARBOR").update(is_enabled=False)
    gateway = GatewayProcess(tmp_path / "fix", port)
    try:
        gateway.start()
        wait_until("logon tried", lambda: Live.logons > 0)
        time.sleep(0.5)
        assert not Session.objects.filter(is_up=True).exists()
    finally:
        gateway.kill()
        acceptor.stop()


def test_each_session_is_booked_by_one_of_those_that_book(a_route, street):
    routes = [a_route(10_000) for _ in range(8)]
    heard = [
        street.hear(route.broker_id, "8", street.report_fields(route, "F", "1", last=(n, 50), exec_id=f"{route.pk}/{n}"))
        for n in (1, 2)
        for route in routes
    ]
    parts = [routing.heard_ids(part=part, parts=3) for part in range(3)]

    assert sorted(pk for ids in parts for pk in ids) == heard and all(ids == sorted(ids) for ids in parts)
    sessions = [set(Message.objects.filter(pk__in=ids).values_list("session_id", flat=True)) for ids in parts]
    assert sum(map(len, sessions)) == len(set().union(*sessions)) > 1


def test_fills_of_one_block_are_booked_side_by_side(a_block, by, tom, street):
    """Two brokers work parts of one block; each session's reports are booked by another of two."""
    block = a_block("AAA", "BUY", 20_000)
    sessions = list(Session.objects.filter(broker__kind="broker").order_by("pk").select_related("broker"))
    parts = [next(one for one in sessions if one.pk % 2 == n).broker for n in range(2)]
    routes = []
    for broker in parts:
        block.refresh_from_db()
        routes += routing.route_blocks(
            by(tom, "A part each."), [block.pk], seen={block.pk: block.version}, broker_code=broker.code, qty=D(10_000)
        ).routes
    for n in range(1, 41):
        for route in Route.objects.filter(pk__in=routes).order_by("pk"):
            street.hear(route.broker_id, "8", street.report_fields(route, "F", "1", last=(n, 50), exec_id=f"{route.pk}/{n}"))
    bookings = [Booking(threading.Event(), part, 2) for part in range(2)]

    def book(nth: int) -> None:
        while ids := routing.heard_ids(3, part=nth, parts=2):
            bookings[nth].book(ids)

    assert at_once(lambda: book(0), lambda: book(1)) == [None, None]
    assert not Message.objects.filter(is_out=False).exclude(status="BOOKED").exists()
    assert [int(route.cum_qty) for route in Route.objects.filter(pk__in=routes)] == [820, 820]
    block.refresh_from_db()
    assert block.filled_qty == 1_640 and block.filled_value == 1_640 * 50


def test_an_unforeseen_failure_is_quarantined_alone(a_route, street, monkeypatch):
    """The booking loop halves a failing set until the message at fault is alone."""
    from apps.routing.services import hearing

    route = a_route(10_000)
    ids = [
        street.hear(route.broker_id, "8", street.report_fields(route, "F", "1", last=(n + 1, 50)))
        for n in range(7)
    ]
    book = hearing.BOOKS["8"]

    def broken(batch, message):
        if message.id == ids[3]:
            raise ZeroDivisionError("a bug")
        book(batch, message)

    monkeypatch.setitem(hearing.BOOKS, "8", broken)
    Booking(threading.Event()).once()

    assert list(Message.objects.filter(is_out=False).order_by("pk").values_list("status", flat=True)) == (
        ["BOOKED"] * 3 + ["QUARANTINED"] + ["BOOKED"] * 3
    )
    route.refresh_from_db()
    assert route.cum_qty == 1 + 2 + 3 + 5 + 6 + 7
    assert Message.objects.get(pk=ids[3]).problem == "Booking failed: ZeroDivisionError: a bug"
