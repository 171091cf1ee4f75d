"""What trading is expected to cost, reckoned and kept before it is done."""

import json
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import NamedTuple

from django.db import connection, transaction

from apps.audit.services import record
from apps.blocks.models import Block
from apps.blocks.states import B
from apps.core.acts import Act
from apps.core.events import Fact, listens
from apps.core.tables import copy_in, next_ids
from apps.marketdata import cost_selectors as marketdata
from apps.marketdata.cost_selectors import Trade
from apps.marketdata.costs import FEES, IMPACT, SPREAD, Commission, Cost, as_kept
from apps.reference.models import Broker, Venue

from .. import card_selectors as cards
from .. import events, rules
from ..models import CostEstimate

DECISION, ARRIVAL = CostEstimate.Moment.DECISION, CostEstimate.Moment.ARRIVAL
COLUMNS = (
    "id", "moment", "block_id", "block_version", "route_id", "at", "qty", "currency_id", "mid", "value", "spread_bp", "fees_bp",
    "impact_bp", "total_bp", "spread_amount", "fees_amount", "impact_amount", "total_amount", "is_whole", "detail",
)  # fmt: skip


class ToKeep(NamedTuple):
    """An estimate to be: of a block, or of a route of it."""

    moment: str
    block: Block
    route_id: int | None
    trade: Trade
    strategy: str = ""


@listens("routing.estimate_blocks")
@transaction.atomic
def estimate_blocks(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will keep what blocks that opened or changed are expected to cost, as they are by now. A block that was routed meanwhile
    has its estimate from there; one that is over needs none.
    """
    rows = Block.objects.select_for_update(of=("self",), no_key=True).select_related("instrument")
    found = rows.filter(pk__in={fact.subject_id for fact in facts}, status=B.OPEN).order_by("pk")
    keep_decisions(act, list(found))


def keep_decisions(act: Act, blocks: Sequence[Block]) -> None:
    """Will keep what open blocks, which the caller holds, are expected to cost, where it is not kept of what they are now."""
    rows = CostEstimate.objects.filter(block__in=[b.pk for b in blocks], moment=DECISION).order_by("pk")
    last = dict(rows.values_list("block_id", "qty"))
    _keep(
        act,
        [
            ToKeep(DECISION, b, None, Trade(b.instrument, b.side, b.qty, b.trade_date, b.directed_to_id or b.meant_for_id))
            for b in blocks
            if last.get(b.pk) != b.qty
        ],
    )


def keep_arrivals(act: Act, routes: Sequence[tuple[int, Block, int, Decimal, str]]) -> None:
    """
    Will keep what new routes are expected to cost, at the moment they are asked for.

    :param routes: id, block, broker, quantity and strategy of each
    """
    _keep(
        act,
        [
            ToKeep(ARRIVAL, block, pk, Trade(block.instrument, block.side, qty, block.trade_date, broker), strategy)
            for pk, block, broker, qty, strategy in routes
        ],
    )


def _keep(act: Act, wanted: Sequence[ToKeep]) -> None:
    """One COPY and one call of the record, whatever their number."""
    if not wanted:
        return
    found = marketdata.costs_of(_with_cards(wanted), act.at)
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "routing_costestimate", len(wanted))
        rows = (_row(act, pk, one, cost) for pk, one, cost in zip(ids, wanted, found, strict=True))
        copy_in(cursor, "routing_costestimate", COLUMNS, rows)
    record(
        act,
        [
            Fact(
                pk, 1,
                events.CostEstimated(
                    block_id=one.block.pk, moment=one.moment, qty=f"{cost.qty:f}", currency=cost.currency,
                    total_bp=None if cost.bp is None else f"{cost.bp:f}",
                    total_amount=None if cost.amount is None else f"{cost.amount:f}", is_whole=cost.is_whole,
                    route_id=one.route_id,
                ),
            )
            for pk, one, cost in zip(ids, wanted, found, strict=True)
        ],
    )  # fmt: skip


def _with_cards(wanted: Sequence[ToKeep]) -> list[Trade]:
    """The trades, each with the rate card that decides for it, if one does. A query for the cards; their markets come with none."""
    trades = [one.trade for one in wanted]
    days = [trade.on for trade in trades]
    found = cards.cards_on(min(days), max(days))
    if not found:
        return trades
    markets = dict(Venue.objects.filter(pk__in={t.instrument.venue_id for t in trades}).values_list("pk", "mic"))
    codes = dict(Broker.objects.filter(pk__in={t.broker_id for t in trades}).values_list("pk", "code"))
    made = []
    for one in wanted:
        trade, of = one.trade, one.trade.instrument
        commission = None
        if trade.broker_id is not None:
            deal = rules.cards.Deal(
                trade.broker_id, markets[of.venue_id], of.country, of.asset_class, one.strategy, of.currency_id, trade.on
            )
            card = rules.cards.choose(found, deal, rules.cards.Card(0)).card
            if card.id:
                said = f"{codes[trade.broker_id]} ({card.ref})"
                commission = Commission(said, "card", card.rate, partial(_reckoned, card))
        made.append(trade._replace(commission=commission))
    return made


def _reckoned(card: rules.cards.Card, qty: Decimal, value: Decimal) -> Fraction:
    return rules.cards.reckon(card, qty, value).amount


def _row(act: Act, pk: int, one: ToKeep, cost: Cost) -> tuple:
    parts = [cost.part(name) for name in (SPREAD, FEES, IMPACT)]
    return (
        pk, one.moment, one.block.pk, one.block.version, one.route_id, act.at, cost.qty, cost.currency, cost.mid, cost.value,
        *(part.bp for part in parts), cost.bp, *(part.amount for part in parts), cost.amount, cost.is_whole,
        json.dumps(as_kept(cost)),
    )  # fmt: skip
