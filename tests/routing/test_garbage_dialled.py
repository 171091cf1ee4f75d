"""Bytes thrown at the port where upstream systems call us: before any logon, in bad logons, and between good orders."""

from contextlib import closing, suppress

import pytest

from apps.orders.models import Order
from apps.routing.models import Session

from .garbage import Garbage, framed, now_text
from .test_gateway import wait_until
from .test_staging import an_order
from .test_staging_wire import Caller, dialled, listening  # noqa: F401 - fixtures

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]


class Broken(Caller):
    """HORIZON, which numbers what it says and does not listen."""

    def __init__(self, port: int, first: int = 1):
        super().__init__(port, "HORIZON")
        self.next = first

    def text(self, kind: bytes, fields: list[tuple], number: int | None = None) -> bytes:
        head = [(b"35", kind), (b"34", b"%d" % (number or self.next)), (b"49", b"HORIZON"), (b"56", b"OMS-SIM"), (b"52", now_text())]
        return framed(head + [(str(tag).encode(), str(value).encode()) for tag, value in fields])

    def say(self, kind: bytes, fields: list[tuple]) -> None:
        self._socket.sendall(self.text(kind, fields))
        self.next += 1

    def hears_end(self) -> None:
        """What is answered, until the connection is cut or nothing more comes."""
        self._socket.settimeout(0.5)
        with suppress(OSError):
            while self._socket.recv(4096):
                pass

    def throw(self, raw: bytes) -> None:
        self._socket.sendall(raw)


def logon(*more: tuple) -> list[tuple]:
    return [(98, 0), (108, 30), (464, "Y"), *more]


LOGONS = (
    [(98, 0), (108, "abc"), (464, "Y")], [(98, 0), (108, ""), (464, "Y")], [(98, 0), (108, -5), (464, "Y")], [(464, "Y")], [],
    [(98, 0), (108, 10**12), (464, "Y")], logon((141, "é")), logon((789, "x")), logon((95, 99_999), (96, "x")), [(98, "x"), *logon()[1:]],
)  # fmt: skip


def test_whatever_is_thrown_at_the_port_orders_come_in_after_it(listening, dialled):  # noqa: F811
    garbage = Garbage(1)
    good = Broken(dialled).text(b"A", logon())
    thrown = [(b"A", fields) for fields in LOGONS] + [(b"D", an_order("A0")), (b"ZZ", []), (b"", [])]
    for raw in (say(good) for say in garbage.kinds().values()):
        with closing(Broken(dialled)) as stranger, suppress(OSError):
            stranger.throw(raw)
    for kind, fields in thrown:
        with closing(Broken(dialled, _expected(listening))) as stranger:
            stranger.throw(stranger.text(kind, fields))
            stranger.hears_end()
        assert listening.process.poll() is None, (kind, fields)
    wait_until("none is in", lambda: not Session.objects.get().is_up)

    real = Broken(dialled, _expected(listening))
    real.say(b"A", logon())
    wait_until("logged on", lambda: Session.objects.get().is_up)
    real.say(b"D", an_order("A1"))
    for say in garbage.kinds().values():
        with suppress(OSError):  # Some of it ends the session.
            real.throw(say(real.text(b"D", an_order("A1", t38=999))))
            real.say(b"0", [])
    wait_until("entered", lambda: Order.objects.filter(client_ref="A1").exists())
    real.close()
    wait_until("gone", lambda: not Session.objects.get().is_up)
    wait_until("entered after all that", lambda: dials_again(dialled, listening))
    entered = Order.objects.filter(client_ref__in=("A1", "A2")).order_by("client_ref")
    assert [(order.client_ref, order.qty) for order in entered] == [("A1", 100), ("A2", 100)]
    assert listening.process.poll() is None and listening.stop() == 0


def dials_again(port: int, gateway) -> bool:
    with closing(Broken(port, _expected(gateway))) as caller, suppress(OSError):
        caller.say(b"A", logon())
        caller.say(b"D", an_order("A2"))
        caller.hears_end()
    return Order.objects.filter(client_ref="A2").exists()


def _expected(gateway) -> int:
    """What the gateway's own store expects next."""
    path = next(gateway.folder.rglob("*HORIZON.seqnums"))
    return int(path.read_text().split(":")[1])
