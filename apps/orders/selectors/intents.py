"""What quantities by intent are made from, for many at once."""

from collections.abc import Collection
from decimal import Decimal

from apps.marketdata import selectors as marketdata
from apps.portfolios import selectors as portfolios
from apps.portfolios.models import Position
from apps.reference.models import Instrument

from ..rules.intents import Known


def known_of(pairs: Collection[tuple[int, int]]) -> dict[tuple[int, int], Known]:
    """(portfolio, instrument) to what is known of them now; unknown instruments are absent. Six queries."""
    homes, things = {home for home, _ in pairs}, {thing for _, thing in pairs}
    rows = {
        row[0]: row
        for row in Instrument.objects.filter(pk__in=things).values_list(
            "pk", "symbol", "increment", "price_factor", "currency_id"
        )
    }
    held = {
        (home, thing): qty
        for home, thing, qty in Position.objects.filter(
            portfolio__in=homes, instrument__in=things
        ).values_list("portfolio_id", "instrument_id", "qty")
    }
    quotes, rates, navs = marketdata.quotes_of(things), marketdata.fx_rates("USD"), portfolios.navs(list(homes))
    known = {}
    for home, thing in pairs:
        if thing not in rows:
            continue
        _, symbol, increment, factor, currency = rows[thing]
        quote, (rate, rate_at) = quotes.get(thing), rates.get(currency, (None, None))
        known[home, thing] = Known(
            symbol, increment, factor, quote.mid if quote else None, quote.at if quote else None, rate, rate_at,
            navs.get(home), held.get((home, thing), Decimal(0)),
        )  # fmt: skip
    return known
