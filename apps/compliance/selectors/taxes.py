"""What the engine is told of the taxpayers of some portfolios. Asked only where one has a taxpayer."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from django.db.models import F

from apps.orders.models import Order, Side
from apps.orders.states import OPEN
from apps.portfolios.lot_selectors import tax_lots
from apps.portfolios.models import AlikeForTax, Portfolio
from apps.reference.models import Instrument

from ..engine import columns as c
from ..engine.taxes import Account, Bought, Position, TaxLot, count_lots


def taxes_of(
    homes: Sequence[c.Portfolio], instruments: Sequence[c.Instrument], asked: Sequence[int], judged: Sequence[int], today: date
) -> dict[str, Mapping]:
    """
    Columns of a snapshot: ``taxes``, ``lots`` and ``alike``. Six queries, none where no portfolio has a taxpayer.

    :param asked: ids of the instruments that the orders are of; :param judged: the orders' ids, which are no open orders here
    """
    payers = {home.taxpayer for home in homes if home.taxpayer is not None}
    if not payers:
        return {}
    words = dict(AlikeForTax.objects.values_list("instrument_id", "word"))
    wanted = {words[pk] for pk in asked if pk in words}
    things = set(asked) | {pk for pk, word in words.items() if word in wanted}
    symbols = dict(Instrument.objects.filter(pk__in=things).values_list("pk", "symbol"))
    factors = dict(Instrument.objects.filter(pk__in=things).values_list("pk", "price_factor"))
    alike = {pk: words.get(pk) or symbols[pk] for pk in things}
    accounts = {
        pk: (payer, Account(pk, code, is_ira))
        for pk, payer, code, is_ira in Portfolio.objects.filter(taxpayer__in=payers).values_list("pk", "taxpayer", "code", "is_ira")
    }
    found: dict[tuple[int, str], Position] = {}
    places = {home.id: n for n, home in enumerate(homes)}, {i.id: n for n, i in enumerate(instruments)}
    lots: dict[tuple[int, int], list[TaxLot]] = {}
    for (home, thing), (left, closed) in tax_lots(accounts, things).items():
        payer, account = accounts[home]
        count_lots(found.setdefault((payer, alike[thing]), Position([], [])), account, left, closed, factors[thing])
        if home in places[0] and thing in places[1]:
            lots[places[0][home], places[1][thing]] = [TaxLot(*lot) for lot in left]
    rows = Order.objects.filter(portfolio__in=accounts, instrument__in=things, side=Side.BUY, status__in=OPEN).exclude(pk__in=judged)
    for home, thing, qty in rows.values_list("portfolio_id", "instrument_id", F("qty") - F("filled_qty") - F("cancelled_qty")):
        payer, account = accounts[home]
        if qty > Decimal(0):
            found.setdefault((payer, alike[thing]), Position([], [])).bought.append(Bought(*account[:2], today, qty, account.is_ira, True))
    return {"taxes": found, "lots": lots, "alike": alike}
