"""
A counterparty that is not QuickFIX: bytes on a socket, numbered as the test says. It logs on, answers tests and heartbeats, and
keeps what it hears; everything else is the test's to say.
"""

import socket
import threading
import time
from datetime import UTC, datetime

from .says_fix import SOH, framed


class RawAcceptor:
    def __init__(self, us: str, them: str = "OMS-SIM", begin_string: str = "FIX.4.4"):
        self.us, self.them, self.begin_string = us, them, begin_string
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.heard: list[dict[int, str]] = []
        self.next_seq = 1
        self.begins_anew = False
        self.socket: socket.socket | None = None
        self.logged_on = threading.Event()
        self.lock = threading.Lock()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                self.socket, _ = self.server.accept()
            except OSError:
                return
            buffer = b""
            while True:
                try:
                    data = self.socket.recv(65536)
                except OSError:
                    break
                if not data:
                    break
                buffer += data
                while (end := buffer.find(b"\x0110=")) >= 0 and len(buffer) >= end + 8:
                    raw, buffer = buffer[: end + 8], buffer[end + 8 :]
                    self._take(raw.decode(errors="replace"))

    def _take(self, raw: str) -> None:
        fields: dict[int, str] = {}
        for part in raw.split(SOH):
            if part:
                tag, _, value = part.partition("=")
                fields.setdefault(int(tag), value)
        kind = fields[35]
        if kind == "A" and fields[34] == "1" and fields.get(141) == "Y" and self.next_seq > 1:
            pass  # It answers ours with which numbers began anew.
        elif kind == "A":
            also = {141: "Y"} if self.begins_anew else {}
            self.next_seq = 1 if self.begins_anew else self.next_seq
            self.send("A", {98: 0, 108: fields[108], 464: "Y"} | also)
            self.logged_on.set()
        elif kind == "1":
            self.send("0", {112: fields[112]})
        elif kind == "5":
            self.send("5", {})
        if kind != "0":
            self.heard.append(fields)

    def send(self, msg_type: str, body: dict, *, seq: int | None = None, poss_dup: bool = False) -> int:
        """Sends a message under the next number, or under ``seq``; returns the number."""
        now = f"{datetime.now(UTC):%Y%m%d-%H:%M:%S.%f}"[:-3]
        with self.lock:
            number = self.next_seq if seq is None else seq
            self.next_seq = max(self.next_seq, number + 1)
            head = {35: msg_type, 34: number, 49: self.us, 56: self.them, 52: now}
            head |= {43: "Y", 122: now} if poss_dup else {}
            self.socket.sendall(framed(self.begin_string, head, body).encode())
        return number

    def hang_up(self, *, begins_anew: bool = False) -> None:
        """Cuts the connection. :param begins_anew: the next Logon is answered under number 1, and says so (141=Y)"""
        self.begins_anew = begins_anew
        self.socket.shutdown(socket.SHUT_RDWR)

    def wait_for(self, msg_type: str, nth: int = 1, seconds: float = 30) -> dict[int, str]:
        deadline = time.monotonic() + seconds
        while True:
            found = [fields for fields in list(self.heard) if fields[35] == msg_type]
            if len(found) >= nth:
                return found[nth - 1]
            assert time.monotonic() < deadline, f"no {msg_type} number {nth} heard; heard {[f[35] for f in self.heard]}"
            time.sleep(0.02)

    def close(self) -> None:
        self.server.close()
        if self.socket:
            self.socket.close()
