"""
The orders of a model change: every portfolio sells a share of its equity and buys fixed income for it.

Written as a file that the portfolio manager imports, as it would come from a portfolio construction tool.
"""

import csv
import io
import random
from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from django.db import connection

from apps.marketdata import selectors as marketdata
from apps.portfolios import selectors as portfolios
from apps.reference.models import BONDS, Instrument

HEADING = ("portfolio", "isin", "symbol", "side", "quantity", "order type", "limit price", "tif", "rationale", "ref", "group")
GROUPS = {"SELL": "Equity sales", "BUY": "Bond purchases"}
D = Decimal


class Line(NamedTuple):
    portfolio: str
    isin: str
    symbol: str
    side: str
    qty: Decimal
    ref: str


def transition(seed: int, *, percent: int = 5, sells: int = 11, buys: int = 6) -> list[Line]:
    """
    Sells ``percent`` of each portfolio's net asset value of equity, over ``sells`` of its holdings in proportion to
    their value, and buys as much of ``buys`` bonds in equal parts; whole increments, never more than is held.

    The same seed draws the same lines. Every equity held and every bond occurs where there are enough portfolios.
    """
    draw = random.Random(seed)
    held, codes = _holdings()
    navs = portfolios.navs()
    rates = {c: r for c, (r, _) in marketdata.fx_rates("USD").items()}
    instruments = {i.pk: i for i in Instrument.objects.filter(is_active=True)}
    unit = {
        pk: q.mid * instruments[pk].price_factor * rates[instruments[pk].currency_id]
        for pk, q in marketdata.quotes_of(instruments).items()
    }
    bonds = sorted((i for i in instruments.values() if i.asset_class in BONDS), key=lambda i: i.symbol)
    lines: list[Line] = []
    turn: list[Instrument] = []
    for portfolio in sorted(codes, key=codes.get):
        amount = navs[portfolio] * percent / 100
        equity = [(pk, qty) for pk, qty in held[portfolio] if instruments[pk].asset_class not in BONDS]
        sold = _sells(draw, equity, unit, instruments, amount, sells)
        if len(turn) < buys:
            turn += draw.sample(bonds, len(bonds))
        chosen = list({i.pk: i for i in turn}.values())[:buys]
        for i in chosen:
            turn.remove(i)
        bought = [(i, amount / len(chosen) / unit[i.pk]) for i in chosen]
        for side, orders in (("SELL", sold), ("BUY", bought)):
            for instrument, qty in orders:
                whole = max(whole_increments(qty, instrument.increment), instrument.min_piece)
                ref = f"TR{seed}-{len(lines) + 1:06d}"
                lines.append(Line(codes[portfolio], instrument.isin, instrument.symbol, side, whole, ref))
    return lines


def whole_increments(qty: Decimal, increment: Decimal) -> Decimal:
    return (qty / increment).to_integral_value(ROUND_DOWN) * increment


def _sells(draw, equity, unit, instruments, amount, count) -> list[tuple[Instrument, Decimal]]:
    chosen = draw.sample(sorted(equity), min(count, len(equity)))
    whole = sum(qty * unit[pk] for pk, qty in chosen)
    share = min(amount / whole, D("0.9"))
    return [(instruments[pk], qty * share) for pk, qty in sorted(chosen)]


def _holdings() -> tuple[dict[int, list[tuple[int, Decimal]]], dict[int, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.id, p.code, h.instrument_id, h.qty FROM portfolios_portfolio p"
            " JOIN portfolios_position h ON h.portfolio_id = p.id AND h.qty > 0 WHERE p.is_open ORDER BY p.code, 3"
        )
        held: dict[int, list[tuple[int, Decimal]]] = {}
        codes: dict[int, str] = {}
        for pk, code, instrument, qty in cursor.fetchall():
            codes[pk] = code
            held.setdefault(pk, []).append((instrument, qty))
    return held, codes


def as_csv(lines: Sequence[Line]) -> bytes:
    """The lines as the file that is imported."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADING)
    for line in lines:
        writer.writerow(
            (line.portfolio, line.isin, line.symbol, line.side, f"{line.qty.normalize():f}", "MARKET", "", "DAY",
             "Model change: equity to fixed income", line.ref, GROUPS[line.side])
        )  # fmt: skip
    return out.getvalue().encode()
