"""Booking what clients of the firm trade with each other: both sides at once, against each other's custody accounts."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction

from apps.audit.services import record
from apps.blocks import services as blocks
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.tables import copy_in, next_ids
from apps.portfolios import services as portfolios

from ..events import AllocationBooked
from ..states import A
from .allocating import COLUMNS, lock_portfolios, moves_of

ZERO = Decimal(0)


class Leg(NamedTuple):
    """An order's side of a pair, in the block that is its side of the cross."""

    block_id: int
    order_id: int
    portfolio_id: int
    side: str


class Met(NamedTuple):
    """A buyer and a seller who met: ``amount`` is quantity × price × factor, rounded once, the same for both."""

    buy: Leg
    sell: Leg
    qty: Decimal
    amount: Decimal


class Terms(NamedTuple):
    """What all pairs of a cross have in common. ``fees``: portfolio to what its custodian takes for a delivery."""

    instrument_id: int
    broker_id: int
    currency: str
    price: Decimal
    trade_date: date
    settle_date: date
    fees: Mapping[int, Decimal]


@transaction.atomic
def book_crosses(act: Act, met: Sequence[Met], terms: Terms) -> list[tuple[int, int]]:
    """
    Will book each pair as two allocations, the buyer's and the seller's, with units and money moved between their
    portfolios, and say of the blocks that all of them is shared out. No commission and no fee of the trade is taken; what
    a custodian charges for the delivery is paid apart, so that both sides instruct the same amount.

    Whoever crosses them holds the orders, and has filled the blocks.

    :returns: the ids of both allocations of each pair
    """
    legs = [leg for one in met for leg in (one.buy, one.sell)]
    with connection.cursor() as cursor:
        lock_portfolios(cursor, {leg.portfolio_id for leg in legs})
        cursor.execute(
            "SELECT order_id, max(wave) FROM allocations_allocation WHERE order_id = ANY(%s) AND broker_id = %s GROUP BY 1",
            [[leg.order_id for leg in legs], terms.broker_id],
        )
        waves = dict(cursor.fetchall())
        ids = next_ids(cursor, "allocations_allocation", len(legs))
        rows, others = [], []
        for pk, leg, one in zip(ids, legs, (one for one in met for _ in range(2)), strict=True):
            waves[leg.order_id] = waves.get(leg.order_id, 0) + 1
            rows.append(
                (
                    pk, leg.block_id, leg.order_id, leg.portfolio_id, terms.instrument_id, terms.broker_id, leg.side, one.qty,
                    terms.price, terms.currency, one.amount, ZERO, ZERO, ZERO, one.amount, terms.trade_date,
                    terms.settle_date, act.at, waves[leg.order_id], A.BOOKED.value, "[]", ZERO, "0", 1,
                )
            )  # fmt: skip
            others.append((pk, (one.sell if leg is one.buy else one.buy).portfolio_id))
        copy_in(cursor, "allocations_allocation", COLUMNS, rows)
        copy_in(cursor, "allocations_crossedwith", ("allocation_id", "portfolio_id"), others)
    charged = [
        portfolios.Moved(
            leg.portfolio_id, terms.trade_date, terms.settle_date, f"transfer:{pk}", currency=terms.currency,
            amount=-terms.fees[leg.portfolio_id],
        )
        for pk, leg in zip(ids, legs, strict=True) if terms.fees.get(leg.portfolio_id)
    ]  # fmt: skip
    portfolios.post_movements(act, [*moves_of(rows, {terms.instrument_id: None}), *charged])
    counts: dict[int, int] = {}
    for leg in legs:
        counts[leg.block_id] = counts.get(leg.block_id, 0) + 1
    blocks.mark_allocated(act, counts)
    record(
        act,
        [
            Fact(row[0], 1, AllocationBooked(row[1], row[2], row[3], str(row[7]), str(row[8]), str(row[14])))
            for row in rows
        ],
    )
    return list(zip(ids[::2], ids[1::2], strict=True))
