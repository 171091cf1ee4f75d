"""
The other side of the wire: any number of FIX 4.4 sessions at one port, in bytes, in a process of its own.

``python -m benchmarks._counterparty PORT``: a JSON object a line comes in, one a line is answered.

    {"do": "prices", "of": {ISIN: price}}       at what it fills; 10 where none is known
    {"do": "heard"}                             orders and requests so far: [ClOrdID, MsgType, Unix seconds]
    {"do": "invent", "comp": …, "n": …}         orders that nobody sent, to fill in a session
    {"do": "resume"}                            the orders of before those were invented
    {"do": "fill", "n": …, "a_second": …, "parts": …}
                                                so many fills in turns over all orders, each of one share or a part of its order;
                                                as fast as the wire where no speed is said. Answers when all are out:
                                                [ExecID, ClOrdID, Unix seconds]
    {"do": "state"}                             ClOrdID to what was executed of it

Each new order is acknowledged, and each cancel done, at once. Nothing else of a broker is played.
"""

import itertools
import json
import socket
import sys
import threading
import time
from datetime import UTC, datetime

SOH = "\x01"


class Connection:
    """One session: what it heard and the next number it says."""

    def __init__(self, party: "Counterparty", plug: socket.socket):
        self.party, self.plug, self.seq, self.lock = party, plug, 1, threading.Lock()
        self.us = self.them = ""

    def serve(self) -> None:
        buffer = b""
        while data := self._more():
            buffer += data
            while (end := buffer.find(b"\x0110=")) >= 0 and len(buffer) >= end + 8:
                raw, buffer = buffer[: end + 8], buffer[end + 8 :]
                self._hear(raw.decode(), time.time())

    def _more(self) -> bytes:
        try:
            return self.plug.recv(1 << 16)
        except OSError:
            return b""

    def _hear(self, raw: str, at: float) -> None:
        fields: dict[str, str] = {}
        for part in raw.split(SOH):
            tag, _, value = part.partition("=")
            fields.setdefault(tag, value)
        kind = fields["35"]
        if kind == "A":
            self.us, self.them = fields["56"], fields["49"]
            self.party.connections[self.us] = self
            self.say("A", f"98=0{SOH}108={fields['108']}{SOH}464=Y{SOH}")
        elif kind == "1":
            self.say("0", f"112={fields['112']}{SOH}")
        elif kind == "5":
            self.say("5", "")
        elif kind in ("D", "F", "G"):
            self.party.heard.append([fields["11"], kind, at])
            if kind == "D":
                order = Order(self, fields)
                self.party.orders[order.name] = order
                self.say("8", order.report("0", "0"))
            elif kind == "F" and (order := self.party.orders.pop(fields["41"], None)):
                self.say("8", order.cancelled(fields["11"]))

    def say(self, kind: str, body: str) -> float:
        with self.lock:
            now = f"{datetime.now(UTC):%Y%m%d-%H:%M:%S.%f}"[:-3]
            text = f"35={kind}{SOH}34={self.seq}{SOH}49={self.us}{SOH}56={self.them}{SOH}52={now}{SOH}{body}"
            self.seq += 1
            whole = f"8=FIX.4.4{SOH}9={len(text)}{SOH}{text}".encode()
            self.plug.sendall(whole + f"10={sum(whole) % 256:03d}{SOH}".encode())
            return time.time()


class Order:
    """An order and how much of it was executed, a share at a time."""

    numbers = itertools.count(1)

    def __init__(self, connection: Connection, fields: dict[str, str]):
        self.connection, self.fields, self.name = connection, fields, fields["11"]
        self.qty, self.cum = int(float(fields["38"])), 0

    def report(self, kind: str, status: str, *, last: str = "") -> str:
        f, price, now = self.fields, self.price, f"{datetime.now(UTC):%Y%m%d-%H:%M:%S.%f}"[:-3]
        self.exec_id = f"W{next(self.numbers):09d}"
        said = {37: f"B{self.name}", 17: self.exec_id, 11: self.name, 150: kind, 39: status, 54: f["54"], 55: f["55"], 48: f.get("48"),
                22: f.get("22"), 38: self.qty, 14: self.cum, 151: self.qty - self.cum, 6: price if self.cum else 0, 60: now,
                75: now[:8], 15: f["15"], 32: last, 31: last and price, 30: last and "XNAS"}  # fmt: skip
        return "".join(f"{tag}={value}{SOH}" for tag, value in said.items() if value not in (None, ""))

    def cancelled(self, name: str) -> str:
        said = self.report("4", "4").replace(f"{SOH}11={self.name}{SOH}", f"{SOH}11={name}{SOH}41={self.name}{SOH}")
        return said.replace(f"{SOH}151={self.qty - self.cum}{SOH}", f"{SOH}151=0{SOH}")

    @property
    def price(self) -> str:
        return self.connection.party.prices.get(self.fields.get("48"), "10")

    def fill(self, qty: int) -> tuple[float, str]:
        self.cum += qty
        return self.connection.say("8", self.report("F", "1", last=str(qty))), self.exec_id


class Counterparty:
    def __init__(self, port: int):
        self.server = socket.create_server(("127.0.0.1", port))
        self.connections: dict[str, Connection] = {}
        self.orders: dict[str, Order] = {}
        self.aside: dict[str, Order] = {}
        self.heard: list[list] = []
        self.prices: dict[str, str] = {}
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            plug, _ = self.server.accept()
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=Connection(self, plug).serve, daemon=True).start()

    def do(self, told: dict):
        match told["do"]:
            case "prices":
                self.prices = told["of"]
            case "heard":
                return list(self.heard)
            case "invent":
                self.aside, self.orders = self.orders, {}
                for n in range(told["n"]):
                    fields = {"11": f"I{n:012d}", "38": "1000000000", "54": "1", "55": "AAPL", "48": "US0378331005", "22": "4", "15": "USD"}
                    self.orders[fields["11"]] = Order(self.connections[told["comp"]], fields)
            case "resume":
                self.orders = self.aside
            case "fill":
                return self._fill(told["n"], told.get("a_second"), told.get("parts"))
            case "state":
                return {name: order.cum for name, order in self.orders.items()}
        return True

    def _fill(self, n: int, a_second: float | None, parts: int | None) -> list[list]:
        orders, done, began = itertools.cycle(list(self.orders.values())), [], time.monotonic()
        while len(done) < n:
            order = next(orders)
            qty = max(1, order.qty // parts) if parts else 1
            if order.cum + qty >= order.qty:
                if all(one.cum + 1 >= one.qty for one in self.orders.values()):
                    raise RuntimeError("the orders are filled")
                continue
            if a_second:
                time.sleep(max(0.0, began + len(done) / a_second - time.monotonic()))
            at, exec_id = order.fill(qty)
            done.append([exec_id, order.name, at])
        return done


def main() -> None:
    party = Counterparty(int(sys.argv[1]))
    print(json.dumps("open"), flush=True)
    for line in sys.stdin:
        print(json.dumps(party.do(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
