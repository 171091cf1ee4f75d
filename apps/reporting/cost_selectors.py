"""What trading came to beside what was kept of it before: a line for each block, broker and strategy."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from django.conf import settings
from django.db import connection

from apps.marketdata import selectors as marketdata

from . import rules

GROUPS = {
    "broker": lambda row: row.done.broker, "strategy": lambda row: row.done.strategy or "no strategy",
    "both": lambda row: f"{row.done.broker}, {row.done.strategy or 'no strategy'}",
}  # fmt: skip
# Of blocks that are booked, so that commission and fees are final. A cross has no cost; funds and currencies no arrival.
ROUTES = """
SELECT r.block_id, i.symbol, b.side, k.id, k.code, r.strategy, i.currency_id, b.trade_date, i.price_factor, b.filled_qty,
    r.id, r.cum_qty, r.cum_value, r.arrival_price, e.value, e.total_amount, coalesce(e.is_whole, false),
    d.total_bp, d.mid, coalesce(d.is_whole, false),
    coalesce(c.booked_amount, (SELECT sum(x.commission_amount) FROM routing_execution x
        WHERE x.block_id = r.block_id AND x.broker_id = r.broker_id AND x.status = 'LIVE'), 0),
    (SELECT coalesce(sum(a.fees_amount), 0) FROM allocations_allocation a WHERE a.block_id = r.block_id AND a.status = 'BOOKED')
FROM routing_route r JOIN blocks_block b ON b.id = r.block_id JOIN reference_instrument i ON i.id = b.instrument_id
JOIN reference_broker k ON k.id = r.broker_id
LEFT JOIN routing_costestimate e ON e.route_id = r.id
LEFT JOIN LATERAL (SELECT * FROM routing_costestimate d WHERE d.block_id = r.block_id AND d.moment = 'DECISION'
    ORDER BY d.id DESC LIMIT 1) d ON true
LEFT JOIN allocations_charge c ON c.block_id = r.block_id AND c.broker_id = r.broker_id AND c.status <> 'WITHDRAWN'
WHERE b.status = 'ALLOCATED' AND r.cum_qty > 0 AND r.kind <> 'CROSS' AND i.asset_class NOT IN ('FX', 'FUND')
    AND (%(ids)s::bigint[] IS NULL OR r.block_id = ANY(%(ids)s::bigint[]))
    AND (%(since)s::date IS NULL OR b.trade_date >= %(since)s) AND (%(until)s::date IS NULL OR b.trade_date <= %(until)s)
    AND (%(broker)s = '' OR k.code = %(broker)s) AND (%(strategy)s = '' OR r.strategy = %(strategy)s)
ORDER BY r.block_id DESC, k.code, r.strategy, r.id LIMIT %(most)s
"""
MOST = 20_000


class Asked(NamedTuple):
    """:param broker: a code; :param strategy: as routes name it; empty for all"""

    since: date | None = None
    until: date | None = None
    broker: str = ""
    strategy: str = ""


def compared_costs(block_ids: Sequence[int] | None, asked: Asked) -> list[rules.Compared]:
    """
    The newest blocks first. Two queries.

    :param block_ids: those whose figures the person may see; None for all
    """
    rates = {code: rate for code, (rate, _) in marketdata.fx_rates("USD").items()}
    ids = None if block_ids is None else list(block_ids)
    with connection.cursor() as cursor:
        cursor.execute(ROUTES, asked._asdict() | {"ids": ids, "most": MOST})
        rows = cursor.fetchall()
    units: dict[tuple, list[tuple]] = {}
    by_broker: dict[tuple[int, int], Decimal] = _filled(rows)
    for row in rows:
        units.setdefault((row[0], row[3], row[5]), []).append(row)
    return [rules.compare(_done(some, by_broker, rates)) for some in units.values()]


def is_cut(rows: Sequence[rules.Compared]) -> bool:
    """Whether as many routes were read as are read at most, so that older ones may be in no figure."""
    return sum(len(row.done.routes) for row in rows) >= MOST


def _filled(rows: Sequence[tuple]) -> dict[tuple[int, int], Decimal]:
    """What each broker filled of each block by every strategy: what its commission is shared by."""
    keys = {(row[0], row[3]) for row in rows}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT block_id, broker_id, sum(cum_qty) FROM routing_route WHERE block_id = ANY(%s) AND cum_qty > 0 GROUP BY 1, 2",
            [sorted({block for block, _ in keys})],
        )
        return {(block, broker): qty for block, broker, qty in cursor.fetchall() if (block, broker) in keys}


def _done(rows: Sequence[tuple], by_broker: dict[tuple[int, int], Decimal], rates: dict[str, Decimal]) -> rules.Done:
    (block, symbol, side, broker_id, broker, strategy, currency, traded, factor, filled, *_) = rows[0]
    *_, decision_bp, decision_mid, decision_whole, charged, fees = rows[0]
    qty = sum((Fraction(row[11]) for row in rows), Fraction(0))
    routes = [rules.Routed(f"R-{row[10]:04d}", *row[11:17]) for row in rows]
    commission = Fraction(charged) * qty / Fraction(by_broker[block, broker_id])
    return rules.Done(
        block, symbol, side, broker, strategy, currency, traded, factor, routes, commission, Fraction(fees) * qty / Fraction(filled),
        decision_bp, decision_mid, decision_whole, Decimal(1) if currency == "USD" else rates.get(currency),
    )  # fmt: skip


def groups_of(rows: Sequence[rules.Compared], by: str) -> list[rules.Group]:
    """:param by: one of ``GROUPS``"""
    return rules.grouped(rows, GROUPS[by], settings.COST_SAMPLE)


def least_sample() -> int:
    """The smallest sample of which the difference says something."""
    return settings.COST_SAMPLE
