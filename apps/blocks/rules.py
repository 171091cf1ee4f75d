"""What like orders have in common, and the statement of who is to have what: both in one spelling, hashed."""

import hashlib
from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

import orjson

from apps.core.shares import largest_remainder, quantity, units

METHOD = "PRO_RATA"


class Likeness(NamedTuple):
    """
    What orders must share to be worked as one (merge key): the same thing, on the same side, on the same terms, by the
    same desk, settling on the same date in the same currency. A sell is not a short sale (FIX 4.4 tag 54).
    What clients direct to a broker is worked apart from the rest, as early or late as they say.
    An order with a minimum quantity is worked alone (``alone_id``), for a share of a fill might be below it; so is one in a
    fund by amount, whose units are its own. ``apart`` is what the firm's merge rules ask for besides (``MergeRule``).
    """

    instrument_id: int
    side: str
    order_type: str
    limit_price: str | None
    tif: str
    instructions: str
    currency: str
    desk_id: int
    trade_date: date
    settle_date: date
    terms: str = "{}"
    alone_id: int | None = None
    directed_to_id: int | None = None
    directed_when: str = ""
    apart: str = ""

    @property
    def key(self) -> str:
        *parts, directed_to, directed_when, apart = self
        # What is said of few is added where it is said: of the others the key is as it was before.
        parts += ([directed_to, directed_when] if directed_to else []) + ([apart] if apart else [])
        return hashlib.sha256(canonical(parts)).hexdigest()


def canonical(content) -> bytes:
    """The one spelling of a value as JSON: sorted keys, no spaces, UTF-8."""
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def plain(number: Decimal | None) -> str | None:
    """The shortest spelling of a number: 1200 for 1200.0000."""
    if number is None:
        return None
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def statement(
    block_id: int, lot: Decimal, min_piece: Decimal, members: Sequence[tuple[int, int, Decimal]]
) -> tuple[bytes, str]:
    """
    The allocation statement of a block and its SHA-256: which orders of which portfolios are to have how much, by which
    method, in which steps (SEC no-action letter SMC Capital, 5 Sep 1995, condition 3).

    :param members: (order, portfolio, intended quantity), by order
    """
    content = canonical(
        {
            "block": block_id,
            "method": METHOD,
            "lot": plain(lot),
            "min_piece": plain(min_piece),
            "orders": [[order, portfolio, plain(qty)] for order, portfolio, qty in members],
        }
    )
    return content, hashlib.sha256(content).hexdigest()


def is_true_to(content, expected_hash: str) -> bool:
    """Whether a statement's content still has the hash that was recorded for it."""
    return hashlib.sha256(canonical(content)).hexdigest() == expected_hash


class Side(NamedTuple):
    """One side of a possible cross: its block's side, and (portfolio, quantity, may be crossed) of each order."""

    side: str
    orders: Sequence[tuple[int, Decimal, bool]]


def crossable(buy: Side, sell: Side, *, is_level_1: bool, lot: Decimal) -> tuple[Decimal, list[str]]:
    """
    How much of two opposite blocks could be crossed under 17 CFR 270.17a-7, or why nothing: market quotations must be
    readily available (Level 1 since Rule 2a-5, which leaves out most bonds), both sides must be long, and a portfolio
    takes part only with its consent and on one side.
    """
    problems = []
    if not is_level_1:
        problems.append("No quotation of an exchange is at hand, so there is no independent price (17a-7(a), (b)).")
    if sell.side != "SELL":
        problems.append("The sale is short.")
    both = {portfolio for portfolio, *_ in buy.orders} & {portfolio for portfolio, *_ in sell.orders}
    able = [
        sum((qty for portfolio, qty, may in one.orders if may and portfolio not in both), Decimal(0)) for one in (buy, sell)
    ]
    qty = min(able) // lot * lot
    if not problems and qty <= 0:
        problems.append("No portfolio that may be crossed stands on both sides; consent is kept under Reference data.")
    return (Decimal(0), problems) if problems else (qty, [])


class Party(NamedTuple):
    """A block of an idea as the order of release sees it. ``broker_id`` is None and ``when`` empty for a free one."""

    block_id: int
    broker_id: int | None
    when: str
    is_released: bool


class Turn(NamedTuple):
    """When a block is released: its place among those of its idea, and the blocks it waits for."""

    place: int
    places: int
    waits_for: tuple[int, ...]


def turns(blocks: Sequence[Party], seats: Sequence[int | None], releasing: Collection[int] = ()) -> dict[int, Turn]:
    """
    The order in which blocks of one idea are released: those directed before the free ones, then the free ones and those
    in turn by the rotation, then those after. Who trades with the free ones has no place. Once a party was released,
    what it gets later keeps nobody waiting.

    :param seats: broker ids, None for the free ones, from the seat that is first for this idea
    :param releasing: blocks released together, which do not wait for each other
    """
    ranks = {b.block_id: rank for b in blocks if (rank := _rank(b, seats)) is not None}
    present = sorted(set(ranks.values()))
    served = {ranks[b.block_id] for b in blocks if b.is_released and b.block_id in ranks}
    waiting = [
        b.block_id
        for b in blocks
        if b.block_id in ranks and not b.is_released and b.block_id not in releasing and ranks[b.block_id] not in served
    ]
    return {
        pk: Turn(present.index(rank) + 1, len(present), tuple(other for other in waiting if ranks[other] < rank))
        for pk, rank in ranks.items()
    }


def _rank(block: Party, seats: Sequence[int | None]) -> tuple[int, int] | None:
    if block.when == "WITH":
        return None
    if block.when in ("BEFORE", "AFTER"):
        return (0 if block.when == "BEFORE" else 2), 0
    # Who is to take turns and has no seat comes after those who have; without a rotation, after the free ones.
    return 1, seats.index(block.broker_id) if block.broker_id in seats else len(seats)


class How(StrEnum):
    """Whose part of a block goes where a quantity of it goes."""

    PRO_RATA = "PRO_RATA"
    WHOLE = "WHOLE"


def unfit_quantity(qty: Decimal, lot: Decimal) -> str:
    """Why nothing can be traded in this quantity; empty where it can."""
    if qty <= 0:
        return "Say a quantity above zero."
    return f"{plain(qty)} is no multiple of {plain(lot)}, in which it trades." if qty % lot else ""


def takes(
    qtys: Sequence[Decimal], members: Sequence[tuple[int, Decimal]], lot: Decimal, how: How
) -> list[dict[int, Decimal]]:
    """
    How much of which orders each of several quantities of a block takes, one after the other: pro rata of what is left, in
    whole lots by largest remainder; or whole orders, the largest that fit first, and of one more what is then missing.

    :param qtys: each above zero, together at most what the orders ask for
    :param members: (order, quantity)
    :returns: for each quantity, order to what it takes of it; they sum to it
    """
    ids = [order for order, _ in members]
    left = [units(qty) for _, qty in members]
    share = _whole if how == How.WHOLE else _in_proportion
    found = []
    for qty in qtys:
        part = share(units(qty), left, ids, units(lot))
        left = [had - took for had, took in zip(left, part, strict=True)]
        found.append({pk: quantity(took) for pk, took in zip(ids, part, strict=True) if took})
    return found


def _in_proportion(qty: int, left: Sequence[int], ids: Sequence[int], lot: int) -> list[int]:
    return largest_remainder(qty, left, ids, lot, capped=True)


def _whole(qty: int, left: Sequence[int], ids: Sequence[int], lot: int) -> list[int]:
    took = [0] * len(left)
    by_size = sorted(range(len(left)), key=lambda i: (-left[i], ids[i]))
    for i in by_size:
        if left[i] <= qty:
            took[i], qty = left[i], qty - left[i]
    if qty:  # Whatever was not taken is larger than what is missing.
        i = next(i for i in by_size if not took[i])
        took[i] = qty
    return took
