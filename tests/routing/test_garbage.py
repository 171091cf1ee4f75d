"""Bytes of a broken counterparty, between good reports: the gateway stays, and each good report is booked once."""

from contextlib import suppress
from pathlib import Path

import pytest

from apps.routing.models import Execution, Message, Route, Session, SessionState

from .conftest import amounts
from .garbage import Garbage, fields_of, framed, now_text
from .raw_acceptor import RawAcceptor
from .test_gateway import GatewayProcess, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


class Broken(RawAcceptor):
    """Says what it is told as bytes; sends again what it is asked for, of garbage nothing."""

    def __init__(self, us: str):
        self.good: dict[int, dict] = {}
        self.name = us.encode()
        super().__init__(us)

    def _take(self, raw: str) -> None:
        with suppress(OSError):  # It was cut off meanwhile.
            super()._take(raw)
            if "\x0135=2\x01" in raw:
                self._repeat(int(self.heard[-1][7]))

    def _repeat(self, first: int) -> None:
        for number in range(first, self.next_seq):
            if number in self.good:
                self.send("8", self.good[number], seq=number, poss_dup=True)
            else:
                self.send("4", {123: "Y", 36: number + 1}, seq=number, poss_dup=True)

    def number(self) -> int:
        with self.lock:
            self.next_seq += 1
            return self.next_seq - 1

    def report(self, body: dict) -> None:
        """A good report; where there is no connection now, it is asked for after the next logon."""
        number = self.number()
        self.good[number] = self.last = body
        with suppress(OSError):
            self.send("8", body, seq=number)
            self.send("0", {})  # Where the report was swallowed with garbage, the gap is seen at once.

    def text_of(self, body: dict, number: int, kind: bytes = b"8") -> bytes:
        head = [(b"35", kind), (b"34", b"%d" % number), (b"49", self.name), (b"56", b"OMS-SIM"), (b"52", now_text())]
        return framed(head + [(str(tag).encode(), str(value).encode()) for tag, value in body.items() if value not in (None, "")])

    def throw(self, raw: bytes) -> None:
        with suppress(OSError), self.lock:
            self.socket.sendall(raw)


@pytest.fixture
def line(a_route, tmp_path):
    class Line:
        def __init__(self):
            self.route = a_route(10_000)
            mine = Session.objects.get(broker_id=self.route.broker_id)
            Session.objects.exclude(pk=mine.pk).update(is_enabled=False)
            Session.objects.update(reconnect_seconds=1, heartbeat_seconds=5)
            self.broker = Broken(mine.target_comp_id)
            self.gateway = GatewayProcess(tmp_path / "fix", self.broker.port).start()
            self.order = self.broker.wait_for("D", seconds=90)
            self.filled = 0

        def open(self) -> None:
            said = {37: "O1", 17: "E0", 150: "0", 39: "0", 11: self.order[11], 55: "AAA", 54: 1, 38: 10_000, 14: 0, 151: 10_000, 6: 0,
                    60: self.order[52]}  # fmt: skip
            self.broker.report(said)
            self.broker.report(self.fill())
            wait_until("booked", lambda: Execution.objects.count() == 1, 30)

        def is_over(self) -> bool:
            return self.gateway.process.poll() is not None

        def fill(self, qty: int = 1) -> dict:
            self.filled += qty
            return {37: "O1", 17: f"E{self.filled}", 150: "F", 39: "1", 11: self.order[11], 55: "AAA", 54: 1, 38: 10_000,
                    14: self.filled, 151: 10_000 - self.filled, 6: 50, 32: qty, 31: 50, 60: self.order[52]}  # fmt: skip

        def memory(self) -> int:
            """Resident, in MB."""
            status = Path(f"/proc/{self.gateway.process.pid}/status").read_text()
            return int(status.split("VmRSS:")[1].split()[0]) // 1024

    made = Line()
    yield made
    if made.gateway.process.poll() is None:
        made.gateway.kill()
    made.broker.close()


# Type and fields of messages of the session itself, as no engine should say them.
SESSION = (
    (b"2", [(b"7", b"abc"), (b"16", b"0")]), (b"2", []), (b"2", [(b"7", b"1"), (b"16", b"\xff")]),
    (b"2", [(b"7", b"99999999999"), (b"16", b"99999999999")]), (b"2", [(b"7", b"-5"), (b"16", b"-1")]),
    (b"2", [(b"7", b"-2147483648"), (b"16", b"0")]), (b"2", [(b"7", b"3000000000"), (b"16", b"0")]),
    (b"2", [(b"7", b"1"), (b"16", b"2147483647")]), (b"2", [(b"7", b"1"), (b"7", b"\xd9\xa3"), (b"16", b"0")]),
    (b"4", [(b"36", b"abc")]), (b"4", []), (b"4", [(b"123", b"Y"), (b"36", b"-1")]), (b"4", [(b"123", b"\xff"), (b"36", b"")]),
    (b"1", []), (b"1", [(b"112", b"\xff\xfe")]), (b"1", [(b"112", b"x" * 100_000)]), (b"0", [(b"112", b"\xff")]),
    (b"0", [(b"58", b"\x00")]),
    (b"3", []), (b"3", [(b"45", b"abc"), (b"58", b"\xff\x00|")]), (b"3", [(b"45", b"9" * 40), (b"372", b"\xff" * 50)]),
    (b"3", [(b"45", b"99999999999")]), (b"A", [(b"98", b"0"), (b"108", b"30")]), (b"A", [(b"464", b"\xff")]), (b"A", [(b"108", b"abc")]),
    (b"5", [(b"58", b"\xff\x00")]), (b"8", [(b"43", b"\xff")]), (b"0", [(b"43", b"Y")]), (b"1", [(b"43", b"Y"), (b"122", b"x")]),
    (b"j", [(b"379", b"\xff"), (b"372", b"\xff")]), (b"9", [(b"11", b"\xff" * 100)]),
)  # fmt: skip


def test_messages_of_the_session_that_make_no_sense_end_neither_gateway_nor_booking(line):
    broker = line.broker
    line.open()
    for kind, fields in SESSION:
        said = broker.text_of({}, broker.number(), kind)
        broker.throw(framed(fields_of(said) + fields))
        broker.report(line.fill())
        wait_until(f"{kind} {fields} passed over", lambda: Execution.objects.count() == line.filled or line.is_over(), 40)
        assert not line.is_over(), (kind, fields)
    broker.throw(framed(fields_of(broker.text_of({}, broker.number(), b"4")) + [(b"36", b"2147483647")]))
    wait_until("numbers beyond all", lambda: SessionState.objects.get(session__is_enabled=True).next_in == 2**31 - 1, 10)
    looked_at = SessionState.objects.get(session__is_enabled=True).looked_at
    wait_until("looked after", lambda: SessionState.objects.get(session__is_enabled=True).looked_at > looked_at, 10)
    assert amounts(Route.objects.get()) == ("PARTLY_FILLED", 10_000, line.filled, 10_000 - line.filled)
    assert line.gateway.stop() == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_good_reports_between_garbage_are_booked_once_each(line, seed):
    broker, garbage = line.broker, Garbage(seed)
    line.open()
    before = line.memory()
    for _ in range(2):
        for kind, say in garbage.kinds().items():
            said = say(broker.text_of(broker.last, broker.number()))
            broker.throw(said)
            broker.report(line.fill())
            wait_until(f"{kind} {said[:400]}", lambda: Execution.objects.count() == line.filled or line.is_over(), 40)
            assert not line.is_over(), (kind, said[:400])

    assert amounts(Route.objects.get()) == ("PARTLY_FILLED", 10_000, line.filled, 10_000 - line.filled)
    assert sorted(e.exec_id for e in Execution.objects.all()) == sorted(f"E{n}" for n in range(1, line.filled + 1))
    assert Message.objects.filter(status="QUARANTINED").exists(), "what could be read"
    assert Message.objects.filter(is_out=True, msg_type="3", status="SENT", text__contains="|58=").exists(), "what could not"
    assert line.memory() - before < 150
    assert line.gateway.stop() == 0
