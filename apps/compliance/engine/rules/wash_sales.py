"""
Wash sales (26 USC 1091): a sale at a loss with a purchase of the same or of what the firm's policy calls substantially
identical, within thirty days before or after it, in any account of the taxpayer. Both ways: selling at a loss after a
purchase, or beside an order to buy, of the same act too; and buying after a sale at a loss. A replacement in a retirement
account loses the loss for good (Rev. Rul. 2008-5).

A sale takes lots first in, first out; what it is expected to bring is its limit, else the bid, against the price of the
lot. Purchases that the sale itself takes back replace nothing.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np

from ..columns import PRICE, QTY, Snapshot
from ..judgement import FAIL, INDETERMINATE, PASS, RuleVersion, Said, Verdicts, without_quantity
from ..params import Param
from ..saying import line, number
from ..taxes import WINDOW, Bought, LossSale, TaxLot, is_within

PARAMS: dict[str, Param] = {}
BASIS = f"{WINDOW} days before and after, all accounts of the taxpayer, lots first in, first out"


def judge(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """Only orders of portfolios with a taxpayer are asked; few are, so each by itself, exactly."""
    outcome = np.zeros(len(s.orders), np.int8)
    said: dict[int, Said] = {}
    taxed = np.array([p.taxpayer is not None for p in s.portfolios], bool)
    asked = np.flatnonzero(taxed[s.orders.portfolio]) if len(s.portfolios) else np.zeros(0, np.int64)
    beside = _bought_beside(s, [int(order) for order in asked if not s.orders.sell[order] and not refused[order]])
    for order in asked:
        found = _sale(s, int(order), beside) if s.orders.sell[order] else _purchase(s, int(order))
        outcome[order] = found[0]
        said[int(order)] = found[1]
    return Verdicts(rule, outcome, lambda order: said[order], max_qty=without_quantity(outcome == FAIL))


def _purchase(s: Snapshot, order: int) -> tuple[int, Said]:
    i, home = s.instrument_of(order), s.portfolio_of(order)
    today = i.trade_date or s.at.date()
    known = s.taxes.get((home.taxpayer, s.alike.get(i.id, i.symbol)))
    losses = [sale for sale in known.losses if is_within(sale.on, today)] if known else []
    if not losses:
        return PASS, Said("")
    lost = [sale for sale in losses if sale.loss is not None]
    if not lost:
        text = f"Cannot tell whether buying {i.symbol} is a wash sale: the cost of what {_listed(losses)} sold is not on file."
        return INDETERMINATE, Said(text, BASIS, tuple(_loss_line(i.currency, sale) for sale in losses[:12]), "rule")
    losses = lost
    text = f"{_listed(losses)} sold at a loss within {WINDOW} days: buying {i.symbol} now is a wash sale."
    return FAIL, Said(text + _lost(home.is_ira), BASIS, tuple(_loss_line(i.currency, sale) for sale in losses[:12]), "rule")


def _bought_beside(s: Snapshot, purchases: Sequence[int]) -> dict[tuple, list[Bought]]:
    """What a taxpayer's accounts would buy by orders of the same act: (taxpayer, what is alike) to it."""
    found: dict[tuple, list[Bought]] = {}
    for order in purchases:
        i, home = s.instrument_of(order), s.portfolio_of(order)
        qty, on = Decimal(int(s.orders.qty[order])) / QTY, i.trade_date or s.at.date()
        key = home.taxpayer, s.alike.get(i.id, i.symbol)
        found.setdefault(key, []).append(Bought(home.id, home.code, on, qty, home.is_ira, is_open=True))
    return found


def _sale(s: Snapshot, order: int, beside: Mapping[tuple, Sequence[Bought]]) -> tuple[int, Said]:
    i, home = s.instrument_of(order), s.portfolio_of(order)
    today, key = i.trade_date or s.at.date(), s.alike.get(i.id, i.symbol)
    known = s.taxes.get((home.taxpayer, key))
    bought = [*(known.bought if known else ()), *beside.get((home.taxpayer, key), ())]
    lots = s.lots.get((int(s.orders.portfolio[order]), int(s.orders.instrument[order])), ())
    qty, price = Decimal(int(s.orders.qty[order])) / QTY, _price(s, order)
    sold = _taken(lots, qty)
    if not sold or not bought:
        return PASS, Said("")
    replaced = _replacing(bought, home.id, sold, today)
    if not replaced:
        return PASS, Said("")
    if price is None or any(lot.price is None for lot in sold):
        what = f"{i.symbol} has no quote" if price is None else f"the cost of what {home.code} holds of it is not on file"
        text = f"Cannot tell whether {i.symbol} is sold at a loss: {what}, and it was bought within {WINDOW} days."
        return INDETERMINATE, Said(text, BASIS, tuple(map(_bought_line, replaced[:12])), "rule")
    loss = sum((max(lot.price - price, Decimal(0)) * lot.qty for lot in sold), Decimal(0)) * i.price_factor
    if not loss:
        return PASS, Said("")
    text = f"{i.symbol} is sold at a loss of about {i.currency} {loss:,.2f} and {_bought(replaced)} within {WINDOW} days: a wash sale."
    data = (line("Loss", loss, currency=i.currency), *map(_bought_line, replaced[:11]))
    return FAIL, Said(text + _lost(any(one.is_ira for one in replaced)), BASIS, data, "rule")


def _replacing(bought: Sequence[Bought], home: int, sold: Sequence[TaxLot], today) -> list[Bought]:
    """Purchases in the window less what the sale itself takes of them."""
    taken: dict = {}
    for lot in sold:
        taken[lot.opened_on] = taken.get(lot.opened_on, Decimal(0)) + lot.qty
    found = []
    for one in bought:
        left = one.qty - (taken.get(one.on, Decimal(0)) if one.portfolio == home and not one.is_open else 0)
        if left > 0 and is_within(one.on, today):
            found.append(one._replace(qty=left))
    return found


def _taken(lots: Sequence[TaxLot], qty: Decimal) -> list[TaxLot]:
    found = []
    for lot in lots:
        part = min(lot.qty, qty)
        qty -= part
        if part > 0:
            found.append(lot._replace(qty=part))
    return found


def _price(s: Snapshot, order: int) -> Decimal | None:
    limit = int(s.orders.limit[order])
    return Decimal(limit) / PRICE if limit else s.instrument_of(order).bid


def _lost(is_ira: bool) -> str:
    return " The replacement is in a retirement account: the loss is lost for good." if is_ira else " The loss is deferred."


def _listed(losses: Sequence[LossSale]) -> str:
    return ", ".join(f"{sale.code} on {sale.on:%d %b}" for sale in losses[:3]) + (" and others" if len(losses) > 3 else "")


def _bought(found: Sequence[Bought]) -> str:
    names = [f"{one.code} {'has an open order to buy' if one.is_open else f'bought on {one.on:%d %b}'}" for one in found[:3]]
    return ", ".join(names) + (" and others" if len(found) > 3 else "")


def _bought_line(one: Bought) -> dict:
    what = "to be bought" if one.is_open else f"bought on {one.on.isoformat()}"
    return line(f"{one.code}, {what}", one.qty, retirement_account=one.is_ira)


def _loss_line(currency: str, sale: LossSale) -> dict:
    loss = "unknown" if sale.loss is None else sale.loss
    return line(f"{sale.code}, loss of {sale.on.isoformat()}", loss, qty=number(sale.qty), currency=currency)
