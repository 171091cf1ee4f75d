"""
The feed: what the venue says, taken in once a second as one batch of quotes, bars and rates.

It goes on through anything that goes away. Without the venue nothing comes, and the quotes on file grow old, which
every reader sees by their time. Without PostgreSQL the newest figures wait here; volumes are cumulative, so nothing
that traded meanwhile is lost. Without Redis the pages hear no hint until it is back.
"""

import contextlib
import queue
import threading
import time
from datetime import datetime
from decimal import Decimal
from itertools import count

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections, connection
from redis import RedisError

from apps.audit import wires
from apps.reference.models import Currency, Instrument

from . import rules, services
from .models import FxRate
from .services import Tick
from .venue import Heard, Session

log = structlog.get_logger(__name__)

BATCH_SECONDS = 1.0
NAMES_SECONDS = 60.0  # How soon a new instrument is asked for.
IN_A_REQUEST = 50
TICKS_THAT_WAIT = 20_000  # While PostgreSQL is away; beyond it only the newest of each instrument.
REDIS_PAUSE_SECONDS = 2.0
REFUSED_PAUSE_SECONDS = 30.0  # Until a venue of the wrong kind is tried again; somebody has to mend an address.


class Feed:
    """:param session: not yet started; :param source: the name under which its quotes are kept"""

    def __init__(self, session: Session, source: str):
        self.session = session
        self.source = source
        self._stopping = threading.Event()
        self._is_up = False
        self._names: dict[str, dict[int, str]] = {}
        self._ids: dict[str, int] = {}
        self._requests: dict[str, list[str]] = {}
        self._asked: set[str] = set()
        self._names_due = 0.0
        self._numbers = count(1)
        self._ticks: list[Tick] = []
        self._rates: dict[tuple[str, str], tuple[Decimal, datetime]] = {}
        self._database_away = False
        self._hint_due = 0.0
        self._again_due: float | None = None

    def stop(self) -> None:
        """Ends `run` after the batch in hand. May be called from a signal handler."""
        self._stopping.set()
        self.session.wake()

    def run(self) -> None:
        """Serves until `stop`."""
        self.session.start()
        due = time.monotonic() + BATCH_SECONDS
        try:
            while not self._stopping.is_set():
                with contextlib.suppress(queue.Empty):
                    self.hear(self.session.heard.get(timeout=max(0.0, due - time.monotonic())))
                if time.monotonic() >= due:
                    self.turn()
                    due = max(due + BATCH_SECONDS, time.monotonic())
        finally:
            self.session.stop()
            self._flush()
            connection.close()

    def hear(self, heard: Heard) -> None:
        """Will take in one thing that came from the venue; what makes no sense is logged and left out."""
        if heard.what in ("logon", "logout"):
            self._is_up = heard.what == "logon"
            self._asked, self._requests, self._names_due = set(), {}, 0.0
            log.warning("venue_" + ("up" if self._is_up else "down"), venue=self.source)
            if self._is_up:
                self._ask()
        elif heard.what == "refused":
            self._again_due = time.monotonic() + REFUSED_PAUSE_SECONDS
            log.error("venue_refused", venue=self.source, why=heard.raw)
        elif heard.what == "message":
            try:
                fields = rules.fields_of(heard.raw)
                self._take(dict(reversed(fields)), fields, heard.at)
            except rules.Unusable as problem:
                log.warning("unusable_snapshot", venue=self.source, problem=str(problem))

    def turn(self) -> None:
        """Will do what is due once a second: write, hint, ask for what is new, try a refused venue again."""
        changed = self._flush()
        self._hint(changed)
        self._ask()
        if self._again_due is not None and time.monotonic() >= self._again_due:
            self._again_due = None
            self.session.try_again()

    def _take(self, first: dict[int, str], fields: list[tuple[int, str]], at: datetime) -> None:
        kind = first.get(35)
        if kind == "W":
            snapshot = rules.snapshot_of(fields)
            if snapshot.symbol not in self._names:
                raise rules.Unusable(f"{snapshot.symbol} was not asked for")
            at = rules.time_of(snapshot, at)
            if snapshot.pair:
                self._rates[snapshot.pair] = ((snapshot.bid + snapshot.ask) / 2, at)
            if instrument := self._ids.get(snapshot.symbol):
                self._ticks.append(Tick(instrument, *snapshot[1:-1], at))
        elif kind == "Y":
            self._refused(first.get(262, ""), first.get(58, ""))
        elif kind in ("j", "3"):
            log.error("venue_rejected", venue=self.source, text=first.get(58, ""))

    def _refused(self, request_id: str, text: str) -> None:
        """Asks for the halves of what was refused, until those that the venue does not know stand alone."""
        names = self._requests.pop(request_id, [])
        if len(names) == 1:
            log.warning("not_on_this_venue", venue=self.source, instrument=names[0], text=text)
        for half in rules.halves(names):
            self._send(list(half))

    def _ask(self) -> None:
        """Asks for every active instrument and rate not yet asked for on this session."""
        if not self._is_up or time.monotonic() < self._names_due:
            return
        try:
            self._names = self._read_names()
        except (OperationalError, InterfaceError) as error:
            self._lost_database(error)
            return
        self._names_due = time.monotonic() + NAMES_SECONDS
        new = sorted(self._names.keys() - self._asked)
        for start in range(0, len(new), IN_A_REQUEST):
            self._send(new[start : start + IN_A_REQUEST])

    def _send(self, names: list[str]) -> None:
        request_id = f"md-{next(self._numbers)}"
        self._requests[request_id] = names
        self._asked.update(names)
        self.session.subscribe(request_id, [self._names[name] for name in names])

    def _read_names(self) -> dict[str, dict[int, str]]:
        """Of each active instrument and each pair its identifying fields, by symbol. Three queries."""
        close_old_connections()
        names = {}
        rows = Instrument.objects.filter(is_active=True).values_list("pk", "symbol", "isin", "venue__mic")
        ids = {}
        for pk, symbol, isin, mic in rows:
            ids[symbol] = pk
            names[symbol] = {55: symbol, 207: mic} | ({48: isin, 22: "4"} if isin else {})
        self._ids = ids
        pairs = {frozenset(pair): pair for pair in FxRate.objects.values_list("base_id", "quote_id")}
        currencies = set(Currency.objects.values_list("pk", flat=True))
        if "USD" in currencies:
            for currency in currencies - {"USD"}:
                pairs.setdefault(frozenset((currency, "USD")), (currency, "USD"))
        for base, quote in pairs.values():
            names[f"{base}/{quote}"] = {55: f"{base}/{quote}", 167: "FOR"}
        return names

    def _flush(self) -> list[int]:
        """Will write the batch. :returns: the instruments it was of; none where PostgreSQL is away, and it waits"""
        if not self._ticks and not self._rates:
            return []
        try:
            close_old_connections()
            services.record_ticks(self._ticks, self.source)
            services.record_rates((b, q, rate, at) for (b, q), (rate, at) in self._rates.items())
        except (OperationalError, InterfaceError) as error:
            self._lost_database(error)
            if len(self._ticks) > TICKS_THAT_WAIT:
                self._ticks = list({tick.instrument_id: tick for tick in self._ticks}.values())
            return []
        except DatabaseError:  # An instrument or currency that is gone, or a figure that a column cannot hold.
            log.exception("batch_refused", venue=self.source, ticks=len(self._ticks))
            self._names_due = 0.0
            changed = []
        else:
            changed = sorted({tick.instrument_id for tick in self._ticks})
        if self._database_away:
            self._database_away = False
            log.warning("database_back")
        self._ticks, self._rates = [], {}
        return changed

    def _lost_database(self, error: Exception) -> None:
        if not self._database_away:
            self._database_away = True
            log.warning("database_away", error=str(error))
        connection.close()

    def _hint(self, changed: list[int]) -> None:
        if not changed or time.monotonic() < self._hint_due:
            return
        try:
            for start in range(0, len(changed), wires.IDS_IN_A_HINT):
                wires.publish({"quote": set(changed[start : start + wires.IDS_IN_A_HINT])})
        except (RedisError, OSError) as error:
            self._hint_due = time.monotonic() + REDIS_PAUSE_SECONDS
            log.warning("redis_away", error=str(error))
