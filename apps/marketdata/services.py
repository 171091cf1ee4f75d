"""Taking prices in. Prices are no facts of the record: what one decided is kept where it decided."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction

from apps.core.acts import Act
from apps.core.refusals import Invalid
from apps.reference import selectors as reference
from apps.reference.models import Instrument, Venue
from apps.users.services import require

from . import rules, selectors
from .models import Close, DepositRate, RateClose


class Tick(NamedTuple):
    """A quote as the feed heard it: ``volume`` and ``turnover`` are the day's, cumulative."""

    instrument_id: int
    bid: Decimal
    ask: Decimal
    last: Decimal
    volume: Decimal
    turnover: Decimal
    at: datetime


# What traded between two ticks of one source is the difference of their cumulative figures. Where the volume is lower
# than before, the source began a new day, and all it tells is new. Nothing is known from the first tick of a source.
ADD_BARS = """
WITH new AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(bids)s::numeric[], %(asks)s::numeric[], %(lasts)s::numeric[],
        %(volumes)s::numeric[], %(turnovers)s::numeric[], %(ats)s::timestamptz[])
        AS n(instrument_id, bid, ask, last, volume, turnover, at)
), old AS (
    SELECT q.instrument_id, q.volume, q.turnover, q.at, q.source FROM marketdata_quote q
    WHERE q.instrument_id = ANY(%(ids)s::bigint[]) ORDER BY q.instrument_id FOR UPDATE
), line AS (
    SELECT n.instrument_id, n.at, n.last, n.volume, n.turnover, true AS is_new
    FROM new n LEFT JOIN old o USING (instrument_id) WHERE o.at IS NULL OR n.at >= o.at
    UNION ALL
    SELECT o.instrument_id, o.at, NULL, o.volume, o.turnover, false FROM old o WHERE o.source = %(source)s
), step AS (
    SELECT *, lag(volume) OVER w AS volume_before, lag(turnover) OVER w AS turnover_before FROM line
    WINDOW w AS (PARTITION BY instrument_id ORDER BY at, is_new, volume)
), traded AS (
    SELECT instrument_id, at, last, date_bin(make_interval(secs => %(seconds)s), at, 'epoch') AS bar_at,
        volume - CASE WHEN volume < volume_before THEN 0 ELSE volume_before END AS volume,
        turnover - CASE WHEN volume < volume_before THEN 0 ELSE turnover_before END AS turnover
    FROM step WHERE is_new AND volume_before IS NOT NULL
)
INSERT INTO marketdata_bar (instrument_id, at, open, high, low, close, volume, turnover)
SELECT instrument_id, bar_at, (array_agg(last ORDER BY at))[1], max(last), min(last), (array_agg(last ORDER BY at DESC))[1],
    sum(volume), sum(turnover)
FROM traded WHERE volume > 0 AND turnover > 0 GROUP BY instrument_id, bar_at ORDER BY instrument_id, bar_at
ON CONFLICT (instrument_id, at) DO UPDATE SET high = greatest(marketdata_bar.high, excluded.high),
    low = least(marketdata_bar.low, excluded.low), close = excluded.close,
    volume = marketdata_bar.volume + excluded.volume, turnover = marketdata_bar.turnover + excluded.turnover
"""
KEEP_LATEST = """
INSERT INTO marketdata_quote (instrument_id, bid, ask, last, volume, turnover, at, source)
SELECT DISTINCT ON (instrument_id) n.*, %(source)s
FROM unnest(%(ids)s::bigint[], %(bids)s::numeric[], %(asks)s::numeric[], %(lasts)s::numeric[],
    %(volumes)s::numeric[], %(turnovers)s::numeric[], %(ats)s::timestamptz[])
    AS n(instrument_id, bid, ask, last, volume, turnover, at)
ORDER BY instrument_id, at DESC, volume DESC
ON CONFLICT (instrument_id) DO UPDATE SET bid = excluded.bid, ask = excluded.ask, last = excluded.last,
    volume = excluded.volume, turnover = excluded.turnover, at = excluded.at, source = excluded.source
WHERE marketdata_quote.at <= excluded.at
"""


@transaction.atomic
def record_ticks(ticks: Sequence[Tick], source: str, *, bar_seconds: float | None = None) -> None:
    """
    Will overwrite the latest quotes (never with an older one) and add to the bars what traded since the last tick.

    Two statements whatever the number of ticks. An instrument may tick several times in a batch. A volume lower than
    before, from the same source, means that its day started over; an older tick than the one on file adds nothing.

    :param source: who told, such as the venue's code; figures of two sources are never subtracted from each other
    :param bar_seconds: length of a bar; ``BAR_SECONDS`` of the settings where not given
    """
    if not ticks:
        return
    ids, bids, asks, lasts, volumes, turnovers, ats = (list(column) for column in zip(*ticks, strict=True))
    given = {
        "ids": ids, "bids": bids, "asks": asks, "lasts": lasts, "volumes": volumes, "turnovers": turnovers, "ats": ats,
        "source": source, "seconds": bar_seconds or settings.BAR_SECONDS,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(ADD_BARS, given)
        cursor.execute(KEEP_LATEST, given)


@transaction.atomic
def record_rates(rates: Iterable[tuple[str, str, Decimal, datetime]]) -> None:
    """Will overwrite the latest exchange rates, never with an older one: (base, quote, rate, time)."""
    newest: dict[tuple[str, str], tuple[str, str, Decimal, datetime]] = {}
    for row in rates:
        held = newest.get(row[:2])
        if held is None or held[3] <= row[3]:
            newest[row[:2]] = row
    rates = sorted(newest.values())
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


def record_interest(rates: Iterable[tuple[str, Decimal, int, datetime]]) -> None:
    """Will overwrite the interest of currencies: (currency, percent a year, days of a year, time)."""
    DepositRate.objects.bulk_create(
        [DepositRate(currency_id=code, pct=pct, year_days=days, at=at) for code, pct, days, at in rates],
        update_conflicts=True, unique_fields=["currency"], update_fields=["pct", "year_days", "at"],
    )  # fmt: skip


KEEP_CLOSES = """
INSERT INTO marketdata_close (instrument_id, date, price)
SELECT q.instrument_id, w.session, q.last
FROM unnest(%s::bigint[], %s::date[], %s::text[]) AS w(venue, session, zone)
JOIN reference_instrument i ON i.venue_id = w.venue
JOIN marketdata_quote q ON q.instrument_id = i.id AND (q.at AT TIME ZONE w.zone)::date = w.session
ORDER BY q.instrument_id
ON CONFLICT (instrument_id, date) DO NOTHING
"""
KEEP_RATES = """
INSERT INTO marketdata_rateclose (base_id, quote_id, date, rate)
SELECT base_id, quote_id, %(day)s, rate FROM marketdata_fxrate WHERE at > %(after)s ORDER BY base_id, quote_id
ON CONFLICT (base_id, quote_id, date) DO NOTHING
"""
DAY = timedelta(days=1)


@transaction.atomic
def store_closes(now: datetime) -> int:
    """
    Will keep the last price of every instrument whose venue's session of the day is over, and the rates once New York's
    day is; what is kept already stays, and what was not quoted in the session has no close. Three statements.

    :returns: how many closes were new
    """
    ended = reference.sessions_ended(now)
    day = rules.rate_day_ended(now)
    with connection.cursor() as cursor:
        kept = 0
        if ended:
            cursor.execute(KEEP_CLOSES, [list(column) for column in zip(*ended, strict=True)])
            kept = cursor.rowcount
        if day:
            cursor.execute(KEEP_RATES, {"day": day, "after": now - DAY})
            kept += cursor.rowcount
    return kept


def trip_breakers(at: datetime) -> int:
    """
    Will keep that shares fell by a tenth or more in the session against the close before, which restricts their short
    sales. What is kept stays. Two statements.

    :returns: how many tripped anew
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO marketdata_breaker (instrument_id, \"on\", until, price, close, found_at)"
            f" SELECT l.instrument_id, l.session, l.after, l.price, l.close, %(at)s FROM ({selectors.LOWS}) l"
            " WHERE l.price <= l.close * 0.9 ORDER BY l.instrument_id ON CONFLICT (instrument_id, \"on\") DO NOTHING",
            selectors.lows_asked(at) | {"at": at},
        )
        return cursor.rowcount


@transaction.atomic
def record_closes(prices: Sequence[tuple[int, date, Decimal]], rates: Sequence[tuple[str, str, date, Decimal]]) -> None:
    """Will keep closes told by somebody else: (instrument, date, price) and (base, quote, date, rate)."""
    Close.objects.bulk_create(
        [Close(instrument_id=pk, date=on, price=price) for pk, on, price in prices],
        update_conflicts=True, unique_fields=["instrument", "date"], update_fields=["price"],
    )  # fmt: skip
    RateClose.objects.bulk_create(
        [RateClose(base_id=base, quote_id=quote, date=on, rate=rate) for base, quote, on, rate in rates],
        update_conflicts=True, unique_fields=["base", "quote", "date"], update_fields=["rate"],
    )  # fmt: skip


def drop_old_bars(before: datetime) -> int:
    """Will remove bars that no figure needs any more."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM marketdata_bar WHERE at < %s", [before])
        return cursor.rowcount


class VenueTick(NamedTuple):
    """What a venue shows. Identifiers are ours: the instrument's symbol, the venue's MIC."""

    symbol: str
    mic: str
    bid: Decimal
    bid_qty: Decimal
    ask: Decimal
    ask_qty: Decimal
    at: datetime


@transaction.atomic
def record_venue_quotes(act: Act, ticks: Sequence[VenueTick]) -> int:
    """
    Will overwrite what venues show, never with an older quote; all of these or none. Three statements whatever their number.

    :returns: how many were newer than what was kept
    :raises Invalid: with ``rows``, each row at fault by its number from 0 and why
    """
    require(act, "marketdata.load_venues")
    things = dict(Instrument.objects.filter(symbol__in={t.symbol for t in ticks}).values_list("symbol", "pk"))
    venues = dict(Venue.objects.filter(mic__in={t.mic for t in ticks}).values_list("mic", "pk"))
    wrong = [{"row": n, "why": why} for n, tick in enumerate(ticks) if (why := _unfit(tick, things, venues, act.at))]
    if wrong:
        raise Invalid(f"Row {wrong[0]['row']}: {wrong[0]['why']} Nothing was kept.", rows=wrong[:200])
    newest: dict[tuple[int, int], VenueTick] = {}
    for tick in ticks:
        key = things[tick.symbol], venues[tick.mic]
        if key not in newest or newest[key].at <= tick.at:
            newest[key] = tick
    if not newest:
        return 0
    rows = [(*key, *tick[2:]) for key, tick in sorted(newest.items())]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO marketdata_venuequote (instrument_id, venue_id, bid, bid_qty, ask, ask_qty, at)"
            " SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[],"
            " %s::timestamptz[]) ON CONFLICT (instrument_id, venue_id) DO UPDATE SET bid = excluded.bid, bid_qty = excluded.bid_qty,"
            " ask = excluded.ask, ask_qty = excluded.ask_qty, at = excluded.at WHERE marketdata_venuequote.at <= excluded.at",
            [list(column) for column in zip(*rows, strict=True)],
        )
        return cursor.rowcount


def _unfit(tick: VenueTick, things: Mapping[str, int], venues: Mapping[str, int], now: datetime) -> str:
    if tick.symbol not in things:
        return f"There is no instrument “{tick.symbol}”."
    if tick.mic not in venues:
        return f"There is no venue “{tick.mic}”."
    if tick.bid <= 0 or tick.ask < tick.bid:
        return "A bid is above zero and not above the ask."
    if tick.bid_qty < 0 or tick.ask_qty < 0:
        return "What is shown is not less than nothing."
    return "It is of a time that has not come." if tick.at > now + timedelta(minutes=1) else ""
