"""An upstream system that stages orders over TCP, as the gateway is killed and started again."""

import re
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest

from apps.orders.models import Order
from apps.routing import services as routing
from apps.routing.models import Message, Session
from tests.street.client import parse
from tests.street.conftest import free_port

from .test_gateway import ROOT, GatewayProcess, wait_until
from .test_staging import an_order

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]
SOH = "\x01"
END = re.compile(rb"(?<=\x01)10=\d{3}\x01")


class Upstream:
    """Answers logons and heartbeats on a port, sends what it is told, keeps what it hears. Its numbers outlive a connection."""

    def __init__(self):
        self.port, self.heard, self.number = free_port(), [], 0
        self._connection: socket.socket | None = None
        self._server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def send(self, kind: str, fields: list[tuple[int, object]]) -> None:
        self.number += 1
        now = f"{datetime.now(UTC):%Y%m%d-%H:%M:%S}"
        head = [(35, kind), (34, self.number), (49, "PMS"), (52, now), (56, "OMS-SIM")]
        body = "".join(f"{tag}={value}{SOH}" for tag, value in [*head, *fields])
        text = f"8=FIX.4.4{SOH}9={len(body)}{SOH}{body}"
        self._connection.sendall(f"{text}10={sum(text.encode()) % 256:03d}{SOH}".encode())

    def reports(self) -> list[tuple[str, str]]:
        """(ClOrdID, ExecType) of the execution reports, each once: what is sent again says so in 43."""
        return [(m[11], m[150]) for m in self.heard if m[35] == "8" and m.get(43) != "Y"]

    def close(self) -> None:
        self._server.close()
        if self._connection:
            self._connection.close()

    def _accept(self) -> None:
        while True:
            try:
                self._connection, _ = self._server.accept()
                self._read()
            except OSError:
                if self._server.fileno() == -1:
                    return

    def _read(self) -> None:
        kept = b""
        while data := self._connection.recv(65536):
            *whole, kept = END.split(kept + data)
            for text in whole:
                self._hear(parse(text.decode()))

    def _hear(self, message: dict[int, str]) -> None:
        self.heard.append(message)
        if message[35] == "A":
            self.send("A", [(98, 0), (108, message[108]), (464, "Y")])
        elif message[35] == "1":
            self.send("0", [(112, message.get(112, ""))])


@pytest.fixture
def upstream(firm, mira, olga, omar, by):
    made = Upstream()
    routing.install_staging_session(by(olga, "Basket desk"), by(omar), "PMS", mira, port=made.port)
    yield made
    made.close()


@pytest.fixture
def gateway(upstream, tmp_path):
    made = GatewayProcess(tmp_path / "fix", upstream.port)
    yield made
    if made.process and made.process.poll() is None:
        made.kill()


def test_a_basket_is_staged_and_a_gateway_killed_as_it_hears_more_loses_and_doubles_nothing(gateway, upstream):
    gateway.start()
    wait_until("logged on", lambda: Session.objects.filter(is_up=True).exists())
    lines = [field for n in range(3) for field in an_order(f"A{n}")]
    upstream.send("E", [(66, "L1"), (394, 3), (68, 3), (73, 3), *lines])
    wait_until("the basket is answered", lambda: len(upstream.reports()) == 3)
    assert upstream.reports() == [("A0", "A"), ("A1", "A"), ("A2", "A")]

    upstream.send("D", an_order("B1"))
    time.sleep(0.02)
    gateway.kill()
    before = Session.objects.get().is_up, len(upstream.heard)
    gateway.start()
    wait_until("logged on again", lambda: any(m[35] == "A" for m in upstream.heard[before[1] :]))
    if not Message.objects.filter(is_out=False, text__contains="|11=B1|").exists():
        upstream.send("D", [(97, "Y"), *an_order("B1")])
    wait_until("the order is answered", lambda: ("B1", "A") in upstream.reports() or ("B1", "I") in upstream.reports())

    assert Order.objects.filter(client_ref="B1").count() == 1
    assert Order.objects.count() == 4
    assert gateway.stop() == 0


# --- a system that dials in -----------------------------------------------------------------------------------------


@pytest.fixture
def dialled(firm, mira, olga, omar, by) -> int:
    """The port at which the gateway listens for HORIZON, which speaks for Mira."""
    port = free_port()
    routing.install_staging_session(by(olga, "Basket desk"), by(omar), "HORIZON", mira, port=port, dials_in=True)
    return port


@pytest.fixture
def listening(dialled, tmp_path):
    made = GatewayProcess(tmp_path / "fix", free_port()).start()
    yield made
    if made.process.poll() is None:
        made.kill()


@pytest.fixture
def horizon(dialled, tmp_path):
    """The simulated upstream system as the demo runs it, with the test firm's shares and portfolios, in a hurry."""
    (tmp_path / "portfolios.csv").write_text("code,manager_team\nP1,B\nP2,B\n")
    (tmp_path / "instruments.csv").write_text(
        "symbol,isin,asset_class,currency,price\nAAA,US0378331005,EQUITY,USD,50\nCCC,US5949181045,EQUITY,USD,100\n"
        "AAA,US0378331005,EQUITY,USD,50\n"
    )
    command = [sys.executable, "-m", "street.upstream", f"--port={dialled}", "--every=1", "--most=6", "--seed=2"]
    process = subprocess.Popen([*command, f"--home={tmp_path}", f"--data={tmp_path}"], cwd=ROOT)
    yield process
    if process.poll() is None:
        process.kill()
        process.wait()


def test_a_system_dials_in_and_every_kind_of_request_is_entered_or_refused(listening, horizon, mira):
    entered = Message.objects.filter(is_out=False, status="BOOKED")
    wait_until("six requests are booked", lambda: entered.count() == 6)
    wait_until("all answers are sent", lambda: not Message.objects.filter(is_out=True).exclude(status="SENT").exists())

    kinds = [m.msg_type for m in Message.objects.filter(is_out=False).order_by("pk")]
    assert (kinds[:2], kinds[-1]) == (["D", "E"], "D") and {"F", "G"} <= set(kinds)
    assert set(Order.objects.values_list("created_by__username", flat=True)) == {"mira"}
    assert Order.objects.filter(status="CANCELLED").count() == 1
    assert Message.objects.filter(is_out=False, problem__contains="US0000000000").count() == 1
    assert Session.objects.get().is_up
    horizon.terminate()
    assert horizon.wait(20) == 0
    wait_until("it is seen to have gone", lambda: not Session.objects.get().is_up)
    assert listening.stop() == 0


@pytest.mark.parametrize("logon", ["HORIZON", "STRANGER"])
def test_who_dials_in_under_another_name_or_not_as_a_simulation_is_let_in_by_nobody(listening, dialled, logon):
    caller = Caller(dialled, logon)
    answer = caller.logs_on()

    assert "35=A" not in answer and not Session.objects.get().is_up
    assert ("464=Y" in answer) == (logon == "HORIZON")  # A stranger is told nothing.
    assert listening.process.poll() is None
    caller.close()


class Caller:
    """Dials in by hand and says no 464=Y."""

    def __init__(self, port: int, name: str):
        self.name = name
        deadline = time.monotonic() + 60
        while True:
            try:
                self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
                return
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.1)

    def logs_on(self) -> str:
        """What is answered until the connection is cut."""
        now = f"{datetime.now(UTC):%Y%m%d-%H:%M:%S}"
        fields = [(35, "A"), (34, 1), (49, self.name), (52, now), (56, "OMS-SIM"), (98, 0), (108, 10)]
        body = "".join(f"{tag}={value}{SOH}" for tag, value in fields)
        text = f"8=FIX.4.4{SOH}9={len(body)}{SOH}{body}"
        self._socket.sendall(f"{text}10={sum(text.encode()) % 256:03d}{SOH}".encode())
        heard = b""
        while data := self._socket.recv(4096):
            heard += data
        return heard.decode()

    def close(self) -> None:
        self._socket.close()
