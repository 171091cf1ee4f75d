"""
Before a block's first route: parts of it become blocks of their own, or all its orders are gathered anew.

A part is whole orders, or of some orders a part of their quantity, which becomes an order by itself (``orders``); so the
quantities of the parts sum to what was split. Once a block is routed its allocation statement is fixed and names every
order, so a part of it is released by routing a part of its quantity (its fills are shared out by the statement), and
what comes later is a new wave.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact, listens
from apps.core.refusals import Conflict, Invalid
from apps.core.tables import next_ids
from apps.orders import services as orders
from apps.reference.models import Broker
from apps.users.models import User

from .. import events
from ..models import Block, Member
from ..rules import How, plain, takes, unfit_quantity
from ..states import LIFE
from .gathering import gather_orders
from .owners import refuse_owned_by_others
from .working import Locked, happen, lock_asked, lock_members

COPIED = (
    "instrument_id", "side", "order_type", "limit_price", "tif", "instructions", "currency_id", "desk_id", "owner_id",
    "trade_date", "settle_date", "terms", "wave", "directed_to_id", "directed_when", "apart",
)  # fmt: skip
MOST_PARTS = 20


class NotInTheBlock(Invalid):
    """An order named is not one of the block's."""


class NothingLeft(Invalid):
    """All of a block's orders, or none, are no part of it."""


class BadPart(Invalid):
    """A quantity cannot be split off, or not for this broker; ``field`` and ``row`` say which."""


class NotInABlock(Conflict):
    """The order is in no block that the desk could split."""


class Piece(NamedTuple):
    """A block to be: what it takes of which orders, and for which broker."""

    takes: Mapping[int, Decimal]
    broker_id: int | None = None

    @property
    def qty(self) -> Decimal:
        return sum(self.takes.values(), Decimal(0))


@transaction.atomic
def split_block(act: Act, block_id: int, order_ids: Collection[int], *, seen: Mapping[int, int]) -> int:
    """
    Will make some orders of an open block a block of their own, on the same terms and with the same owner. Orders that
    come later join the block they were split from.

    :returns: the new block's id
    :raises NotInTheBlock: where an order is of another block; :raises NothingLeft: for none of its orders, or all
    :raises MembersChanging: where an order of it is being cancelled or amended at this moment
    :raises OwnedByAnother, NotFound, StaleBlock, IllegalMove: as when finishing; IllegalMove once it was routed
    """
    row, has, _ = _locked(act, block_id, seen)
    leaving = set(order_ids)
    if strangers := leaving - has.keys():
        raise NotInTheBlock(f"Order O-{min(strangers):06d} is not in block B-{block_id:04d}; reload.", field="orders")
    if not leaving or leaving == has.keys():
        raise NothingLeft("Choose some of the block's orders, not none and not all, to split off.", field="orders")
    (child,) = _write(act, row, has, [Piece({order: has[order] for order in sorted(leaving)})])
    return child


@transaction.atomic
def split_block_by_qty(
    act: Act, block_id: int, qty: Decimal, *, how: How = How.PRO_RATA, broker_code: str = "", seen: Mapping[int, int]
) -> int:
    """
    Will make a quantity of an open block a block of its own, to be released by itself: of every order its part, or whole
    orders first. Orders that come later join what is left.

    :param broker_code: for whom it is meant, which routing by rule then follows; empty: nobody
    :returns: the new block's id
    :raises BadPart: for a quantity that is no whole number of lots or leaves nothing, or a broker that cannot have it
    :raises NotSplit, NotCheckedToday: where an order cannot be split so
    :raises OwnedByAnother, NotFound, StaleBlock, IllegalMove, MembersChanging: as when splitting off orders
    """
    row, has, lot = _locked(act, block_id, seen)
    brokers = _brokers(row, [broker_code])
    _refuse_no_lots([qty], lot)
    if qty >= row.qty:
        raise BadPart(
            f"{plain(qty)} leaves nothing of the {plain(row.qty)} that are not at a broker; split off less, or route all of it.",
            field="qty", row=0, free=plain(row.qty),
        )  # fmt: skip
    (taken,) = takes([qty], list(has.items()), lot, how)
    (child,) = _write(act, row, has, [Piece(taken, brokers[0])])
    return child


@transaction.atomic
def split_block_by_broker(
    act: Act, block_id: int, parts: Sequence[tuple[str, Decimal]], *, how: How = How.PRO_RATA, seen: Mapping[int, int]
) -> list[int]:
    """
    Will end an open block and make several of it, each of a quantity and meant for a broker; together they are all of it.

    :param parts: (broker's code, quantity)
    :returns: the new blocks' ids, in the parts' order
    :raises BadPart: where they do not sum to the block, or as when splitting off a quantity; ``row`` counts from 0
    :raises OwnedByAnother, NotFound, StaleBlock, IllegalMove, MembersChanging, NotSplit: as when splitting off a quantity
    """
    row, has, lot = _locked(act, block_id, seen)
    if not 2 <= len(parts) <= MOST_PARTS:
        raise BadPart(f"Name two to {MOST_PARTS} brokers, each with its quantity.", field="parts")
    brokers = _brokers(row, [code for code, _ in parts], needed=True)
    qtys = [qty for _, qty in parts]
    _refuse_no_lots(qtys, lot)
    if sum(qtys) != row.qty:
        off = sum(qtys) - row.qty
        raise BadPart(
            f"The parts sum to {plain(sum(qtys))}, which is {plain(abs(off))} {'above' if off > 0 else 'below'} the"
            f" {plain(row.qty)} that are not at a broker.",
            field="parts", free=plain(row.qty),
        )  # fmt: skip
    taken = takes(qtys, list(has.items()), lot, how)
    return _write(act, row, has, [Piece(part, broker) for part, broker in zip(taken, brokers, strict=True)])


@transaction.atomic
def split_order(act: Act, order_id: int, qty: Decimal, *, seen: Mapping[int, int]) -> tuple[int, int]:
    """
    Will make a quantity of an order of an open block an order of its own, in a block of its own, with the same owner.

    :param seen: the version of the order that the person was looking at
    :returns: the new order and its block
    :raises StaleOrder: if it changed since; :raises NotInABlock: where the desk has it in no block
    :raises BadPart, NotSplit, NotCheckedToday: as when splitting a block
    :raises OwnedByAnother, NotFound, IllegalMove, MembersChanging: as when splitting a block
    """
    block_id = Member.objects.filter(order=order_id).values_list("block_id", flat=True).first()
    if block_id is None:
        raise NotInABlock(f"O-{order_id:06d} is in no block; only what the desk has can be split. Amend it.", order=order_id)
    block = Block.objects.select_for_update(no_key=True).get(pk=block_id)
    row, has, lot = _locked(act, block_id, {block_id: block.version})
    if order_id not in has:
        raise NotInABlock(f"O-{order_id:06d} has left its block just now. Reload to see where it is.", order=order_id)
    orders.hold_as_seen([order_id], seen)
    _refuse_no_lots([qty], lot)
    if qty >= has[order_id]:
        raise BadPart(
            f"{plain(qty)} leaves nothing of the order's {plain(has[order_id])}; split off less.",
            field="qty", row=0, free=plain(has[order_id]),
        )  # fmt: skip
    (child,) = _write(act, row, has, [Piece({order_id: qty})])
    return Member.objects.values_list("order_id", flat=True).get(block=child), child


def _locked(act: Act, block_id: int, seen: Mapping[int, int]) -> tuple[Locked, dict[int, Decimal], Decimal]:
    """The block, what it has of each order, and the lot it trades in."""
    (row,) = lock_asked(act, [block_id], seen, events.BlockSplit)
    refuse_owned_by_others(User.objects.get(pk=act.by), [row])
    with connection.cursor() as cursor:
        members, steps = lock_members(cursor, [block_id])
    has = {order: qty for order, _, qty in members[block_id]}
    return row, has, steps[block_id][0]


def _refuse_no_lots(qtys: Sequence[Decimal], lot: Decimal) -> None:
    for n, qty in enumerate(qtys):
        if why := unfit_quantity(qty, lot):
            raise BadPart(why, field="qty", row=n, lot=plain(lot))


def _brokers(row: Locked, codes: Sequence[str], *, needed: bool = False) -> list[int | None]:
    found = {b.code: b for b in Broker.objects.filter(code__in=codes, is_active=True).exclude(kind=Broker.Kind.VENUE)}
    directed = Block.objects.values_list("directed_to__code", flat=True).get(pk=row.id)
    for n, code in enumerate(codes):
        if code and code not in found or needed and not code:
            raise BadPart(f"There is no broker or dealer “{code}”." if code else "Choose a broker.", field="broker_code", row=n)
        if code and code in codes[:n]:
            raise BadPart(f"{found[code].name} is named twice; give it one part.", field="broker_code", row=n)
        if code and directed not in (None, code):
            raise BadPart(
                f"The clients of block B-{row.id:04d} direct it to {directed}, so it cannot be split for {code}.",
                field="broker_code", row=n,
            )  # fmt: skip
    return [found[code].pk if code else None for code in codes]


def _write(act: Act, row: Locked, has: Mapping[int, Decimal], pieces: Sequence[Piece]) -> list[int]:
    """
    Makes the pieces blocks. Where they take all of an order it goes with the first that takes of it; else it stays. The
    number of statements is the same for any number of orders and pieces.
    """
    taken = {order: sum(piece.takes.get(order, Decimal(0)) for piece in pieces) for order in has}
    first = {order: n for n, piece in reversed(list(enumerate(pieces))) for order in piece.takes}
    parts = [
        (n, orders.Part(order, qty))
        for n, piece in enumerate(pieces)
        for order, qty in piece.takes.items()
        if taken[order] < has[order] or first[order] != n
    ]
    made = orders.mark_split(act, [part for _, part in parts]) if parts else []
    holds: list[dict[int, Decimal]] = [
        {o: q for o, q in piece.takes.items() if taken[o] == has[o] and first[o] == n} for n, piece in enumerate(pieces)
    ]
    for (n, part), pk in zip(parts, made, strict=True):
        holds[n][pk] = part.qty
    ids, opened = _open(act, row, pieces)
    with connection.cursor() as cursor:
        moved = {o: (ids[n], q) for n, of in enumerate(holds) for o, q in of.items() if o in has}
        kept = {o: (row.id, has[o] - taken[o]) for o in has if o not in moved and taken[o]}
        cursor.execute(
            "INSERT INTO blocks_member (block_id, order_id, qty, is_late) SELECT u.block, u.made, u.qty, m.is_late"
            " FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::numeric[]) AS u(source, block, made, qty)"
            " JOIN blocks_member m ON m.order_id = u.source",
            [[p.order_id for _, p in parts], [ids[n] for n, _ in parts], made, [p.qty for _, p in parts]],
        )
        cursor.execute(
            "UPDATE blocks_member m SET block_id = u.block, qty = u.qty"
            " FROM unnest(%s::bigint[], %s::bigint[], %s::numeric[]) AS u(id, block, qty) WHERE m.order_id = u.id",
            [list(moved | kept), *map(list, zip(*(moved | kept).values(), strict=True))],
        )
    qtys = [piece.qty for piece in pieces]
    if sum(qtys) == row.qty:
        told = events.BlockDivided(ids, [plain(q) for q in qtys], [o.meant_for_id for o in opened])
        happen(act, [row], {row.id: told}, {"cancelled_qty": ("numeric", [row.qty])})
    else:
        told = events.BlockSplit(into=ids[0], order_ids=sorted(holds[0]), qty=plain(qtys[0]))
        happen(act, [row], {row.id: told}, {"qty": ("numeric", [row.qty - qtys[0]])})
    record(act, [Fact(pk, 1, event) for pk, event in zip(ids, opened, strict=True)])
    return ids


def _open(act: Act, row: Locked, pieces: Sequence[Piece]) -> tuple[list[int], list[events.BlockOpened]]:
    """Writes the new blocks by one INSERT; their births."""
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "blocks_block", len(pieces))
        keys = [hashlib.sha256(f"split {pk}".encode()).hexdigest() for pk in ids]
        cursor.execute(
            f"INSERT INTO blocks_block (id, {', '.join(COPIED)}, meant_for_id, merge_key, opened_at, qty, placed_qty,"
            " filled_qty, filled_value, cancelled_qty, status, version, split_from_id)"
            f" SELECT u.id, {', '.join(f'b.{name}' for name in COPIED)}, coalesce(u.broker, b.meant_for_id), u.key, %s, u.qty,"
            " 0, 0, 0, 0, %s, 1, b.id"
            " FROM unnest(%s::bigint[], %s::text[], %s::numeric[], %s::bigint[]) AS u(id, key, qty, broker)"
            " CROSS JOIN blocks_block b WHERE b.id = %s"
            " RETURNING id, instrument_id, side, wave, directed_to_id, meant_for_id",
            [
                act.at, str(LIFE.born[events.BlockOpened]), ids, keys, [p.qty for p in pieces], [p.broker_id for p in pieces],
                row.id,
            ],
        )  # fmt: skip
        made = {pk: more for pk, *more in cursor.fetchall()}
    opened = []
    for pk, piece in zip(ids, pieces, strict=True):
        instrument, side, wave, directed, meant = made[pk]
        opened.append(
            events.BlockOpened(
                instrument, side, wave, plain(piece.qty), len(piece.takes), split_from=row.id, directed_to_id=directed,
                meant_for_id=meant,
            )
        )  # fmt: skip
    return ids, opened


@transaction.atomic
def unblock_blocks(act: Act, block_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will end open blocks and have their orders gathered anew, by today's dates and with their like. The orders stay as
    compliance cleared them: nothing of their terms changes, so nothing is screened again.

    :raises MembersChanging, OwnedByAnother, NotFound, StaleBlock, IllegalMove: as when splitting
    """
    rows = lock_asked(act, block_ids, seen, events.BlockUnblocked)
    refuse_owned_by_others(User.objects.get(pk=act.by), rows)
    with connection.cursor() as cursor:
        members, _ = lock_members(cursor, [row.id for row in rows])
        cursor.execute("DELETE FROM blocks_member WHERE block_id = ANY(%s)", [[row.id for row in rows]])
    told = {row.id: events.BlockUnblocked([order for order, _, _ in members[row.id]]) for row in rows}
    happen(act, rows, told, {"cancelled_qty": ("numeric", [row.qty for row in rows])})


@listens("blocks.regather_orders")
def regather_orders(act: Act, facts: Sequence[Fact]) -> None:
    """Will gather the orders of blocks that were ended for that."""
    orders_of = [order for fact in facts for order in fact.event.order_ids]
    gather_orders(act, [Fact(order, 0, None) for order in orders_of])
