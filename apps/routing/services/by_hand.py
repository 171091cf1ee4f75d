"""
What was traded by voice or elsewhere than over a session, entered by the trader: booked at once as a route that was filled, with
the time of the trade beside the time of the entry, or taken back where it did not happen so.

The trade is done when it is entered, so neither the kill switch nor a rule keeps it out of the books; rules that are asked at fills
open their incidents. What can be refused is refused for what it says: a time, a price or a quantity that cannot be.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction

from apps.audit.services import record
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.blocks.selectors import mids_of
from apps.blocks.states import B
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Conflict, Invalid, NotFound, Stale
from apps.core.tables import next_ids
from apps.marketdata import selectors as marketdata
from apps.orders import selectors as order_selectors
from apps.reference.models import Broker
from apps.users.services import require

from .. import events, rules
from .. import hand_events as hand
from ..models import Execution, Route
from ..models.routes import HAND
from ..rules import by_hand as judged
from ..states import EXECUTION_LIFE, LIFE, Rt, X
from .counterparties import bars_of, refuse_barred
from .locks import lock_blocks, refuse_stale
from .planning import refuse_elsewhere


class BadHandFill(Invalid):
    """A fill that cannot be as it was entered; ``field`` says which part of it."""


class FarFromMarket(Invalid):
    """The price is far from what the market traded then, and nobody says why."""


class EnteredAlready(Conflict):
    """The same fill is entered already."""


class NotByHand(Conflict):
    """The broker reported it; what is wrong with it the broker busts or corrects."""


class StaleExecution(Stale):
    """The execution changed after the person looked."""


class HandFill(NamedTuple):
    """
    :param executed_at: when it was traded, aware; to the second for what was agreed on the phone
    :param exec_ref: the broker's own reference, which tells it from another; empty where there is none
    :param commission: in the block's currency
    """

    block_id: int
    broker_code: str
    qty: Decimal
    price: Decimal
    executed_at: datetime
    exec_ref: str = ""
    is_voice: bool = True
    market: str = ""
    commission: Decimal = Decimal(0)


@transaction.atomic
def book_by_hand(act: Act, fills: Sequence[HandFill], *, seen: Mapping[int, int]) -> list[int]:
    """
    Will book the fills, or none of them: each as a route that is filled, with its execution. An open block is frozen first.

    :param seen: the version of each block the trader was looking at
    :returns: the routes' ids, in the fills' order
    :raises BadHandFill: for a quantity, price, time or market that cannot be, or above what is left to place
    :raises FarFromMarket: where the price is outside what the market traded then, and the act has no reason
    :raises EnteredAlready: where the broker's reference, or all of a fill without one, is entered already
    :raises NotFound: for no such broker, block; :raises StaleBlock: where a block changed; :raises OwnedByAnother
    :raises BarredBroker: where a portfolio of the block does not trade with the broker; :raises DirectedElsewhere
    """
    user = require(act, "routing.route")
    if not fills:
        raise BadHandFill("There is nothing to enter: send at least one fill.", field="fills")
    found = lock_blocks(user, [fill.block_id for fill in fills])
    refuse_stale(blocks.StaleBlock, found, seen)
    blocks.refuse_owned_by_others(user, found.values())
    codes = {fill.broker_code.strip() for fill in fills}
    brokers = {b.code: b for b in Broker.objects.filter(code__in=codes, is_active=True).exclude(kind__in=Broker.NOT_ROUTED)}
    if unknown := sorted(codes - brokers.keys()):
        raise NotFound(f"There is no broker or dealer “{unknown[0]}”.", field="broker")
    pairs = [(found[fill.block_id], brokers[fill.broker_code.strip()]) for fill in fills]
    for block, broker in pairs:
        if block.directed_to_id and block.directed_to_id != broker.pk:
            refuse_elsewhere(block, Broker.objects.get(pk=block.directed_to_id), broker.code)
    refuse_barred(bars_of(act, found.values()), [(block, broker.pk) for block, broker in pairs])
    _refuse_impossible(act, fills, found)
    far = _far(act, fills, found)
    _refuse_entered(fills, pairs)
    mids = mids_of(found.values())
    if opening := [pk for pk, block in found.items() if block.status == B.OPEN]:
        blocks.freeze_blocks(act, opening, seen={pk: found[pk].version for pk in opening}, arrival=mids)
    ids = _write(act, fills, pairs, far, mids)
    placed: dict[int, Decimal] = {}
    filled: dict[int, tuple[Decimal, Decimal]] = {}
    for fill in fills:
        qty, value = filled.get(fill.block_id, (Decimal(0), Decimal(0)))
        placed[fill.block_id] = placed.get(fill.block_id, Decimal(0)) + fill.qty
        filled[fill.block_id] = (qty + fill.qty, value + fill.qty * fill.price)
    blocks.mark_placed(act, placed)
    blocks.mark_filled(act, filled)
    return ids


def _refuse_impossible(act: Act, fills: Sequence[HandFill], found: Mapping[int, Block]) -> None:
    left = {pk: block.unplaced_qty for pk, block in found.items()}
    for n, fill in enumerate(fills):
        block = found[fill.block_id]
        if not fill.qty.is_finite() or fill.qty <= 0:
            raise BadHandFill("The quantity is above zero.", field="qty", row=n)
        left[block.pk] -= fill.qty
        if left[block.pk] < 0:
            unplaced = rules.plain(block.unplaced_qty)
            raise BadHandFill(f"Only {unplaced} of {block.ref} is left to place; cancel a route first.", field="qty", row=n)
        if not fill.price.is_finite() or fill.price <= 0:
            raise BadHandFill("The price is above zero.", field="price", row=n)
        if outside := rules.outside_limit("BUY" if block.side == "BUY" else "SELL", fill.price, block.limit_price):
            raise BadHandFill(f"{outside} The manager has to amend the orders first.", field="price", row=n)
        if not fill.commission.is_finite() or fill.commission < 0:
            raise BadHandFill("The commission is zero or above.", field="commission", row=n)
        if wrong := judged.time_problem(fill.executed_at, block.opened_at, act.at):
            raise BadHandFill(f"The trade's time cannot be: {wrong}", field="executed_at", row=n)
        if fill.market and not (len(fill.market) == 4 and fill.market.isalnum()):
            raise BadHandFill(f"“{fill.market}” is no market; give its MIC, such as XNAS, or nothing.", field="market", row=n)


def _far(act: Act, fills: Sequence[HandFill], found: Mapping[int, Block]) -> dict[int, str]:
    """Of fills far from what the market traded, how far in words. :raises FarFromMarket: where there is one and no reason"""
    around = timedelta(minutes=settings.HAND_MINUTES)
    keys = [(found[fill.block_id].instrument_id, fill.executed_at - around, fill.executed_at + around) for fill in fills]
    ranges = marketdata.traded_ranges(keys)
    said = {}
    for n, (fill, key) in enumerate(zip(fills, keys, strict=True)):
        if key not in ranges:
            continue
        low, high = ranges[key]
        off = judged.distance(fill.price, low, high)
        if off <= settings.HAND_TOLERANCE_BP:
            continue
        said[n] = f"{off:.0f} bp outside {rules.plain(low)} to {rules.plain(high)}"
        if not act.reason.strip():
            raise FarFromMarket(
                f"{rules.plain(fill.price)} is {said[n]}, what the market traded around {fill.executed_at:%H:%M:%S} UTC. Mend the"
                " price or the time, or say why it is so.",
                field="reason", row=n,
            )  # fmt: skip
    return said


def _refuse_entered(fills: Sequence[HandFill], pairs: Sequence[tuple[Block, Broker]]) -> None:
    """A reference tells fills apart; without one, broker, quantity, price and time do. The blocks are held."""
    days = [_traded_on(fill, block) for fill, (block, _) in zip(fills, pairs, strict=True)]
    named = Execution.objects.filter(broker__in=[b for _, b in pairs], trade_date__in=days, exec_id__in=[f.exec_ref for f in fills])
    known = set(named.values_list("broker_id", "trade_date", "exec_id"))
    live = Execution.objects.filter(block__in=[block for block, _ in pairs], status=X.LIVE)
    alike = set(live.values_list("block_id", "broker_id", "qty", "price", "at_broker"))
    for n, (fill, day, (block, broker)) in enumerate(zip(fills, days, pairs, strict=True)):
        name = (broker.pk, day, fill.exec_ref)
        same = (block.pk, broker.pk, fill.qty, fill.price, fill.executed_at)
        if name in known if fill.exec_ref else same in alike:
            raise EnteredAlready(
                f"{broker.name}'s fill of {rules.plain(fill.qty)} at {rules.plain(fill.price)} is entered already. If it is another,"
                " give the broker's reference of it.",
                field="exec_ref", row=n,
            )  # fmt: skip
        known.add(name)
        alike.add(same)


def _traded_on(fill: HandFill, block: Block):
    """The day of the trade at its venue."""
    return fill.executed_at.astimezone(ZoneInfo(block.instrument.venue.timezone)).date()


def _write(
    act: Act, fills: Sequence[HandFill], pairs: Sequence[tuple[Block, Broker]], far: Mapping[int, str], mids: Mapping[int, Decimal]
) -> list[int]:
    """Routes that are filled, each with its execution, and their facts. :returns: the routes' ids"""
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "routing_route", len(fills))
    routes, executions = [], []
    for n, (pk, fill, (block, broker)) in enumerate(zip(ids, fills, pairs, strict=True)):
        at, value = fill.executed_at, fill.qty * fill.price
        told = {"by": act.by, "is_voice": fill.is_voice, "reason": act.reason.strip(), "far": far.get(n, "")}
        routes.append(
            Route(
                pk=pk, block=block, broker=broker, kind=HAND, qty=fill.qty, cum_qty=fill.qty, cum_value=value, leaves_qty=0,
                cl_ord_id=f"HAND-{pk}", arrival_price=mids.get(block.pk), requested_at=act.at, accepted_at=at, first_fill_at=at,
                last_fill_at=at, ended_at=at, reported_at=at, reported_cum_qty=fill.qty, trace={"hand": told},
                environment=settings.ENVIRONMENT, status=Rt.FILLED,
            )
        )  # fmt: skip
        executions.append(
            Execution(
                route_id=pk, block=block, broker=broker, exec_id=fill.exec_ref or f"HAND-{pk}", trade_date=_traded_on(fill, block),
                qty=fill.qty, price=fill.price, commission_amount=fill.commission, currency_code=block.currency_id,
                market=fill.market.upper(), at_broker=at, at=act.at, is_voice=fill.is_voice, status=X.LIVE,
            )
        )  # fmt: skip
    Route.objects.bulk_create(routes)
    Execution.objects.bulk_create(executions)
    record(act, [*map(_route_fact, routes, executions), *map(_execution_fact, executions)])
    return ids


def _route_fact(route: Route, x: Execution) -> Fact:
    far = route.trace["hand"]["far"]
    told = hand.RouteByHand(
        x.block_id, x.broker_id, rules.plain(x.qty), rules.plain(x.price), x.at_broker.isoformat(), x.is_voice, far
    )
    return Fact(route.pk, 1, told)


def _execution_fact(x: Execution) -> Fact:
    return Fact(x.pk, 1, events.ExecutionBooked(x.route_id, x.block_id, x.exec_id, rules.plain(x.qty), rules.plain(x.price)))


@transaction.atomic
def take_back(act: Act, execution_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will take back a fill that was entered by hand, for the reason the act gives, as a bust: its quantity is to be placed again, a
    block that was done goes on, and what was allocated of it is allocated anew.

    :raises Invalid: without a reason; :raises NotByHand: where the broker reported it; :raises NotFound:
    :raises StaleExecution, IllegalMove: where it was taken back meanwhile; :raises OwnedByAnother: where a colleague works the block
    """
    user = require(act, "routing.route")
    if not act.reason.strip():
        raise Invalid("Say why it did not happen so; the reason is kept.", field="reason")
    block_id = Execution.objects.filter(pk=execution_id).values_list("block_id", flat=True).first()
    if block_id is None:
        raise NotFound("There is no such execution.")
    block = lock_blocks(user, [block_id])[block_id]
    blocks.refuse_owned_by_others(user, [block])
    row = Execution.objects.select_for_update(no_key=True).get(pk=execution_id)
    route = Route.objects.select_for_update(no_key=True).get(pk=row.route_id)
    if route.kind != HAND:
        raise NotByHand(f"{route.ref} was reported by the broker, who busts or corrects it.")
    if seen.get(row.pk) != row.version:
        raise StaleExecution(
            f"Execution {row.exec_id} changed since you looked. Reload to see.",
            stale=order_selectors.missed("execution", {row.pk: (row.exec_id, seen.get(row.pk), row.version)}),
        )
    row.status = EXECUTION_LIFE.after(row.status, events.ExecutionBusted)
    row.version += 1
    row.save(update_fields=["status", "version"])
    route.status = LIFE.after(route.status, hand.RouteTakenBack)
    route.version += 1
    route.cum_qty = route.cum_value = Decimal(0)
    route.save(update_fields=["status", "version", "cum_qty", "cum_value"])
    if block.status in (B.DONE, B.ALLOCATED):
        blocks.reopen_blocks(act, {block.pk: f"{block.ref}: {row.exec_id}, which was entered by hand, was taken back."})
    record(
        act,
        [
            Fact(route.pk, route.version, hand.RouteTakenBack(block.pk, row.exec_id)),
            Fact(row.pk, row.version, events.ExecutionBusted(block_id=block.pk, exec_id=row.exec_id)),
        ],
    )
    blocks.mark_filled(act, {block.pk: (-row.qty, -row.qty * row.price)})
    blocks.mark_placed(act, {block.pk: -row.qty})
