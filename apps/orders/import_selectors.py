"""What the import pages ask: the money of a staged file and its lines as they read."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from apps.marketdata import selectors as marketdata

from .models import Import, ImportRow
from .page_selectors import Money
from .rules import sheets

PLACES = {field: place for place, field in enumerate(sheets.HEADINGS)}

TOTALS = """
SELECT count(*), count(DISTINCT r.parsed->>'portfolio_id'),
       coalesce(sum(v.usd) FILTER (WHERE r.parsed->>'side' = 'BUY'), 0),
       coalesce(sum(v.usd) FILTER (WHERE r.parsed->>'side' <> 'BUY'), 0),
       count(*) FILTER (WHERE v.usd IS NULL)
FROM orders_importrow r
JOIN reference_instrument i ON i.id = (r.parsed->>'instrument_id')::bigint
LEFT JOIN marketdata_quote q ON q.instrument_id = i.id
LEFT JOIN unnest(%s::text[], %s::numeric[]) AS fx(currency, rate) ON fx.currency = i.currency_id,
LATERAL (SELECT fx.rate * coalesce(((r.parsed->>'terms')::jsonb->>'cash_qty')::numeric, (r.parsed->>'qty')::numeric
                * i.price_factor * coalesce((r.parsed->>'limit_price')::numeric, (q.bid + q.ask) / 2)) AS usd) v
WHERE r.batch_id = %s AND r.parsed IS NOT NULL
"""


class Line(NamedTuple):
    """A line of a file: (cell, whether something is wrong with it) in the headings' order, and what is wrong."""

    number: int
    cells: Sequence[tuple[str, bool]]
    problems: Sequence[dict]


def totals(batch: Import) -> Money:
    """What the good lines come to in USD at their limits, else at mids now. Two queries, whatever the number of lines."""
    rates = {code: rate for code, (rate, _) in marketdata.fx_rates("USD").items()}
    with connection.cursor() as cursor:
        cursor.execute(TOTALS, [list(rates), list(rates.values()), batch.pk])
        orders, portfolios, buy, sell, unpriced = cursor.fetchone()
    return Money(orders, portfolios, Decimal(buy), Decimal(sell), unpriced)


def lines(batch: Import, rows: Sequence[ImportRow]) -> tuple[list[str], list[Line]]:
    """The headings, those with a meaning first, and the lines below them. Columns that are empty throughout are left out."""
    told = {heading: field for field, heading in (batch.columns or {}).items()}
    given = {heading for row in rows for heading, cell in row.raw.items() if str(cell).strip()}
    headings = sorted(given, key=lambda heading: (PLACES.get(_field(heading, told), len(PLACES)), heading))
    found = []
    for row in rows:
        wrong = {problem["field"] for problem in row.problems}
        if "instrument" in wrong:
            wrong |= set(sheets.IDENTIFIERS)
        cells = [(str(row.raw.get(heading, "")), _field(heading, told) in wrong) for heading in headings]
        found.append(Line(row.line, cells, row.problems))
    return headings, found


def _field(heading: str, told: dict[str, str]) -> str | None:
    """The field of an order that a heading holds."""
    return told.get(heading) if told else sheets.FIELD_OF.get(re.sub(r"[^a-z0-9]", "", heading.lower()))
