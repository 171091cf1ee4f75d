"""What booking a set of messages needs, read and locked in one pass, and what it changes, written in one."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from django.db import connection

from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.tables import copy_in, next_ids, update_many

from .. import events, rules
from ..list_events import ListHeard
from ..models import Route
from ..states import BY_ORD_STATUS, EXECUTION_LIFE, INQUIRY_LIFE, LIFE, Rt, X
from .days import write_days
from .dealing import Dealing
from .iois import Indications
from .messages import orders_of_lists, sent_as
from .package_rows import Packages
from .rows import BlockRow, ExecutionRow, Heard, InquiryRow, Request, RouteRow, Unbookable
from .speech import telling_fills, understood


class Batch:
    """
    Messages in the order they were heard, with everything they touch locked down the wall: blocks, routes, inquiries,
    each by key.
    """

    def __init__(self, act: Act, messages: Sequence[Heard], *, trusted: bool = False, linked: Mapping[int, int] | None = None):
        """
        :param trusted: whether a person accepts the messages: their prices, and what they say of totals, are not questioned
        :param linked: message id to the id of the route that a person says it is of
        """
        self.act = act
        self.messages = messages
        self.trusted = {m.id for m in messages} if trusted else set()
        self.linked = linked or {}
        self.facts: list[Fact] = []
        self.problems: dict[int, rules.Problem] = {}
        self.repeats: dict[int, str] = {}
        self.of_packages: dict[int, rules.Fields] = {}
        self.named: dict[int, int] = {}
        self.cleared: list[Heard] = []
        self.told: list[tuple[Heard, RouteRow, rules.Told, rules.Ours]] = []
        self.with_life: Counter[int] = Counter()
        self.fields: dict[int, rules.Fields] = {}
        self.raw: dict[int, rules.Fields] = {}
        self._read(messages)
        self._load()

    def _read(self, messages: Iterable[Heard]) -> None:
        for message in messages:
            try:
                self.fields[message.id] = self.raw[message.id] = rules.Fields(message.text)
            except rules.Malformed as problem:
                self.problems[message.id] = rules.Problem(f"It cannot be read: {problem}.")

    # --- reading ----------------------------------------------------------------------------------------------------

    def _of(self, *types: str, also: Sequence[Heard] = ()) -> Iterable[tuple[Heard, rules.Fields]]:
        return ((m, self.fields[m.id]) for m in (*self.messages, *also) if m.msg_type in types and m.id in self.fields)

    def _load(self) -> None:
        self.sent = self._load_sent()
        names = {f.find(tag) for _, f in self._of("8", "9") for tag in (11, 41)}
        names |= {f.find(379) for _, f in self._of("j")} | {ref for _, ref in self.sent.values()}
        told = list(self._of("N"))
        self.lists = orders_of_lists([*(f.find(66) for _, f in told), *self._lists_refused()])
        names |= {value for _, f in told for tag, value in f.all if tag == 11} | {n for of in self.lists.values() for n in of}
        names |= rules.packages.leg_names(names)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT DISTINCT r.id, r.block_id FROM routing_routerequest q JOIN routing_route r ON r.id = q.route_id"
                " WHERE q.cl_ord_id = ANY(%s)",
                [list(names - {""})],
            )
            routes = dict(cursor.fetchall()) | self._load_linked()
            self.blocks = self._load_blocks(cursor, set(routes.values()))
            self.routes = self._load_routes(cursor, routes)
            self.requests = self._load_requests(cursor)
            self.packages = Packages(cursor, self.routes.values())
            self.dealing = self._load_dealing(cursor, names)
            self.indications = Indications(cursor, self._of("6"))
            self._understand(self.messages)
            self._load_set_aside(cursor)
            fills = [(m, f) for m, f in self._of("8", also=self.held) if rules.kind_of(f) in rules.TRADES]
            self._load_executions(cursor, fills)
            self.list_fills = telling_fills({m.session_id for m, _ in told})
            in_lists = sum(tag == 11 for m, f in told if m.session_id in self.list_fills or m.id in self.trusted for tag, _ in f.all)
            self.new_ids = next_ids(cursor, "routing_execution", len(fills) + in_lists)
            self._load_booked(cursor)

    def _lists_refused(self) -> list[str]:
        refused = [f.find(379) for _, f in self._of("j") if f.find(372) == "E"]
        return refused + [ref for kind, ref in self.sent.values() if kind == "E"]

    def _load_linked(self) -> dict[int, int]:
        """Route id to block id of the routes that a person named."""
        if not self.linked:
            return {}
        return dict(Route.objects.filter(pk__in=self.linked.values()).values_list("pk", "block_id"))

    def _understand(self, messages: Sequence[Heard]) -> None:
        """Puts what brokers with a dialect said into our units and names; ``raw`` keeps the words of the wire."""
        said = {m.id: (m.session_id, self.raw[m.id], self._block_named(m)) for m in messages if m.id in self.raw}
        for pk, fields in understood(said):
            if isinstance(fields, rules.Malformed):
                self.problems[pk] = rules.Problem(f"It cannot be read: {fields}.")
            else:
                self.fields[pk] = fields

    def _block_named(self, message: Heard) -> int | dict[str, int] | None:
        fields = self.raw[message.id]
        if message.msg_type == "N":
            return {name: self.routes[self.requests[name].route_id].block_id for t, name in fields.all if t == 11 and name in self.requests}
        if leg := self.packages.leg_named(fields, self.requests):
            return self.routes[leg.route_id].block_id if leg.route_id in self.routes else None
        found = [self.requests[name].route_id for name in (fields.find(11), fields.find(41)) if name in self.requests]
        for pk in (self.linked.get(message.id), *found):
            if pk in self.routes:
                return self.routes[pk].block_id
        quote = self.dealing.quote_named(fields.find(131), fields.find(693))
        return self.dealing.inquiries[quote.inquiry_id].block_id if quote else None

    def _load_sent(self) -> dict[int, tuple[str, str]]:
        """Of each session-level reject (35=3): type and reference of the message of ours it refuses."""
        return sent_as([(m.id, m.session_id, int(f.find(45))) for m, f in self._of("3") if f.find(45).isdecimal() and len(f.find(45)) < 10])

    def _load_blocks(self, cursor, ids: set[int]) -> dict[int, BlockRow]:
        cursor.execute(
            "SELECT b.id, b.side, b.qty, b.placed_qty, b.filled_qty, b.cancelled_qty, b.status,"
            " b.tif IN ('GTC', 'GTD'), b.tif IN ('IOC', 'FOK'), jsonb_exists(b.terms, 'cash_qty'), i.isin, i.price_factor,"
            " b.currency_id, c.minor_units, CASE WHEN i.base_currency_id <> '' THEN b.settle_date END"
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
            " reported_cum_qty, text, noted_at, note, status, version, EXISTS (SELECT 1 FROM routing_reconciledroute w"
            " WHERE w.route_id = r.id AND w.decision = 'MEND' AND w.found = 'MORE') FROM routing_route r WHERE id = ANY(%s) ORDER BY id"
            " FOR NO KEY UPDATE OF r",
            [sorted(ids)],
        )
        rows = {}
        for *values, status, version, mended in cursor.fetchall():
            rows[values[0]] = RouteRow(*values, Rt(status), version, mended)
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

    def _load_dealing(self, cursor, names: set[str]) -> Dealing:
        refs = names | {f.find(tag) for _, f in self._of("S", "AG", "AI") for tag in (131, 693)}
        return Dealing(cursor, refs - {""}, [r.id for r in self.routes.values() if r.kind == "INQUIRY"])

    def _load_set_aside(self, cursor) -> None:
        """
        Of these routes, reports that wait for others to be heard; and trades that were refused to the broker, which it may
        count. Those that a person is deciding about at this moment are left to them.
        """
        self.held: list[Heard] = []
        self.refused: dict[int, dict[str, Decimal]] = {}
        cursor.execute(
            "SELECT m.id, m.session_id, s.broker_id, m.msg_type, m.ref, m.text, m.version, m.at, s.target_comp_id, m.route_id,"
            " m.decision FROM routing_message m JOIN routing_session s ON s.id = m.session_id"
            " WHERE m.route_id = ANY(%s) AND m.id <> ALL(%s) AND (m.status = 'QUARANTINED' AND m.waits"
            " OR m.status = 'SETTLED' AND m.decision IN ('dk', 'dismiss')) ORDER BY m.id FOR UPDATE OF m SKIP LOCKED",
            [list(self.routes), [m.id for m in self.messages]],
        )
        found = [(Heard(*row[:9]), *row[9:]) for row in cursor.fetchall()]
        self._read(message for message, *_ in found)
        self._understand([message for message, *_ in found])
        for message, route_id, decision in found:
            if decision:
                self.refuse(route_id, message)
            else:
                self.held.append(message)

    def _load_executions(self, cursor, fills) -> None:
        """The executions these fills may repeat, and the chains that busts and corrections may mean."""
        chains = {
            self.requests[name].route_id
            for _, f in fills
            if rules.kind_of(f) != rules.FILL
            for name in (f.find(11), f.find(41))
            if name in self.requests
        } | set(self.linked.values())
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

    def _load_booked(self, cursor) -> None:
        """Reports dealt with before, by session and reference: the messages they came in first, and what those said."""
        keys = {(m.session_id, m.ref) for m in self.messages if m.ref}
        cursor.execute(
            "SELECT m.session_id, m.ref, m.id, m.text FROM routing_message m"
            " JOIN unnest(%s::bigint[], %s::text[]) AS w(session, ref) ON m.session_id = w.session AND m.ref = w.ref"
            " WHERE NOT m.is_out AND m.ref <> '' AND m.status IN ('BOOKED', 'QUARANTINED', 'SETTLED')"
            " AND m.problem NOT LIKE 'Repeats message %%' AND m.id <> ALL(%s) ORDER BY m.id",
            [[k[0] for k in keys], [k[1] for k in keys], [m.id for m in self.messages]],
        )
        self.booked_refs: dict[tuple[int, str], list[tuple[int, str]]] = {}
        for session, ref, *said in cursor.fetchall():
            self.booked_refs.setdefault((session, ref), []).append(tuple(said))

    # --- what booking says ------------------------------------------------------------------------------------------

    def is_repeat(self, message: Heard) -> bool:
        """
        Whether this very report was dealt with before, and remembers it for the next.

        :raises Unbookable: where it has the name of another, and says something else
        """
        if not message.ref or message.id in self.trusted:
            return False
        heard = self.booked_refs.setdefault((message.session_id, message.ref), [])
        if message.id in (pk for pk, _ in heard):
            return False
        differs = ""
        for pk, text in heard:
            how = rules.says_another(rules.Fields(text), self.raw[message.id])
            if not how:
                self.repeats[message.id] = f"Repeats message {pk}."
                return True
            differs = differs or f"It has the ExecID of message {pk}, and says something else: {how}."
        heard.append((message.id, message.text))
        if differs:
            raise Unbookable(differs)
        return False

    def route_named(self, message: Heard, *names: str) -> tuple[RouteRow, Request]:
        """The route a message speaks of by ClOrdID. :raises Unbookable: where there is none at this counterparty"""
        linked = self.routes.get(self.linked.get(message.id, 0))
        request = linked.current() if linked else next((self.requests[n] for n in names if n in self.requests), None)
        if request is None:
            raise Unbookable(f"No order of ours has ClOrdID {names[0] or '(none)'}.", rules.DK.NO_ORDER)
        route = self.routes[request.route_id]
        if route.broker_id != message.broker_id:
            raise Unbookable(f"ClOrdID {request.cl_ord_id} was sent to another counterparty.", rules.DK.NO_ORDER)
        self.named[message.id] = route.id
        return route, request

    def route_of(self, message: Heard) -> int | None:
        """The route that a message names, also where it could not be read or booked."""
        fields = self.fields.get(message.id)
        names = (fields.find(11), fields.find(41)) if fields and message.msg_type in ("8", "9") else ()
        found = next((self.requests[name].route_id for name in names if name in self.requests), None)
        is_theirs = found is not None and self.routes[found].broker_id == message.broker_id
        return self.named.get(message.id) or (found if is_theirs else None)

    def refuse(self, route_id: int, message: Heard) -> None:
        """Will remember that the broker may count what of this message was not booked."""
        fields = self.fields.get(message.id)
        if message.msg_type != "8" or fields is None or rules.kind_of(fields) != rules.FILL:
            return
        try:
            qty = fields.find_decimal(32, 4, Decimal(0))
        except rules.Malformed:
            return
        self.refused.setdefault(route_id, {})[fields.find(17)] = qty

    def clear(self, message: Heard) -> None:
        """Will end the quarantine of a message that was booked after all."""
        self.cleared.append(message)
        self.facts.append(Fact(message.id, message.version + 1, events.MessageSettled(how="cleared")))

    def note(self, route: RouteRow, what: str) -> None:
        """Will keep what the broker did for the desk to be told of."""
        route.noted_at, route.note, route.is_changed = self.act.at, what[:200], True

    def route_happens(self, route: RouteRow, event: Event, status: Rt | None = None) -> None:
        after = LIFE.after(route.status, type(event))
        route.status = after if status is None else status
        route.version += 1
        route.is_changed = True
        self.facts.append(Fact(route.id, route.version, event))

    def route_reported(
        self, route: RouteRow, status: Rt, *, code: str, kind="", exec_id="", text="", note="", at_broker="", heard_at="",
        actor="",
    ) -> None:  # fmt: skip
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
                at_broker=at_broker,
                heard_at=heard_at,
                actor=actor,
            ),
        )

    def inquiry_happens(self, inquiry: InquiryRow, event: Event) -> None:
        inquiry.status = INQUIRY_LIFE.after(inquiry.status, type(event))
        inquiry.version += 1
        inquiry.is_changed = True
        self.facts.append(Fact(inquiry.id, inquiry.version, event))

    def message_happens(self, message: Heard, event: Event) -> None:
        self.with_life[message.id] += 1
        self.facts.append(Fact(message.id, self.with_life[message.id], event))

    def list_heard(self, message: Heard, list_id: str, status: str, text: str, lines: Sequence[list[str]] = ()) -> None:
        if not message.version:  # What was in quarantine has told it before.
            self.message_happens(message, ListHeard(message.broker_id, list_id, status, text, [list(line) for line in lines]))

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
            self._write_cleared(cursor)
            self.dealing.write(cursor)
            self.packages.write(cursor)

    def _write_routes(self, cursor) -> None:
        _write(
            cursor, "routing_route", [r for r in self.routes.values() if r.is_changed],
            {"qty": "numeric", "limit_price": "numeric", "cum_qty": "numeric", "cum_value": "numeric",
             "leaves_qty": "numeric", "cl_ord_id": "text", "pending_cl_ord_id": "text", "order_id": "text",
             "accepted_at": "timestamptz", "first_fill_at": "timestamptz", "last_fill_at": "timestamptz",
             "ended_at": "timestamptz", "reported_at": "timestamptz", "reported_cum_qty": "numeric", "text": "text",
             "noted_at": "timestamptz", "note": "text", "status": "text", "version": "int"},
        )  # fmt: skip
        write_days(cursor, ((r.id, r.day) for r in self.routes.values()))
        _write(cursor, "routing_routerequest", [r for r in self.requests.values() if r.is_changed], {"answer": "text"})

    def _write_cleared(self, cursor) -> None:
        done = self.cleared
        update_many(
            cursor, "routing_message", [m.id for m in done],
            {"status": ("text", ["SETTLED"] * len(done)), "decision": ("text", ["cleared"] * len(done))}, bump=True,
        )  # fmt: skip

    def _write_executions(self, cursor) -> None:
        new = [e for e in self.executions.values() if e.rest is not None]
        if new:
            copy_in(
                cursor,
                "routing_execution",
                ("id", "route_id", "block_id", "broker_id", "exec_id", "corrects_id", "trade_date", "qty", "price",
                 "status", "version", "commission_amount", "currency_code", "market", "at_broker", "message_id", "at"),
                ((e.id, e.route_id, e.block_id, e.broker_id, e.exec_id, e.corrects_id, e.trade_date, e.qty, e.price,
                  str(e.status), e.version, *e.rest) for e in new),
            )  # fmt: skip
        _write(
            cursor, "routing_execution", [e for e in self.executions.values() if e.is_changed and e.rest is None],
            {"status": "text", "version": "int"},
        )  # fmt: skip


def _write(cursor, table: str, rows: Sequence, columns: dict[str, str]) -> None:
    update_many(
        cursor, table, [r.id for r in rows], {c: (kind, [getattr(r, c) for r in rows]) for c, kind in columns.items()}
    )
