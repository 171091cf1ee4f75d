"""Booking what a block has filled to the orders in it, and taking a booking back."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import orjson
from django.db import connection, transaction

from apps.audit.services import record
from apps.blocks import services as blocks
from apps.blocks.states import B
from apps.core.acts import Act
from apps.core.events import Fact, listens
from apps.core.tables import copy_in, next_ids
from apps.orders import services as orders
from apps.orders.states import S
from apps.portfolios import services as portfolios
from apps.portfolios.models import Movement
from apps.users.services import require

from .. import charge_selectors, rules, selectors
from ..events import AllocationBooked, AllocationReversed
from ..states import A
from .charging import keep_charges, with_charges, withdraw_charges
from .stepping import Steps

COLUMNS = (
    "id", "block_id", "order_id", "portfolio_id", "instrument_id", "broker_id", "side", "qty", "price", "currency_id",
    "gross_amount", "accrued_amount", "commission_amount", "fees_amount", "net_amount", "trade_date", "settle_date",
    "booked_at", "wave", "status", "fees", "unpaid_amount", "process_code", "version",
)  # fmt: skip


@listens("allocations.allocate_blocks")
@transaction.atomic
def allocate_blocks(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will share the fills of blocks that are done among their orders, once: allocations, positions and cash, the orders'
    end and the blocks' in one transaction. A block that is no longer done (allocated by another worker, or reopened)
    is left alone; one that filled nothing ends its orders with all cancelled.

    :raises NotAllowed: if the actor may not book allocations
    :raises FillsDisagree: if a block's quantity is not that of its executions
    :raises Overshared: if more was filled than a statement intends
    """
    require(act, "allocations.book")
    with connection.cursor() as cursor:
        done = _lock_blocks(cursor, {fact.subject_id for fact in facts}, B.DONE)
        if not done:
            return
        wanted = _lock_orders(cursor, done)  # With what of them was met inside the firm before.
        seen = selectors.block_facts(done)
        charges = charge_selectors.charges_of(seen)
        executed = with_charges(seen, charges)
        steps = Steps(executed)
        seen = steps.seen
        lock_portfolios(cursor, {p for s in seen for p in s.facts.portfolio_ids})
        waves = _waves(cursor, done)
        shares, booked = rules.book([s.facts for s in seen])
        soft = {key for key, one in charges.items() if one.research}

        def code(block_id: int, broker_id: int) -> str:
            return steps.process_code(block_id, broker_id, steps.is_soft(soft, block_id, broker_id))

        rows = _write(cursor, act, booked, {s.facts.block_id: s for s in seen}, waves, code)
        keep_charges(cursor, act, executed, charges, waves, steps.given_of())
        steps.keep(act)
    portfolios.post_movements(act, moves_of(rows, {s.instrument_id: s.base_currency for s in seen}))
    filled = _filled(seen, shares)
    ends = {pk: (crossed + filled[pk], qty - crossed - filled[pk]) for pk, (qty, crossed) in wanted.items()}
    orders.mark_done(act, ends)
    counts = dict.fromkeys(done, 0)
    for row in rows:
        counts[row[1]] += 1
    blocks.mark_allocated(act, counts)
    record(
        act,
        [
            Fact(row[0], 1, AllocationBooked(row[1], row[2], row[3], str(row[7]), str(row[8]), str(row[14])))
            for row in rows
        ],
    )


@listens("allocations.reverse_allocations")
@transaction.atomic
def reverse_allocations(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will take back the live allocations of blocks that were reopened, with their movements, and reopen their orders,
    because an execution they shared in was busted or corrected. Whoever reopened the blocks holds them locked.
    """
    reasons = {fact.subject_id: fact.event.reason for fact in facts}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT o.id, m.block_id, coalesce((SELECT sum(x.qty) FROM blocks_crossmember x WHERE x.order_id = o.id), 0)"
            " FROM orders_order o JOIN blocks_member m ON m.order_id = o.id"
            " WHERE m.block_id = ANY(%s) AND o.status = %s ORDER BY o.id FOR NO KEY UPDATE OF o",
            [list(reasons), S.DONE],
        )
        ended = cursor.fetchall()
        cursor.execute(
            f"SELECT {', '.join(COLUMNS)} FROM allocations_allocation WHERE block_id = ANY(%s) AND status = %s"
            " ORDER BY id FOR NO KEY UPDATE",
            [list(reasons), A.BOOKED],
        )
        rows = cursor.fetchall()
        lock_portfolios(cursor, {row[3] for row in rows})
        bases = selectors.base_currencies({row[4] for row in rows})
        cursor.execute(
            "UPDATE allocations_allocation SET status = %s, version = version + 1 WHERE id = ANY(%s)",
            [A.REVERSED, [row[0] for row in rows]],
        )
        withdraw_charges(cursor, act, reasons)
    portfolios.post_movements(act, moves_of(rows, bases, back=True))
    by_reason: dict[str, dict[int, Decimal]] = {}
    for order_id, block_id, crossed in ended:
        by_reason.setdefault(reasons[block_id], {})[order_id] = crossed
    for reason, kept in by_reason.items():
        orders.mark_reopened(act, kept, reason)
    told = {block_id: AllocationReversed(block_id, reason) for block_id, reason in reasons.items()}
    record(act, [Fact(row[0], row[-1] + 1, told[row[1]]) for row in rows])


def _lock_blocks(cursor, block_ids: set[int], status: str) -> list[int]:
    """Locks them by key, and tells which still stand so."""
    cursor.execute(
        "SELECT id, status FROM blocks_block WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [list(block_ids)]
    )
    return [pk for pk, stands in cursor.fetchall() if stands == status]


def _lock_orders(cursor, block_ids: list[int]) -> dict[int, tuple[Decimal, Decimal]]:
    """Order id to its quantity and what is filled of it, which before its block is done is what was crossed."""
    cursor.execute(
        "SELECT o.id, o.qty, o.filled_qty FROM orders_order o JOIN blocks_member m ON m.order_id = o.id"
        " WHERE m.block_id = ANY(%s) ORDER BY o.id FOR NO KEY UPDATE OF o",
        [block_ids],
    )
    return {pk: (qty, filled) for pk, qty, filled in cursor.fetchall()}


def lock_portfolios(cursor, portfolio_ids: set[int]) -> None:
    cursor.execute(
        "SELECT id FROM portfolios_portfolio WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [list(portfolio_ids)]
    )


def _waves(cursor, block_ids: list[int]) -> dict[int, int]:
    """The number of each block's next booking: 1, or one more than the last that was taken back."""
    cursor.execute(
        "SELECT block_id, max(wave) FROM allocations_allocation WHERE block_id = ANY(%s) GROUP BY 1", [block_ids]
    )
    last = dict(cursor.fetchall())
    return {pk: last.get(pk, 0) + 1 for pk in block_ids}


def _write(
    cursor, act: Act, booked: Sequence[rules.Booked], seen: Mapping[int, selectors.Seen], waves, code: Callable[[int, int], str]
) -> list[tuple]:
    """Writes the allocations by one COPY. :param code: of a block and a broker; :returns: their rows, in the columns' order"""
    rows = []
    for pk, one in zip(next_ids(cursor, "allocations_allocation", len(booked)), booked, strict=True):
        block, fill = one.block, one.fill
        of = seen[block.block_id]
        rows.append(
            (
                pk, block.block_id, one.order_id, one.portfolio_id, of.instrument_id, fill.broker_id, block.side, one.qty,
                one.price, of.currency, one.gross, one.accrued, one.commission, one.fees_amount, one.net, fill.trade_date,
                fill.settle_date, act.at, waves[block.block_id], A.BOOKED.value, _fees(one), one.unpaid,
                code(block.block_id, fill.broker_id), 1,
            )
        )  # fmt: skip
    copy_in(cursor, "allocations_allocation", COLUMNS, rows)
    return rows


def _fees(one: rules.Booked) -> str:
    return orjson.dumps([list(fee) for fee in one.fees], default=str).decode() if one.fees else "[]"


def _filled(seen: Sequence[selectors.Seen], shares) -> dict[int, Decimal]:
    order_ids = (pk for s in seen for pk in s.facts.order_ids)
    return {pk: rules.quantity(share) for pk, share in zip(order_ids, shares.tolist(), strict=True)}


def moves_of(
    rows: Sequence[tuple], bases: Mapping[int, str | None], back: bool = False
) -> list[portfolios.Moved]:
    """
    What allocations move: units and, against them, net money in the instrument's currency; or the reverse of it. A trade
    in currencies moves two moneys and no units, which its dealer owes until they settle.

    :param bases: instrument id to its base currency, None for what is no pair
    """
    kind = Movement.Kind.REVERSAL if back else Movement.Kind.TRADE
    moves = []
    for row in rows:
        pk, _, _, portfolio, instrument, broker, side, qty, price, currency = row[:10]
        net, traded, settles, unpaid = row[14], row[15], row[16], row[21]
        gains = (side == "BUY") != back
        base = bases[instrument]
        gained = {"qty" if base is None else "amount": qty if gains else -qty}
        gained |= {"instrument_id": instrument, "price": price} if base is None else {"currency": base}
        gained |= {"unpaid": unpaid if gains else -unpaid} if unpaid else {}
        paid = {"currency": currency, "amount": -net if gains else net}
        dealer = None if base is None else broker
        for one in (gained, paid):
            moves.append(portfolios.Moved(portfolio, traded, settles, f"allocation:{pk}", kind, **one, dealer_id=dealer))
    return moves
