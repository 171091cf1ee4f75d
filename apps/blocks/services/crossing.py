"""Taking out of open blocks what their orders meet inside the firm: into blocks of their own, their shares fixed."""

import hashlib
from collections.abc import Collection, Mapping
from decimal import Decimal

from django.db import connection, transaction

from apps.audit.services import keep_act, record
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.tables import copy_in, next_ids

from .. import events, rules
from ..states import LIFE, B
from .splitting import COPIED
from .working import Locked, NotWorking, Overplaced, happen, lock_members, locked_blocks


@transaction.atomic
def hold_blocks(act: Act, block_ids: Collection[int]) -> dict[int, str]:
    """
    Will lock blocks and the orders in them until the transaction ends: block id to its status.

    :raises MembersChanging: where an order of one is being cancelled or amended at this moment
    """
    rows = locked_blocks(block_ids)
    with connection.cursor() as cursor:
        lock_members(cursor, [row.id for row in rows])
    return {row.id: row.status for row in rows}


@transaction.atomic
def cross_blocks(act: Act, taken: Mapping[int, Mapping[int, Decimal]]) -> dict[int, int]:
    """
    Will take of open blocks what their orders meet inside the firm: of each, order id to quantity. It becomes a block of
    its own, at work, with its allocation statement; what is left stays where it was, to be routed. A block of which
    nothing is left ends.

    :returns: block id to the id of the block that holds what was taken
    :raises NotWorking: if one is not open; :raises Overplaced: if more is taken of an order than is in its block
    :raises MembersChanging: where an order of one is being cancelled or amended at this moment
    """
    rows = locked_blocks(taken)
    for row in rows:
        if row.status != B.OPEN:
            raise NotWorking(f"Block B-{row.id:04d} is {row.status.lower()}, so nothing of it can be crossed.", block=row.id)
    with connection.cursor() as cursor:
        members, steps = lock_members(cursor, [row.id for row in rows])
        new = dict(zip([row.id for row in rows], next_ids(cursor, "blocks_block", len(rows)), strict=True))
        for row in rows:
            _take(cursor, row, members[row.id], taken[row.id])
            _open(cursor, act, row, new[row.id], members[row.id], taken[row.id])
    _shrink(act, rows, new, taken)
    _freeze(act, rows, new, members, steps, taken)
    return new


def _take(cursor, row: Locked, members: list[tuple], taken: Mapping[int, Decimal]) -> None:
    has = {order: qty for order, _, qty in members}
    for order, qty in taken.items():
        if not 0 < qty <= has.get(order, 0):
            raise Overplaced(
                f"Order O-{order:06d} has {rules.plain(has.get(order, Decimal(0)))} in block B-{row.id:04d};"
                f" {rules.plain(qty)} would be crossed.", block=row.id, order=order,
            )  # fmt: skip
    whole = [order for order, qty in taken.items() if qty == has[order]]
    cursor.execute("DELETE FROM blocks_member WHERE order_id = ANY(%s)", [whole])
    rest = {order: qty for order, qty in taken.items() if order not in whole}
    cursor.execute(
        "UPDATE blocks_member m SET qty = m.qty - u.qty FROM unnest(%s::bigint[], %s::numeric[]) AS u(id, qty)"
        " WHERE m.order_id = u.id",
        [list(rest), list(rest.values())],
    )


def _open(cursor, act: Act, row: Locked, pk: int, members: list[tuple], taken: Mapping[int, Decimal]) -> None:
    qty = sum(taken.values(), Decimal(0))
    cursor.execute(
        f"INSERT INTO blocks_block (id, {', '.join(COPIED)}, merge_key, opened_at, qty, placed_qty, filled_qty,"
        " filled_value, cancelled_qty, status, version, split_from_id)"
        f" SELECT %s, {', '.join(COPIED)}, %s, %s, %s, 0, 0, 0, 0, %s, 1, id FROM blocks_block WHERE id = %s"
        " RETURNING instrument_id, side, wave",
        [pk, hashlib.sha256(f"cross {pk}".encode()).hexdigest(), act.at, qty, str(LIFE.born[events.BlockOpened]), row.id],
    )
    instrument, side, wave = cursor.fetchone()
    copy_in(cursor, "blocks_crossmember", ("block_id", "order_id", "qty"), ((pk, *part) for part in sorted(taken.items())))
    record(act, [Fact(pk, 1, events.BlockOpened(instrument, side, wave, rules.plain(qty), len(taken), split_from=row.id))])


def _shrink(act: Act, rows: list[Locked], new: Mapping[int, int], taken: Mapping[int, Mapping[int, Decimal]]) -> None:
    gone = {row.id: sum(taken[row.id].values(), Decimal(0)) for row in rows}
    told = {row.id: (new[row.id], sorted(taken[row.id]), rules.plain(gone[row.id])) for row in rows}
    whole = [row for row in rows if gone[row.id] == row.qty]
    rest = [row for row in rows if gone[row.id] < row.qty]
    happen(
        act, whole, {row.id: events.BlockCrossedWhole(*told[row.id]) for row in whole},
        {"cancelled_qty": ("numeric", [row.qty for row in whole])},
    )  # fmt: skip
    happen(
        act, rest, {row.id: events.BlockCrossed(*told[row.id]) for row in rest},
        {"qty": ("numeric", [row.qty - gone[row.id] for row in rest])},
    )  # fmt: skip


def _freeze(act: Act, rows, new, members, steps, taken) -> None:
    """Fixes the statements of the blocks that hold what was taken, hashed onto the record."""
    made = {}
    for row in rows:
        parts = [(order, home, taken[row.id][order]) for order, home, _ in members[row.id] if order in taken[row.id]]
        made[new[row.id]] = (parts, *rules.statement(new[row.id], *steps[row.id], parts))
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "blocks_statement", len(made))
        act_id = keep_act(act)
        copy_in(
            cursor, "blocks_statement", ("id", "block_id", "content", "hash", "made_at", "act_id"),
            ((n, pk, content.decode(), digest, act.at, act_id)
             for n, (pk, (_, content, digest)) in zip(ids, made.items(), strict=True)),
        )  # fmt: skip
    crossed = locked_blocks(made)
    numbers = dict(zip(made, ids, strict=True))
    told = {
        row.id: events.BlockFrozen(numbers[row.id], made[row.id][2], len(made[row.id][0]), rules.plain(row.qty))
        for row in crossed
    }
    happen(act, crossed, told, {"frozen_at": ("timestamptz", [act.at] * len(crossed))})
