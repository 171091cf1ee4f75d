"""The venue's market data: who subscribed to what, and which snapshot is due."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from .market import Market, Quote
from .universe import Instrument

PER_SECOND = 60  # Messages in total, however fast simulated time runs.
EACH_SECONDS = 0.95  # Real seconds between two snapshots of one instrument, unless something happened to it.


class Due(NamedTuple):
    """A snapshot to send; ``at`` is the simulated time of its figures."""

    request_id: str
    instrument: Instrument
    quote: Quote
    at: float


class Feed:
    """
    Snapshots of what changed, each instrument about once a second; in between, of the very moment at which an order
    began or ended or an inquiry was quoted, so that a client can measure its interval exactly.
    """

    def __init__(self, market: Market):
        self.market = market
        self._requests: dict[str, list[Instrument]] = {}
        self._turn: deque[tuple[str, Instrument]] = deque()
        self._sent: dict[tuple[str, str], tuple[float, Quote]] = {}
        self._urgent: deque[Due] = deque()
        self._allowance = float(PER_SECOND)
        self._counted_at = 0.0

    def subscribe(self, request_id: str, instruments: list[Instrument]) -> None:
        self.unsubscribe(request_id)
        self._requests[request_id] = instruments
        self._turn.extend((request_id, instrument) for instrument in instruments)

    def unsubscribe(self, request_id: str | None = None) -> None:
        """:param request_id: None for all, as when the client is gone"""
        gone = [request_id] if request_id else list(self._requests)
        for one in gone:
            self._requests.pop(one, None)
        self._turn = deque(row for row in self._turn if row[0] in self._requests)
        self._sent = {key: value for key, value in self._sent.items() if key[0] in self._requests}
        self._urgent = deque(due for due in self._urgent if due.request_id in self._requests)

    def hurry(self, instrument: Instrument | None) -> None:
        """Will send this instrument's snapshot of now, before any other."""
        if instrument is None:
            return
        for request_id, asked in self._requests.items():
            if instrument in asked:
                self._urgent.append(Due(request_id, instrument, self.market.quote(instrument), self.market.now))

    def due(self, real: float) -> Iterator[Due]:
        """
        The snapshots to send now, those of one instrument in the order of their times.

        :param real: seconds of a real clock
        """
        self._allowance = min(PER_SECOND, self._allowance + (real - self._counted_at) * PER_SECOND)
        self._counted_at = real
        while self._urgent:
            if self._allowance < 1:
                return
            due = self._urgent.popleft()
            self._sent[due.request_id, due.instrument.symbol] = (real, due.quote)
            self._allowance -= 1
            yield due
        for _ in range(len(self._turn)):
            if self._allowance < 1:
                return
            request_id, instrument = self._turn[0]
            self._turn.rotate(-1)
            key = (request_id, instrument.symbol)
            before = self._sent.get(key)
            if before and real - before[0] < EACH_SECONDS:
                continue
            quote = self.market.quote(instrument)
            if before and before[1] == quote:
                continue
            self._sent[key] = (real, quote)
            self._allowance -= 1
            yield Due(request_id, instrument, quote, self.market.now)
