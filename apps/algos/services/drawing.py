"""
Drawing a destination for a block, on the record and committed before anything is routed; routing it; or setting it aside with a reason.

Who could not be drawn is found before the draw, and why is kept with it. Whoever draws holds the season, so no two draws of a sequence
share a counter. A block whose draw nobody used keeps it: it is not drawn for again until that is set aside.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from apps.audit.services import record
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.blocks.states import B
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Conflict, Invalid, NotFound, Refusal, Stale
from apps.marketdata import selectors as marketdata
from apps.reference.models import Broker
from apps.routing import rules as routing_rules
from apps.routing import services as routing
from apps.routing.models import Session
from apps.routing.services.counterparties import bars_of
from apps.routing.services.locks import lock_blocks, refuse_stale
from apps.users.services import require

from .. import wheel_events as events
from .. import wheel_selectors as selectors
from ..models import Draw, Season, Sequence
from ..rules import wheel as rules
from ..states import DRAW_LIFE, Se
from .wheels import Destination, WheelText, text_said


class StaleDraw(Stale):
    """Somebody used the draw, or set it aside, after the person looked."""


class DrawnAlready(Conflict):
    """A destination is drawn for the block, and waits to be used or set aside."""


class NobodyEligible(Conflict):
    """None of the wheel's destinations may have the block."""


class NoSeason(Conflict):
    """The wheel is out of force."""


@transaction.atomic
def draw(act: Act, wheel_id: int, block_id: int, *, seen: int) -> int:
    """
    Will draw where what is unplaced of a block goes. Nothing is routed.

    :param seen: the version of the block the trader was looking at
    :returns: the draw's id
    :raises DrawnAlready: where a draw of the block waits; :raises NobodyEligible: with why, of each destination
    :raises NoSeason: where the wheel is out of force; :raises StaleBlock, OwnedByAnother, NotFound:
    """
    user = require(act, "routing.route")
    standing = routing.halts_in_force()
    rows = Season.objects.select_for_update(of=("self",), no_key=True).select_related("wheel")
    season = rows.filter(wheel=wheel_id, status=Se.OPEN).first()
    if season is None:
        raise NoSeason("There is no such wheel, or it is out of force.", wheel=wheel_id)
    block = lock_blocks(user, [block_id])[block_id]
    refuse_stale(blocks.StaleBlock, {block.pk: block}, {block.pk: seen})
    blocks.refuse_owned_by_others(user, [block])
    if block.status not in (B.OPEN, B.WORKING) or block.unplaced_qty <= 0:
        raise routing.NothingToPlace(f"Nothing of {block.ref} is left to place.", block=block.pk)
    if waiting := Draw.objects.filter(block=block, status="DRAWN").first():
        raise DrawnAlready(f"{waiting.ref} is drawn for {block.ref}. Route it, or set it aside with a reason.", draw=waiting.pk)
    text = text_said(season.said)
    excluded = _excluded(act, standing, block, text)
    among = {n: one.weight for n, one in enumerate(text.destinations) if n not in excluded}
    if not among:
        why = "; ".join(f"{text.destinations[n].name}: {said}" for n, said in excluded.items())
        raise NobodyEligible(f"No destination of “{season.wheel.name}” may have {block.ref}. {why}"[:1000], block=block.pk)
    stratum = _stratum(act, block, text)
    sequence, _ = Sequence.objects.get_or_create(
        season=season, stratum=stratum[:120], among_key=",".join(map(str, sorted(among))), defaults={"among": sorted(among)}
    )
    counter = sequence.drawn
    pick = rules.drawn(season.seed, sequence.stratum, among, counter)
    sequence.drawn = counter + 1
    sequence.save(update_fields=["drawn"])
    chosen = text.destinations[pick]
    told = [[text.destinations[n].name, why] for n, why in excluded.items()]
    row = Draw.objects.create(
        sequence=sequence, counter=counter, block=block, qty=block.unplaced_qty, pick=pick, strategy=chosen.strategy,
        broker=Broker.objects.get(code=chosen.broker), excluded=told, drawn_by_id=act.by, drawn_at=act.at,
    )  # fmt: skip
    record(act, [Fact(row.pk, 1, events.DrawMade(season.pk, block.pk, sequence.stratum, counter, chosen.name, told))])
    return row.pk


def _stratum(act: Act, block: Block, text: WheelText) -> str:
    """Its name; what is not known is a stratum of its own, as is a spread whose quote is too old."""
    thing = block.instrument
    size = spread = ""
    if text.sizes:
        volume = marketdata.average_volumes([thing.pk]).get(thing.pk, (None,))[0]
        size = rules.size_of(block.unplaced_qty / volume * 100 if volume else None, text.sizes)
    if text.spreads:
        quote = marketdata.quotes_of([thing.pk]).get(thing.pk)
        is_known = quote is not None and quote.at >= act.at - timedelta(seconds=settings.COST_QUOTE_SECONDS)
        spread = rules.spread_of((quote.ask - quote.bid) / quote.mid * 10_000 if is_known else None, text.spreads)
    sector = (thing.sector or "no sector") if text.by_sector else ""
    return rules.stratum_of(thing.asset_class if text.by_class else "", sector, size, spread)


def _excluded(act: Act, standing, block: Block, text: WheelText) -> dict[int, str]:
    """Number of each destination that may not have the block now, to why."""
    brokers = {b.code: b for b in Broker.objects.filter(code__in={one.broker for one in text.destinations})}
    sessions = Session.objects.filter(broker__in=brokers.values(), environment=settings.ENVIRONMENT, is_enabled=True)
    up = dict(sessions.values_list("broker", "is_up"))
    bars = bars_of(act, [block])
    works = routing_rules.orders.is_worked_by_strategy(block.order_type, block.tif, block.terms)
    found = {}
    for n, one in enumerate(text.destinations):
        if why := _why_not(act, standing, block, one, brokers[one.broker], up, bars, works):
            found[n] = why[:300]
    return found


def _why_not(act: Act, standing, block: Block, one: Destination, broker: Broker, up: Mapping[int, bool], bars: Any, works: bool) -> str:
    if not broker.is_active:
        return "The broker is switched off."
    if broker.pk not in up:
        return f"It has no enabled session in {settings.ENVIRONMENT}."
    if not up[broker.pk]:
        return "Its session is down."
    for bound, why in ((block.directed_to, "Its clients direct it to"), (block.meant_for, "It was split off for")):
        if bound is not None and bound.pk != broker.pk:
            return f"{why} {bound.name}."
    if one.strategy and not works:
        return "The block says itself how it trades, so no algorithm works it."
    try:
        routing.refuse_halted(act, standing, [(block, broker.pk, one.strategy)])
    except Refusal as refusal:
        return refusal.message
    if barred := bars.of(block, broker.pk):
        return f"{len(barred)} of its portfolios may not trade with it: {next(iter(barred.values()))}."
    return ""


@transaction.atomic
def route_draw(act: Act, draw_id: int, *, seen: Mapping[int, int]) -> routing.Routed:
    """
    Will route what is unplaced of the block to what was drawn, past every check.

    :returns: as ``route_blocks``; where rules stop an order nothing goes, and the draw waits
    :raises StaleDraw, IllegalMove, NotFound, and what ``route_blocks`` raises: the draw then stays as it was drawn
    """
    routing.halts_in_force()  # Before anything is locked, or whoever presses the kill switch waits for us and we for them.
    row, block = _lock(act, draw_id, seen)
    DRAW_LIFE.after(row.status, events.DrawRouted)
    one = text_said(row.sequence.season.said).destinations[row.pick]
    why = f"{row.ref} of “{row.sequence.season.wheel.name}”, {row.sequence.stratum}"
    act = act.because(f"{why}: {act.reason}"[:400] if act.reason else why[:400])
    routed = routing.route_blocks(
        act, [block.pk], seen={block.pk: block.version}, broker_code=one.broker, strategy=one.strategy, params=dict(one.params)
    )
    if routed.stopped:
        return routed
    row.route_id = routed.routes[0]
    _happen(act, row, events.DrawRouted(row.route_id))
    return routed


@transaction.atomic
def set_aside(act: Act, draw_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will keep that what was drawn does not get the block, for the reason the act gives, which best execution reads.

    :raises Invalid: without a reason; :raises StaleDraw, IllegalMove, NotFound:
    """
    row, _ = _lock(act, draw_id, seen)
    DRAW_LIFE.after(row.status, events.DrawSetAside)
    if not act.reason.strip():
        raise Invalid("Say why the draw is not used; the reason is kept.", field="reason")
    row.text = act.reason.strip()[:400]
    _happen(act, row, events.DrawSetAside(row.text))


def _happen(act: Act, row: Draw, event: Event) -> None:
    """The only door to a draw's status after it was made."""
    row.status = DRAW_LIFE.after(row.status, type(event))
    row.version += 1
    row.save(update_fields=["status", "version", "route", "text"])
    record(act, [Fact(row.pk, row.version, event)])


def _lock(act: Act, draw_id: int, seen: Mapping[int, int]) -> tuple[Draw, Block]:
    user = require(act, "routing.route")
    rows = Draw.objects.select_for_update(of=("self",), no_key=True).select_related("sequence__season__wheel")
    row = rows.filter(pk=draw_id, pk__in=selectors.draws_seen_by(user).values("pk")).first()
    if row is None:
        raise NotFound("There is no such draw, or it is not on a desk of yours.")
    refuse_stale(StaleDraw, {row.pk: row}, seen)
    block = lock_blocks(user, [row.block_id])[row.block_id]
    blocks.refuse_owned_by_others(user, [block])
    return row, block
