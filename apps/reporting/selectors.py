"""
Figures derived from the record of executions, quotes and prices; nothing here is stored.

Signs are the client's: a positive improvement is money saved, a positive cost is money lost (s = +1 buy, −1 sell).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db import connection

from apps.core.money import rounded
from apps.marketdata import selectors as marketdata

D = Decimal
BP = D(10_000)


@dataclass
class Quality:
    """
    Execution of one class of blocks, all amounts in USD at the rates now on file.

    ``benchmark_bp`` and ``saved_usd`` compare with the benchmark named: for algorithms the market's interval VWAP while
    the broker worked the route, from when it began until it was over, both by its own clock; for inquiries the mid at
    decision. ``unbenchmarked`` counts routes without one.
    """

    benchmark: str
    blocks: int = 0
    routes: int = 0
    ordered_usd: Decimal = D(0)
    filled_usd: Decimal = D(0)
    benchmark_usd: Decimal = D(0)
    saved_usd: Decimal = D(0)
    arrival_usd: Decimal = D(0)
    arrival_saved_usd: Decimal = D(0)
    commission_usd: Decimal = D(0)
    unbenchmarked: int = 0

    @property
    def filled_pct(self) -> Decimal | None:
        return self.filled_usd / self.ordered_usd * 100 if self.ordered_usd else None

    @property
    def improvement_bp(self) -> Decimal | None:
        return self.saved_usd / self.benchmark_usd * BP if self.benchmark_usd else None

    @property
    def arrival_bp(self) -> Decimal | None:
        return self.arrival_saved_usd / self.arrival_usd * BP if self.arrival_usd else None


@dataclass
class RouteLine:
    """One route against its benchmarks; prices in the instrument's currency, improvement in basis points."""

    route: str
    block: str
    symbol: str
    side: str
    broker: str
    kind: str
    qty: Decimal
    filled: Decimal
    price: Decimal
    benchmark: Decimal | None
    improvement_bp: Decimal | None
    saved_usd: Decimal | None


@dataclass
class Result:
    """What a head of trading quotes after a program."""

    equity: Quality
    bonds: Quality
    lines: list[RouteLine] = field(default_factory=list)
    violations: int = 0
    held: int = 0
    overridden: int = 0
    stages: list[tuple[str, int, datetime | None, datetime | None]] = field(default_factory=list)

    @property
    def saved_usd(self) -> Decimal:
        return self.equity.saved_usd + self.bonds.saved_usd


ROUTES = """
    SELECT r.id, r.block_id, i.id AS instrument, i.symbol, b.side, k.code, r.kind, r.qty, r.cum_qty, r.cum_value,
        i.price_factor, i.currency_id, r.arrival_price, coalesce(r.accepted_at, r.requested_at),
        coalesce(r.ended_at, r.last_fill_at), q.mid_at_decision,
        (SELECT coalesce(sum(x.commission_amount), 0) FROM routing_execution x
         WHERE x.route_id = r.id AND x.status = 'LIVE'), b.qty, b.arrival_price
    FROM routing_route r JOIN blocks_block b ON b.id = r.block_id JOIN reference_instrument i ON i.id = b.instrument_id
    JOIN reference_broker k ON k.id = r.broker_id LEFT JOIN routing_award a ON a.route_id = r.id
    LEFT JOIN routing_inquiry q ON q.id = a.inquiry_id
    WHERE r.kind <> 'CROSS'
    AND i.asset_class NOT IN ('OPTION', 'FUTURE', 'FX', 'FUND') AND (%s::bigint[] IS NULL OR r.block_id = ANY(%s::bigint[])) ORDER BY r.id
"""


def result(block_ids: Sequence[int] | None = None) -> Result:
    """
    The result page of these blocks, or of all but those in currencies and funds and those crossed inside the firm, which
    no broker executed. A fixed number of queries.

    Equity fill rate: value filled over value ordered, each at the block's average price or, where nothing filled, its
    arrival. Improvement: Σ s·(benchmark − price)·quantity over Σ benchmark·quantity.
    """
    ids = None if block_ids is None else list(block_ids)
    rates = {c: r for c, (r, _) in marketdata.fx_rates("USD").items()}
    with connection.cursor() as cursor:
        cursor.execute(ROUTES, [ids, ids])
        rows = cursor.fetchall()
    vwaps = marketdata.interval_vwaps((r[2], r[13], r[14]) for r in rows if r[6] == "ALGO" and r[14])
    made = Result(Quality("interval VWAP"), Quality("mid at decision"))
    for row in rows:
        _add_route(made, row, rates, vwaps)
    _add_blocks(made, ids, rates)
    _add_compliance(made, ids)
    made.stages = stages()
    return made


def _add_route(made: Result, row: tuple, rates: dict, vwaps: dict) -> None:
    (pk, block, instrument, symbol, side, broker, kind, qty, cum, value, factor, currency, arrival, since, until, mid,
     commission, *_) = row  # fmt: skip
    quality = made.equity if kind == "ALGO" else made.bonds
    quality.routes += 1
    if not cum:
        return
    sign, rate = (D(1) if side == "BUY" else D(-1)), rates[currency]
    benchmark = vwaps.get((instrument, since, until)) if kind == "ALGO" else mid
    price = value / cum
    unit = factor * rate
    quality.commission_usd += commission * rate
    if arrival:
        quality.arrival_usd += arrival * cum * unit
        quality.arrival_saved_usd += sign * (arrival * cum - value) * unit
    saved = None
    if benchmark is None:
        quality.unbenchmarked += 1
    else:
        saved = sign * (benchmark * cum - value) * unit
        quality.benchmark_usd += benchmark * cum * unit
        quality.saved_usd += saved
    made.lines.append(
        RouteLine(
            f"R-{pk:04d}",
            f"B-{block:04d}",
            symbol,
            side,
            broker,
            kind,
            qty,
            cum,
            price,
            benchmark,
            sign * (benchmark - price) / benchmark * BP if benchmark else None,
            saved,
        )  # fmt: skip
    )


def _add_blocks(made: Result, ids: list[int] | None, rates: dict) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.asset_class, i.currency_id, count(*), sum(b.qty * i.price_factor * p.price),"
            "   sum(b.filled_qty * i.price_factor * p.price)"
            " FROM blocks_block b JOIN reference_instrument i ON i.id = b.instrument_id,"
            " LATERAL (SELECT coalesce(CASE WHEN b.filled_qty > 0 THEN b.filled_value / b.filled_qty END,"
            "   b.arrival_price, 0) AS price) p"
            " WHERE b.status <> 'CANCELLED' AND NOT EXISTS (SELECT 1 FROM blocks_crossmember x WHERE x.block_id = b.id)"
            " AND i.asset_class NOT IN ('OPTION', 'FUTURE', 'FX', 'FUND')"
            " AND (%s::bigint[] IS NULL OR b.id = ANY(%s::bigint[])) GROUP BY 1, 2",
            [ids, ids],
        )
        for asset_class, currency, blocks, ordered, filled in cursor.fetchall():
            quality = made.bonds if asset_class in ("CORP", "GOVT") else made.equity
            quality.blocks += blocks
            quality.ordered_usd += ordered * rates[currency]
            quality.filled_usd += filled * rates[currency]


def _add_compliance(made: Result, ids: list[int] | None) -> None:
    """
    Held: orders that compliance held at least once. Overridden: those an officer approved. A violation is an order
    that was worked though its last verdict was no pass and no officer approved it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT o.id) FILTER (WHERE v.id IS NOT NULL),"
            " count(DISTINCT o.id) FILTER (WHERE v.status = 'APPROVED'),"
            " count(DISTINCT o.id) FILTER (WHERE m.block_id IS NOT NULL AND (c.outcome IS NULL OR c.outcome <> 'PASS')"
            "   AND NOT EXISTS (SELECT 1 FROM compliance_review a WHERE a.order_id = o.id AND a.verdict_id = c.id"
            "   AND a.status = 'APPROVED'))"
            " FROM orders_order o LEFT JOIN blocks_member m ON m.order_id = o.id"
            " LEFT JOIN compliance_review v ON v.order_id = o.id"
            " LEFT JOIN LATERAL (SELECT id, outcome FROM compliance_check c WHERE c.order_id = o.id"
            "   ORDER BY id DESC LIMIT 1) c ON true"
            " WHERE %s::bigint[] IS NULL OR m.block_id = ANY(%s::bigint[])",
            [ids, ids],
        )
        made.held, made.overridden, made.violations = cursor.fetchone()


STAGES = (
    ("Imported", "order.created"),
    ("Screened", "order.cleared"),
    ("Blocked", "block.opened"),
    ("Statement fixed", "block.frozen"),
    ("Routed", "route.requested"),
    ("Executed", "execution.booked"),
    ("Allocated", "allocation.booked"),
    ("Confirmed", "confirmation.sent"),
    ("Affirmed", "confirmation.affirmed"),
    ("Instructed", "instruction.written"),
    ("Matched", "instruction.matched"),
    ("Settled", "instruction.settled"),
)


def stages() -> list[tuple[str, int, datetime | None, datetime | None]]:
    """Each stage of the work with its count of facts, and when the first and the last of them were recorded."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.event, count(*), min(a.at), max(a.at) FROM audit_entry e JOIN audit_act a ON a.id = e.act_id"
            " WHERE e.event = ANY(%s) GROUP BY 1",
            [[event for _, event in STAGES]],
        )
        found = {event: (count, first, last) for event, count, first, last in cursor.fetchall()}
    return [(name, *found.get(event, (0, None, None))) for name, event in STAGES]


def figures(made: Result) -> dict[str, Decimal | int | None]:
    """The headline figures as they are published: percent and basis points to two decimals, money to the cent."""

    def two(value: Decimal | None) -> Decimal | None:
        return None if value is None else rounded(value, 2)

    return {
        "equity_filled_pct": two(made.equity.filled_pct),
        "equity_improvement_bp": two(made.equity.improvement_bp),
        "equity_saved_usd": two(made.equity.saved_usd),
        "bond_improvement_bp": two(made.bonds.improvement_bp),
        "bond_saved_usd": two(made.bonds.saved_usd),
        "saved_usd": two(made.saved_usd),
        "violations": made.violations,
    }
