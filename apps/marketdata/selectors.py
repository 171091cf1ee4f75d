"""Questions about prices. Every answer carries its time; what is stale is the asker's to say."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from apps.reference import selectors as reference
from apps.reference.models import Instrument
from apps.reference.rules import NoSettlementCalendar

from . import rules
from .models import AverageVolume, Breaker, DepositRate, FxRate, Quote, RateClose


class Price(NamedTuple):
    bid: Decimal
    ask: Decimal
    last: Decimal
    at: datetime

    @property
    def mid(self) -> Decimal:
        return (self.bid + self.ask) / 2


def quotes_of(instrument_ids: Iterable[int] | None = None) -> dict[int, Price]:
    """Instrument id to its latest quote; an instrument without one is absent. All where no ids are given."""
    rows = Quote.objects.all()
    if instrument_ids is not None:
        rows = rows.filter(pk__in=set(instrument_ids))
    return {pk: Price(bid, ask, last, at) for pk, bid, ask, last, at in rows.values_list("pk", "bid", "ask", "last", "at")}


def fx_rates(to: str = "USD") -> dict[str, tuple[Decimal, datetime]]:
    """
    Currency to (units of ``to`` for one of it, time of the rate): as quoted, inverted, or through USD. One query.

    ``to`` itself is one, and its time that of the newest rate, or now where no rate is on file.
    """
    rows = list(FxRate.objects.order_by("at").values_list("base_id", "quote_id", "rate", "at"))
    into = _all_into(to, rows)
    into[to] = (Decimal(1), rows[-1][3] if rows else timezone.now())
    return into


def _all_into(to: str, rows: list[tuple]) -> dict[str, tuple]:
    into = _rates_into(to, rows)
    if to != "USD" and "USD" in into:
        usd, usd_at = into["USD"]
        for currency, (rate, at) in _rates_into("USD", rows).items():
            into.setdefault(currency, (rate * usd, min(at, usd_at)))
    return into


def _rates_into(to: str, rows: Iterable[tuple[str, str, Decimal, datetime]]) -> dict[str, tuple[Decimal, datetime]]:
    """Direct and inverted rates; of two for one currency the newer, as the rows come oldest first."""
    found = {}
    for base, quote, rate, at in rows:
        if quote == to:
            found[base] = (rate, at)
        elif base == to:
            found[quote] = (1 / rate, at)
    return found


def forward_factors(wanted: Iterable[tuple[int, date]], at: datetime) -> dict[tuple[int, date], Decimal]:
    """
    Each (pair of currencies, value date) to what the pair's spot price is multiplied with for that date (``rules.forward_factor``),
    counted from when what is traded at a time settles spot; absent where the interest of a currency or the spot date is not on file.
    Five queries, none where nothing is wanted.
    """
    wanted = set(wanted)
    if not wanted:
        return {}
    rows = Instrument.objects.filter(pk__in={pk for pk, _ in wanted}, base_currency__isnull=False)
    pairs = {pk: (base, quote) for pk, base, quote in rows.values_list("pk", "base_currency_id", "currency_id")}
    interest = {code: rules.Interest(*terms) for code, *terms in DepositRate.objects.values_list("currency_id", "pct", "year_days")}
    try:
        spots = reference.spot_dates(pairs, at)
    except NoSettlementCalendar:
        return {}
    return {
        (pk, on): rules.forward_factor(*(interest[code] for code in pairs[pk]), (on - spots[pk]).days)
        for pk, on in wanted
        if pk in spots and interest.keys() >= set(pairs[pk])
    }


def closes_before(wanted: Mapping[int, date]) -> dict[int, tuple[date, Decimal]]:
    """Of each instrument the last close of a day before the one given, with its date; absent where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT w.instrument, c.date, c.price FROM unnest(%s::bigint[], %s::date[]) AS w(instrument, before)"
            " CROSS JOIN LATERAL (SELECT date, price FROM marketdata_close"
            " WHERE instrument_id = w.instrument AND date < w.before ORDER BY date DESC LIMIT 1) c",
            [list(wanted), list(wanted.values())],
        )
        return {instrument: (on, price) for instrument, on, price in cursor.fetchall()}


def breakers_since(day: date) -> QuerySet[Breaker]:
    """Circuit breakers of short sales that are on on a day or after, the newest first."""
    return Breaker.objects.filter(until__gte=day).select_related("instrument").order_by("-on", "instrument__symbol")


# The lowest price of the session, of quote and bars, of every share of these venues, with the close of the session before.
LOWS = """
SELECT i.id AS instrument_id, w.session, w.after, low.price, c.price AS close
FROM unnest(%(venues)s::bigint[], %(sessions)s::date[], %(befores)s::date[], %(afters)s::date[], %(zones)s::text[])
    AS w(venue, session, before, after, zone)
JOIN reference_instrument i ON i.venue_id = w.venue AND i.asset_class IN ('EQUITY', 'ETF')
    AND (%(ids)s::bigint[] IS NULL OR i.id = ANY(%(ids)s))
LEFT JOIN marketdata_close c ON c.instrument_id = i.id AND c.date = w.before
LEFT JOIN LATERAL (
    SELECT min(price) AS price FROM (
        SELECT q.last AS price FROM marketdata_quote q
        WHERE q.instrument_id = i.id AND (q.at AT TIME ZONE w.zone)::date = w.session
        UNION ALL
        SELECT min(b.low) FROM marketdata_bar b WHERE b.instrument_id = i.id
        AND b.at >= w.session::timestamp AT TIME ZONE w.zone AND b.at < (w.session + 1)::timestamp AT TIME ZONE w.zone
    ) seen
) low ON true
"""
REGULATED = "US"  # Where Regulation SHO holds.


class Tripped(NamedTuple):
    """A circuit breaker of short sales that is on."""

    on: date
    until: date
    price: Decimal
    close: Decimal


def lows_asked(at: datetime, instrument_ids: Collection[int] | None = None) -> dict[str, list | None]:
    """What ``LOWS`` asks for: the last session of every venue that has one, of all instruments or these."""
    around = reference.sessions_around(at, REGULATED)
    return {
        "venues": [s.venue_id for s in around], "sessions": [s.on for s in around], "befores": [s.before for s in around],
        "afters": [s.after for s in around], "zones": [s.zone for s in around],
        "ids": None if instrument_ids is None else sorted(instrument_ids),
    }  # fmt: skip


def breakers_of(instrument_ids: Collection[int], at: datetime) -> dict[int, Tripped | None]:
    """
    Which of these have their circuit breaker on for what is traded next: those kept, and those that fell and nobody has
    kept yet. None where it cannot be told because the last close is not on file; what has none on is absent. Three queries.
    """
    asked = lows_asked(at, instrument_ids)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT l.* FROM ({LOWS}) l WHERE l.close IS NULL OR l.price <= l.close * 0.9", asked)
        found = {pk: close and Tripped(on, after, price, close) for pk, on, after, price, close in cursor.fetchall()}
    days = dict(zip(asked["venues"], asked["sessions"], strict=True))
    kept = Breaker.objects.filter(instrument__in=instrument_ids, until__gte=min(days.values(), default=at.date()))
    for row in kept.select_related("instrument").order_by("on"):
        if row.until >= days.get(row.instrument.venue_id, row.until):
            found[row.instrument_id] = Tripped(row.on, row.until, row.price, row.close)
    return found


def closing_rates_before(day: date, to: str = "USD") -> dict[str, Decimal]:
    """Currency to units of ``to`` at the last close of each pair before the day, as ``fx_rates``. One query."""
    rows = (
        RateClose.objects.filter(date__lt=day).order_by("base_id", "quote_id", "-date").distinct("base_id", "quote_id")
        .values_list("base_id", "quote_id", "rate", "date")
    )  # fmt: skip
    return {currency: rate for currency, (rate, _) in _all_into(to, sorted(rows, key=itemgetter(3))).items()} | {
        to: Decimal(1)
    }


def average_volumes(instrument_ids: Iterable[int] | None = None) -> dict[int, tuple[Decimal, Decimal]]:
    """Instrument id to (average daily volume in units, yearly volatility)."""
    rows = AverageVolume.objects.all()
    if instrument_ids is not None:
        rows = rows.filter(pk__in=set(instrument_ids))
    return {pk: (qty, vol) for pk, qty, vol in rows.values_list("pk", "daily_qty", "annual_volatility")}


def interval_vwaps(wanted: Iterable[tuple[int, datetime, datetime]]) -> dict[tuple[int, datetime, datetime], Decimal]:
    """
    The market's volume-weighted average price of each (instrument, from, to): Σ turnover / Σ volume of the bars that
    begin in the interval, or of the one bar that holds all of it, so that its ends are as exact as ``BAR_SECONDS``.
    A bar has what traded up to its ticks; what a tick at ``from`` tells traded before it.

    An interval in which nothing traded is absent. One query whatever their number.
    """
    wanted = list(set(wanted))
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT w.n, sum(b.turnover), sum(b.volume)"
            " FROM unnest(%s::int[], %s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS w(n, instrument, a, z)"
            " JOIN marketdata_bar b ON b.instrument_id = w.instrument"
            "   AND b.at <= w.z AND (b.at >= w.a OR w.z < b.at + make_interval(secs => %s)"
            "     AND b.at = date_bin(make_interval(secs => %s), w.a, 'epoch'))"
            " GROUP BY w.n",
            [
                list(range(len(wanted))),
                *(list(column) for column in zip(*wanted, strict=True)),
                settings.BAR_SECONDS, settings.BAR_SECONDS,
            ],
        )
        return {wanted[n]: turnover / volume for n, turnover, volume in cursor.fetchall() if volume}


def traded_ranges(wanted: Iterable[tuple[int, datetime, datetime]]) -> dict[tuple[int, datetime, datetime], tuple[Decimal, Decimal]]:
    """(instrument, from, to) to the lowest and highest price of its bars then; absent where nothing traded. One query."""
    wanted = list(set(wanted))
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT w.id, w.since, w.until, min(b.low), max(b.high)"
            " FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) w(id, since, until)"
            " JOIN marketdata_bar b ON b.instrument_id = w.id AND b.at BETWEEN w.since AND w.until GROUP BY 1, 2, 3",
            [list(column) for column in zip(*wanted, strict=True)],
        )
        return {(pk, since, until): (low, high) for pk, since, until, low, high in cursor.fetchall()}
