"""What a set of messages says of inquiries: their quotes, our counters and hits, read and locked once and written once."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from apps.core.tables import copy_in, update_many

from ..models import Counter
from ..states import DEAD, Q
from .rows import InquiryRow, QuoteRow

WAITING = Counter.Answer.WAITING


@dataclass(slots=True)
class CounterRow:
    id: int
    quote_id: int
    ref: str
    price: Decimal
    answer: str
    answered_at: datetime | None = None
    is_changed: bool = False

    def answered(self, answer: str, at: datetime) -> None:
        self.answer, self.answered_at, self.is_changed = answer, at, True


class Said(NamedTuple):
    """What a dealer said: QuoteID, price (None: declined), what it is good for (None: all), until when, and in words."""

    quote_ref: str
    price: Decimal | None
    qty: Decimal | None
    valid_until: datetime | None
    text: str


@dataclass(slots=True)
class Hit:
    """Where the route of a part that was taken stands."""

    is_over: bool
    has_traded: bool


class Dealing:
    """
    ``inquiries`` by id, ``quotes`` by QuoteReqID, ``counters`` by QuoteRespID; of routes that are hits ``inquiry_of_route``, and all
    ``hits`` of their inquiries by inquiry and route.
    """

    def __init__(self, cursor, refs: Collection[str], routes: Sequence[int]):
        """
        :param refs: what messages name: QuoteReqIDs (131) and QuoteRespIDs (693); whatever else they name is not found
        :param routes: ids of routes of the kind INQUIRY, whose blocks are locked
        """
        wanted = list(refs)
        cursor.execute(
            "SELECT q.id, q.block_id, b.side, q.status, q.version FROM routing_inquiry q"
            " JOIN blocks_block b ON b.id = q.block_id WHERE q.id IN"
            " (SELECT inquiry_id FROM routing_award WHERE route_id = ANY(%s) UNION ALL"
            "  SELECT inquiry_id FROM routing_dealerquote WHERE request_ref = ANY(%s)"
            "  OR id IN (SELECT quote_id FROM routing_counter WHERE ref = ANY(%s)))"
            " ORDER BY q.id FOR NO KEY UPDATE OF q",
            [list(routes), wanted, wanted],
        )
        self.inquiries = {pk: InquiryRow(pk, *row, Q(status), version) for pk, *row, status, version in cursor.fetchall()}
        cursor.execute(  # By now no trader counters meanwhile.
            "SELECT id, quote_id, ref, price, answer FROM routing_counter WHERE answer <> 'LAPSED' AND (ref = ANY(%s) OR"
            " answer = 'WAITING' AND quote_id IN (SELECT id FROM routing_dealerquote WHERE request_ref = ANY(%s)))",
            [wanted, wanted],
        )
        self.counters = {row[2]: CounterRow(*row) for row in cursor.fetchall()}
        of_counters = [c.quote_id for c in self.counters.values()]
        cursor.execute(
            "SELECT id, inquiry_id, dealer_id, request_ref, quote_ref, price, qty, valid_until, answered_at, text,"
            " result FROM routing_dealerquote WHERE request_ref = ANY(%s) OR id = ANY(%s)",
            [wanted, of_counters],
        )
        self.quotes = {row[3]: QuoteRow(*row) for row in cursor.fetchall()}
        self.levels: list[tuple] = []
        self._load_said(cursor)
        self._load_hits(cursor, routes)

    def _load_said(self, cursor) -> None:
        """(Quote id, QuoteID) of every price that was heard."""
        self.said: set[tuple[int, str]] = set()
        if self.quotes:
            cursor.execute(
                "SELECT quote_id, quote_ref FROM routing_quotelevel WHERE quote_id = ANY(%s) AND price IS NOT NULL",
                [[q.id for q in self.quotes.values()]],
            )
            self.said.update(cursor.fetchall())

    def _load_hits(self, cursor, routes: Sequence[int]) -> None:
        self.hits: dict[int, dict[int, Hit]] = {}
        if routes:
            cursor.execute(
                "SELECT a.inquiry_id, r.id, r.status = ANY(%s), r.cum_qty > 0 FROM routing_award a"
                " JOIN routing_route r ON r.id = a.route_id WHERE a.inquiry_id IN"
                " (SELECT inquiry_id FROM routing_award WHERE route_id = ANY(%s))",
                [[str(status) for status in DEAD], list(routes)],
            )
            for inquiry, route, *stands in cursor.fetchall():
                self.hits.setdefault(inquiry, {})[route] = Hit(*stands)
        self.inquiry_of_route = {route: self.inquiries[inquiry] for inquiry, hits in self.hits.items() for route in hits}

    def quote_named(self, *refs: str) -> QuoteRow | None:
        """By QuoteReqID, or by the QuoteRespID of a counter to it."""
        by_id = {q.id: q for q in self.quotes.values()}
        for ref in refs:
            found = self.quotes.get(ref) or (by_id.get(self.counters[ref].quote_id) if ref in self.counters else None)
            if found:
                return found
        return None

    def counter_answered(self, quote: QuoteRow, ref: str) -> CounterRow | None:
        """The counter that an answer of the dealer is to: the one it names, else, as where that was answered, the one that waits."""
        named = self.counters.get(ref)
        if named and named.quote_id == quote.id and named.answer == WAITING:
            return named
        return next((c for c in self.counters.values() if c.quote_id == quote.id and c.answer == WAITING), None)

    def keep_level(self, quote_id: int, said: Said, at: datetime) -> None:
        """Will keep what the dealer said, as it was heard."""
        self.levels.append((quote_id, *said, at))
        if said.price is not None:
            self.said.add((quote_id, said.quote_ref))

    def write(self, cursor) -> None:
        _write(cursor, "routing_inquiry", self.inquiries.values(), {"status": "text", "version": "int"})
        _write(
            cursor, "routing_dealerquote", self.quotes.values(),
            {"quote_ref": "text", "price": "numeric", "qty": "numeric", "valid_until": "timestamptz",
             "answered_at": "timestamptz", "text": "text", "result": "text"},
        )  # fmt: skip
        _write(cursor, "routing_counter", self.counters.values(), {"answer": "text", "answered_at": "timestamptz"})
        if self.levels:
            columns = ("quote_id", "quote_ref", "price", "qty", "valid_until", "text", "at")
            copy_in(cursor, "routing_quotelevel", columns, self.levels)


def _write(cursor, table: str, rows: Iterable, columns: dict[str, str]) -> None:
    changed = [row for row in rows if row.is_changed]
    update_many(
        cursor, table, [row.id for row in changed], {c: (kind, [getattr(row, c) for row in changed]) for c, kind in columns.items()}
    )
