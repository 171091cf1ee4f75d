"""The venue's market data: who subscribed to what, and which snapshot is due."""

from collections import deque
from collections.abc import Iterator

from .market import Market, Quote
from .universe import Instrument

PER_SECOND = 60  # Messages in total, however fast simulated time runs.
EACH_SECONDS = 0.95  # Real seconds between two snapshots of one instrument, unless something happened to it.


class Feed:
    """
    Snapshots of what changed, each instrument about once a second; at once where an order began or ended or an
    inquiry was quoted, so that a client can measure its interval to the moment.
    """

    def __init__(self, market: Market):
        self.market = market
        self._requests: dict[str, list[Instrument]] = {}
        self._turn: deque[tuple[str, Instrument]] = deque()
        self._sent: dict[tuple[str, str], tuple[float, Quote]] = {}
        self._urgent: set[str] = set()
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

    def hurry(self, instrument: Instrument | None) -> None:
        """Will send this instrument's snapshot with the next turn."""
        if instrument and self._requests:
            self._urgent.add(instrument.symbol)

    def due(self, real: float) -> Iterator[tuple[str, Instrument, Quote]]:
        """
        :param real: seconds of a real clock
        :returns: (request id, instrument, quote) of each snapshot to send now
        """
        self._allowance = min(PER_SECOND, self._allowance + (real - self._counted_at) * PER_SECOND)
        self._counted_at = real
        if self._urgent:
            self._turn = deque(sorted(self._turn, key=lambda row: row[1].symbol not in self._urgent))
        for _ in range(len(self._turn)):
            if self._allowance < 1:
                return
            request_id, instrument = self._turn[0]
            self._turn.rotate(-1)
            key = (request_id, instrument.symbol)
            before = self._sent.get(key)
            if before and real - before[0] < EACH_SECONDS and instrument.symbol not in self._urgent:
                continue
            quote = self.market.quote(instrument)
            if before and before[1] == quote:
                continue
            self._sent[key] = (real, quote)
            self._allowance -= 1
            yield request_id, instrument, quote
        self._urgent.clear()
