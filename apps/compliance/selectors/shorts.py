"""Reading what the engine is told of short sales: what is lent, what is boxed, which circuit breakers are on, what a unit owns."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import polars as pl

from apps.marketdata import selectors as marketdata

from ..engine import columns as c
from ..engine.rows import Boxed

LARGEST_QTY = 10**13


def lent(cursor, orders: pl.DataFrame, at: datetime) -> dict[str, Sequence]:
    """What lenders gave their word for of each short sale, and why the price test does not ask it, as columns of ``c.Orders``."""
    short = orders.filter(pl.col("short") == 1)["id"].to_list()
    if not short:
        return {}
    cursor.execute(
        "SELECT o.id, coalesce(o.terms ->> 'short_exempt', ''),"
        f" (least(coalesce(sum(l.qty), 0), {LARGEST_QTY}) * 10000)::bigint,"
        f" (least(coalesce(sum(l.qty) FILTER (WHERE l.is_borrow), 0), {LARGEST_QTY}) * 10000)::bigint"
        " FROM orders_order o LEFT JOIN orders_locate l ON l.order_id = o.id AND l.released_at IS NULL AND l.expires_at > %s"
        " WHERE o.id = ANY(%s::bigint[]) GROUP BY o.id",
        [at, short],
    )
    known = {pk: said for pk, *said in cursor.fetchall()}
    none = ["", 0, 0]
    return {
        "located": np.array([known.get(pk, none)[1] for pk in orders["id"]], np.int64),
        "borrowed": np.array([known.get(pk, none)[2] for pk in orders["id"]], np.int64),
        "exempt": [known.get(pk, none)[0] for pk in orders["id"]],
    }


def breakers(orders: pl.DataFrame, place_of: Mapping[int, int], at: datetime) -> dict[int, c.Breaker | None]:
    """Circuit breakers that are on, of what is sold short. Asked only where anything is."""
    short = set(orders.filter(pl.col("short") == 1)["instrument"])
    found = marketdata.breakers_of(short, at) if short else {}
    return {place_of[pk]: tripped and c.Breaker(*tripped) for pk, tripped in found.items()}


def boxed(cursor, orders: pl.DataFrame, place_of: Mapping[int, int]) -> dict[int, Boxed]:
    """
    What is sold short and failed to be delivered by any portfolio of the firm, and is not closed out: the earliest fail of
    each. Asked only where anything is sold short.
    """
    short = sorted(set(orders.filter(pl.col("short") == 1)["instrument"]))
    if not short:
        return {}
    cursor.execute(
        "SELECT DISTINCT ON (instrument_id) instrument_id, settle_date, id FROM compliance_closeout"
        " WHERE status = 'OPEN' AND instrument_id = ANY(%s::bigint[]) ORDER BY instrument_id, settle_date, id",
        [short],
    )
    return {place_of[pk]: Boxed(since, f"CO-{close_out:05d}") for pk, since, close_out in cursor.fetchall()}


def units_owned(
    cursor, portfolios: Sequence[c.Portfolio], orders: pl.DataFrame, place_of: Mapping[int, int]
) -> dict[tuple[str, int], int]:
    """What the rest of the portfolios' aggregation units owns of what is sold. Asked only where one names a unit."""
    ours = {p.id for p in portfolios if p.unit}
    sold = set(orders.filter(pl.col("portfolio").is_in(list(ours)) & (pl.col("sell") == 1))["instrument"]) if ours else set()
    if not sold:
        return {}
    cursor.execute(
        "SELECT p.aggregation_unit, t.instrument_id, (sum(t.qty) * 10000)::bigint FROM portfolios_portfolio p JOIN ("
        " SELECT portfolio_id, instrument_id, qty FROM portfolios_position WHERE instrument_id = ANY(%(sold)s::bigint[])"
        " UNION ALL SELECT portfolio_id, instrument_id, filled_qty + cancelled_qty - qty FROM orders_order"
        "  WHERE instrument_id = ANY(%(sold)s::bigint[]) AND side <> 'BUY' AND qty > filled_qty + cancelled_qty AND status <> 'DRAFT'"
        ") t ON t.portfolio_id = p.id WHERE p.aggregation_unit = ANY(%(units)s) AND p.id <> ALL(%(ours)s::bigint[]) GROUP BY 1, 2",
        {"sold": sorted(sold), "units": sorted({p.unit for p in portfolios if p.unit}), "ours": sorted(ours)},
    )
    return {(unit, place_of[pk]): owned for unit, pk, owned in cursor.fetchall()}
