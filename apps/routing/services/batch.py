"""What booking a set of messages needs, read and locked in one pass, and what it changes, written in one."""

from collections.abc import Iterable, Sequence
from datetime import date

from django.db import connection

from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.tables import copy_in, next_ids, update_many

from .. import rules
from ..states import BY_ORD_STATUS, EXECUTION_LIFE, INQUIRY_LIFE, LIFE, Q, Rt, X
from .rows import BlockRow, ExecutionRow, Heard, InquiryRow, QuoteRow, Request, RouteRow, Unbookable


class Batch:
    """
    Messages in the order they were heard, with everything they touch locked down the wall: blocks, routes, inquiries,
    each by key.
    """

    def __init__(self, act: Act, messages: Sequence[Heard], *, trusting: bool = False):
        self.act = act
        self.messages = messages
        self.trusting = trusting
        self.facts: list[Fact] = []
        self.problems: dict[int, str] = {}
        self.repeats: dict[int, str] = {}
        self.with_life: set[int] = set()
        self.fields: dict[int, rules.Fields] = {}
        for message in messages:
            try:
                self.fields[message.id] = rules.Fields(message.text)
            except rules.Malformed as problem:
                self.problems[message.id] = f"It cannot be read: {problem}."
        self._load()

    # --- reading ----------------------------------------------------------------------------------------------------

    def _of(self, *types: str) -> Iterable[tuple[Heard, rules.Fields]]:
        return ((m, self.fields[m.id]) for m in self.messages if m.msg_type in types and m.id in self.fields)

    def _load(self) -> None:
        self.sent = self._load_sent()
        names = {f.find(tag) for _, f in self._of("8", "9") for tag in (11, 41)}
        names |= {f.find(379) for _, f in self._of("j")} | {ref for _, ref in self.sent.values()}
        fills = [(m, f) for m, f in self._of("8") if f.find(150) in ("F", "G", "H")]
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT DISTINCT r.id, r.block_id FROM routing_routerequest q JOIN routing_route r ON r.id = q.route_id"
                " WHERE q.cl_ord_id = ANY(%s)",
                [list(names - {""})],
            )
            routes = dict(cursor.fetchall())
            self.blocks = self._load_blocks(cursor, set(routes.values()))
            self.routes = self._load_routes(cursor, routes)
            self.requests = self._load_requests(cursor)
            self._load_inquiries(cursor, names)
            self._load_executions(cursor, fills)
            self.new_ids = next_ids(cursor, "routing_execution", len(fills))
            self.booked_refs = self._load_booked(cursor)

    def _load_sent(self) -> dict[int, tuple[str, str]]:
        """Of each session-level reject (35=3): type and reference of the message of ours it refuses."""
        wanted = [(m.id, m.session_id, int(f.find(45))) for m, f in self._of("3") if f.find(45).isdecimal()]
        if not wanted:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT DISTINCT ON (w.id) w.id, m.msg_type, m.ref"
                " FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS w(id, session, seq)"
                " JOIN routing_message m ON m.session_id = w.session AND m.is_out"
                " AND m.seq_num = w.seq ORDER BY w.id, m.id DESC",
                [list(column) for column in zip(*wanted, strict=True)],
            )
            return {pk: (msg_type, ref) for pk, msg_type, ref in cursor.fetchall()}

    def _load_blocks(self, cursor, ids: set[int]) -> dict[int, BlockRow]:
        cursor.execute(
            "SELECT b.id, b.side, b.qty, b.placed_qty, b.filled_qty, b.cancelled_qty, b.status, b.tif = 'GTC', i.isin,"
            " i.price_factor, b.currency_id, c.minor_units, CASE WHEN i.base_currency_id <> '' THEN b.settle_date END"
            " FROM blocks_block b"
            " JOIN reference_instrument i ON i.id = b.instrument_id JOIN reference_currency c ON c.code = b.currency_id"
            " WHERE b.id = ANY(%s) ORDER BY b.id FOR NO KEY UPDATE OF b",
            [sorted(ids)],
        )
        return {row[0]: BlockRow(*row) for row in cursor.fetchall()}

    def _load_routes(self, cursor, ids: Iterable[int]) -> dict[int, RouteRow]:
        cursor.execute(
            "SELECT id, block_id, broker_id, kind, qty, limit_price, cum_qty, cum_value, leaves_qty, cl_ord_id,"
            " pending_cl_ord_id, order_id, accepted_at, first_fill_at, last_fill_at, ended_at, reported_at,"
            " reported_cum_qty, text, status, version FROM routing_route WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [sorted(ids)],
        )
        rows = {}
        for row in cursor.fetchall():
            rows[row[0]] = RouteRow(*row[:19], Rt(row[19]), row[20])
        return rows

    def _load_requests(self, cursor) -> dict[str, Request]:
        cursor.execute(
            "SELECT id, route_id, cl_ord_id, msg_type, qty, limit_price, answer FROM routing_routerequest"
            " WHERE route_id = ANY(%s) ORDER BY id",
            [list(self.routes)],
        )
        found = {}
        for row in cursor.fetchall():
            request = found[row[2]] = Request(*row)
            self.routes[request.route_id].requests.append(request)
        return found

    def _load_inquiries(self, cursor, names: set[str]) -> None:
        refs = names | {f.find(131) for _, f in self._of("S", "AG")}
        hits = [r.id for r in self.routes.values() if r.kind == "INQUIRY"]
        self.inquiries: dict[int, InquiryRow] = {}
        self.quotes: dict[str, QuoteRow] = {}
        cursor.execute(
            "SELECT q.id, q.block_id, q.route_id, b.side, q.status, q.version FROM routing_inquiry q"
            " JOIN blocks_block b ON b.id = q.block_id WHERE q.route_id = ANY(%s) OR q.id IN"
            " (SELECT inquiry_id FROM routing_dealerquote WHERE request_ref = ANY(%s))"
            " ORDER BY q.id FOR NO KEY UPDATE OF q",
            [hits, list(refs - {""})],
        )
        for *row, status, version in cursor.fetchall():
            self.inquiries[row[0]] = InquiryRow(*row, Q(status), version)
        cursor.execute(
            "SELECT id, inquiry_id, dealer_id, request_ref, quote_ref, price, qty, valid_until, answered_at, text,"
            " result FROM routing_dealerquote WHERE request_ref = ANY(%s)",
            [list(refs - {""})],
        )
        for row in cursor.fetchall():
            self.quotes[row[3]] = QuoteRow(*row)
        self.inquiry_of_route = {q.route_id: q for q in self.inquiries.values() if q.route_id is not None}

    def _load_executions(self, cursor, fills) -> None:
        """The executions these fills may repeat, and the chains that busts and corrections may mean."""
        chains = {
            self.requests[name].route_id
            for _, f in fills
            if f.find(150) != "F"
            for name in (f.find(11), f.find(41))
            if name in self.requests
        }
        cursor.execute(
            "SELECT id, route_id, block_id, broker_id, exec_id, corrects_id, trade_date, qty, price, status, version"
            " FROM routing_execution e WHERE route_id = ANY(%s) OR (broker_id, exec_id) IN"
            " (SELECT * FROM unnest(%s::bigint[], %s::text[]))",
            [list(chains), [m.broker_id for m, _ in fills], [f.find(17) for _, f in fills]],
        )
        self.executions: dict[int, ExecutionRow] = {}
        self.known: set[tuple[int, date, str]] = set()
        for *row, status, version in cursor.fetchall():
            self.add_execution(ExecutionRow(*row, X(status), version))

    def _load_booked(self, cursor) -> dict[tuple[int, str], int]:
        """Reports dealt with before, by session and reference, to the message they came in first."""
        keys = {(m.session_id, m.ref) for m in self.messages if m.ref}
        cursor.execute(
            "SELECT m.session_id, m.ref, min(m.id) FROM routing_message m"
            " JOIN unnest(%s::bigint[], %s::text[]) AS w(session, ref) ON m.session_id = w.session AND m.ref = w.ref"
            " WHERE NOT m.is_out AND m.ref <> '' AND m.status IN ('BOOKED', 'QUARANTINED', 'SETTLED')"
            " AND m.id <> ALL(%s) GROUP BY m.session_id, m.ref",
            [[k[0] for k in keys], [k[1] for k in keys], [m.id for m in self.messages]],
        )
        return {(session, ref): pk for session, ref, pk in cursor.fetchall()}

    # --- what booking says ------------------------------------------------------------------------------------------

    def is_repeat(self, message: Heard) -> bool:
        """Whether this very report was dealt with before, and remembers it for the next."""
        if not message.ref or self.trusting:
            return False
        first = self.booked_refs.setdefault((message.session_id, message.ref), message.id)
        if first != message.id:
            self.repeats[message.id] = f"Repeats message {first}."
        return first != message.id

    def route_named(self, message: Heard, *names: str) -> tuple[RouteRow, Request]:
        """The route a message speaks of by ClOrdID. :raises Unbookable: where there is none at this counterparty"""
        request = next((self.requests[n] for n in names if n in self.requests), None)
        if request is None:
            raise Unbookable(f"No order of ours has ClOrdID {names[0] or '(none)'}.")
        route = self.routes[request.route_id]
        if route.broker_id != message.broker_id:
            raise Unbookable(f"ClOrdID {request.cl_ord_id} was sent to another counterparty.")
        return route, request

    def route_happens(self, route: RouteRow, event: Event, status: Rt | None = None) -> None:
        after = LIFE.after(route.status, type(event))
        route.status = after if status is None else status
        route.version += 1
        route.is_changed = True
        self.facts.append(Fact(route.id, route.version, event))

    def route_reported(self, route: RouteRow, status: Rt, *, code: str, kind="", exec_id="", text="", note="") -> None:
        """Will move the route by what the broker reported, quantities being as the route has them by now."""
        event = next(e for s, e in BY_ORD_STATUS.values() if s == status)
        self.route_happens(
            route,
            event(
                exec_type=kind,
                ord_status=code,
                exec_id=exec_id,
                cum_qty=rules.plain(route.cum_qty),
                leaves_qty=rules.plain(route.leaves_qty),
                text=text,
                note=note,
            ),
        )

    def inquiry_happens(self, inquiry: InquiryRow, event: Event) -> None:
        inquiry.status = INQUIRY_LIFE.after(inquiry.status, type(event))
        inquiry.version += 1
        inquiry.is_changed = True
        self.facts.append(Fact(inquiry.id, inquiry.version, event))

    def message_happens(self, message: Heard, event: Event) -> None:
        self.with_life.add(message.id)
        self.facts.append(Fact(message.id, 1, event))

    def add_execution(self, row: ExecutionRow) -> None:
        self.executions[row.id] = row
        self.known.add((row.broker_id, row.trade_date, row.exec_id))

    def execution_ends(self, row: ExecutionRow, event: Event) -> None:
        row.status = EXECUTION_LIFE.after(row.status, type(event))
        row.version += 1
        row.is_changed = True
        self.facts.append(Fact(row.id, row.version, event))

    # --- writing ----------------------------------------------------------------------------------------------------

    def write(self) -> None:
        """Will write every row that changed, one statement a table."""
        with connection.cursor() as cursor:
            self._write_routes(cursor)
            self._write_executions(cursor)
            changed = [q for q in self.inquiries.values() if q.is_changed]
            update_many(
                cursor, "routing_inquiry", [q.id for q in changed],
                {"status": ("text", [q.status for q in changed]), "version": ("int", [q.version for q in changed])},
            )  # fmt: skip
            _write(
                cursor, "routing_dealerquote", [q for q in self.quotes.values() if q.is_changed],
                {"quote_ref": "text", "price": "numeric", "qty": "numeric", "valid_until": "timestamptz",
                 "answered_at": "timestamptz", "text": "text", "result": "text"},
            )  # fmt: skip

    def _write_routes(self, cursor) -> None:
        _write(
            cursor, "routing_route", [r for r in self.routes.values() if r.is_changed],
            {"qty": "numeric", "limit_price": "numeric", "cum_qty": "numeric", "cum_value": "numeric",
             "leaves_qty": "numeric", "cl_ord_id": "text", "pending_cl_ord_id": "text", "order_id": "text",
             "accepted_at": "timestamptz", "first_fill_at": "timestamptz", "last_fill_at": "timestamptz",
             "ended_at": "timestamptz", "reported_at": "timestamptz", "reported_cum_qty": "numeric", "text": "text",
             "status": "text", "version": "int"},
        )  # fmt: skip
        _write(cursor, "routing_routerequest", [r for r in self.requests.values() if r.is_changed], {"answer": "text"})

    def _write_executions(self, cursor) -> None:
        new = [e for e in self.executions.values() if e.rest is not None]
        if new:
            copy_in(
                cursor,
                "routing_execution",
                ("id", "route_id", "block_id", "broker_id", "exec_id", "corrects_id", "trade_date", "qty", "price",
                 "status", "version", "commission_amount", "currency_code", "market", "at_broker", "message_id", "at"),
                ((e.id, e.route_id, e.block_id, e.broker_id, e.exec_id, e.corrects_id, e.trade_date, e.qty, e.price,
                  str(e.status), e.version, *e.rest, self.act.at) for e in new),
            )  # fmt: skip
        _write(
            cursor, "routing_execution", [e for e in self.executions.values() if e.is_changed and e.rest is None],
            {"status": "text", "version": "int"},
        )  # fmt: skip


def _write(cursor, table: str, rows: Sequence, columns: dict[str, str]) -> None:
    update_many(
        cursor, table, [r.id for r in rows], {c: (kind, [getattr(r, c) for r in rows]) for c, kind in columns.items()}
    )
