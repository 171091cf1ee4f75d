"""Reports of orders that nobody placed, as where a broker books another client's trade on a session."""

import random

from .book import Book
from .clock import trade_date_at
from .market import Market
from .orders import CANCELED, Execution, Order, Report, Terms

KINDS = ("F", "0", "4")


def strays(book: Book, market: Market, others: list[str], n: int, draw: random.Random) -> list[Report]:
    """
    Fills, acknowledgements and cancels by turns, each under an ExecID of its own. They are of no order in the book, and in no log.

    :param others: ClOrdIDs of other counterparties' orders; every second report names one of them, the rest what nobody said
    """
    told = []
    for nth in range(n):
        instrument = draw.choice([one for one in market.universe.instruments if not (one.is_fx or one.is_fund)])
        name = draw.choice(others) if others and nth % 2 else f"STRAY-{book.ids()}"
        terms = Terms(name, draw.choice("12"), instrument.isin, instrument.symbol, instrument.currency, 100 * instrument.increment)
        order = Order(book.ids(), terms, instrument, trade_date_at(book.utc()))
        kind, traded = KINDS[nth % len(KINDS)], {}
        if kind == "F":
            exec_id, price = book.ids(), market.quote(instrument).bid
            order.add(Execution(exec_id, exec_id, terms.qty, price, book.commission(order, terms.qty, price)))
            traded = {"exec_id": exec_id, "last_qty": terms.qty, "last_px": price}
        elif kind == "4":
            order.closed = CANCELED
        told.append(book.report(order, kind, **traded))
    return told
