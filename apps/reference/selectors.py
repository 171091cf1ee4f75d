"""Questions about instruments, calendars and settlement dates."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.contrib.postgres.aggregates import ArrayAgg
from django.db import connection
from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum

from . import rules
from .models import Broker, Combination, Constituent, Fee, Instrument, Issuer, SettlementCycle, SettlementHoliday, Venue

DAY = timedelta(days=1)


def brokers(kind: str | None = None) -> QuerySet[Broker]:
    rows = Broker.objects.filter(is_active=True)
    return rows.filter(kind=kind) if kind else rows


def resolve_instruments(values: Iterable[str]) -> dict[str, list[Instrument]]:
    """
    The active instruments meant by each symbol, ISIN, CUSIP, SEDOL or FIGI; none or several are the asker's to refuse.

    One query whatever the number of values.
    """
    wanted = {v.strip().upper() for v in values if v and v.strip()}
    found: dict[str, list[Instrument]] = {v: [] for v in wanted}
    rows = Instrument.objects.filter(is_active=True).filter(
        Q(symbol__in=wanted) | Q(isin__in=wanted) | Q(cusip__in=wanted) | Q(sedol__in=wanted) | Q(figi__in=wanted)
    )
    for row in rows.select_related("venue"):
        for value in {row.symbol, row.isin, row.cusip, row.sedol, row.figi} & wanted:
            found[value].append(row)
    return found


def find_instruments(text: str, limit: int = 20, classes: Collection[str] = ()) -> QuerySet[Instrument]:
    """Active instruments that the text may mean, of these asset classes where any are said."""
    found = Instrument.objects.filter(is_active=True).filter(matching(text))
    return (found.filter(asset_class__in=classes) if classes else found)[:limit]


def matching(text: str) -> Q:
    """Instruments whose symbol begins with the text, whose name contains it, or that it identifies."""
    text = text.strip()
    identified = Q(isin__iexact=text) | Q(cusip__iexact=text) | Q(sedol__iexact=text) | Q(figi__iexact=text)
    return Q(symbol__istartswith=text) | Q(name__icontains=text) | identified


def issuer_groups() -> dict[int, int]:
    """Issuer id to the id of its ultimate parent (its own where it has none). :raises ValueError: on a circle"""
    parents = dict(Issuer.objects.values_list("pk", "parent_id"))
    groups = {}
    for issuer in parents:
        at, steps = issuer, 0
        while parents[at] is not None:
            at, steps = parents[at], steps + 1
            if steps > len(parents):
                raise ValueError(f"issuer {issuer} is its own ancestor")
        groups[issuer] = at
    return groups


def class_of(instrument_id: int) -> str | None:
    return Instrument.objects.filter(pk=instrument_id).values_list("asset_class", flat=True).first()


class Held(NamedTuple):
    """What a fund holds, as of a day: instrument to its weight in percent."""

    as_of: date
    weights: dict[int, Decimal]


def constituents(fund_ids: Iterable[int], on: date) -> dict[int, Held]:
    """Fund to what it held last, as known on a day; those of which nothing is on file are left out. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.fund_id, c.as_of, c.instrument_id, c.weight_pct FROM reference_constituent c JOIN"
            " (SELECT fund_id, max(as_of) AS as_of FROM reference_constituent WHERE fund_id = ANY(%s) AND as_of <= %s"
            "  GROUP BY 1) last USING (fund_id, as_of) ORDER BY 1, 3",
            [sorted(set(fund_ids)), on],
        )
        rows = cursor.fetchall()
    found: dict[int, Held] = {}
    for fund, as_of, instrument, weight in rows:
        found.setdefault(fund, Held(as_of, {})).weights[instrument] = weight
    return found


def weight_of_others(rows: QuerySet, of: str, facts: rules.Facts) -> Decimal:
    """What the other parts of a thing on the same day weigh, in percent. :param of: the field that names the thing. One query."""
    others = rows.filter(**{of: facts[of]}, as_of=facts["as_of"]).exclude(pk=facts.get("id"))
    return others.aggregate(total=Sum("weight_pct"))["total"] or Decimal(0)


class Summed(NamedTuple):
    """What the parts of one thing weigh together as of a day, in percent, and which of those asked for are among them."""

    thing: str
    as_of: date
    total: Decimal
    ids: list[int]


def summed_weights(rows: QuerySet, of: str, called: str, ids: Collection[int]) -> list[Summed]:
    """
    The things and days of these parts, each with the weight of all its parts. One query.

    :param of: the field that names the thing; :param called: the field of its table by which people call it
    """
    mine = rows.filter(pk__in=ids)
    alike = rows.filter(**{f"{of}__in": mine.values(of)}, as_of__in=mine.values("as_of")).order_by(f"{of}__{called}", "as_of")
    summed = alike.values_list(of, f"{of}__{called}", "as_of").annotate(total=Sum("weight_pct"), ids=ArrayAgg("pk"))
    wanted = set(ids)
    found = [Summed(thing, day, total, sorted(wanted & set(parts))) for _, thing, day, total, parts in summed]
    return [one for one in found if one.ids]


def latest_constituents() -> QuerySet[Constituent]:
    """What each fund held last, largest first."""
    newest = Constituent.objects.filter(fund=OuterRef("fund")).order_by("-as_of").values("as_of")[:1]
    rows = Constituent.objects.filter(as_of=Subquery(newest)).select_related("fund", "instrument__issuer")
    return rows.order_by("fund__symbol", "-weight_pct", "pk")


def is_within(issuer_id: int, parent_id: int) -> bool:
    """Whether the parent is the issuer itself or below it, which would make the issuer its own ancestor."""
    parents = dict(Issuer.objects.values_list("pk", "parent_id"))
    at: int | None = parent_id
    for _ in range(len(parents) + 1):
        if at is None or at == issuer_id:
            break
        at = parents.get(at)
    return at is not None


def cycles_in_force(country: str, asset_class: str, first: date, last: date | None) -> QuerySet[SettlementCycle]:
    """Settlement cycles of a country and class that hold on one of these trade dates (without end where last is None)."""
    rows = SettlementCycle.objects.filter(country=country, asset_class=asset_class)
    rows = rows.filter(Q(effective_to__isnull=True) | Q(effective_to__gte=first))
    return rows.filter(effective_from__lte=last) if last else rows


def fees_overlapping(fee: dict) -> QuerySet[Fee]:
    """Rows of the same fee, country, class and side that hold on a trade date on which this one (its facts) does."""
    same = {name: fee[name] for name in ("code", "country", "asset_class", "side")}
    rows = Fee.objects.filter(**same).filter(Q(effective_to=None) | Q(effective_to__gte=fee["effective_from"]))
    return rows.filter(effective_from__lte=fee["effective_to"]) if fee.get("effective_to") else rows


@lru_cache(maxsize=64)
def _calendar(code: str):
    import exchange_calendars  # Brings pandas, a second of every process's start, so only who asks pays it.

    return exchange_calendars.get_calendar(code)


@lru_cache(maxsize=4096)
def _session_from(calendar: str, day: date) -> date:
    return _calendar(calendar).date_to_session(day.isoformat(), direction="next").date()


def is_session(calendar: str, day: date) -> bool:
    """Whether the venue trades on the day."""
    return _session_from(calendar, day) == day


def trade_dates(venue_ids: Iterable[int], at: datetime) -> dict[int, date]:
    """Venue id to the trade date of what is done there at a time: its local date, or the next day it trades."""
    rows = Venue.objects.filter(pk__in=set(venue_ids)).values_list("pk", "calendar", "timezone")
    return {pk: _session_from(calendar, at.astimezone(ZoneInfo(zone)).date()) for pk, calendar, zone in rows}


class Dealing(NamedTuple):
    """The valuation point that a fund's order gets: its date, and whether the cut-off of the day was missed."""

    date: date
    is_late: bool


def dealings(funds: Iterable[tuple[int, time]], at: datetime) -> dict[tuple[int, time], Dealing]:
    """
    The next valuation point of what is released now, for each (venue, cut-off): the day's where it deals and the cut-off
    has not come, else the next day's on which it deals. One query.
    """
    wanted = set(funds)
    rows = Venue.objects.filter(pk__in={pk for pk, _ in wanted}).values_list("pk", "calendar", "timezone")
    known = {pk: (calendar, at.astimezone(ZoneInfo(zone))) for pk, calendar, zone in rows}
    found = {}
    for pk, cutoff in wanted:
        calendar, local = known[pk]
        first = _session_from(calendar, local.date())
        is_late = first == local.date() and local.time() >= cutoff
        found[pk, cutoff] = Dealing(_session_from(calendar, first + DAY) if is_late else first, is_late)
    return found


def local_date(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def sessions_today(at: datetime) -> dict[int, date]:
    """Venue id to its local date, of every venue that trades on that date."""
    rows = Venue.objects.values_list("pk", "calendar", "timezone")
    days = {pk: (calendar, local_date(at, zone)) for pk, calendar, zone in rows}
    return {pk: day for pk, (calendar, day) in days.items() if is_session(calendar, day)}


@lru_cache(maxsize=4096)
def _early_close(calendar: str, day: date) -> datetime | None:
    found = _calendar(calendar)
    session = day.isoformat()
    if session not in found.early_closes:
        return None
    return found.session_close(session).to_pydatetime()


def closes_today(at: datetime) -> list[tuple[int, date, datetime]]:
    """(venue id, its local date, when it closes) of every venue that trades on that date; early where its calendar says so."""
    found = []
    for pk, calendar, zone, closes_at in Venue.objects.values_list("pk", "calendar", "timezone", "closes_at"):
        day = local_date(at, zone)
        if is_session(calendar, day):
            usual = datetime.combine(day, closes_at, ZoneInfo(zone))
            early = _early_close(calendar, day)
            found.append((pk, day, min(usual, early) if early else usual))
    return found


def previous_sessions(at: datetime) -> dict[int, date]:
    """Venue id to the last day it traded before the trade date of what is done there now."""
    rows = Venue.objects.values_list("pk", "calendar", "timezone")
    return {
        pk: _calendar(calendar).previous_session(
            _session_from(calendar, at.astimezone(ZoneInfo(zone)).date()).isoformat()
        ).date()
        for pk, calendar, zone in rows
    }  # fmt: skip


class Session(NamedTuple):
    """The last day of trading at a venue that has begun there, with the ones before and after it."""

    venue_id: int
    on: date
    before: date
    after: date
    zone: str


def sessions_around(at: datetime, country: str) -> list[Session]:
    """Of each venue of a country, by id."""
    rows = Venue.objects.filter(country=country).order_by("pk").values_list("pk", "calendar", "timezone")
    return [Session(pk, *_days_around(calendar, local_date(at, zone)), zone) for pk, calendar, zone in rows]


@lru_cache(maxsize=256)
def _days_around(calendar: str, day: date) -> tuple[date, date, date]:
    """The last session by the day, the one before and the one after it."""
    days = _calendar(calendar)
    last = days.date_to_session(day.isoformat(), direction="previous")
    return last.date(), days.previous_session(last).date(), days.next_session(last).date()


def sessions_ended(at: datetime) -> list[tuple[int, date, str]]:
    """(venue id, its local date, its time zone) of every venue that traded on that date and has closed."""
    found = []
    for pk, calendar, zone, closes_at in Venue.objects.values_list("pk", "calendar", "timezone", "closes_at"):
        local = at.astimezone(ZoneInfo(zone))
        if local.time() >= closes_at and is_session(calendar, local.date()):
            found.append((pk, local.date(), zone))
    return found


def trade_date_for(mic: str, at: datetime) -> date:
    venue = Venue.objects.get(mic=mic)
    return trade_dates([venue.pk], at)[venue.pk]


# SQL: whose holidays an instrument ``i`` settles by, as `settlement_dates` takes it.
SETTLES_IN = "concat_ws('/', i.base_currency_id, i.currency_id)"


def settlement_dates(wanted: Iterable[tuple[date, str, str, str]]) -> dict[tuple[date, str, str, str], date]:
    """
    The settlement date of each (trade date, country, asset class, currency). Two queries whatever their number.

    A pair of currencies, ``EUR/USD``, settles when both of them do.

    :raises NoSettlementCalendar: where no cycle, or no holidays of that year, are on file for one
    """
    wanted = set(wanted)
    cycles = list(
        SettlementCycle.objects.values_list("country", "asset_class", "days", "effective_from", "effective_to")
    )
    holidays = settlement_holidays()
    found = {}
    for key in wanted:
        trade_date, country, asset_class, currencies = key
        off = [holidays.get(currency, {}) for currency in currencies.split("/")]
        days = rules.cycle_days(cycles, country, asset_class, trade_date)
        settle = rules.add_settlement_days(trade_date, days, set().union(*off))
        for currency, known in zip(currencies.split("/"), off, strict=True):
            if not any(day.year == settle.year for day in known):
                raise rules.NoSettlementCalendar(
                    f"No settlement holidays of {currency} are on file for {settle.year}. Add them under Reference data.",
                    currency=currency,
                )
        found[key] = settle
    return found


def settlement_holidays() -> dict[str, dict[date, str]]:
    """Currency to the days on which it does not settle, with their names. One query."""
    found: dict[str, dict[date, str]] = {}
    for currency, day, name in SettlementHoliday.objects.values_list("currency_id", "date", "name"):
        found.setdefault(currency, {})[day] = name
    return found


def spot_dates(pair_ids: Iterable[int], at: datetime) -> dict[int, date]:
    """Pair of currencies to when it settles if it is traded at a time (see ``trade_dates``). Three queries."""
    rows = Instrument.objects.filter(pk__in=set(pair_ids), base_currency__isnull=False)
    keys = {
        pk: (_session_from(calendar, local_date(at, zone)), country, "FX", f"{base}/{quote}")
        for pk, calendar, zone, country, base, quote in rows.values_list(
            "pk", "venue__calendar", "venue__timezone", "country", "base_currency_id", "currency_id"
        )
    }
    dates = settlement_dates(keys.values())
    return {pk: dates[key] for pk, key in keys.items()}


def settlement_date(trade_date: date, country: str, asset_class: str, currency: str) -> date:
    return settlement_dates([(trade_date, country, asset_class, currency)])[trade_date, country, asset_class, currency]


def combinations_taken(asset_classes: Iterable[str]) -> list[rules.Taken]:
    """The table of combinations for these classes, asked by `rules.taken_by`. One query."""
    rows = Combination.objects.filter(asset_class__in=set(asset_classes)).values_list(*rules.Taken._fields)
    return [rules.Taken(*row) for row in rows]


def fees_on(
    wanted: Iterable[tuple[str, str, str, date]],
) -> dict[tuple[str, str, str, date], tuple[rules.FeeTerms, ...]]:
    """The fees of each (country, asset class, side, trade date), reckoned by `rules.fee_amount`. One query."""
    rows = [
        rules.FeeRow(*row[:5], rules.FeeTerms(*row[5:]))
        for row in Fee.objects.values_list(
            "country", "asset_class", "side", "effective_from", "effective_to", "code", "kind", "rate_bp", "unit_amount",
            "least_amount", "most_amount", "rounding",
        )
    ]  # fmt: skip
    return {key: rules.fees_in_force(rows, *key) for key in set(wanted)}


def settlement_days_after(wanted: Iterable[tuple[date, int, str]]) -> dict[tuple[date, int, str], date]:
    """
    The day that is so many settlement days after each (date, days, currency). One query. Where a year's holidays are not on
    file, Monday to Friday count: the day is then never later than the right one.
    """
    holidays = settlement_holidays()
    return {key: rules.add_settlement_days(key[0], key[1], holidays.get(key[2], {})) for key in set(wanted)}


def settlement_days_between(start: date, end: date, currency: str) -> Sequence[date]:
    """Settlement days of a currency after ``start`` up to ``end``: the columns of a cash ladder."""
    holidays = set(SettlementHoliday.objects.filter(currency_id=currency).values_list("date", flat=True))
    days, at = [], start
    while at < end:
        at = rules.add_settlement_days(at, 1, holidays)
        if at <= end:
            days.append(at)
    return days
