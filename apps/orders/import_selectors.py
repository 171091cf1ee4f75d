"""What the import pages ask: the money of a staged file and its lines as they read."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from apps.marketdata import selectors as marketdata

from .models import Import, ImportRow
from .page_selectors import Money

TOTALS = """
SELECT count(*), count(DISTINCT r.parsed->>'portfolio_id'),
       coalesce(sum(v.usd) FILTER (WHERE r.parsed->>'side' = 'BUY'), 0),
       coalesce(sum(v.usd) FILTER (WHERE r.parsed->>'side' <> 'BUY'), 0),
       count(*) FILTER (WHERE v.usd IS NULL)
FROM orders_importrow r
JOIN reference_instrument i ON i.id = (r.parsed->>'instrument_id')::bigint
LEFT JOIN marketdata_quote q ON q.instrument_id = i.id
LEFT JOIN unnest(%s::text[], %s::numeric[]) AS fx(currency, rate) ON fx.currency = i.currency_id,
LATERAL (SELECT (r.parsed->>'qty')::numeric * i.price_factor * fx.rate
                * coalesce((r.parsed->>'limit_price')::numeric, (q.bid + q.ask) / 2) AS usd) v
WHERE r.batch_id = %s AND r.parsed IS NOT NULL
"""


class Line(NamedTuple):
    """A line of a file as it reads, and what is wrong with it."""

    number: int
    cells: str
    problems: Sequence[dict]


def totals(batch: Import) -> Money:
    """What the good lines come to in USD at their limits, else at mids now. Two queries, whatever the number of lines."""
    rates = {code: rate for code, (rate, _) in marketdata.fx_rates("USD").items()}
    with connection.cursor() as cursor:
        cursor.execute(TOTALS, [list(rates), list(rates.values()), batch.pk])
        orders, portfolios, buy, sell, unpriced = cursor.fetchone()
    return Money(orders, portfolios, Decimal(buy), Decimal(sell), unpriced)


def lines(rows: Sequence[ImportRow]) -> list[Line]:
    return [
        Line(row.line, " · ".join(value for value in map(str, row.raw.values()) if value.strip()), row.problems)
        for row in rows
    ]
