"""What the whole firm holds and is about to buy, for limits that all its portfolios share."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np

from ..engine.rows import Instrument


def firm_holds(
    cursor, instruments: Sequence[Instrument], asked: Iterable[int], order_ids: list[int], at: datetime, counted: list[str]
) -> list[np.ndarray]:
    """
    What the whole firm holds, and has still to buy by other orders or keeps room for, of each instrument asked for, in
    ten-thousandths of a unit. Two statements.

    :param order_ids: the orders that are judged, which count by themselves
    :param counted: statuses of other orders that count
    """
    wanted = sorted(set(asked))
    place = {i.id: n for n, i in enumerate(instruments)}
    found = []
    for query, values in (
        (
            "SELECT instrument_id, (sum(qty) * 10000)::bigint FROM portfolios_position WHERE instrument_id = ANY(%s::bigint[])"
            " GROUP BY 1",
            [wanted],
        ),
        (
            # An order that was held after room was kept for all that is judged of its instrument took none of that.
            "WITH kept AS (SELECT o.instrument_id, max(r.reserved_at) AS since FROM orders_order o LEFT JOIN LATERAL ("
            "  SELECT max(reserved_at) AS reserved_at FROM compliance_reservation WHERE order_id = o.id AND status = 'HELD'"
            "  AND until > %s) r ON true WHERE o.id = ANY(%s::bigint[]) AND o.side = 'BUY' GROUP BY 1"
            "  HAVING count(*) = count(r.reserved_at))"
            " SELECT instrument_id, (sum(qty) * 10000)::bigint FROM ("
            " SELECT o.instrument_id, qty - filled_qty - cancelled_qty AS qty FROM orders_order o"
            "  LEFT JOIN kept k ON k.instrument_id = o.instrument_id AND o.status = 'HELD'"
            "  WHERE o.instrument_id = ANY(%s::bigint[]) AND side = 'BUY' AND qty > filled_qty + cancelled_qty"
            "  AND status = ANY(%s) AND id <> ALL(%s::bigint[]) AND NOT EXISTS (SELECT FROM compliance_review v"
            "   WHERE v.order_id = o.id AND v.status = 'WAITING' AND v.opened_at > k.since)"
            " UNION ALL SELECT l.instrument_id, max(r.qty) FROM compliance_reservation r"  # Under several rules it is one draft.
            "  JOIN compliance_sharedlimit l ON l.id = r.limit_id WHERE l.instrument_id = ANY(%s::bigint[]) AND r.status = 'HELD'"
            "  AND r.until > %s AND r.order_id <> ALL(%s::bigint[]) GROUP BY l.instrument_id, r.order_id) q GROUP BY 1",
            [at, order_ids, wanted, counted, order_ids, wanted, at, order_ids],
        ),
    ):
        cursor.execute(query, values)
        column = np.zeros(len(instruments), np.int64)
        for pk, qty in cursor.fetchall():
            column[place[pk]] = qty
        found.append(column)
    return found
