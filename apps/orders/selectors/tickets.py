"""What a ticket is judged by: facts about portfolios, instruments and references, each in one or two queries."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from apps.marketdata import selectors as marketdata
from apps.portfolios import selectors as portfolios
from apps.reference import selectors as reference
from apps.reference.models import DERIVATIVES, AssetClass, Broker, Instrument
from apps.reference.rules import Taken, taken_by
from apps.users.models import Desk

from ..rules import PRICE_UNIT, QTY_UNIT

NO_PORTFOLIO = "There is no such portfolio, or it is not one of yours."


def portfolio_facts(user, ids: Collection[int]) -> list[tuple[int, str | None]]:
    """Each portfolio with the reason why the person cannot enter orders for it; None where they can."""
    seen = dict(portfolios.portfolios_seen_by(user).filter(pk__in=ids).values_list("pk", "code"))
    running = dict(portfolios.portfolios_run_by(user).filter(pk__in=ids).values_list("pk", "is_open"))
    facts = []
    for pk in ids:
        if running.get(pk):
            facts.append((pk, None))
        elif pk in running:
            facts.append((pk, f"Portfolio {seen.get(pk, pk)} is closed."))
        elif pk in seen:
            facts.append((pk, f"You do not run portfolio {seen[pk]}. Its manager can enter the order."))
        else:
            facts.append((pk, NO_PORTFOLIO))
    return facts


def instrument_facts(ids: Collection[int], today: date) -> list[tuple]:
    """
    Each instrument: (id, why it cannot be ordered or None, currency, asset class, increment, smallest piece, tick, and what orders are
    taken for it as `_taken` says), steps in whole units. Two queries.
    """
    rows = {
        row[0]: row
        for row in Instrument.objects.filter(pk__in=ids).values_list(
            "pk", "symbol", "is_active", "maturity_date", "currency_id", "increment", "min_piece", "tick_size",
            "asset_class", "venue_id", "venue__mic",
        )
    }  # fmt: skip
    table = reference.combinations_taken(row[8] for row in rows.values())
    taken: dict[tuple, tuple[str, str, str]] = {}
    facts = []
    for pk in ids:
        if pk not in rows:
            facts.append((pk, "There is no such instrument.", *[None] * 8))
            continue
        _, symbol, is_active, matures, currency, increment, piece, tick, *market = rows[pk]
        market = tuple(market)
        if market not in taken:
            taken[market] = _taken(table, *market)
        problem = None
        if not is_active:
            problem = f"{symbol} is no longer traded."
        elif matures is not None and matures <= today:
            problem = _ended(symbol, market[0], matures, today)
        steps = int(increment * QTY_UNIT), int(piece * QTY_UNIT), int(tick * PRICE_UNIT)
        facts.append((pk, problem, currency, market[0], *steps, *taken[market]))
    return facts


def brokers_taking(pairs: Collection[tuple[str, str]]) -> list[tuple[str, str, str, str]]:
    """
    Of each (broker's code, asset class) of which the table says what that broker takes: these two, with what it takes as
    marks to look up (``|LIMIT DAY|``) and in words. Two queries.
    """
    brokers = dict(Broker.objects.filter(code__in={code for code, _ in pairs}).values_list("code", "pk"))
    table = reference.combinations_taken(klass for _, klass in pairs)
    found = []
    for code, klass in pairs:
        rows = [row for row in table if row.broker_id == brokers.get(code, 0) and row.asset_class == klass]
        if rows:
            marks = "".join(f"|{row.order_type} {row.tif}|" for row in rows)
            found.append((code, klass, marks, _in_words(rows)))
    return found


def _in_words(rows: Sequence[Taken]) -> str:
    by_type: dict[str, list[str]] = {}
    for row in rows:
        by_type.setdefault(row.order_type, []).append(row.tif)
    return "; ".join(f"{kind} with {', '.join(tifs)}" for kind, tifs in by_type.items())


def _ended(symbol: str, asset_class: str, on: date, today: date) -> str:
    if asset_class not in DERIVATIVES:
        return f"{symbol} matured on {on}."
    said = "expires today; nothing is ordered on its last day" if on == today else f"expired on {on}"
    return f"{symbol} {said}. Choose a later expiry."


def _taken(table: Sequence[Taken], asset_class: str, venue_id: int, mic: str) -> tuple[str, str, str]:
    """
    What orders are taken for a class on a market: as marks to look up (``|LIMIT DAY|``, with ``M`` or ``D`` before it
    where a minimum or displayed quantity is), as words, and whose they are.
    """
    rows = taken_by(table, asset_class, venue_id)
    marks = [f"|{row.order_type} {row.tif}|" for row in rows]
    marks += [f"|M {row.order_type} {row.tif}|" for row in rows if row.takes_min_qty]
    marks += [f"|D {row.order_type} {row.tif}|" for row in rows if row.takes_display_qty]
    where = f"{AssetClass(asset_class).label}{f' on {mic}' if rows[0].venue_id else ''}"
    return "".join(marks), _in_words(rows), where


class PairKnown(NamedTuple):
    """A pair of currencies, when it settles if traded today, and when either of its currencies does not settle."""

    symbol: str
    spot: date
    holidays: dict[str, dict[date, str]]


def pairs_known(ids: Collection[int], at: datetime) -> dict[int, PairKnown]:
    """Those of the instruments that are pairs of currencies. Five queries for any number; one where none is a pair."""
    rows = list(
        Instrument.objects.filter(pk__in=ids, asset_class=AssetClass.FX).values_list(
            "pk", "symbol", "base_currency_id", "currency_id"
        )
    )
    if not rows:
        return {}
    spots, holidays = reference.spot_dates([row[0] for row in rows], at), reference.settlement_holidays()
    return {
        pk: PairKnown(symbol, spots[pk], {currency: holidays.get(currency, {}) for currency in pair})
        for pk, symbol, *pair in rows
    }


def funds_among(ids: Collection[int]) -> set[int]:
    """Those of the instruments that are funds. One query."""
    return set(Instrument.objects.filter(pk__in=ids, asset_class=AssetClass.FUND).values_list("pk", flat=True))


def desk_facts(codes: Collection[str]) -> list[tuple[str, int | None, str | None]]:
    """Each desk code with its id, or why there is none. No code means the firm's first desk."""
    known = list(Desk.objects.order_by("pk").values_list("code", "pk"))
    by_code = dict(known) | ({"": known[0][1]} if known else {})
    return [
        (code, by_code.get(code), None if code in by_code else f"There is no desk “{code}”." if code else "No desk is set up.")
        for code in codes
    ]


def references_in_use(user, refs: Collection[str]) -> dict[str, int]:
    """The person's own references among these that name an unfinished order of theirs, with that order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT client_ref, max(id) FROM orders_order WHERE created_by_id = %s AND client_ref = ANY(%s)"
            " AND client_ref <> '' AND qty > filled_qty + cancelled_qty GROUP BY 1",
            [user.pk, list(refs)],
        )
        return dict(cursor.fetchall())


def forward_mids(wanted: Collection[tuple[int, date]], at: datetime) -> Mapping[tuple[int, date], Decimal]:
    """(Pair, value date) to its forward price in the middle, as of a time, eight decimals; absent where it is not known."""
    quotes = marketdata.quotes_of({pk for pk, _ in wanted})
    factors = marketdata.forward_factors(wanted, at)
    return {(pk, on): round(quotes[pk].mid * factor, 8) for (pk, on), factor in factors.items() if pk in quotes}


def mids(instrument_ids: Collection[int]) -> Mapping[int, Decimal]:
    """Instrument id to its mid now, eight decimals; one without a quote is absent."""
    return {pk: round(quote.mid, 8) for pk, quote in marketdata.quotes_of(instrument_ids).items()}
