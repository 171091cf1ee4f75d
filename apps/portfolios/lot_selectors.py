"""Tax lots of portfolios, made from their movements."""

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from apps.reference.models import Instrument

from .lots import Closed, Lot, Traded, lots_of
from .models import Portfolio, Position

# What was reversed never happened, nor did its reversal.
MOVED = """
SELECT m.portfolio_id, m.instrument_id, m.trade_date, m.qty, m.price FROM portfolios_movement m
WHERE m.portfolio_id = ANY(%s::bigint[]) AND m.instrument_id = ANY(%s::bigint[]) AND m.kind <> 'REVERSAL' AND m.qty <> 0
AND NOT EXISTS (
    SELECT 1 FROM portfolios_movement r WHERE r.kind = 'REVERSAL' AND r.source = m.source
    AND r.portfolio_id = m.portfolio_id AND r.instrument_id = m.instrument_id
)
ORDER BY m.trade_date, m.id
"""


def tax_lots(
    portfolio_ids: Collection[int], instrument_ids: Collection[int]
) -> dict[tuple[int, int], tuple[list[Lot], list[Closed]]]:
    """(portfolio, instrument) to what is left and what was sold. One query."""
    moved: dict[tuple[int, int], list[Traded]] = {}
    with connection.cursor() as cursor:
        cursor.execute(MOVED, [list(portfolio_ids), list(instrument_ids)])
        for portfolio, instrument, on, qty, price in cursor.fetchall():
            moved.setdefault((portfolio, instrument), []).append(Traded(on, qty, price))
    return {key: lots_of(rows) for key, rows in moved.items()}


class HeldLot(NamedTuple):
    instrument_id: int
    symbol: str
    currency: str
    opened_on: date
    qty: Decimal
    price: Decimal | None


def lots_held(portfolio: Portfolio) -> list[HeldLot]:
    """What is left of each purchase of what the portfolio holds, by symbol and day. Three queries."""
    held = Position.objects.filter(portfolio=portfolio, qty__gt=0).values_list("instrument_id", flat=True)
    rows = Instrument.objects.filter(pk__in=held).values_list("pk", "symbol", "currency_id")
    names = {pk: (symbol, currency) for pk, symbol, currency in rows}
    found = tax_lots([portfolio.pk], list(names))
    return sorted(
        (HeldLot(thing, *names[thing], *lot) for (_, thing), (left, _) in found.items() for lot in left),
        key=lambda lot: (lot.symbol, lot.opened_on),
    )
