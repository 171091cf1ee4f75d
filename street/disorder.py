"""Reports that come in another order than they were said."""

import random
import time
from collections.abc import Callable

from .wire import Out

LONGEST = 1.0  # Seconds that one is held at most.


class Disorder:
    """:param send: sends a message of a counterparty by its code"""

    def __init__(self, send: Callable[[str, Out], None]):
        self._send = send
        self._held: list[tuple[str, Out]] = []
        self._wanted = 0
        self._since = 0.0
        self._draw = random.Random(1)

    def begin(self, n: int) -> None:
        """The next n reports are held, and sent together in any order; no longer than a second."""
        self._wanted = n

    def send(self, code: str, out: Out) -> None:
        if len(self._held) >= self._wanted:
            self._send(code, out)
            return
        self._since = self._since if self._held else time.monotonic()
        self._held.append((code, out))
        if len(self._held) == self._wanted:
            self._let_go()

    def look(self) -> None:
        if self._held and time.monotonic() - self._since > LONGEST:
            self._let_go()

    def _let_go(self) -> None:
        held, self._held, self._wanted = self._held, [], 0
        self._draw.shuffle(held)
        for code, out in held:
            self._send(code, out)
