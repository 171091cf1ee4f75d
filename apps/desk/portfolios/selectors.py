"""The list of portfolios: what each is worth, how it stands to its mandate and model, what it has in orders."""

from collections import defaultdict
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from django.db.models import Q

from apps.marketdata import selectors as marketdata
from apps.portfolios import selectors as portfolios

ZERO = Decimal(0)
PAGE = 500
NEAR = Decimal(1)  # Percent of net asset value: a band with less room than this is said to be near.
EQUITY, FIXED_INCOME, CASH, OTHER = "EQUITY", "FIXED_INCOME", "CASH", "OTHER"
CLASS_OF = {"EQUITY": EQUITY, "ETF": EQUITY, "FUND": EQUITY, "CORP": FIXED_INCOME, "GOVT": FIXED_INCOME}


class Row(NamedTuple):
    """One portfolio; amounts in USD, shares in percent of its net asset value, ``drift`` of equity against its model."""

    pk: int
    code: str
    name: str
    team: str
    currency: str
    model: str
    nav: Decimal
    equity_pct: Decimal | None
    fixed_pct: Decimal | None
    cash_pct: Decimal | None
    target: Decimal | None
    drift: Decimal | None
    breach: str
    orders: int
    held: int
    in_orders: Decimal


VALUES = """
SELECT x.portfolio_id, i.asset_class, i.currency_id, sum(x.qty * (q.bid + q.ask) / 2 * i.price_factor - x.unpaid_amount)
FROM portfolios_position x JOIN reference_instrument i ON i.id = x.instrument_id
JOIN marketdata_quote q ON q.instrument_id = i.id WHERE x.portfolio_id = ANY(%s) AND (x.qty <> 0 OR x.unpaid_amount <> 0) GROUP BY 1, 2, 3
UNION ALL SELECT portfolio_id, 'CASH', currency_id, amount FROM portfolios_cash WHERE portfolio_id = ANY(%s)
"""
ORDERS = """
SELECT o.portfolio_id, i.currency_id, count(*), count(*) FILTER (WHERE o.status = 'HELD'),
    sum((o.qty - o.filled_qty - o.cancelled_qty) * coalesce((o.terms ->> 'cash_qty')::numeric / o.qty,
        (q.bid + q.ask) / 2, o.decision_price, 0) * i.price_factor)
FROM orders_order o JOIN reference_instrument i ON i.id = o.instrument_id
LEFT JOIN marketdata_quote q ON q.instrument_id = i.id
WHERE o.portfolio_id = ANY(%s) AND o.status IN ('IN_REVIEW', 'HELD', 'TO_APPROVE', 'PARKED', 'CLEARED', 'WORKING') GROUP BY 1, 2
"""
TARGETS = """
SELECT w.model_id, i.asset_class, sum(w.weight_pct) FROM portfolios_modelweight w
JOIN reference_instrument i ON i.id = w.instrument_id WHERE w.model_id = ANY(%s) GROUP BY 1, 2
"""


def portfolio_rows(user, text: str = "") -> list[Row]:
    """
    The first 500 portfolios the person may see whose name, code or team fits the text: outside their mandate or with
    held orders first, then by size. A fixed number of queries; a position without a price counts nothing.
    """
    seen = portfolios.portfolios_seen_by(user).filter(is_open=True)
    if text.strip():
        words = text.strip()
        seen = seen.filter(Q(name__icontains=words) | Q(code__icontains=words) | Q(team__iexact=words))
    found = list(
        seen.order_by("code").values_list(
            "pk", "code", "name", "team", "base_currency_id", "model__name", "model__number", "model_id",
            "mandate__equity_min_pct", "mandate__equity_max_pct", "mandate__fixed_income_min_pct",
            "mandate__fixed_income_max_pct", "mandate__cash_min_pct",
        )[:PAGE]
    )  # fmt: skip
    ids = [row[0] for row in found]
    rates = {c: r for c, (r, _) in marketdata.fx_rates("USD").items()}
    values, orders, targets = _values(ids, rates), _orders(ids, rates), _targets({row[7] for row in found} - {None})
    rows = [_row(one, values[one[0]], orders.get(one[0], (0, 0, ZERO)), targets.get(one[7])) for one in found]
    return sorted(rows, key=lambda r: (not r.held, not r.breach, -r.nav, r.code))


def _row(one: tuple, values: dict, orders: tuple, target: Decimal | None) -> Row:
    pk, code, name, team, currency, model, number, _, *bands = one
    nav = sum(values.values(), ZERO)
    equity, fixed, cash = (values[c] / nav * 100 if nav else None for c in (EQUITY, FIXED_INCOME, CASH))
    drift = equity - target if target is not None and equity is not None else None
    return Row(
        pk, code, name, team, currency, f"{model} v{number}" if model else "", nav, equity, fixed, cash, target, drift,
        _breach(bands, equity, fixed, cash), *orders,
    )  # fmt: skip


def _breach(bands: list, equity, fixed, cash) -> str:
    """In words what lies outside the mandate's bands; empty where nothing does or there is no mandate."""
    if equity is None or bands[0] is None:
        return ""
    equity_min, equity_max, fixed_min, fixed_max, cash_min = bands
    said = (
        (equity > equity_max, "equity above its band"), (equity < equity_min, "equity below its band"),
        (fixed > fixed_max, "fixed income above its band"), (fixed < fixed_min, "fixed income below its band"),
        (cash < cash_min, "too little cash"),
    )  # fmt: skip
    return ", ".join(words for is_so, words in said if is_so)


def _values(ids: list[int], rates: dict) -> dict[int, dict[str, Decimal]]:
    totals: dict[int, dict[str, Decimal]] = defaultdict(
        lambda: dict.fromkeys((EQUITY, FIXED_INCOME, CASH, OTHER), ZERO)
    )
    with connection.cursor() as cursor:
        cursor.execute(VALUES, [ids, ids])
        for pk, asset_class, currency, amount in cursor.fetchall():
            if currency in rates:
                kind = CASH if asset_class == CASH else CLASS_OF.get(asset_class, OTHER)
                totals[pk][kind] += amount * rates[currency]
    return totals


def _orders(ids: list[int], rates: dict) -> dict[int, tuple[int, int, Decimal]]:
    totals: dict[int, tuple[int, int, Decimal]] = {}
    with connection.cursor() as cursor:
        cursor.execute(ORDERS, [ids])
        for pk, currency, orders, held, amount in cursor.fetchall():
            before = totals.get(pk, (0, 0, ZERO))
            totals[pk] = (before[0] + orders, before[1] + held, before[2] + amount * rates.get(currency, ZERO))
    return totals


def _targets(models: set[int]) -> dict[int, Decimal]:
    """Model to the percent of equity it aims at."""
    aims: dict[int, Decimal] = {}
    with connection.cursor() as cursor:
        cursor.execute(TARGETS, [sorted(models)])
        for model, asset_class, weight in cursor.fetchall():
            aims[model] = aims.get(model, ZERO) + (weight if CLASS_OF.get(asset_class) == EQUITY else ZERO)
    return aims
