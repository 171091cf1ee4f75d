"""
What must hold after any fault. One function: the scenario, the fault tests and the health page ask it.

Each invariant is a set of queries that find what breaks it; an invariant holds when they find nothing.
"""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from apps.audit import seals
from apps.audit import selectors as audit

SHOWN = 20

QUANTITIES = (
    (
        "SELECT 'order ' || id || ' has ' || (qty - filled_qty - cancelled_qty) || ' leaves but is ' || status"
        " FROM orders_order WHERE (status IN ('DONE', 'CANCELLED', 'REJECTED') AND qty <> filled_qty + cancelled_qty)"
        " OR qty < filled_qty + cancelled_qty"
    ),
    (
        "SELECT 'order ' || f.root_id || ' was entered for ' || f.qty || ', its parts ask for ' || sum(o.qty)"
        " FROM orders_family f JOIN orders_order o ON o.id = f.root_id OR o.split_from_id = f.root_id"
        " GROUP BY f.root_id HAVING f.qty <> sum(o.qty)"
    ),
    (
        "SELECT 'order ' || o.id || ' says ' || o.filled_qty || ' filled, its allocations ' || coalesce(sum(a.qty), 0)"
        " FROM orders_order o LEFT JOIN allocations_allocation a ON a.order_id = o.id AND a.status = 'BOOKED'"
        " GROUP BY o.id HAVING o.filled_qty <> coalesce(sum(a.qty), 0)"
    ),
    (
        "SELECT 'block ' || b.id || ' has ' || b.qty || ', its orders ' || coalesce(sum(m.qty), 0)"
        " FROM blocks_block b LEFT JOIN (SELECT block_id, qty FROM blocks_member UNION ALL"
        " SELECT block_id, qty FROM blocks_crossmember) m ON m.block_id = b.id WHERE b.status <> 'CANCELLED'"
        " GROUP BY b.id HAVING b.qty <> coalesce(sum(m.qty), 0)"
    ),
    (
        # Placed: what live routes have filled or still work, what dealers are being asked for, and increases that
        # a broker has not answered.
        "SELECT 'block ' || b.id || ' filled ' || b.filled_qty || ' placed ' || b.placed_qty || ', its routes '"
        " || coalesce(r.cum, 0) || ' and ' || coalesce(r.held, 0) + coalesce(q.asked, 0) + coalesce(g.more, 0)"
        " FROM blocks_block b LEFT JOIN (SELECT block_id, sum(cum_qty) AS cum, sum(cum_value) AS value,"
        "   sum(cum_qty + leaves_qty) AS held FROM routing_route GROUP BY 1) r ON r.block_id = b.id"
        " LEFT JOIN (SELECT block_id, sum(qty) AS asked FROM routing_inquiry WHERE status = 'COLLECTING' GROUP BY 1) q"
        "   ON q.block_id = b.id"
        " LEFT JOIN (SELECT x.block_id, sum(greatest(w.qty - x.qty, 0)) AS more FROM routing_routerequest w"
        "   JOIN routing_route x ON x.id = w.route_id WHERE w.msg_type = 'G' AND w.answer = 'WAITING' GROUP BY 1) g"
        "   ON g.block_id = b.id"
        " WHERE b.filled_qty <> coalesce(r.cum, 0) OR b.filled_value <> coalesce(r.value, 0)"
        " OR b.placed_qty <> coalesce(r.held, 0) + coalesce(q.asked, 0) + coalesce(g.more, 0)"
        " OR (b.status IN ('DONE', 'ALLOCATED') AND b.qty <> b.filled_qty + b.cancelled_qty)"
    ),
    (
        "SELECT 'route ' || r.id || ' says ' || r.cum_qty || ' filled, its executions ' || coalesce(sum(x.qty), 0)"
        " FROM routing_route r LEFT JOIN routing_execution x ON x.route_id = r.id AND x.status = 'LIVE' GROUP BY r.id"
        " HAVING r.cum_qty <> coalesce(sum(x.qty), 0) OR r.cum_value <> coalesce(sum(x.qty * x.price), 0)"
    ),
    (
        "SELECT 'route ' || id || ' of ' || qty || ' is ' || status || ' with ' || cum_qty || ' and leaves ' || leaves_qty"
        " FROM routing_route WHERE (status IN ('FILLED', 'CANCELED', 'REJECTED', 'EXPIRED') AND leaves_qty <> 0)"
        " OR (status IN ('PENDING_SEND', 'PENDING_NEW', 'NEW', 'PARTLY_FILLED') AND qty <> cum_qty + leaves_qty)"
    ),
)
SHARES = (
    (
        "SELECT 'block ' || b.id || ' filled ' || b.filled_qty || ', shared out ' || coalesce(sum(a.qty), 0)"
        " FROM blocks_block b LEFT JOIN allocations_allocation a ON a.block_id = b.id AND a.status = 'BOOKED'"
        " WHERE b.status = 'ALLOCATED' GROUP BY b.id HAVING b.filled_qty <> coalesce(sum(a.qty), 0)"
    ),
    (
        "SELECT 'block ' || a.block_id || ' is not allocated but has booked shares' FROM allocations_allocation a"
        " JOIN blocks_block b ON b.id = a.block_id WHERE a.status = 'BOOKED' AND b.status <> 'ALLOCATED' GROUP BY 1"
    ),
    (
        "SELECT 'block ' || x.block_id || ' was charged ' || x.paid || ' commission, its shares ' || y.shared FROM"
        " (SELECT block_id, sum(booked_amount) AS paid FROM allocations_charge WHERE status <> 'WITHDRAWN' GROUP BY 1) x JOIN"
        " (SELECT block_id, sum(commission_amount) AS shared FROM allocations_allocation WHERE status = 'BOOKED'"
        "  GROUP BY 1) y USING (block_id) WHERE x.paid <> y.shared"
    ),
    (
        "SELECT 'block ' || x.block_id || ': brokers said ' || x.said || ' commission, its charges ' || coalesce(y.said, 0) FROM"
        " (SELECT e.block_id, sum(e.commission_amount) AS said FROM routing_execution e JOIN blocks_block b"
        "  ON b.id = e.block_id AND b.status = 'ALLOCATED' WHERE e.status = 'LIVE'"
        "  AND EXISTS (SELECT FROM allocations_charge c WHERE c.block_id = b.id) GROUP BY 1) x LEFT JOIN"
        " (SELECT block_id, sum(said_amount) AS said FROM allocations_charge WHERE status <> 'WITHDRAWN' GROUP BY 1) y"
        " USING (block_id) WHERE x.said <> coalesce(y.said, 0)"
    ),
)
SETTLEMENT = (
    (
        "SELECT 'allocation ' || a.id || ' is booked without a confirmation' FROM allocations_allocation a"
        " LEFT JOIN settlement_confirmation c ON c.allocation_id = a.id AND c.status <> 'CANCELLED'"
        " WHERE a.status = 'BOOKED' AND c.id IS NULL AND NOT {promised}"
    ),
    (
        "SELECT 'allocation ' || a.id || ' is booked without an instruction of its terms' FROM allocations_allocation a"
        " LEFT JOIN settlement_instruction i ON i.allocation_id = a.id AND i.status <> 'CANCELLED' AND i.qty = a.qty"
        " AND i.amount = a.net_amount AND i.currency_id = a.currency_id AND i.settle_date = a.settle_date"
        " AND i.portfolio_id = a.portfolio_id AND i.is_receipt = (a.side = 'BUY')"
        " LEFT JOIN settlement_exchange x ON x.allocation_id = a.id AND x.status <> 'CANCELLED'"
        " AND x.portfolio_id = a.portfolio_id AND x.value_date = a.settle_date"
        " AND a.currency_id = CASE a.side WHEN 'BUY' THEN x.paid_currency_id ELSE x.received_currency_id END"
        " AND (a.net_amount, a.qty) = CASE a.side WHEN 'BUY' THEN (x.paid_amount, x.received_amount)"
        "   ELSE (x.received_amount, x.paid_amount) END"
        " WHERE a.status = 'BOOKED' AND i.id IS NULL AND x.id IS NULL AND NOT {promised}"
    ),
    (
        "SELECT 'allocation ' || a.id || ' was reversed but its instruction or confirmation stands'"
        " FROM allocations_allocation a LEFT JOIN settlement_instruction i ON i.allocation_id = a.id"
        " LEFT JOIN settlement_confirmation c ON c.allocation_id = a.id"
        " LEFT JOIN settlement_exchange x ON x.allocation_id = a.id"
        " WHERE a.status = 'REVERSED' AND (i.status <> 'CANCELLED' OR c.status <> 'CANCELLED'"
        " OR x.status <> 'CANCELLED') AND NOT {promised}"
    ),
)
PROMISED = (
    "EXISTS (SELECT 1 FROM audit_entry e JOIN audit_delivery d ON d.act_id = e.act_id AND d.event = e.event"
    " AND e.id BETWEEN d.first_entry AND d.last_entry WHERE d.status <> 'DONE' AND e.subject = '{subject}'"
    " AND e.subject_id = {id})"
)
OWNERS = (
    "SELECT 'order ' || id || ' is in review, which ends with the submit' FROM orders_order WHERE status = 'IN_REVIEW'",
    (
        "SELECT 'order ' || o.id || ' is held without a review' FROM orders_order o LEFT JOIN compliance_review r"
        " ON r.order_id = o.id AND r.status = 'WAITING' WHERE o.status = 'HELD' AND r.id IS NULL"
    ),
    (
        "SELECT 'order ' || o.id || ' is cleared but in no block' FROM orders_order o LEFT JOIN blocks_member m"
        " ON m.order_id = o.id WHERE o.status = 'CLEARED' AND m.id IS NULL AND NOT EXISTS (SELECT 1 FROM audit_delivery"
        " WHERE listener = 'blocks.regather_orders' AND status <> 'DONE') AND NOT "
        + PROMISED.format(subject="order", id="o.id")
    ),
    (
        "SELECT 'block ' || b.id || ' is done but not allocated' FROM blocks_block b WHERE b.status = 'DONE' AND NOT "
        + PROMISED.format(subject="block", id="b.id")
    ),
    (
        "SELECT 'route ' || r.id || ' waits to be sent but has no message' FROM routing_route r"
        " LEFT JOIN routing_message m ON m.is_out AND m.ref = r.cl_ord_id"
        " WHERE r.status = 'PENDING_SEND' AND m.id IS NULL"
    ),
)
SUMS = (
    (
        "SELECT 'portfolio ' || portfolio_id || ' holds ' || p.qty || ' of instrument ' || instrument_id"
        " || ', its movements sum to ' || coalesce(m.qty, 0) FROM portfolios_position p FULL JOIN"
        " (SELECT portfolio_id, instrument_id, sum(qty) AS qty FROM portfolios_movement WHERE instrument_id IS NOT NULL"
        "  GROUP BY 1, 2) m USING (portfolio_id, instrument_id) WHERE p.qty IS DISTINCT FROM coalesce(m.qty, 0)"
    ),
    (
        "SELECT 'portfolio ' || portfolio_id || ' has ' || c.amount || ' ' || currency_id"
        " || ', its movements sum to ' || coalesce(m.amount, 0) FROM portfolios_cash c FULL JOIN"
        " (SELECT portfolio_id, currency_id, sum(amount) AS amount FROM portfolios_movement"
        "  WHERE currency_id IS NOT NULL GROUP BY 1, 2) m USING (portfolio_id, currency_id)"
        " WHERE c.amount IS DISTINCT FROM coalesce(m.amount, 0)"
    ),
    (
        "SELECT 'portfolio ' || portfolio_id || ' owes ' || p.unpaid_amount || ' on instrument ' || instrument_id"
        " || ', its movements sum to ' || coalesce(m.unpaid, 0) FROM portfolios_position p LEFT JOIN"
        " (SELECT portfolio_id, instrument_id, sum(unpaid_amount) AS unpaid FROM portfolios_movement"
        "  WHERE unpaid_amount IS NOT NULL GROUP BY 1, 2) m USING (portfolio_id, instrument_id)"
        " WHERE p.unpaid_amount <> coalesce(m.unpaid, 0)"
    ),
    (
        # Units against money; of a pair of currencies, money in the one against money in the other.
        "SELECT 'allocation ' || a.id || ' moved ' || coalesce(m.qty, m.amount, 0) || ' units and ' || coalesce(c.amount, 0)"
        " FROM allocations_allocation a JOIN reference_instrument i ON i.id = a.instrument_id"
        " LEFT JOIN portfolios_movement m ON m.source = 'allocation:' || a.id AND m.kind = 'TRADE'"
        "  AND CASE WHEN i.base_currency_id IS NULL THEN m.instrument_id = a.instrument_id"
        "   ELSE m.currency_id = i.base_currency_id END"
        " LEFT JOIN portfolios_movement c ON c.source = 'allocation:' || a.id AND c.kind = 'TRADE'"
        "  AND c.currency_id = a.currency_id"
        " WHERE coalesce(m.qty, m.amount) IS DISTINCT FROM CASE a.side WHEN 'BUY' THEN a.qty ELSE -a.qty END"
        " OR c.amount IS DISTINCT FROM CASE a.side WHEN 'BUY' THEN -a.net_amount ELSE a.net_amount END"
    ),
)

SENTENCES = {
    "quantities_add_up": "Every order, block and route: quantity = filled + leaves + cancelled",
    "shares_equal_executions": "The shares of a block sum to its executions, exactly",
    "executions_equal_broker_log": "Every execution is booked once, as its broker sent it",
    "record_is_complete": "Every change of state has exactly one entry, and the record verifies",
    "routes_reached_broker_once": "Every committed route went to its broker exactly once",
    "settlement_equals_allocations": "Confirmations and instructions equal allocations",
    "nothing_lacks_an_owner": "Whatever is not finished has an owner or a promise to go on",
    "holdings_equal_movements": "Positions and cash equal the sum of their movements",
}
NAMES = tuple(SENTENCES)


def broken_invariants(street: Path | None = None) -> dict[str, list[str]]:
    """
    Each of the eight invariants by name, with sentences about what breaks it (at most a few); empty where it holds.

    :param street: folder of the counterparties' own logs (``orders.jsonl``, ``executions.jsonl``); without it the two
        invariants about them compare with the messages exchanged only
    """
    checks: tuple[Callable[[], list[str]], ...] = (
        lambda: _found(QUANTITIES),
        lambda: _found(SHARES),
        lambda: _against_broker_log(street),
        _record,
        lambda: _against_orders_log(street),
        lambda: _found(q.format(promised=PROMISED.format(subject="allocation", id="a.id")) for q in SETTLEMENT),
        lambda: _found(OWNERS),
        lambda: _found(SUMS),
    )
    return {name: check() for name, check in zip(NAMES, checks, strict=True)}


def broken_at_one_moment() -> dict[str, list[str]]:
    """
    The same while work goes on: all of it is asked of one snapshot, in which nothing is half done. A caller who is in
    a transaction already gets its view.
    """
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        if is_outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return broken_invariants()


def _found(queries) -> list[str]:
    sentences = []
    with connection.cursor() as cursor:
        for query in queries:
            cursor.execute(f"SELECT * FROM ({query}) q LIMIT {SHOWN}")
            sentences += [row[0] for row in cursor.fetchall()]
    return sentences


def _record() -> list[str]:
    sentences = []
    for life, table, where in import_string(settings.LIVES):
        sentences += audit.departures_from_record(life, table, where)
    return sentences[:SHOWN] + seals.verify().faults[:SHOWN]


def _lines(path: Path) -> list[dict]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines() if line.strip()] if path.exists() else []


def _against_broker_log(street: Path | None) -> list[str]:
    """Every execution in the brokers' log is booked once with its quantity and price, and no other is."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.code, x.exec_id, x.qty, x.price FROM routing_execution x JOIN reference_broker b ON b.id = x.broker_id"
            " WHERE b.kind <> 'internal'"
        )
        rows = cursor.fetchall()
    ours = {(code, exec_id): (qty, price) for code, exec_id, qty, price in rows}
    sentences = [] if len(rows) == len(ours) else ["an ExecID of one broker is booked twice"]
    if street is None:
        return sentences
    theirs = {
        (line["broker"], line["exec_id"]): (Decimal(str(line["qty"])), Decimal(str(line["price"])))
        for line in _lines(street / "executions.jsonl")
        if line["exec_type"] in ("F", "G")
    }
    sentences += [f"{b} did {e} ({theirs[b, e]}), which is not booked" for b, e in theirs.keys() - ours.keys()]
    sentences += [f"{b} {e} is booked but not in the broker's log" for b, e in ours.keys() - theirs.keys()]
    sentences += [
        f"{k} is booked as {ours[k]}, the broker has {theirs[k]}"
        for k in ours.keys() & theirs.keys()
        if ours[k] != theirs[k]
    ]
    return sentences[:SHOWN]


def _against_orders_log(street: Path | None) -> list[str]:
    """Every new order we committed and sent is one order at its broker, and the brokers have no other of ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT q.cl_ord_id, m.status FROM routing_routerequest q LEFT JOIN routing_message m ON m.is_out"
            " AND m.ref = q.cl_ord_id WHERE q.msg_type IN ('D', 'AJ')"
        )
        ours = dict(cursor.fetchall())
    sentences = [f"{ref} has no message to send" for ref, status in ours.items() if status is None]
    if street is None:
        return sentences[:SHOWN]
    accepted: dict[str, int] = {}
    for line in _lines(street / "orders.jsonl"):
        if line["event"] == "accepted":
            accepted[line["cl_ord_id"]] = accepted.get(line["cl_ord_id"], 0) + 1
    sentences += [f"{ref} became {n} orders at its broker" for ref, n in accepted.items() if n > 1]
    sentences += [f"{ref} is at a broker but not ours" for ref in accepted.keys() - ours.keys()]
    sentences += [
        f"{ref} was sent but is not at its broker"
        for ref, status in ours.items()
        if status == "SENT" and ref not in accepted
    ]
    return sentences[:SHOWN]
