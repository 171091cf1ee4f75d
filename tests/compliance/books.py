"""Small books to judge: snapshots built from plain words, without a database."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np

from apps.compliance.engine.columns import (
    PRICE,
    QTY,
    Holdings,
    Instrument,
    OpenOrders,
    Orders,
    Portfolio,
    Rate,
    Snapshot,
    micros,
)  # fmt: skip
from apps.compliance.engine.judgement import RuleVersion
from apps.compliance.engine.rules import read

D = Decimal
NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
TODAY, NEXT, LATER = date(2026, 3, 4), date(2026, 3, 5), date(2026, 3, 6)


ONE = (Portfolio(1, "P1"),)


def share(pk: int, symbol: str, price="100", **more) -> Instrument:
    """A US share with a quote of one price on both sides, a minute old; settles the next day."""
    price = None if price is None else D(price)
    given = {
        "asset_class": "EQUITY", "currency": "USD", "issuer_group": pk, "issuer_name": f"Issuer {pk}",
        "sector": "Tech", "bid": price, "ask": price, "priced_at": NOW - timedelta(minutes=1),
        "shares_outstanding": D(1_000_000), "daily_qty": D(1_000_000), "trade_date": TODAY, "settle_date": NEXT,
    } | more  # fmt: skip
    return Instrument(id=pk, symbol=symbol, **given)


def rule(kind: str, severity: str = "SOFT", **given) -> RuleVersion:
    return RuleVersion(7, kind, kind.replace("_", " "), kind, 1, severity, read(kind, given))


def book(
    instruments, orders, *, positions=(), cash=(), others=(), unsettled=(), portfolios=ONE,
    rates=None, met=(), firm_held=None, firm_promised=None, value_dates=None, forwards=None, located=None, exempt=None, firm=None,
) -> Snapshot:  # fmt: skip
    """
    :param orders: (portfolio place, symbol, side, quantity[, limit]); ids count from 1
    :param others: the same, with a further truth for cleared
    :param positions: (portfolio place, symbol, quantity); cash: (portfolio place, currency, amount)
    :param unsettled: (portfolio place, currency, amount, date)
    :param located: order id to what lenders gave their word for; exempt: order id to why the price test does not ask it
    :param value_dates: order id to the date it says itself; forwards: (symbol, date) to what its quote is multiplied with
    """
    place = {i.symbol: n for n, i in enumerate(instruments)}
    currencies = {i.currency for i in instruments} | {i.base_currency for i in instruments if i.base_currency}
    currencies = sorted(currencies | {c[1] for c in cash} | {"USD"})
    coin = {c: n for n, c in enumerate(currencies)}
    rows = [(*o, None) if len(o) == 4 else o for o in orders]
    other_rows = [(p, s, side, q, None, *(rest or [True])) for p, s, side, q, *rest in others]

    def whole(values, scale=QTY):
        return np.array([int(D(str(v)) * scale) for v in values], np.int64)

    def columns(rows, first_id):
        return {
            "id": np.arange(first_id, first_id + len(rows), dtype=np.int64),
            "version": np.full(len(rows), 2, np.int64),
            "portfolio": np.array([r[0] for r in rows], np.int64),
            "instrument": np.array([place[r[1]] for r in rows], np.int64),
            "sell": np.array([r[2] != "BUY" for r in rows], bool),
            "short": np.array([r[2] == "SELL_SHORT" for r in rows], bool),
            "located": whole((located or {}).get(n, 0) for n in range(first_id, first_id + len(rows))),
            "exempt": [(exempt or {}).get(n, "") for n in range(first_id, first_id + len(rows))],
            "qty": whole(r[3] for r in rows),
            "limit": whole((r[4] or 0 for r in rows), PRICE),
            "created_us": np.full(len(rows), micros(NOW), np.int64),
            "family": np.arange(first_id, first_id + len(rows), dtype=np.int64),
            "value_days": np.array(
                [value_dates[n].toordinal() if value_dates and n in value_dates else 0
                 for n in range(first_id, first_id + len(rows))], np.int64,
            ),
        }  # fmt: skip

    def held(rows, index, dated=False):
        return Holdings(
            np.array([r[0] for r in rows], np.int64), np.array([index[r[1]] for r in rows], np.int64),
            whole(r[2] for r in rows), np.array([r[3].toordinal() for r in rows], np.int64) if dated else None,
        )  # fmt: skip

    other_columns = columns(other_rows, 10_001)
    other_columns["created_us"] -= 24 * 3600 * 1_000_000
    return Snapshot(
        firm=firm, at=NOW, orders=Orders(**columns(rows, 1)),
        others=OpenOrders(
            **other_columns, leaves=other_columns["qty"], cleared=np.array([r[5] for r in other_rows], bool)
        ),
        positions=held(positions, place), cash=held(cash, coin), unsettled=held(unsettled, coin, dated=True),
        instruments=instruments, portfolios=portfolios, currencies=currencies,
        rates={"USD": Rate(D(1), NOW)} | {c: Rate(D(r), NOW) for c, r in (rates or {}).items()},
        met=met,
        forwards={(place[symbol], on.toordinal()): Fraction(factor) for (symbol, on), factor in (forwards or {}).items()},
        firm_held=whole(firm_held or [0] * len(instruments)), firm_promised=whole(firm_promised or [0] * len(instruments)),
    )  # fmt: skip
