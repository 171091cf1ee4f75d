"""
Like orders become one block, as long as it is open; an order that comes later starts the next wave.

Two gatherings of the same likeness take turns by an advisory lock, so each merge key has one open block.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact, listens
from apps.core.tables import copy_in, next_ids, update_many
from apps.orders.states import S
from apps.reference import selectors as reference

from ..events import BlockCancelled, BlockGrew, BlockOpened, BlockShrank
from ..rules import Likeness, plain
from ..states import LIFE, B

SLOTS = 512  # Advisory locks at most, whatever the number of keys.
BLOCK_COLUMNS = (
    "id", "instrument_id", "side", "order_type", "limit_price", "tif", "instructions", "currency_id", "desk_id",
    "trade_date", "settle_date", "terms", "directed_to_id", "directed_when", "apart", "merge_key",
    "wave", "opened_at", "qty", "placed_qty", "filled_qty", "filled_value",
    "cancelled_qty", "status", "version",
)  # fmt: skip
# Of each order the rule that counts for its desk and class, and what that asks for, in words (``MergeRule``).
MERGE_RULE = """
SELECT m.* FROM blocks_mergerule m WHERE m.is_active AND coalesce(m.desk_id, o.desk_id) = o.desk_id
AND m.asset_class IN ('', i.asset_class) ORDER BY m.desk_id IS NULL, m.asset_class = '' LIMIT 1
"""
APART = """
SELECT concat_ws(', ', CASE WHEN r.by_order THEN 'order O-' || lpad(o.id::text, 6, '0') END,
CASE WHEN r.by_group AND o.group_id IS NOT NULL
  THEN (SELECT 'group ' || g.name || ' (' || g.id || ')' FROM orders_ordergroup g WHERE g.id = o.group_id) END,
CASE WHEN r.by_portfolio THEN 'portfolio ' || p.code END, CASE WHEN r.by_team THEN 'team ' || p.team END,
CASE WHEN r.by_person THEN (SELECT 'entered by ' || u.username FROM users_user u WHERE u.id = o.created_by_id) END,
CASE WHEN r.own_field_id IS NOT NULL
  THEN (SELECT f.label || ' ' || (o.own ->> f.code) FROM orders_ownfield f WHERE f.id = r.own_field_id) END)
FROM portfolios_portfolio p WHERE r.id IS NOT NULL AND p.id = o.portfolio_id
"""


class Gathered(NamedTuple):
    """Orders of one likeness, with what they still want together."""

    likeness: Likeness
    key: str
    orders: list[tuple[int, Decimal]]
    is_late: bool = False

    @property
    def qty(self) -> Decimal:
        return sum((qty for _, qty in self.orders), Decimal(0))


@listens("blocks.gather_orders")
@transaction.atomic
def gather_orders(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will put cleared orders into the open blocks of their likeness, opening those that are missing. An order that is in
    a block already, or no longer cleared, is left alone.
    """
    with connection.cursor() as cursor:
        found = _gathered(cursor, act, [fact.subject_id for fact in facts])
        if not found:
            return
        slots = sorted({int(one.key[:8], 16) % SLOTS for one in found})
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('blocks.gather'), s) FROM unnest(%s::int[]) AS s", [slots])
        keys = [one.key for one in found]
        cursor.execute(
            "SELECT merge_key, id, version FROM blocks_block WHERE merge_key = ANY(%s) AND status = %s"
            " ORDER BY id FOR NO KEY UPDATE",
            [keys, B.OPEN],
        )
        standing = {key: (pk, version) for key, pk, version in cursor.fetchall()}
        told = _grow(cursor, [(one, *standing[one.key]) for one in found if one.key in standing])
        opened = _open(cursor, act, [one for one in found if one.key not in standing])
        told += [Fact(pk, 1, event) for _, pk, event in opened]
        block_of = {key: pk for key, (pk, _) in standing.items()} | {key: pk for key, pk, _ in opened}
        copy_in(
            cursor, "blocks_member", ("block_id", "order_id", "qty", "is_late"),
            ((block_of[one.key], order, qty, one.is_late) for one in found for order, qty in one.orders),
        )  # fmt: skip
    record(act, told)


def _gathered(cursor, act: Act, order_ids: Sequence[int]) -> list[Gathered]:
    """Locks the orders that wait for a block and sorts them by likeness."""
    # Locked first and read after: whoever held them may have put them into a block meanwhile.
    cursor.execute(
        "SELECT id FROM orders_order WHERE id = ANY(%s) AND status = %s ORDER BY id FOR NO KEY UPDATE",
        [list(order_ids), S.CLEARED],
    )
    held = [pk for (pk,) in cursor.fetchall()]
    cursor.execute(
        "SELECT o.id, o.qty - o.filled_qty - o.cancelled_qty, o.instrument_id, o.side, o.order_type, o.limit_price,"
        " o.tif, o.instructions, o.currency_id, o.desk_id, i.venue_id, i.country, i.asset_class,"
        f" {reference.SETTLES_IN}, (o.terms ->> 'value_date')::date,"
        " i.cutoff_at, o.terms::text, CASE WHEN o.terms ?| '{min_qty,cash_qty}' THEN o.id END,"
        " coalesce(own.broker_id, other.broker_id), coalesce(own.trades, other.trades, ''),"
        f" coalesce(({APART}), '')"
        " FROM orders_order o JOIN reference_instrument i ON i.id = o.instrument_id"
        f" LEFT JOIN LATERAL ({MERGE_RULE}) r ON true"
        " LEFT JOIN portfolios_direction own ON own.portfolio_id = o.portfolio_id AND own.asset_class = i.asset_class"
        "  AND daterange(own.starts_on, own.ends_on, '[]') @> %s"
        " LEFT JOIN portfolios_direction other ON other.portfolio_id = o.portfolio_id AND other.asset_class = ''"
        "  AND daterange(other.starts_on, other.ends_on, '[]') @> %s"
        " WHERE o.id = ANY(%s) AND NOT EXISTS (SELECT 1 FROM blocks_member m WHERE m.order_id = o.id) ORDER BY o.id",
        [act.at.date(), act.at.date(), held],
    )
    alike: dict[tuple, list[tuple[int, Decimal]]] = {}
    for order, qty, *terms in cursor.fetchall():
        alike.setdefault(tuple(terms), []).append((order, qty))
    if not alike:
        return []
    venues = reference.trade_dates({terms[8] for terms in alike}, act.at)
    funds = {(terms[8], terms[13]) for terms in alike if terms[13]}
    dealings = reference.dealings(funds, act.at) if funds else {}
    days = {t: dealings[t[8], t[13]].date if t[13] else venues[t[8]] for t in alike}
    wanted = {terms: (days[terms], *terms[9:12]) for terms in alike if terms[12] is None}
    settles = reference.settlement_dates(wanted.values())
    found = []
    for terms, members in alike.items():
        instrument, side, kind, limit, tif, instructions, currency, desk, venue, _, _, _, agreed, cutoff, more, alone, *directed = terms
        likeness = Likeness(
            instrument, side, kind, plain(limit), tif, instructions, currency, desk, days[terms],
            agreed or settles[wanted[terms]], more, alone, *directed,
        )  # fmt: skip
        found.append(Gathered(likeness, likeness.key, members, bool(cutoff) and dealings[venue, cutoff].is_late))
    return sorted(found, key=lambda one: one.key)


def _grow(cursor, growing: Sequence[tuple[Gathered, int, int]]) -> list[Fact]:
    if not growing:
        return []
    ids = [pk for _, pk, _ in growing]
    cursor.execute(
        "UPDATE blocks_block AS b SET qty = b.qty + u.qty, version = b.version + 1"
        " FROM unnest(%s::bigint[], %s::numeric[]) AS u(id, qty) WHERE b.id = u.id",
        [ids, [one.qty for one, _, _ in growing]],
    )
    return [
        Fact(pk, version + 1, BlockGrew(plain(one.qty), len(one.orders))) for one, pk, version in growing
    ]


def _open(cursor, act: Act, missing: Sequence[Gathered]) -> list[tuple[str, int, Event]]:
    if not missing:
        return []
    cursor.execute(
        "SELECT merge_key, max(wave) FROM blocks_block WHERE merge_key = ANY(%s) GROUP BY 1",
        [[one.key for one in missing]],
    )
    waves = dict(cursor.fetchall())
    ids = next_ids(cursor, "blocks_block", len(missing))
    status = LIFE.born[BlockOpened]
    rows, opened = [], []
    for pk, one in zip(ids, missing, strict=True):
        like, wave = one.likeness, waves.get(one.key, 0) + 1
        rows.append(
            (pk, like.instrument_id, like.side, like.order_type, like.limit_price, like.tif, like.instructions,
             like.currency, like.desk_id, like.trade_date, like.settle_date, like.terms, like.directed_to_id, like.directed_when,
             like.apart, one.key, wave, act.at, one.qty, 0, 0, 0, 0,
             status, 1)
        )  # fmt: skip
        event = BlockOpened(
            like.instrument_id, like.side, wave, plain(one.qty), len(one.orders), directed_to_id=like.directed_to_id, apart=like.apart
        )
        opened.append((one.key, pk, event))
    copy_in(cursor, "blocks_block", BLOCK_COLUMNS, rows)
    return opened


@listens("blocks.drop_orders")
@transaction.atomic
def drop_orders(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will take orders that were cancelled or amended out of their open blocks; a block that loses its last is cancelled.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.id, b.status, b.version, b.qty, m.order_id, m.qty FROM blocks_member m"
            " JOIN blocks_block b ON b.id = m.block_id WHERE m.order_id = ANY(%s) ORDER BY b.id, m.order_id"
            " FOR NO KEY UPDATE OF b",
            [[fact.subject_id for fact in facts]],
        )
        leaving: dict[tuple, list[tuple[int, Decimal]]] = {}
        for pk, status, version, qty, order, part in cursor.fetchall():
            leaving.setdefault((pk, status, version, qty), []).append((order, part))
        if not leaving:
            return
        cursor.execute(
            "DELETE FROM blocks_member WHERE order_id = ANY(%s)",
            [[order for members in leaving.values() for order, _ in members]],
        )
        told, columns = [], {"status": [], "qty": [], "cancelled_qty": []}
        for (pk, status, version, qty), members in leaving.items():
            gone = sum((part for _, part in members), Decimal(0))
            empty = gone == qty
            event = BlockCancelled() if empty else BlockShrank([order for order, _ in members], plain(gone))
            columns["status"].append(str(LIFE.after(status, type(event))))
            columns["qty"].append(qty if empty else qty - gone)
            columns["cancelled_qty"].append(qty if empty else Decimal(0))
            told.append(Fact(pk, version + 1, event))
        kinds = {"status": "text", "qty": "numeric", "cancelled_qty": "numeric"}
        update_many(
            cursor, "blocks_block", [fact.subject_id for fact in told],
            {name: (kinds[name], values) for name, values in columns.items()}, bump=True,
        )  # fmt: skip
    record(act, told)
