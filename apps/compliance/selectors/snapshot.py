"""Reading what the engine is given: the columns of a screening, in a number of statements that never grows with the orders."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import orjson
import polars as pl
from django.db import connection

from apps.core.refusals import Invalid
from apps.marketdata import selectors as marketdata
from apps.orders.rules import as_asked
from apps.orders.states import FINAL, S
from apps.reference import selectors as reference
from apps.reference.models import Issuer
from apps.reference.rules import NoSettlementCalendar

from ..engine import columns as c
from ..engine.judgement import RuleVersion
from . import shorts
from .accruals import accrued_estimate
from .asked_for import followed, held_by_funds, issued_of, said_of
from .contracts import contracts_of
from .economics import economic_hash
from .firm import firm_holds
from .firm_groups import firm_had
from .homes import homes_of
from .limits import limits_in_force
from .lists import met_for_judging
from .owed import FUND_FACTS, Owed, money_owed
from .plans import plans_of
from .shorts import LARGEST_QTY
from .taxes import taxes_of

LARGEST_PRICE = 9 * 10**9
SETTLES_WITHIN = timedelta(days=60)

# Lists of ids are cast: PostgreSQL hashes ``<> ALL`` only where both sides are of one type, and scans it per row otherwise.
ORDER_COLUMNS = (
    "id, version, portfolio_id, instrument_id, (side <> 'BUY')::int,"
    f" (least(qty, {LARGEST_QTY}) * 10000)::bigint,"
    # LEAST passes over nulls. What binds in a fund's order by amount is the money: its price for the most units.
    " (least(coalesce(limit_price, (terms ->> 'cash_qty')::numeric / qty, 0),"
    f" {LARGEST_PRICE}) * 100000000)::bigint,"
    " (extract(epoch FROM created_at) * 1000000)::bigint, coalesce(split_from_id, id), (side = 'SELL_SHORT')::int,"
    " created_by_id"
)
ORDER_SCHEMA = dict.fromkeys(
    ("id", "version", "portfolio", "instrument", "sell", "qty", "limit", "created_us", "family", "short", "user"), pl.Int64
)
LARGEST = f"(qty > {LARGEST_QTY} OR limit_price > {LARGEST_PRICE})::int"


class TooLarge(Invalid):
    """A quantity or price beyond anything that can be checked."""


@dataclass
class Asked:
    """A snapshot with what belongs to the orders but decides nothing: the quantity and the hash of each one's economic state."""

    snapshot: c.Snapshot
    quantities: pl.Series
    hashes: pl.Series


def snapshot_of(
    order_ids: Sequence[int], at: datetime, *, portfolio_ids: Sequence[int] = (), firm_wide: bool, deals: bool = False,
    at_work: bool = False, rules: Sequence[RuleVersion] = (),
) -> Asked:
    """
    The orders with all that their judgement may look at. Their portfolios are locked by the caller.

    :param portfolio_ids: portfolios to look at beside the orders' own
    :param firm_wide: whether a rule looks at the whole firm's holdings; :param deals: at deals in currencies not settled
    :param at_work: whether of other orders only those count that are at a broker
    :param rules: which are asked: own attributes, benchmarks and what funds hold, where none of them looks at those, are not read
    :raises TooLarge: where a quantity or price is beyond what can be checked
    """
    with connection.cursor() as cursor:
        orders = _frame(
            cursor,
            f"SELECT {ORDER_COLUMNS}, {LARGEST}, qty::text, {economic_hash('orders_order')}, (filled_qty * 10000)::bigint, own::text,"
            " desk_id FROM orders_order WHERE id = ANY(%s::bigint[]) ORDER BY id",
            [list(order_ids)],
            ORDER_SCHEMA
            | {"huge": pl.Int64, "whole": pl.String, "hash": pl.String, "filled": pl.Int64, "own": pl.String, "desk": pl.Int64},
        )
    _refuse_huge(orders)
    own = _own(orders)
    orders = orders.with_columns(qty=pl.col("qty") - pl.col("filled"))  # What was crossed is held by now.
    found = around(orders, own, at, firm_wide=firm_wide, portfolio_ids=portfolio_ids, deals=deals, at_work=at_work, rules=rules)
    return Asked(found, orders["whole"], orders["hash"])


def around(
    orders: pl.DataFrame, own: Sequence[Mapping[str, str]] | None, at: datetime, *, firm_wide: bool,
    portfolio_ids: Sequence[int] = (), deals: bool = False, at_work: bool = False, rules: Sequence[RuleVersion] = (),
) -> c.Snapshot:  # fmt: skip
    """The orders, as columns, with all that there is around them."""
    order_ids = orders["id"].to_list()
    portfolios = sorted({*orders["portfolio"], *portfolio_ids})
    counted = [S.WORKING] if at_work else [status for status in S if status not in (*FINAL, S.DRAFT)]
    with connection.cursor() as cursor:
        others = _frame(
            cursor,
            f"SELECT {ORDER_COLUMNS}, (least(qty - filled_qty - cancelled_qty, {LARGEST_QTY}) * 10000)::bigint,"
            " (status = ANY(%s))::int FROM orders_order WHERE portfolio_id = ANY(%s::bigint[]) AND status = ANY(%s)"
            " AND id <> ALL(%s::bigint[]) ORDER BY id",
            [[S.CLEARED, S.WORKING], portfolios, counted, order_ids],
            ORDER_SCHEMA | {"leaves": pl.Int64, "cleared": pl.Int64},
        )
        positions = _positions(cursor, portfolios)
        cash, unsettled = _money(cursor, portfolios, at)
        mandates = homes_of(cursor, portfolios, at.date())
        traded = sorted(set(orders["instrument"]) | set(others["instrument"]))
        benchmarks = followed(rules, mandates, at)
        had = {*traded, *positions["thing"]}
        funds = held_by_funds(rules, had, at)
        within = {pk for one in (*benchmarks.values(), *funds.values()) for pk in one.weights}
        shared = firm_had(cursor, rules, set(orders["instrument"]), order_ids, at, counted) if firm_wide else None
        within |= set(shared.things if shared else ())
        instruments = _instruments(cursor, sorted(had | within), set(traded), at)
        owed = money_owed(cursor, portfolios, at) if deals else None
        firm = firm_holds(cursor, instruments, orders["instrument"], order_ids, at, counted) if firm_wide else (None, None)
        listed = _contracts(cursor, instruments, set(orders["instrument"]), mandates, order_ids, at, counted) if firm_wide else {}
        limits = limits_in_force(at)
        taxes = taxes_of(mandates, instruments, sorted(set(orders["instrument"])), list(order_ids), at.date())
        place_of = {i.id: n for n, i in enumerate(instruments)}
        units_owned = shorts.units_owned(cursor, mandates, orders, place_of)
        lent, boxed = shorts.lent(cursor, orders, at), shorts.boxed(cursor, orders, place_of)
        days, dated = _value_days(cursor, {i.id for i in instruments if i.base_currency}, orders, others)
    place = np.array(portfolios, np.int64), np.array([i.id for i in instruments], np.int64)
    return c.Snapshot(
        at=at, plans=plans_of(mandates, at.date()),
        orders=c.Orders(**_order_columns(orders, *place), value_days=days(orders), own=own, desk=orders["desk"].to_numpy(), **lent),
        others=c.OpenOrders(
            **_order_columns(others, *place), value_days=days(others), leaves=others["leaves"].to_numpy(),
            cleared=others["cleared"].to_numpy().astype(bool),
        ),
        instruments=instruments, portfolios=mandates, **_held(positions, cash, unsettled, instruments, place, at, owed),
        met=met_for_judging(order_ids, at),
        forwards={
            (int(np.searchsorted(place[1], pk)), on.toordinal()): Fraction(factor)
            for (pk, on), factor in marketdata.forward_factors(dated, at).items()
        },
        **taxes, **listed, limits=limits, breakers=shorts.breakers(orders, place_of, at), boxed=boxed, units_owned=units_owned,
        firm_held=firm[0], firm_promised=firm[1], own=said_of(rules, instruments), benchmarks=benchmarks, constituents=funds,
        issued=issued_of(rules, instruments),
        firm=shared.columns(instruments, order_ids) if shared else None,
    )  # fmt: skip


def snapshot_as_held(
    portfolio_ids: Sequence[int], at: datetime, instrument_ids: Iterable[int] = (), *, deals: bool = False,
    rules: Sequence[RuleVersion] = (),
) -> c.Snapshot:
    """
    The portfolios with what they hold and no orders, for rules that are asked how things stand.

    :param instrument_ids: instruments to look at though none of them may be held any more
    :param deals: whether a rule looks at deals in currencies not settled
    """
    wanted = sorted(portfolio_ids)
    with connection.cursor() as cursor:
        positions = _positions(cursor, wanted)
        cash, unsettled = _money(cursor, wanted, at)
        mandates = homes_of(cursor, wanted, at.date())
        benchmarks = followed(rules, mandates, at)
        had = {*positions["thing"], *instrument_ids}
        funds = held_by_funds(rules, had, at)
        within = {pk for one in (*benchmarks.values(), *funds.values()) for pk in one.weights}
        shared = firm_had(cursor, rules, had, [], at, (), standing=True)
        within |= set(shared.things if shared else ())
        instruments = _instruments(cursor, sorted(had | within), set(), at)
        owed = money_owed(cursor, wanted, at) if deals else None
        listed = _contracts(cursor, instruments, set(positions["thing"]), mandates, [], at)
    place = np.array(wanted, np.int64), np.array([i.id for i in instruments], np.int64)
    none = {name: np.zeros(0, bool if name == "sell" else np.int64) for name in (*ORDER_SCHEMA, "value_days")}
    return c.Snapshot(
        at=at, plans=plans_of(mandates, at.date()), orders=c.Orders(**none), others=c.OpenOrders(**none),
        **listed, instruments=instruments, portfolios=mandates, **_held(positions, cash, unsettled, instruments, place, at, owed),
        own=said_of(rules, instruments), benchmarks=benchmarks, constituents=funds, issued=issued_of(rules, instruments),
        firm=shared.columns(instruments, []) if shared else None,
    )  # fmt: skip


def _held(
    positions: pl.DataFrame, cash: pl.DataFrame, unsettled: pl.DataFrame, instruments: Sequence[c.Instrument],
    place: tuple[np.ndarray, np.ndarray], at: datetime, owed: Owed | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What is held, of things and of money, with the rates it is worth by. :param place: ids of portfolios and instruments"""
    rates = {code: c.Rate(rate, when) for code, (rate, when) in marketdata.fx_rates(c.FIRM_CURRENCY).items()}
    rates[c.FIRM_CURRENCY] = c.Rate(rates[c.FIRM_CURRENCY].rate, at)
    currencies = {i.currency for i in instruments} | {i.base_currency for i in instruments if i.base_currency}
    currencies = sorted(currencies | set(cash["thing"]) | set(unsettled["thing"]) | (owed.currencies if owed else set()))
    return {
        "positions": _holdings(positions, place[0], np.searchsorted(place[1], positions["thing"].to_numpy())),
        "cash": _holdings(cash, place[0], _places(currencies, cash["thing"])),
        "unsettled": _holdings(unsettled, place[0], _places(currencies, unsettled["thing"])),
        "currencies": currencies,
        "rates": rates,
        "deals": owed.columns(place[0], currencies) if owed else None,
    }


def _positions(cursor, portfolios: Sequence[int]) -> pl.DataFrame:
    return _frame(
        cursor,
        "SELECT portfolio_id, instrument_id, (qty * 10000)::bigint, (unpaid_amount * 10000)::bigint"
        " FROM portfolios_position WHERE portfolio_id = ANY(%s::bigint[]) AND (qty <> 0 OR unpaid_amount <> 0)"
        " ORDER BY portfolio_id, instrument_id",
        [portfolios],
        {"portfolio": pl.Int64, "thing": pl.Int64, "amount": pl.Int64, "unpaid": pl.Int64},
    )


def _money(cursor, portfolios: Sequence[int], at: datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What the portfolios have by currency, and what of it is still to settle, by day."""
    money = {"portfolio": pl.Int64, "thing": pl.String, "amount": pl.Int64}
    cash = _frame(
        cursor,
        "SELECT portfolio_id, currency_id, (amount * 10000)::bigint FROM portfolios_cash"
        " WHERE portfolio_id = ANY(%s::bigint[]) AND amount <> 0",
        [portfolios],
        money,
    )
    unsettled = _frame(
        cursor,
        "SELECT portfolio_id, currency_id, (sum(amount) * 10000)::bigint, settle_date FROM portfolios_movement"
        " WHERE portfolio_id = ANY(%s::bigint[]) AND trade_date >= %s AND settle_date > %s AND amount IS NOT NULL GROUP BY 1, 2, 4",
        [portfolios, at.date() - SETTLES_WITHIN, at.date()],
        money | {"settles": pl.Date},
    )
    return cash, unsettled


def _frame(cursor, query: str, values: Sequence, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """The rows of a query as columns, by COPY."""
    with cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv)", values) as copy:
        written = b"".join(copy)
    if not written:
        return pl.DataFrame(schema=schema)
    return pl.read_csv(io.BytesIO(written), has_header=False, new_columns=list(schema), schema_overrides=list(schema.values()))


def _refuse_huge(orders: pl.DataFrame) -> None:
    huge = orders.filter(pl.col("huge") == 1)["id"].to_list()
    if huge:
        names = ", ".join(f"O-{pk:06d}" for pk in huge[:3])
        raise TooLarge(
            f"{names}: a quantity above {LARGEST_QTY:,} or a price above {LARGEST_PRICE:,} cannot be checked. Correct it.",
            orders=huge[:20],
        )


def _own(orders: pl.DataFrame) -> list[dict[str, str]] | None:
    """What orders say in fields of the firm's own, those out of use too, as rules ask for it; None where they say nothing."""
    if orders["own"].null_count() == len(orders):
        return None
    said = [orjson.loads(text) if text else {} for text in orders["own"]]
    return [{code: as_asked(value) for code, value in one.items()} for one in said]


def _order_columns(frame: pl.DataFrame, portfolios: np.ndarray, instruments: np.ndarray) -> dict[str, np.ndarray]:
    columns = {name: frame[name].to_numpy() for name in ORDER_SCHEMA}
    columns["portfolio"] = np.searchsorted(portfolios, columns["portfolio"])
    columns["instrument"] = np.searchsorted(instruments, columns["instrument"])
    columns |= {name: columns[name].astype(bool) for name in ("sell", "short")}
    return columns


def _value_days(
    cursor, pairs: set[int], *frames: pl.DataFrame
) -> tuple[Callable[[pl.DataFrame], np.ndarray], set[tuple[int, date]]]:
    """
    The value dates that orders in currencies have of their own, as columns of ``c.Orders``, and each pair with its dates.
    Asked only where there are any.
    """
    ids = {pk: thing for frame in frames for pk, thing in frame.select("id", "instrument").rows() if thing in pairs}
    if not ids:
        return lambda frame: np.zeros(len(frame), np.int64), set()
    cursor.execute(
        "SELECT id, (terms ->> 'value_date')::date FROM orders_order WHERE id = ANY(%s) AND terms ? 'value_date'", [list(ids)]
    )
    days = dict(cursor.fetchall())
    ordinals = {pk: day.toordinal() for pk, day in days.items()}
    return (
        lambda frame: np.array([ordinals.get(pk, 0) for pk in frame["id"]], np.int64),
        {(ids[pk], day) for pk, day in days.items()},
    )


def _places(names: Sequence[str], column: pl.Series) -> np.ndarray:
    place = {name: n for n, name in enumerate(names)}
    return np.array([place[name] for name in column], np.int64)


def _holdings(frame: pl.DataFrame, portfolios: np.ndarray, thing: np.ndarray) -> c.Holdings:
    settles = None
    if "settles" in frame.columns:
        settles = np.array([day.toordinal() for day in frame["settles"]], np.int64)
    place = np.searchsorted(portfolios, frame["portfolio"].to_numpy())
    unpaid = frame["unpaid"].to_numpy() if "unpaid" in frame.columns and (frame["unpaid"] != 0).any() else None
    return c.Holdings(place, thing, frame["amount"].to_numpy(), settles, unpaid)


def _contracts(cursor, instruments, asked: set[int], homes, judged: Sequence[int], at: datetime, *counted) -> dict[str, Any]:
    return contracts_of(cursor, instruments, asked, homes, judged, at, lambda ids: read_instruments(cursor, ids, at), *counted)


def read_instruments(cursor, ids: Iterable[int], at: datetime) -> list[c.Instrument]:
    """Instruments as the engine takes them."""
    return _instruments(cursor, sorted(ids), set(), at)


def _instruments(cursor, ids: Sequence[int], traded: set[int], at: datetime) -> list[c.Instrument]:
    cursor.execute(
        "SELECT i.id, i.symbol, i.asset_class, i.currency_id, i.issuer_id, i.sector, q.bid, q.ask, q.at, i.price_factor,"
        " i.increment, i.min_piece, i.shares_outstanding, v.daily_qty, i.underlying_id, u.issuer_id, i.coupon_pct,"
        " i.coupon_frequency, i.maturity_date, i.venue_id, i.country,"
        f" coalesce(i.base_currency_id, ''), {reference.SETTLES_IN}, i.rating, i.strike_price, i.put_or_call,"
        " coalesce(uv.annual_volatility, v.annual_volatility), (uq.bid + uq.ask) / 2, coalesce(u.currency_id, ''), i.day_count,"
        f" {', '.join(FUND_FACTS)} FROM reference_instrument i JOIN reference_issuer s ON s.id = i.issuer_id"
        " LEFT JOIN marketdata_quote q ON q.instrument_id = i.id"
        " LEFT JOIN marketdata_averagevolume v ON v.instrument_id = i.id"
        " LEFT JOIN reference_instrument u ON u.id = i.underlying_id"
        " LEFT JOIN marketdata_quote uq ON uq.instrument_id = u.id"
        " LEFT JOIN marketdata_averagevolume uv ON uv.instrument_id = u.id WHERE i.id = ANY(%s) ORDER BY i.id",
        [list(ids)],
    )
    rows = cursor.fetchall()
    groups = reference.issuer_groups()
    names = dict(Issuer.objects.filter(pk__in={groups[row[4]] for row in rows}).values_list("pk", "name"))
    days = reference.trade_dates({row[19] for row in rows}, at)
    settles = _settlement_dates({(days[row[19]], row[20], row[2], row[22]) for row in rows if row[0] in traded})
    fees = reference.fees_on((row[20], row[2], "BUY", days[row[19]]) for row in rows)
    found = []
    for row in rows:
        (pk, symbol, kind, currency, issuer, sector, bid, ask, quoted, factor, increment, piece, shares, daily,
         underlying, underlying_issuer, coupon, frequency, maturity, venue, country, base, settles_in,
         rating, strike, put_or_call, volatility, underlying_mid, underlying_currency, day_count, *facts) = row  # fmt: skip
        settle = settles.get((days[venue], country, kind, settles_in))
        found.append(
            c.Instrument(
                pk, symbol, kind, currency, groups[issuer], names[groups[issuer]], sector, bid, ask, quoted, factor,
                increment, piece, shares, daily, underlying,
                groups[underlying_issuer] if underlying_issuer else None,
                accrued_estimate(coupon, frequency, maturity, settle),
                sum((Fraction(fee.rate_bp) for fee in fees[country, kind, "BUY", days[venue]]), Fraction(0)),
                days[venue], settle, base, country, rating, coupon, maturity, strike, put_or_call, volatility,
                underlying_mid, underlying_currency, **dict(zip(FUND_FACTS.values(), facts, strict=True)),
                coupon_frequency=frequency, day_count=day_count,
            )
        )  # fmt: skip
    return found


def _settlement_dates(wanted: set[tuple[date, str, str, str]]) -> dict[tuple[date, str, str, str], date]:
    """Settlement dates of those for which the calendars are on file: of the others, the engine cannot tell."""
    try:
        return reference.settlement_dates(wanted)
    except NoSettlementCalendar:
        found = {}
        for one in wanted:
            try:
                found |= reference.settlement_dates([one])
            except NoSettlementCalendar:
                continue
        return found
