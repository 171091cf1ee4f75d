"""Taking prices in. Prices are no facts of the record: what one decided is kept where it decided."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction


class Tick(NamedTuple):
    """A quote as the feed heard it: ``volume`` and ``turnover`` are the day's, cumulative."""

    instrument_id: int
    bid: Decimal
    ask: Decimal
    last: Decimal
    volume: Decimal
    turnover: Decimal
    at: datetime


@transaction.atomic
def record_ticks(ticks: Sequence[Tick], source: str, *, bar_seconds: int = 5) -> None:
    """
    Will overwrite the latest quotes (never with an older one) and add what traded since the last tick to the bars.

    Two statements whatever the number of ticks; at most one tick an instrument.
    """
    if not ticks:
        return
    ticks = sorted(ticks)
    columns = [list(column) for column in zip(*ticks, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH new AS (SELECT * FROM unnest(%s::bigint[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[],"
            "   %s::numeric[], %s::timestamptz[]) AS n(instrument_id, bid, ask, last, volume, turnover, at)),"
            " old AS (SELECT q.* FROM marketdata_quote q JOIN new USING (instrument_id) FOR UPDATE OF q)"
            " INSERT INTO marketdata_bar (instrument_id, at, open, high, low, close, volume, turnover)"
            " SELECT n.instrument_id, date_bin(make_interval(secs => %s), n.at, 'epoch'), n.last, n.last, n.last, n.last,"
            "   n.volume - o.volume, n.turnover - o.turnover"
            " FROM new n JOIN old o USING (instrument_id) WHERE n.volume > o.volume AND n.turnover > o.turnover"
            " ON CONFLICT (instrument_id, at) DO UPDATE SET high = greatest(marketdata_bar.high, excluded.high),"
            "   low = least(marketdata_bar.low, excluded.low), close = excluded.close,"
            "   volume = marketdata_bar.volume + excluded.volume, turnover = marketdata_bar.turnover + excluded.turnover",
            [*columns, bar_seconds],
        )
        cursor.execute(
            "INSERT INTO marketdata_quote (instrument_id, bid, ask, last, volume, turnover, at, source)"
            " SELECT n.*, %s FROM unnest(%s::bigint[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[],"
            "   %s::numeric[], %s::timestamptz[]) AS n"
            " ON CONFLICT (instrument_id) DO UPDATE SET bid = excluded.bid, ask = excluded.ask, last = excluded.last,"
            "   volume = excluded.volume, turnover = excluded.turnover, at = excluded.at, source = excluded.source"
            " WHERE marketdata_quote.at <= excluded.at",
            [source, *columns],
        )


@transaction.atomic
def record_rates(rates: Iterable[tuple[str, str, Decimal, datetime]]) -> None:
    """Will overwrite the latest exchange rates: (base, quote, rate, time)."""
    rates = sorted({(b, q): (b, q, r, at) for b, q, r, at in rates}.values())
    if not rates:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO marketdata_fxrate (base_id, quote_id, rate, at)"
            " SELECT * FROM unnest(%s::text[], %s::text[], %s::numeric[], %s::timestamptz[])"
            " ON CONFLICT (base_id, quote_id) DO UPDATE SET rate = excluded.rate, at = excluded.at"
            " WHERE marketdata_fxrate.at <= excluded.at",
            [list(column) for column in zip(*rates, strict=True)],
        )


def drop_old_bars(before: datetime) -> int:
    """Will remove bars that no figure needs any more."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM marketdata_bar WHERE at < %s", [before])
        return cursor.rowcount
