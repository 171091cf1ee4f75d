"""What a market data snapshot (FIX 4.4, 35=W) says, and when the day of exchange rates ends."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal, InvalidOperation
from typing import NamedTuple
from zoneinfo import ZoneInfo

SOH = "\x01"
BID, OFFER, TRADE, VWAP, VOLUME = "0", "1", "2", "9", "B"  # MDEntryType, tag 269.
TURNOVER_PLACES = Decimal("0.000000000001")
EXACT = Context(prec=60)
CLOCKS_APART = timedelta(seconds=10)
PRICE_LIMIT, VOLUME_LIMIT, TURNOVER_LIMIT = Decimal(10) ** 12, Decimal(10) ** 16, Decimal(10) ** 22  # What columns hold.


class Unusable(ValueError):
    """A snapshot that no quote can be made of; the message says why."""


class Snapshot(NamedTuple):
    """
    Prices in the instrument's currency (percent of par for bonds, units of the second currency for a pair); ``volume``
    in units and ``turnover`` in price times units are the day's, cumulative, and zero where the venue tells neither.
    ``at`` is the venue's time of them (MDEntryDate and MDEntryTime), None where it tells none that can be read.
    """

    symbol: str
    bid: Decimal
    ask: Decimal
    last: Decimal
    volume: Decimal
    turnover: Decimal
    at: datetime | None

    @property
    def pair(self) -> tuple[str, str] | None:
        """The two currencies of an exchange rate; None for anything else."""
        base, slash, quote = self.symbol.partition("/")
        return (base, quote) if slash and len(base) == len(quote) == 3 else None


def fields_of(raw: str) -> list[tuple[int, str]]:
    """A message's fields in their order. :raises Unusable: where a part is not tag=value"""
    fields = []
    for part in raw.split(SOH):
        if part:
            tag, _, value = part.partition("=")
            if not tag.isdecimal():
                raise Unusable(f"“{part[:40]}” is not tag=value")
            fields.append((int(tag), value))
    return fields


def snapshot_of(fields: Iterable[tuple[int, str]]) -> Snapshot:
    """
    The snapshot in a 35=W message.

    :raises Unusable: where bid or offer is missing, a price is no positive number, or the market is crossed
    """
    symbol, entries = "", []
    for tag, value in fields:
        if tag == 55:
            symbol = symbol or value
        elif tag == 269:
            entries.append({269: value})
        elif tag in (270, 271, 272, 273) and entries:
            entries[-1].setdefault(tag, value)
    if not symbol:
        raise Unusable("no instrument is named (tag 55)")
    of_kind = {entry[269]: entry for entry in entries}
    bid, ask = (_price(symbol, of_kind, kind) for kind in (BID, OFFER))
    if ask < bid:
        raise Unusable(f"{symbol} is crossed: bid {bid}, offer {ask}")
    last = _price(symbol, of_kind, TRADE) if TRADE in of_kind else (bid + ask) / 2
    volume = _number(symbol, of_kind.get(VOLUME, {}).get(271, "0"), VOLUME_LIMIT)
    turnover = Decimal(0)
    if volume > 0 and VWAP in of_kind:
        exact = EXACT.multiply(volume, _price(symbol, of_kind, VWAP))
        turnover = _number(symbol, str(exact.quantize(TURNOVER_PLACES, context=EXACT)), TURNOVER_LIMIT)
    return Snapshot(symbol, bid, ask, last, volume, turnover, max(filter(None, map(_time, entries)), default=None))


def time_of(snapshot: Snapshot, heard_at: datetime) -> datetime:
    """When its figures were true: the venue's time, or ours where the clocks are too far apart to believe it."""
    if snapshot.at is None or abs(snapshot.at - heard_at) > CLOCKS_APART:
        return heard_at
    return snapshot.at


def _time(entry: dict[int, str]) -> datetime | None:
    try:
        day, time = entry[272], entry[273]
        return datetime.strptime(f"{day} {time}", f"%Y%m%d %H:%M:%S{'.%f' * ('.' in time)}").replace(tzinfo=UTC)
    except (KeyError, ValueError):
        return None


def _price(symbol: str, of_kind: dict[str, dict[int, str]], kind: str) -> Decimal:
    value = _number(symbol, of_kind.get(kind, {}).get(270, ""), PRICE_LIMIT)
    if value <= 0:
        raise Unusable(f"{symbol} has a price of {value} (MDEntryType {kind})")
    return value


def _number(symbol: str, text: str, limit: Decimal) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise Unusable(f"{symbol} has “{text[:30]}” where a number belongs") from None
    if not value.is_finite() or value < 0 or value >= limit:
        raise Unusable(f"{symbol} has {text[:30]}, which cannot be kept")
    return value


NEW_YORK, RATES_END = ZoneInfo("America/New_York"), time(17)  # Where and when the currency market's day ends.


def rate_day(at: datetime) -> date:
    """The day of exchange rates at a time: New York's date, or Monday's at the weekend."""
    day = at.astimezone(NEW_YORK).date()
    return day + timedelta(days=max(0, 7 - day.weekday())) if day.weekday() > 4 else day


def rate_day_ended(at: datetime) -> date | None:
    """New York's date where its day of exchange rates is over; None before, and at the weekend."""
    local = at.astimezone(NEW_YORK)
    return local.date() if local.weekday() < 5 and local.time() >= RATES_END else None


class Interest(NamedTuple):
    """Simple yearly interest of a currency in percent, and the days that a year is counted as."""

    pct: Decimal
    year_days: int


FACTOR_PLACES = Decimal("0.000000000001")


def forward_factor(base: Interest, quote: Interest, days: int) -> Decimal:
    """
    What a pair's spot price is multiplied with for a value date so many days after spot. Covered interest parity with
    simple interest, (1 + r_quote × d ÷ y_quote) ÷ (1 + r_base × d ÷ y_base): who buys forward could as well borrow the one
    money and lend the other until then (B. Steiner, Mastering Financial Calculations, "Forward outrights"; J. C. Hull,
    Options, Futures, and Other Derivatives, "Forward and futures contracts on currencies").
    """
    grown = [1 + one.pct / 100 * max(0, days) / one.year_days for one in (quote, base)]
    return EXACT.divide(*grown).quantize(FACTOR_PLACES, context=EXACT)


def halves(items: Sequence[str]) -> list[Sequence[str]]:
    """Both halves of several items; nothing of one, which cannot be halved."""
    middle = len(items) // 2
    return [items[:middle], items[middle:]] if middle else []
