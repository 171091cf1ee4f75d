"""From blocks, their statements and executions to the allocations that are booked: columns in, rows out."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from apps.core.money import rounded
from apps.core.shares import quantity, units
from apps.reference.accruals import Coupon, accrued_amount
from apps.reference.rules import MARGINED, FeeTerms, fee_amount

from .shares import Segments, pro_rata_columns, share_amounts, split_columns

# Decimals at which an average price is published (FIX tag 74). The counterparties of the desk take six in every class
# but FX; a class that needs another number gets its own line.
PRICE_PLACES = {"EQUITY": 6, "ETF": 6, "FUND": 6, "CORP": 6, "GOVT": 6, "OPTION": 6, "FUTURE": 6, "FX": 8}


class Filled(NamedTuple):
    """
    What one broker filled of a block, or stepped into: exact sums over its live executions, and the dates they trade and settle.

    :param gross: what it is worth, and ``charged`` what each of its fees is, where it is a part of what was executed
    """

    broker_id: int
    qty: Decimal
    value: Decimal | Fraction  # Σ quantity × price
    commission: Decimal
    trade_date: date
    settle_date: date
    fees: Sequence[FeeTerms] = ()
    gross: Decimal | None = None
    charged: Sequence[Decimal] | None = None


class BlockFacts(NamedTuple):
    """What deciding a block's shares needs. Members come from the statement, by ascending order id."""

    block_id: int
    side: str
    asset_class: str
    lot: Decimal  # the instrument's increment
    min_piece: Decimal
    price_factor: Decimal
    minor_units: int
    coupon: Coupon
    order_ids: Sequence[int]
    portfolio_ids: Sequence[int]
    intended: Sequence[int]  # ten-thousandths
    fills: Sequence[Filled]

    @property
    def filled_qty(self) -> Decimal:
        return sum((f.qty for f in self.fills), Decimal(0))


class Fee(NamedTuple):
    """An order's part of one fee on the trade; ``kind`` is FIX's MiscFeeType (139)."""

    code: str
    kind: str
    amount: Decimal


class Booked(NamedTuple):
    """One order's part of what one broker filled. Money is in the instrument's currency."""

    block: BlockFacts
    fill: Filled
    order_id: int
    portfolio_id: int
    qty: Decimal
    price: Decimal
    gross: Decimal
    accrued: Decimal
    commission: Decimal
    fees: tuple[Fee, ...]
    net: Decimal

    @property
    def unpaid(self) -> Decimal:
        """What of the gross is not paid: all of it of a future, which the clearer margins."""
        return Decimal(0) if is_paid(self.block.asset_class) else self.gross

    @property
    def fees_amount(self) -> Decimal:
        return sum((fee.amount for fee in self.fees), Decimal(0))


def published_price(value: Decimal, filled: Decimal, asset_class: str) -> Decimal:
    """
    Σqp/Σq, rounded half-up once, to the decimals agreed for the asset class. In percent of par for bonds.

    :param value: the exact sum of quantity × price of the executions
    """
    return rounded(Fraction(value) / Fraction(filled), PRICE_PLACES[asset_class])


def gross_amount(value: Decimal, price_factor: Decimal, minor_units: int) -> Decimal:
    """What the executions are worth: their exact value × the instrument's price factor, rounded half-up once."""
    return rounded(Fraction(value) * Fraction(price_factor), minor_units)


def is_paid(asset_class: str) -> bool:
    return asset_class not in MARGINED


def net_amount(side: str, gross, accrued, commission, fees):
    """Buy: gross + accrued + costs, which we pay; sell: gross + accrued − costs, which we receive. Gross as far as paid."""
    costs = commission + fees
    return gross + accrued + (costs if side == "BUY" else -costs)


def intended_shares(blocks: Sequence[BlockFacts]) -> np.ndarray:
    """
    Each member's share of its block's fill so far, in ten-thousandths, block after block.

    Largest remainder does not grow evenly with the fill: the share of an order may fall by a lot when more is filled.
    So this is recomputed for what is shown on the way, and booked once, when the block is done.
    """
    runs = Segments(np.array([len(b.order_ids) for b in blocks]))
    return pro_rata_columns(
        np.array([units(b.filled_qty) for b in blocks], dtype=np.int64),
        np.array([units(b.lot) for b in blocks], dtype=np.int64),
        np.array([units(b.min_piece) for b in blocks], dtype=np.int64),
        runs,
        _column(blocks, "intended"),
        _column(blocks, "order_ids"),
    )


def book(blocks: Sequence[BlockFacts]) -> tuple[np.ndarray, list[Booked]]:
    """
    Each member's share (in ten-thousandths, block after block) and the allocations that make it up: one an order and
    broker. Gross, accrued interest, commission and each fee of each broker's fill are fixed for the block, rounded
    once, and shared by quantity so that they sum to it to the cent.
    """
    shares = intended_shares(blocks)
    runs = Segments(np.array([len(b.order_ids) for b in blocks]))
    order_ids = _column(blocks, "order_ids")
    parts = split_columns(
        shares,
        order_ids,
        runs,
        [[units(f.qty) for f in b.fills] for b in blocks],
        np.array([units(b.lot) for b in blocks], dtype=np.int64),
    )
    row, place, part = _taken(runs, parts)
    if not len(row):
        return shares, []
    block_of = runs.of[row]
    new = np.flatnonzero((np.diff(block_of, prepend=-1) != 0) | (np.diff(place, prepend=-1) != 0))
    fills = Segments(np.diff(np.append(new, len(row))))
    deals = [(blocks[b], blocks[b].fills[p]) for b, p in zip(block_of[new], place[new], strict=True)]
    return shares, list(_rows(deals, fills, order_ids[row], _column(blocks, "portfolio_ids")[row], part))


def _column(blocks: Sequence[BlockFacts], name: str) -> np.ndarray:
    return np.fromiter((v for b in blocks for v in getattr(b, name)), dtype=np.int64)


def _taken(runs: Segments, parts: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The parts that are not nothing, by block, broker and order: row, broker's place in its block, quantity."""
    if not parts:
        empty = np.empty(0, dtype=np.int64)
        return empty, empty, empty
    grid = np.stack(parts)
    place, row = np.nonzero(grid)
    order = np.lexsort((row, place, runs.of[row]))
    return row[order], place[order], grid[place, row][order]


def _rows(deals, fills: Segments, order_ids, portfolio_ids, part) -> Iterator[Booked]:
    """
    :param deals: (block, what one broker filled of it), one a segment of ``fills``
    :param part: quantities in ten-thousandths, segment after segment
    """
    minor = [b.minor_units for b, _ in deals]
    gross = [gross_amount(f.value, b.price_factor, b.minor_units) if f.gross is None else f.gross for b, f in deals]
    accrued = [accrued_amount(f.qty, b.coupon, f.settle_date, b.minor_units) for b, f in deals]
    commission = [rounded(f.commission, b.minor_units) for b, f in deals]
    prices = [published_price(f.value, f.qty, b.asset_class) for b, f in deals]
    fees = [
        list(f.charged) if f.charged is not None else [fee_amount(terms, f.qty, g, b.minor_units) for terms in f.fees]
        for (b, f), g in zip(deals, gross, strict=True)
    ]
    most = max(map(len, fees), default=0)

    def shared(amounts: list[Decimal]) -> list[int]:
        totals = np.array([int(a.scaleb(m)) for a, m in zip(amounts, minor, strict=True)], dtype=np.int64)
        if not totals.any():
            return [0] * len(part)
        return share_amounts(totals, part, order_ids, fills).tolist()

    zero = Decimal(0)
    columns = zip(
        fills.of.tolist(), order_ids.tolist(), portfolio_ids.tolist(), part.tolist(), shared(gross), shared(accrued),
        shared(commission), *(shared([each[n] if n < len(each) else zero for each in fees]) for n in range(most)),
        strict=True,
    )  # fmt: skip
    for deal, order_id, portfolio_id, qty, in_gross, in_accrued, in_commission, *in_fees in columns:
        block, fill = deals[deal]
        places = -block.minor_units
        net = net_amount(block.side, in_gross if is_paid(block.asset_class) else 0, in_accrued, in_commission, sum(in_fees))
        borne = tuple(
            Fee(terms.code, terms.kind, Decimal(amount).scaleb(places))
            for terms, amount in zip(fill.fees, in_fees, strict=False)
            if amount
        )
        yield Booked(
            block, fill, order_id, portfolio_id, quantity(qty), prices[deal],
            Decimal(in_gross).scaleb(places), Decimal(in_accrued).scaleb(places) if in_accrued else zero,
            Decimal(in_commission).scaleb(places) if in_commission else zero, borne, Decimal(net).scaleb(places),
        )  # fmt: skip
