"""A second gateway, with a folder of its own, takes sessions over: no reset of numbers, nothing lost and nothing doubled."""

import contextlib
import io
import random
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from apps.routing import rules
from apps.routing import services as routing
from apps.routing.gateway.process import StillLed
from apps.routing.gateway.store import AHEAD, Reserving, store_id, take_over
from apps.routing.management.commands import fix_gateway
from apps.routing.models import Execution, Message, Route, Session, SessionNumbers, SessionState
from tests.routing.raw_acceptor import RawAcceptor
from tests.routing.test_gateway import (
    GatewayProcess,
    all_up,
    assert_both_sides_agree,
    data,  # noqa: F401
    market,  # noqa: F401
    over,
    wait_until,
)


class Kept:
    """Ceilings as they are asked to be kept; each is, once it is waited for or said to be."""

    def __init__(self):
        self.asked, self.waited, self.is_done = [], [], False

    def __call__(self, session_id, ceiling, since):
        self.asked.append((session_id, ceiling, since is not None))
        return SimpleNamespace(done=lambda: self.is_done, result=lambda: self.waited.append(ceiling))


class TestReserved:
    def test_ahead_of_what_leaves_and_anew_where_numbers_begin_anew(self):
        kept = Kept()
        reserving = Reserving({}, kept)
        for number in (1, 2, 1 + AHEAD // 2 - 1, 1 + AHEAD // 2):
            reserving.note(7, number)
        assert (kept.asked, kept.waited) == ([(7, 1 + AHEAD, False), (7, 1 + AHEAD // 2 + AHEAD, False)], [1 + AHEAD])

        reserving.note(7, AHEAD)
        assert kept.waited == [1 + AHEAD], "it is below what is kept"
        reserving.note(7, 1 + AHEAD)
        assert kept.waited == [1 + AHEAD, 1 + AHEAD // 2 + AHEAD]

        for number in (1, 2):
            reserving.note(7, number)
        assert (kept.asked[2:], kept.waited[2:]) == ([(7, 1 + AHEAD, True)], [1 + AHEAD])

    def test_one_that_is_kept_meanwhile_is_waited_for_by_nobody(self):
        kept = Kept()
        reserving = Reserving({7: 1 + AHEAD}, kept)
        reserving.note(7, 1 + AHEAD // 2)
        kept.is_done = True
        reserving.note(7, 2 + AHEAD // 2)

        assert (reserving.ceilings, reserving.coming) == ({7: 1 + AHEAD // 2 + AHEAD}, {})

    def test_what_a_person_set_is_reserved_anew(self):
        kept = Kept()
        reserving = Reserving({7: 900}, kept)
        reserving.note(7, 100)
        reserving.forget(7)
        reserving.note(7, 40)

        assert kept.waited == [40 + AHEAD]


@pytest.mark.django_db
class TestWritten:
    def test_what_was_sent_under_its_numbers_since_they_began(self, counterparties, tmp_path):
        row = Session.objects.get(target_comp_id="HARBOR")
        now = timezone.now()
        for n, at in ((3, now), (2, now - timedelta(hours=2)), (None, now)):
            Message.objects.create(
                session=row, is_out=True, msg_type="D", ref=f"x{n}", text=f"11=x{n}|58=a\\|b|", at=at, sent_at=at, seq_num=n,
                status="SENT" if n else "QUEUED",
            )  # fmt: skip
        routing.hold_numbers(row.pk, "another", out_ceiling=501, next_in=9, since=now - timedelta(hours=1))

        assert take_over(tmp_path, [row]) == [row.pk]

        path = tmp_path / "store" / "FIX.4.4-OMS-SIM-HARBOR"
        body = path.with_name(path.name + ".body").read_bytes()
        assert path.with_name(path.name + ".seqnums").read_text() == "0000000501 : 0000000009"
        assert path.with_name(path.name + ".header").read_text() == f"3,0,{len(body)} "
        assert b"\x0134=3\x01" in body and b"\x0111=x3\x01" in body and b"a|b" in body and b"x2" not in body
        assert SessionNumbers.objects.get().store_id == store_id(tmp_path)
        assert take_over(tmp_path, [row]) == [], "the store is its own"

    @pytest.mark.parametrize(("counted", "kept", "expects"), [(30, 12, 12), (12, 30, 12), (12, 12, 12)])
    def test_of_its_own_it_expects_what_was_surely_kept(self, counterparties, tmp_path, counted, kept, expects):
        row = Session.objects.get(target_comp_id="HARBOR")
        mine = store_id(tmp_path)
        numbers = tmp_path / "store" / "FIX.4.4-OMS-SIM-HARBOR.seqnums"
        numbers.write_text(f"0000000044 : {counted:010d}")
        routing.hold_numbers(row.pk, mine, out_ceiling=501, next_in=kept)

        assert take_over(tmp_path, [row]) == []
        assert numbers.read_text() == f"0000000044 : {expects:010d}"

    def test_a_session_that_was_over_meanwhile_begins_anew_and_none_of_it_comes_again(self, counterparties, tmp_path):
        row = Session.objects.get(target_comp_id="HARBOR")
        before = rules.period_at(row.schedule, timezone.now()).opens - timedelta(hours=1)
        Message.objects.create(
            session=row, is_out=True, msg_type="D", ref="x", text="11=x|", at=before, sent_at=before, seq_num=3, status="SENT"
        )
        routing.hold_numbers(row.pk, "another", out_ceiling=501, next_in=9, since=before - timedelta(days=1))
        routing.keep_states("gone", timezone.now(), [routing.Seen(row.pk, False, 4, 9, None, "", None, None, None)])
        path = tmp_path / "a" / "store" / "FIX.4.4-OMS-SIM-HARBOR"
        take_over(tmp_path / "a", [row])
        assert path.with_name(path.name + ".seqnums").read_text() == "0000000501 : 0000000009"
        assert path.with_name(path.name + ".body").read_bytes() == b""

        SessionState.objects.update(looked_at=before)
        take_over(tmp_path / "b", [row])

        path = tmp_path / "b" / "store" / "FIX.4.4-OMS-SIM-HARBOR"
        assert path.with_name(path.name + ".seqnums").read_text() == "0000000001 : 0000000001"

    def test_nothing_where_no_gateway_ever_ran(self, counterparties, tmp_path):
        assert take_over(tmp_path, list(Session.objects.all())) == []


@contextlib.contextmanager
def transaction_of(other):
    """A transaction of a connection beside the test's own."""
    other.set_autocommit(False)
    try:
        yield
    finally:
        other.rollback()
        other.close()


class TestStandby:
    """A gateway that stands by, where the lock was free for a moment alone, as while the database was away."""

    def called(self, monkeypatch, *arguments) -> list[str]:
        done = []

        class Made:
            def __init__(self, *_, **__):
                done.append("made")

            def run(self):
                if done.count("made") < 3:
                    raise StillLed("Another gateway sends on this database. Stop it first.")
                done.append("ran")

            def let_go(self):
                done.append("let go")

        monkeypatch.setattr(fix_gateway, "Gateway", Made)
        monkeypatch.setattr(fix_gateway, "Bookers", lambda: None)
        monkeypatch.setattr(fix_gateway.Leadership, "wait_until_free", lambda _: done.append("waited"))
        try:
            call_command("fix_gateway", *arguments, stderr=io.StringIO())
        except CommandError as problem:
            done.append(str(problem))
        return done

    def test_stands_by_again(self, monkeypatch):
        assert self.called(monkeypatch, "--standby") == [*["waited", "made", "let go"] * 2, "waited", "made", "ran"]

    def test_any_other_ends(self, monkeypatch):
        assert self.called(monkeypatch) == ["made", "let go", "Another gateway sends on this database. Stop it first."]


# --- over TCP ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(300)
def test_killed_amid_traffic_another_takes_over_and_sends_again_what_is_asked_for(a_route, tmp_path):
    route = a_route(10_000)
    mine = Session.objects.get(broker_id=route.broker_id)
    Session.objects.exclude(pk=mine.pk).update(is_enabled=False)
    broker = RawAcceptor(mine.target_comp_id)
    first = GatewayProcess(tmp_path / "a", broker.port).start()
    second = GatewayProcess(tmp_path / "b", broker.port)
    try:
        order = broker.wait_for("D", seconds=90)
        said = {37: "O1", 11: order[11], 55: "AAA", 54: 1, 38: 10_000, 60: order[52]}
        broker.send("8", said | {17: "E1", 150: "0", 39: "0", 14: 0, 151: 10_000, 6: 0})
        broker.send("8", said | {17: "E2", 150: "F", 39: "1", 32: 100, 31: 50, 14: 100, 151: 9_900, 6: 50})
        wait_until("booked", lambda: Execution.objects.count() == 1, 30)
        expected = broker.next_seq
        wait_until("told", lambda: SessionState.objects.filter(next_in=expected).exists(), 10)
        first.kill()
        broker.heard.clear()

        second.start()
        logon = broker.wait_for("A", seconds=90)
        assert int(logon[34]) == SessionNumbers.objects.get().out_ceiling - AHEAD > int(order[34])
        assert logon.get(141) in (None, "N")
        broker.send("2", {7: order[34], 16: 0})
        again = broker.wait_for("D")
        assert (again[34], again[43], again[11]) == (order[34], "Y", order[11])
        assert broker.wait_for("4")[123] == "Y", "of what the first never said there is nothing"
        broker.send("8", said | {17: "E3", 150: "F", 39: "1", 32: 200, 31: 50, 14: 300, 151: 9_700, 6: 50})
        wait_until("booked", lambda: Execution.objects.count() == 2, 30)

        assert not any(m[35] == "2" for m in broker.heard), "what the first had heard is not asked for again"
        assert not Message.objects.filter(status="QUARANTINED").exists()
        assert (second.process.poll(), second.stop()) == (None, 0)
        assert SessionNumbers.objects.get().out_ceiling < AHEAD * 2 + 20
    finally:
        for gateway in (first, second):
            if gateway.process and gateway.process.poll() is None:
                gateway.kill()
        broker.close()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(600)
def test_gateways_killed_in_turn_with_empty_folders_lose_and_double_nothing(counterparties, market, a_block, tom, by, tmp_path):  # noqa: F811
    draw = random.Random(5)
    made = [a_block("AAA", "BUY", 2_000, limit_price=str(70 + n), order_type="LIMIT") for n in range(9)]
    routed, gateway = [], GatewayProcess(tmp_path / "fix-0", market.port).start()
    wait_until("sessions up", all_up)
    try:
        for turn in range(1, 4):
            some = made[turn * 3 - 3 : turn * 3]
            routed += routing.route_blocks(by(tom), [b.pk for b in some], seen={b.pk: b.version for b in some}).routes
            time.sleep(draw.uniform(0, 0.5))
            standing = GatewayProcess(tmp_path / f"fix-{turn}", market.port).start("--standby")
            time.sleep(draw.uniform(0.5, 4))
            gateway.kill()
            gateway = standing
        wait_until("routes over", lambda: over(routed), 120)
        wait_until("all booked", lambda: not Message.objects.filter(status__in=("HEARD", "QUEUED", "SENDING")).exists())

        assert {(r.status, r.cum_qty == r.qty) for r in Route.objects.all()} == {("FILLED", True)}
        assert_both_sides_agree(market)
        assert not Message.objects.filter(status="QUARANTINED").exists()
        log = "".join(path.read_text(errors="replace") for path in market.home.rglob("*.log"))
        assert "too low" not in log
    finally:
        gateway.kill()


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(300)
def test_what_was_counted_and_not_committed_as_it_was_killed_is_asked_for_again(a_route, tmp_path):
    route = a_route(10_000)
    mine = Session.objects.get(broker_id=route.broker_id)
    Session.objects.exclude(pk=mine.pk).update(is_enabled=False)
    broker = RawAcceptor(mine.target_comp_id)
    gateway = GatewayProcess(tmp_path / "a", broker.port).start()
    numbers = tmp_path / "a" / "simulation" / "store" / f"FIX.4.4-OMS-SIM-{mine.target_comp_id}.seqnums"
    try:
        order = broker.wait_for("D", seconds=90)
        said = {37: "O1", 11: order[11], 55: "AAA", 54: 1, 38: 10_000, 60: order[52], 31: 50, 32: 100, 6: 50, 150: "F", 39: "1"}
        fills = {}
        other = connection.copy()
        with transaction_of(other), other.cursor() as cursor:
            cursor.execute("LOCK TABLE routing_message IN SHARE MODE")
            for n in range(1, 21):
                body = said | {17: f"E{n}", 14: n * 100, 151: 10_000 - n * 100}
                fills[broker.send("8", body)] = body
            wait_until("counted", lambda: int(numbers.read_text().split(" : ")[1]) == broker.next_seq, 30)
            gateway.kill()
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'routing_message'::regclass AND NOT granted"
            )
        assert not Message.objects.filter(ref__contains="/E").exists()

        broker.heard.clear()
        gateway.start()
        asked = broker.wait_for("2", seconds=90)
        assert int(asked[7]) <= min(fills)
        broker.send("4", {123: "Y", 36: min(fills)}, seq=int(asked[7]), poss_dup=True)
        for number, body in fills.items():
            broker.send("8", body, seq=number, poss_dup=True)
        wait_until("booked", lambda: Execution.objects.count() == 20, 30)
        assert Route.objects.get(pk=route.pk).cum_qty == 2_000
        assert not Message.objects.filter(status="QUARANTINED").exists()
    finally:
        if gateway.process.poll() is None:
            gateway.kill()
        broker.close()
