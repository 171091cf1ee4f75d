"""
The firm on both sides of one thing on one day: found once blocks are gathered, told to both managers and the desk, decided
by a trader. What is proposed as a cross has a life of its own (apps.crossing); here it is only told of.
"""

from collections.abc import Mapping
from decimal import Decimal

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Invalid, Stale
from apps.core.tables import copy_in, next_ids, one_at_a_time
from apps.marketdata import selectors as marketdata
from apps.orders import selectors as order_selectors
from apps.users.services import require

from .. import events, rules, selectors
from ..models import CrossConsent, Member, Opposition
from ..states import OPPOSITION_LIFE, Op

EXCHANGE_TRADED = ("EQUITY", "ETF")


class StaleOpposition(Stale):
    """The opposition was decided after the person looked."""


@transaction.atomic
def find_oppositions(act: Act) -> int:
    """
    Will note each pair of unfinished blocks that buy and sell the same thing on the same trade date, once. It looks at
    all of them every few seconds, so that gathering costs nothing more.

    :returns: how many were found
    """
    require(act, "blocks.work")
    with connection.cursor() as cursor:
        one_at_a_time(cursor, "blocks.oppositions")
        cursor.execute(
            "SELECT y.id, x.id, x.side, i.asset_class, i.id, i.increment FROM blocks_block y"
            " JOIN blocks_block x ON x.instrument_id = y.instrument_id AND x.trade_date = y.trade_date"
            " JOIN reference_instrument i ON i.id = y.instrument_id"
            " WHERE y.side = 'BUY' AND x.side <> 'BUY' AND y.status IN ('OPEN', 'WORKING')"
            " AND x.status IN ('OPEN', 'WORKING')"
            " AND NOT EXISTS (SELECT 1 FROM blocks_opposition o WHERE o.buy_id = y.id AND o.sell_id = x.id) ORDER BY 1, 2"
        )
        pairs = cursor.fetchall()
        if not pairs:
            return 0
        sides = _orders_of({pk for buy, sell, *_ in pairs for pk in (buy, sell)})
        quotes = marketdata.quotes_of({pair[4] for pair in pairs})
        judged = [
            rules.crossable(
                rules.Side("BUY", sides.get(buy, [])), rules.Side(side, sides.get(sell, [])),
                is_level_1=klass in EXCHANGE_TRADED and instrument in quotes, lot=lot,
            )
            for buy, sell, side, klass, instrument, lot in pairs
        ]  # fmt: skip
        ids = next_ids(cursor, "blocks_opposition", len(pairs))
        copy_in(
            cursor, "blocks_opposition",
            ("id", "buy_id", "sell_id", "cross_qty", "problems", "found_at", "price_source", "reason", "status", "version"),
            ((pk, pair[0], pair[1], qty, rules.canonical(problems).decode(), act.at, "", "", str(Op.FOUND), 1)
             for pk, pair, (qty, problems) in zip(ids, pairs, judged, strict=True)),
        )  # fmt: skip
    told = [
        Fact(pk, 1, events.OppositionFound(pair[0], pair[1], rules.plain(qty), problems))
        for pk, pair, (qty, problems) in zip(ids, pairs, judged, strict=True)
    ]
    record(act, told)
    return len(pairs)


def _orders_of(block_ids: set[int]) -> dict[int, list[tuple[int, Decimal, bool]]]:
    """Block id to (portfolio, quantity, may be crossed) of each of its orders. Two queries."""
    consenting = set(CrossConsent.objects.filter(permits=True).values_list("portfolio_id", flat=True))
    found: dict[int, list[tuple[int, Decimal, bool]]] = {}
    rows = Member.objects.filter(block__in=block_ids).values_list("block_id", "order__portfolio_id", "qty")
    for block, portfolio, qty in rows:
        found.setdefault(block, []).append((portfolio, qty, portfolio in consenting))
    return found


@transaction.atomic
def trade_apart(act: Act, opposition_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will record that both sides go to the market, with the reason.

    :raises Invalid: without a reason; :raises NotFound: where it is hidden or missing
    :raises StaleOpposition: where a colleague decided meanwhile
    :raises IllegalMove: where it is decided, or a cross of it waits: withdraw that first
    """
    user = require(act, "blocks.work")
    if not act.reason.strip():
        raise Invalid("Say why; the reason is kept.", field="reason")
    selectors.get_opposition_seen_by(user, opposition_id)
    row = _locked(opposition_id)
    _refuse_stale(row, seen.get(row.pk))
    _happen(act, row, events.TradedApart())


# --- told by crosses ------------------------------------------------------------------------------------------------
@transaction.atomic
def hold_opposition(opposition_id: int, seen: Mapping[int, int]) -> None:
    """
    Locks what somebody above is about to propose a cross of. :raises StaleOpposition, IllegalMove: as proposing does
    """
    row = _locked(opposition_id)
    _refuse_stale(row, seen.get(opposition_id))
    OPPOSITION_LIFE.after(row.status, events.CrossProposed)


@transaction.atomic
def mark_proposed(
    act: Act, opposition_id: int, *, seen: int, qty: Decimal, price: Decimal, source: str, cross_id: int
) -> None:
    """
    Will say that a cross of both sides is proposed, on these terms.

    :raises StaleOpposition: where a colleague decided after the version seen; :raises IllegalMove: where it is decided
    """
    row = _locked(opposition_id)
    _refuse_stale(row, seen)
    row.cross_qty, row.problems, row.price, row.price_source = qty, [], price, source
    _happen(act, row, events.CrossProposed(rules.plain(qty), rules.plain(price), source, cross_id))


@transaction.atomic
def mark_cross_ended(act: Act, ended: Mapping[int, int]) -> None:
    """Will say that nothing came of the cross: opposition id to the cross. Both sides are to be decided again."""
    for opposition_id, cross_id in sorted(ended.items()):
        _happen(act, _locked(opposition_id), events.CrossEnded(cross_id))


@transaction.atomic
def mark_opposition_crossed(act: Act, opposition_id: int, *, cross_id: int, qty: Decimal, price: Decimal) -> None:
    """Will say that the cross was executed."""
    row = _locked(opposition_id)
    row.cross_qty, row.price = qty, price
    _happen(act, row, events.OppositionCrossed(cross_id, rules.plain(qty), rules.plain(price)))


def _refuse_stale(row: Opposition, seen: int | None) -> None:
    if seen != row.version:
        raise StaleOpposition(
            f"{row.ref} was decided since you looked. Reload.",
            stale=order_selectors.missed("opposition", {row.pk: (row.ref, seen, row.version)}),
        )


def _locked(opposition_id: int) -> Opposition:
    return Opposition.objects.select_for_update(no_key=True).get(pk=opposition_id)


def _happen(act: Act, row: Opposition, event: Event) -> None:
    """The only door to an opposition's status."""
    row.status = OPPOSITION_LIFE.after(row.status, type(event))
    row.version += 1
    row.reason, row.decided_by_id, row.decided_at = act.reason[:400], act.by, act.at
    row.save()
    record(act, [Fact(row.pk, row.version, event)])
