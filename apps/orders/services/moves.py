"""
What happens to orders that exist. ``happen`` is the only door to their status.

People move orders upwards: they hold the orders and wait for what is above (a review, a block). Those above move them
downwards: they hold their own rows and must not wait for orders, or the two would wait for each other for ever. So
``mark_…`` takes the rows at once or is refused with ``OrderBusy``.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction
from django.db.utils import OperationalError
from psycopg.errors import LockNotAvailable

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Conflict, IllegalMove, Invalid, NotAllowed, NotFound, Stale
from apps.core.tables import update_many
from apps.users.services import require

from .. import events, selectors
from ..rules import plain
from ..states import LIFE


class StaleOrder(Stale):
    """An order changed after the person looked."""


class OrderBusy(Conflict):
    """Somebody is changing the order at this very moment."""


class Locked(NamedTuple):
    id: int
    status: str
    version: int
    portfolio_id: int


# --- by people ------------------------------------------------------------------------------------------------------


@transaction.atomic
def submit_orders(act: Act, order_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will send drafts to compliance, which answers for all of them before this returns.

    :param seen: the version of each order that the person was looking at
    :raises NotFound: if one is hidden from the actor or missing
    :raises NotAllowed: if the actor does not run one of the portfolios
    :raises StaleOrder: if one changed since; none is then submitted
    :raises IllegalMove: if one is no draft
    """
    rows = asked(act, "orders.submit", order_ids, seen)
    happen(act, rows, events.OrderSubmitted())


@transaction.atomic
def cancel_orders(act: Act, order_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will cancel orders that the desk does not yet work; all or none.

    :raises NotFound, NotAllowed, StaleOrder: as when submitting
    :raises IllegalMove: if one is working or finished
    """
    rows = asked(act, "orders.cancel", order_ids, seen)
    happen(act, rows, events.OrderCancelled(), sets="cancelled_qty = qty - filled_qty")


def asked(act: Act, permission: str, order_ids: Collection[int], seen: Mapping[int, int]) -> list[Locked]:
    """Who may, lock, is it theirs, is it what they saw: how everything a person asks of orders begins."""
    user = require(act, permission)
    if not order_ids:
        raise Invalid("No order was chosen. Select at least one.", field="orders")
    rows = locked(order_ids)
    seen_portfolios, run = selectors.portfolio_scope(user, {row.portfolio_id for row in rows})
    hidden = [row.id for row in rows if row.portfolio_id not in seen_portfolios]
    if hidden:
        raise missing(hidden)
    others = [row.id for row in rows if row.portfolio_id not in run]
    if others:
        raise NotAllowed(f"You do not run the portfolio of {named(others)}. Its manager can do this.", orders=others)
    refuse_stale(rows, seen)
    return rows


def locked(order_ids: Collection[int], *, wait: bool = True) -> list[Locked]:
    """Locks the orders in key order. :raises NotFound: if one is missing. :raises OrderBusy: if not waiting and one is held"""
    wanted = set(order_ids)
    query = (
        "SELECT id, status, version, portfolio_id FROM orders_order WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
    )
    try:
        with transaction.atomic(savepoint=not wait), connection.cursor() as cursor:
            cursor.execute(query if wait else f"{query} NOWAIT", [list(wanted)])
            rows = [Locked(*row) for row in cursor.fetchall()]
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        raise OrderBusy(
            "An order is being cancelled or amended at this very moment. Reload to see what it became, and try again.",
            orders=len(wanted),
        ) from error
    if len(rows) < len(wanted):
        raise missing(sorted(wanted - {row.id for row in rows}))
    return rows


def missing(ids: Sequence[int]) -> NotFound:
    return NotFound(f"There is no {named(ids)}, or it is not one of yours.", orders=ids[:20])


def named(ids: Sequence[int]) -> str:
    names = ", ".join(f"O-{pk:06d}" for pk in ids[:3])
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return f"order {names}{more}"


def sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def refuse_stale(rows: Sequence[Locked], seen: Mapping[int, int]) -> None:
    stale = {row.id: int(seen.get(row.id, 0)) for row in rows if seen.get(row.id) != row.version}
    if not stale:
        return
    shown = dict(list(stale.items())[:20])
    changes = selectors.changes_since("order", shown)
    now = {row.id: row.version for row in rows}
    differences = [
        {"id": pk, "ref": f"O-{pk:06d}", "seen": version, "version": now[pk], "changes": changes.get(pk, [])}
        for pk, version in shown.items()
    ]
    last = next((d["changes"][-1] for d in differences if d["changes"]), None)
    who = f" Last: {last['event'].split('.')[1].replace('_', ' ')} by {last['by']}." if last else ""
    raise StaleOrder(
        f"{sentence(named(list(stale)))} changed since you looked, so nothing was done.{who} Reload, look and try again.",
        orders=differences,
        stale=len(stale),
    )


def hold_as_seen(order_ids: Collection[int], seen: Mapping[int, int]) -> None:
    """Locks orders that somebody above is about to change. :raises StaleOrder, OrderBusy:"""
    refuse_stale(locked(order_ids, wait=False), seen)


# --- told by those above --------------------------------------------------------------------------------------------


@transaction.atomic
def mark_held(act: Act, checks: Mapping[int, int]) -> None:
    """Will hold orders for a person to review: order id to the id of the check. :raises IllegalMove, OrderBusy:"""
    rows = locked(checks, wait=False)
    happen(act, rows, {pk: events.OrderHeld(check) for pk, check in checks.items()})


@transaction.atomic
def mark_stopped(act: Act, checks: Mapping[int, int]) -> None:
    """
    Will hold cleared orders that were about to be sent for a person to review; they leave their blocks. Order id to the id of
    the check. :raises IllegalMove, OrderBusy:
    """
    rows = locked(checks, wait=False)
    happen(act, rows, {pk: events.OrderStopped(check) for pk, check in checks.items()})


@transaction.atomic
def mark_sent_back(act: Act, order_ids: Collection[int]) -> None:
    """Will return held orders to their managers as drafts. :raises IllegalMove, OrderBusy:"""
    happen(act, locked(order_ids, wait=False), events.OrderSentBack())


@transaction.atomic
def mark_rejected(act: Act, order_ids: Collection[int]) -> None:
    """Will end held orders that compliance refuses. :raises IllegalMove, OrderBusy:"""
    rows = locked(order_ids, wait=False)
    happen(act, rows, events.OrderRejected(), sets="cancelled_qty = qty - filled_qty")


@transaction.atomic
def mark_done(act: Act, shares: Mapping[int, tuple[Decimal, Decimal]]) -> None:
    """
    Will end orders with what was allocated to them: order id to (filled, cancelled), which make up its quantity.

    :raises IllegalMove, OrderBusy:
    """
    rows = locked(shares, wait=False)
    ids = [row.id for row in rows]
    happen(
        act,
        rows,
        {pk: events.OrderDone(plain(filled), plain(cancelled)) for pk, (filled, cancelled) in shares.items()},
        columns={
            "filled_qty": ("numeric", [shares[pk][0] for pk in ids]),
            "cancelled_qty": ("numeric", [shares[pk][1] for pk in ids]),
        },
    )


@transaction.atomic
def mark_crossed(act: Act, crossed: Mapping[int, Decimal], price: Decimal, ref: str) -> None:
    """
    Will book what was met inside the firm to cleared orders: order id to the quantity. One of which nothing is left is
    done; the rest of the others stays cleared.

    :raises IllegalMove, OrderBusy:
    """
    rows = locked(crossed, wait=False)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, qty - cancelled_qty, filled_qty FROM orders_order WHERE id = ANY(%s)", [list(crossed)]
        )
        stands = {pk: (most, filled + crossed[pk]) for pk, most, filled in cursor.fetchall()}
    told = {pk: events.OrderCrossed(plain(qty), plain(price), ref) for pk, qty in crossed.items()}
    happen(act, rows, told, columns={"filled_qty": ("numeric", [stands[row.id][1] for row in rows])})
    whole = [row._replace(version=row.version + 1) for row in rows if stands[row.id][0] == stands[row.id][1]]
    happen(act, whole, {row.id: events.OrderDone(plain(stands[row.id][1]), "0") for row in whole})


@transaction.atomic
def mark_reopened(act: Act, kept: Mapping[int, Decimal], reason: str) -> None:
    """
    Will put finished orders back to work after their allocations were taken back: order id to what stays filled, which
    is what was met inside the firm.

    :raises IllegalMove, OrderBusy:
    """
    rows = locked(kept, wait=False)
    columns = {
        "filled_qty": ("numeric", [kept[row.id] for row in rows]),
        "cancelled_qty": ("numeric", [Decimal(0)] * len(rows)),
    }
    happen(act, rows, dict.fromkeys(kept, events.OrderReopened(reason)), columns=columns)


# --- the door -------------------------------------------------------------------------------------------------------


def happen(
    act: Act,
    rows: Sequence[Locked],
    event: Event | Mapping[int, Event],
    *,
    columns: dict[str, tuple[str, list]] | None = None,
    sets: str = "",
) -> None:
    """
    Will move locked orders by an event: looks the move up for all, writes the rows once, records the facts.

    :param event: one for all, or order id to its own (of one type)
    :param columns: further columns, values in the order of ``rows``
    :param sets: further assignments in SQL, the same for all rows
    :raises IllegalMove: naming those that cannot move; nothing is then written
    """
    if not rows:
        return
    kind = type(next(iter(event.values()))) if isinstance(event, Mapping) else type(event)
    stuck = [row for row in rows if not LIFE.allows(row.status, kind)]
    if stuck:
        raise _illegal(stuck, len(rows), kind)
    target = str(LIFE.after(rows[0].status, kind))
    ids = [row.id for row in rows]
    with connection.cursor() as cursor:
        if columns:
            columns = {"status": ("text", [target] * len(ids))} | columns
            update_many(cursor, "orders_order", ids, columns, bump=True)
        else:
            more = f", {sets}" if sets else ""
            cursor.execute(
                f"UPDATE orders_order SET status = %s, version = version + 1{more} WHERE id = ANY(%s)", [target, ids]
            )
    told = event if isinstance(event, Mapping) else dict.fromkeys(ids, event)
    record(act, [Fact(row.id, row.version + 1, told[row.id]) for row in rows])


def _illegal(stuck: Sequence[Locked], asked: int, kind: type[Event]) -> IllegalMove:
    statuses = ", ".join(sorted({row.status.lower().replace("_", " ") for row in stuck}))
    what = kind.code.split(".")[1].replace("_", " ")
    others = f" None of the {asked} was changed." if asked > 1 else ""
    return IllegalMove(
        f"{sentence(named([row.id for row in stuck]))} cannot be {what}: it is {statuses}.{others}"
        " Reload to see where it stands.",
        subject="order",
        event=kind.code,
        orders=[{"id": row.id, "status": row.status} for row in stuck[:20]],
    )
