"""From the statement to the shares: what the desk and its routes do to blocks."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction
from django.db.utils import OperationalError
from psycopg.errors import LockNotAvailable

from apps.audit.services import keep_act, record
from apps.compliance import services as compliance
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Conflict, IllegalMove, Invalid, NotFound, Stale
from apps.core.tables import copy_in, next_ids, update_many
from apps.orders import selectors as order_selectors
from apps.orders import services as orders
from apps.users.models import User
from apps.users.services import require

from .. import events, rules, selectors
from ..models import Block
from ..states import LIFE, B
from .owners import refuse_owned_by_others
from .rotating import Taken, take_turns


class StaleBlock(Stale):
    """A block changed after the trader looked."""


class MembersChanging(Conflict):
    """An order of the block is being cancelled or amended at this very moment."""


class StillWorking(Conflict):
    """Part of the block is still at a broker."""


class NotWorking(Conflict):
    """The block is not being worked, so nothing of it can be placed or filled."""


class Overplaced(Conflict):
    """More would be placed than the block has to place."""


class Overfilled(Conflict):
    """More would be filled than was placed."""


class Locked(NamedTuple):
    id: int
    status: str
    version: int
    qty: Decimal
    placed_qty: Decimal
    filled_qty: Decimal
    filled_value: Decimal
    cancelled_qty: Decimal
    desk_id: int
    owner_id: int | None


class Held(NamedTuple):
    """An order in a block, held by who asked."""

    block_id: int
    version: int
    status: str


# --- by traders -----------------------------------------------------------------------------------------------------


@transaction.atomic
def freeze_blocks(
    act: Act, block_ids: Collection[int], *, seen: Mapping[int, int], arrival: Mapping[int, Decimal | None],
    out_of_turn: bool = False,
) -> dict[int, Taken]:  # fmt: skip
    """
    Will fix the allocation statements of open blocks, hashed onto the record, and put their orders to work: before the
    first route, and once.

    :param arrival: block id to the mid price now, against which its execution is measured
    :param out_of_turn: release also what would have to wait for others of its idea; a supervisor's word, with a reason
    :returns: in which place each is released, where parties take turns
    :raises OutOfTurn: if one has to wait for others
    :raises NotFound: if one is hidden from the actor or missing
    :raises StaleBlock: if one changed since the actor looked
    :raises MembersChanging: if an order of one is being cancelled or amended at this moment
    :raises IllegalMove: if one is not open
    """
    rows = lock_asked(act, block_ids, seen, events.BlockFrozen)
    ids = [row.id for row in rows]
    turns = take_turns(act, ids, out_of_turn=out_of_turn)
    with connection.cursor() as cursor:
        members, steps = lock_members(cursor, ids)
        made = [(row, *rules.statement(row.id, *steps[row.id], members[row.id])) for row in rows]
        statement_ids = next_ids(cursor, "blocks_statement", len(made))
        act_id = keep_act(act)
        copy_in(
            cursor, "blocks_statement", ("id", "block_id", "content", "hash", "made_at", "act_id"),
            ((n, row.id, content.decode(), digest, act.at, act_id)
             for n, (row, content, digest) in zip(statement_ids, made, strict=True)),
        )  # fmt: skip
        told = {
            row.id: events.BlockFrozen(
                n, digest, len(members[row.id]), rules.plain(row.qty), rules.plain(arrival.get(row.id)),
                **(turns[row.id]._asdict() if row.id in turns else {}),
            )
            for n, (row, _, digest) in zip(statement_ids, made, strict=True)
        }
    happen(
        act, rows, told,
        {
            "frozen_at": ("timestamptz", [act.at] * len(ids)),
            "arrival_price": ("numeric", [arrival.get(pk) for pk in ids]),
        },
    )  # fmt: skip
    worked = {order: pk for pk in ids for order, _, _ in members[pk]}
    compliance.refuse_over(act, worked)
    orders.mark_working(act, worked)
    return turns


def hold_members(block_ids: Collection[int]) -> dict[int, Held]:
    """
    Locks the orders of blocks that the caller holds: order id to where it is. One query.

    :raises MembersChanging: if one is being cancelled or amended at this moment
    """
    with connection.cursor() as cursor:
        rows = _locked_members(cursor, list(block_ids), "m.block_id, o.version, o.status", "")
    return {order: Held(*rest) for order, *rest in rows}


def lock_members(cursor, ids: Sequence[int]) -> tuple[dict[int, list[tuple]], dict[int, tuple[Decimal, Decimal]]]:
    """Locks the blocks' orders, without waiting: whoever cancels one holds it and waits for the block."""
    wanted = "m.block_id, o.portfolio_id, m.qty, i.increment, i.min_piece"
    rows = _locked_members(cursor, list(ids), wanted, "JOIN reference_instrument i ON i.id = o.instrument_id")
    members: dict[int, list[tuple]] = {pk: [] for pk in ids}
    steps: dict[int, tuple[Decimal, Decimal]] = {}
    for order, block, portfolio, qty, increment, piece in rows:
        members[block].append((order, portfolio, qty))
        steps[block] = (increment, piece)
    return members, steps


def _locked_members(cursor, ids: list[int], columns: str, joined: str) -> list[tuple]:
    try:
        with transaction.atomic():
            cursor.execute(
                f"SELECT m.order_id, {columns} FROM blocks_member m JOIN orders_order o ON o.id = m.order_id {joined}"
                " WHERE m.block_id = ANY(%s) ORDER BY o.id FOR NO KEY UPDATE OF o NOWAIT",
                [ids],
            )
            return cursor.fetchall()
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        raise MembersChanging(
            "An order of this block is being cancelled or amended at this very moment. Reload, look and try again.",
            blocks=ids[:20],
        ) from error


@transaction.atomic
def finish_blocks(act: Act, block_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will end working blocks with what they have filled, giving up the rest.

    :raises OwnedByAnother: where a colleague owns one
    :raises StillWorking: while part of one is at a broker; cancel its routes first
    :raises NotFound, StaleBlock, IllegalMove: as when freezing
    """
    rows = lock_asked(act, block_ids, seen, events.BlockDone)
    refuse_owned_by_others(User.objects.get(pk=act.by), rows)
    working = {row.id: row.placed_qty - row.filled_qty for row in rows if row.placed_qty > row.filled_qty}
    if working:
        pk, qty = next(iter(working.items()))
        raise StillWorking(
            f"{rules.plain(qty)} of block B-{pk:04d} is still at its brokers. Cancel its routes first, then finish it.",
            blocks={str(k): rules.plain(v) for k, v in working.items()},
        )
    _finish(act, rows)


def _finish(act: Act, rows: Sequence[Locked]) -> None:
    told = {
        row.id: events.BlockDone(rules.plain(row.filled_qty), rules.plain(row.qty - row.filled_qty)) for row in rows
    }
    happen(
        act, rows, told,
        {
            "cancelled_qty": ("numeric", [row.qty - row.filled_qty for row in rows]),
            "done_at": ("timestamptz", [act.at] * len(rows)),
        },
    )  # fmt: skip


# --- told by routes and allocations ---------------------------------------------------------------------------------


@transaction.atomic
def mark_placed(act: Act, placed: Mapping[int, Decimal]) -> None:
    """
    Will add to what is placed of working blocks: the quantity of a new route, or less than zero for what a route gave
    back. It is no step of a block's life. A block of which all is filled, and nothing placed, is done.

    :param placed: block id to the change
    :raises Overplaced: if more would be placed than is left, or less than is filled
    :raises NotWorking: if one is not being worked
    """
    _move(act, {pk: (change, Decimal(0), Decimal(0)) for pk, change in placed.items()})


@transaction.atomic
def mark_filled(act: Act, filled: Mapping[int, tuple[Decimal, Decimal]]) -> None:
    """
    Will add to what working blocks have filled: (quantity, its value as quantity × price), below zero where a fill was
    busted. It is no step of a block's life. A block of which all is filled, and nothing else works, is done.

    :raises Overfilled: if more would be filled than is placed
    :raises NotWorking: if one is not being worked
    """
    _move(act, {pk: (Decimal(0), qty, value) for pk, (qty, value) in filled.items()})


def _move(act: Act, changes: Mapping[int, tuple[Decimal, Decimal, Decimal]]) -> None:
    if not changes:
        return
    rows = []
    for row in locked_blocks(changes):
        placed, qty, value = changes[row.id]
        rows.append(
            row._replace(
                placed_qty=row.placed_qty + placed,
                filled_qty=row.filled_qty + qty,
                filled_value=row.filled_value + value,
            )
        )
    _refuse_impossible(rows)
    with connection.cursor() as cursor:
        update_many(
            cursor, "blocks_block", [row.id for row in rows],
            {name: ("numeric", [getattr(row, name) for row in rows]) for name in ("placed_qty", "filled_qty", "filled_value")},
        )  # fmt: skip
    ended = [row for row in rows if row.filled_qty == row.placed_qty]
    finished = [row for row in ended if row.filled_qty + row.cancelled_qty == row.qty]
    partly = [row.id for row in ended if row.filled_qty and row.filled_qty + row.cancelled_qty != row.qty]
    if partly:  # Of a fund by amount all is done: the quantity was only the most that it could come to.
        by_amount = set(Block.objects.filter(pk__in=partly, terms__has_key="cash_qty").values_list("pk", flat=True))
        finished += [row for row in ended if row.id in by_amount]
    if finished:
        _finish(act, finished)


def _refuse_impossible(rows: Sequence[Locked]) -> None:
    for row in rows:
        name = f"Block B-{row.id:04d}"
        if row.status != B.WORKING:
            raise NotWorking(f"{name} is {row.status.lower()}; nothing of it can be placed or filled.", block=row.id)
        if row.filled_qty > row.placed_qty or row.filled_qty < 0:
            raise Overfilled(
                f"{name} would have {rules.plain(row.filled_qty)} filled of {rules.plain(row.placed_qty)} placed.",
                block=row.id, filled=rules.plain(row.filled_qty), placed=rules.plain(row.placed_qty),
            )  # fmt: skip
        if row.placed_qty > row.qty - row.cancelled_qty:
            raise Overplaced(
                f"{name} has {rules.plain(row.qty - row.cancelled_qty)} to place in all;"
                f" {rules.plain(row.placed_qty)} would be placed. Reload to see what is left.",
                block=row.id, placed=rules.plain(row.placed_qty), qty=rules.plain(row.qty),
            )  # fmt: skip


@transaction.atomic
def reopen_blocks(act: Act, reasons: Mapping[int, str]) -> None:
    """
    Will put finished blocks back to work because an execution was busted or corrected: block id to the reason. What the
    trader gave up stays given up. Whoever allocated takes it back before this returns.

    :raises IllegalMove: if one is neither done nor allocated
    """
    rows = locked_blocks(reasons)
    told = {row.id: events.BlockReopened(reasons[row.id], rules.plain(row.filled_qty)) for row in rows}
    happen(act, rows, told, {"done_at": ("timestamptz", [None] * len(rows))})


@transaction.atomic
def mark_allocated(act: Act, counts: Mapping[int, int]) -> None:
    """Will say that blocks that are done were shared out: block id to the number of allocations. :raises IllegalMove:"""
    happen(act, locked_blocks(counts), {pk: events.BlockAllocated(count) for pk, count in counts.items()}, {})


# --- locks and the door ---------------------------------------------------------------------------------------------


def lock_asked(act: Act, block_ids: Collection[int], seen: Mapping[int, int], kind: type[Event]) -> list[Locked]:
    """Who may, lock, is it theirs, is it what they saw, can it happen."""
    user = require(act, "blocks.work")
    if not block_ids:
        raise Invalid("No block was chosen. Select at least one.", field="blocks")
    rows = locked_blocks(block_ids)
    visible = set(selectors.blocks_seen_by(user).filter(pk__in=[r.id for r in rows]).values_list("pk", flat=True))
    hidden = sorted({row.id for row in rows} - visible)
    if hidden:
        raise _missing(hidden)
    stale = {row.id: int(seen.get(row.id, 0)) for row in rows if seen.get(row.id) != row.version}
    if stale:
        changes = order_selectors.changes_since("block", stale)
        now = {row.id: row.version for row in rows}
        raise StaleBlock(
            f"Block B-{min(stale):04d} changed since you looked, so nothing was done. Reload, look and try again.",
            blocks=[
                {"id": pk, "ref": f"B-{pk:04d}", "seen": version, "version": now[pk], "changes": changes.get(pk, [])}
                for pk, version in stale.items()
            ],
        )
    _refuse_illegal(rows, kind)
    return rows


def locked_blocks(block_ids: Collection[int]) -> list[Locked]:
    wanted = set(block_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(Locked._fields)} FROM blocks_block WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [list(wanted)],
        )
        rows = [Locked(*row) for row in cursor.fetchall()]
    if len(rows) < len(wanted):
        raise _missing(sorted(wanted - {row.id for row in rows}))
    return rows


def _missing(ids: Sequence[int]) -> NotFound:
    return NotFound(f"There is no block B-{ids[0]:04d}, or it is not on a desk of yours.", blocks=list(ids)[:20])


def _refuse_illegal(rows: Sequence[Locked], kind: type[Event]) -> None:
    stuck = [row for row in rows if not LIFE.allows(row.status, kind)]
    if stuck:
        others = f" None of the {len(rows)} was changed." if len(rows) > 1 else ""
        raise IllegalMove(
            f"Block B-{stuck[0].id:04d} is {stuck[0].status.lower()}, so it cannot be"
            f" {kind.code.split('.')[1].replace('_', ' ')}.{others} Reload to see where it stands.",
            subject="block",
            event=kind.code,
            blocks=[{"id": row.id, "status": row.status} for row in stuck[:20]],
        )


def happen(act: Act, rows: Sequence[Locked], told: Mapping[int, Event], columns: dict[str, tuple[str, list]]) -> None:
    """The only door to a block's status: looks the move up for all, writes once, records."""
    if not rows:
        return
    kind = type(told[rows[0].id])
    _refuse_illegal(rows, kind)
    statuses = [str(LIFE.after(row.status, kind)) for row in rows]
    with connection.cursor() as cursor:
        update_many(
            cursor, "blocks_block", [row.id for row in rows], {"status": ("text", statuses)} | columns, bump=True
        )
    record(act, [Fact(row.id, row.version + 1, told[row.id]) for row in rows])
