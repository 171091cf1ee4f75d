"""What the engine is told of contracts under position limits. Asked only where a derivative is ordered or held."""

from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet

from apps.orders.states import FINAL, S

from ..engine import columns as c
from ..engine.attributes import delta
from ..engine.contracts import Bound, Contract, Stake
from ..models import PositionLimit
from ..states import InForce, Room

UNFINISHED = [status for status in S if status not in (*FINAL, S.DRAFT)]
PLACES = Decimal("0.000001")
Read = Callable[[Collection[int]], Sequence[c.Instrument]]

MEMBERS = """
SELECT DISTINCT ON (m.id) m.id, m.symbol, m.asset_class, m.family_id, f.code, m.month, m.spot_starts_on, m.counts, m.expires FROM (
  SELECT i.id, i.symbol, i.asset_class, k.family_id, k.month, k.spot_starts_on, k.counts, i.maturity_date AS expires, 0 AS rank
    FROM reference_contract k JOIN reference_instrument i ON i.id = k.instrument_id WHERE k.family_id = ANY(%(families)s)
  UNION ALL
  SELECT o.id, o.symbol, o.asset_class, k.family_id, k.month, k.spot_starts_on, k.counts, u.maturity_date, 1
    FROM reference_contract k JOIN reference_instrument u ON u.id = k.instrument_id
    JOIN reference_instrument o ON o.underlying_id = u.id AND o.asset_class = 'OPTION' WHERE k.family_id = ANY(%(families)s)
) m JOIN reference_contractfamily f ON f.id = m.family_id ORDER BY m.id, m.rank
"""
# An order that was held after room was kept for all that is judged of its family took none of that.
STAKES = """
WITH member AS (SELECT * FROM unnest(%(members)s::bigint[], %(families)s::bigint[]) AS m(instrument_id, family_id)),
kept AS (
  SELECT m.family_id, max(r.reserved_at) AS since FROM orders_order o JOIN member m USING (instrument_id)
    LEFT JOIN LATERAL (SELECT max(reserved_at) AS reserved_at FROM compliance_reservation
      WHERE order_id = o.id AND status = %(held)s AND until > %(at)s) r ON true
    WHERE o.id = ANY(%(judged)s::bigint[]) GROUP BY 1 HAVING count(*) = count(r.reserved_at)
), moved AS (
  SELECT x.portfolio_id, x.instrument_id, x.qty AS net, 0 AS buys, 0 AS sells
    FROM portfolios_position x JOIN member USING (instrument_id)
  UNION ALL
  SELECT o.portfolio_id, o.instrument_id, 0, CASE WHEN o.side = 'BUY' THEN o.qty - o.filled_qty - o.cancelled_qty ELSE 0 END,
    CASE WHEN o.side <> 'BUY' THEN o.qty - o.filled_qty - o.cancelled_qty ELSE 0 END
    FROM orders_order o JOIN member m USING (instrument_id) LEFT JOIN kept k ON k.family_id = m.family_id AND o.status = 'HELD'
    WHERE o.qty > o.filled_qty + o.cancelled_qty AND o.status = ANY(%(counted)s) AND o.id <> ALL(%(judged)s::bigint[])
    AND NOT EXISTS (SELECT FROM compliance_review v WHERE v.order_id = o.id AND v.status = 'WAITING' AND v.opened_at > k.since)
  UNION ALL
  SELECT o.portfolio_id, o.instrument_id, 0, max(r.qty), 0
    FROM compliance_reservation r JOIN orders_order o ON o.id = r.order_id JOIN member m ON m.instrument_id = o.instrument_id
    WHERE r.status = %(held)s AND r.until > %(at)s AND o.id <> ALL(%(judged)s::bigint[]) GROUP BY o.id
)
SELECT p.position_owner, t.instrument_id, (sum(net) * 10000)::bigint, (sum(buys) * 10000)::bigint, (sum(sells) * 10000)::bigint
FROM moved t JOIN portfolios_portfolio p ON p.id = t.portfolio_id
WHERE %(owners)s::text[] IS NULL OR p.position_owner = ANY(%(owners)s::text[])
GROUP BY 1, 2 HAVING sum(abs(net)) + sum(buys) + sum(sells) > 0 ORDER BY 1, 2
"""


def contracts_of(
    cursor, instruments: Sequence[c.Instrument], asked: Collection[int], homes: Sequence[c.Portfolio], judged: Sequence[int],
    at: datetime, read: Read, counted: Sequence[str] = UNFINISHED,
) -> dict[str, Any]:  # fmt: skip
    """
    Columns of a snapshot: ``contracts``, ``bounds`` and ``stakes`` of the families of what is asked of. Five queries, none
    where nothing asked of is a future or an option.

    :param asked: ids of instruments; :param judged: ids of orders, which are no open orders here
    :param read: instruments by their ids as the engine takes them; :param counted: statuses of other orders that count
    """
    listed = [i for i in instruments if i.id in set(asked) and i.asset_class in ("FUTURE", "OPTION")]
    ids = {i.id for i in listed} | {i.underlying_id for i in listed if i.asset_class == "OPTION" and i.underlying_id}
    if not ids:
        return {}
    cursor.execute("SELECT DISTINCT family_id FROM reference_contract WHERE instrument_id = ANY(%s)", [sorted(ids)])
    families = sorted(row[0] for row in cursor.fetchall())
    return families_of(cursor, families, sorted({home.owner for home in homes}), judged, at, read, counted) if families else {}


def families_of(
    cursor, families: Sequence[int], owners: Sequence[str] | None, judged: Sequence[int], at: datetime, read: Read,
    counted: Sequence[str] = UNFINISHED,
) -> dict[str, Any]:  # fmt: skip
    """:param owners: whose positions are told; None for everybody's"""
    cursor.execute(MEMBERS, {"families": list(families)})
    members = cursor.fetchall()
    cursor.execute(
        STAKES,
        {"members": [row[0] for row in members], "families": [row[3] for row in members], "held": Room.HELD, "at": at,
         "judged": list(judged), "owners": None if owners is None else list(owners), "counted": list(counted)},
    )  # fmt: skip
    stakes = [Stake(*row) for row in cursor.fetchall()]
    options = [row[0] for row in members if row[2] == "OPTION"]
    deltas = {i.id: delta(i, _days(i, at.date())) for i in read(options)} if options else {}
    contracts = {}
    for pk, symbol, kind, _, code, month, spot, counts, expires in members:
        found = deltas.get(pk) if kind == "OPTION" else 1.0
        weight = None if found is None else (counts * Decimal(repr(found))).quantize(PLACES).normalize()
        first = expires.replace(day=1) if expires else None
        contracts[pk] = Contract(code, symbol, month or first, spot or first, weight)
    bounds = limits_on(at.date()).filter(family__in=families).order_by("pk").values_list(
        "pk", "family__code", "months", "kind", "qty", "source", "citation"
    )
    return {"contracts": contracts, "stakes": stakes, "bounds": [Bound(*row) for row in bounds]}


def limits_on(day: date) -> QuerySet[PositionLimit]:
    """Position limits in force on a day."""
    return PositionLimit.objects.filter(Q(ends_on=None) | Q(ends_on__gte=day), starts_on__lte=day, status=InForce.ACTIVE)


def _days(i: c.Instrument, today: date) -> int | None:
    return (i.maturity_date - today).days if i.maturity_date else None
