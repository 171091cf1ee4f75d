"""Playing matrices: out with a route each, our own steps as they come, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import structlog
from django.conf import settings
from django.db import transaction

from apps.audit.services import record
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.blocks.selectors import mids_of
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Conflict, Invalid, Refusal
from apps.routing import services as routing
from apps.routing.models import Route, Session
from apps.routing.services.locks import lock_blocks, refuse_stale
from apps.users.services import require

from . import events, rules, selectors
from .models import Play
from .states import LIFE, P

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 100
QUIET = timedelta(seconds=60)


class LiveHere(Conflict):
    """Matrices are played in a simulation only."""


class CannotPlay(Invalid):
    """A matrix cannot be played on the block with that broker."""


@transaction.atomic
def play_matrices(act: Act, block_id: int, session_id: int, names: Sequence[str], *, seen: Mapping[int, int]) -> list[int]:
    """
    Will place a part of a block with a broker for each matrix, which that broker then plays; our own cancels and replaces follow as
    their steps come, in the name of whoever asked.

    :param names: of ``rules.VECTORS``
    :returns: the plays' ids, in that order
    :raises LiveHere: where this is no simulation
    :raises CannotPlay: for a matrix that cannot be played there, naming it and why; nothing is then sent
    :raises StaleBlock, …: as ``route_blocks``
    """
    user = require(act, "routing.route")
    if not selectors.is_simulation():
        raise LiveHere(f"This installation is {settings.ENVIRONMENT}: no broker plays races here.")
    session = selectors.get_session(session_id)
    act = act if act.reason.strip() else replace(act, reason="To see how it goes.")
    wanted = list(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in rules.BY_NAME]
    if unknown or not wanted or len(wanted) > MOST_AT_ONCE:
        text = f"There is no matrix “{unknown[0]}”." if unknown else f"Choose 1 to {MOST_AT_ONCE} matrices."
        raise CannotPlay(text, field="names")
    block = lock_blocks(user, [block_id])[block_id]
    refuse_stale(blocks.StaleBlock, {block.pk: block}, seen)
    price = _reference(block)
    made = [_play(act, block.pk, session, rules.BY_NAME[name], price, n) for n, name in enumerate(wanted)]
    record(act, [Fact(one.pk, 1, _started(one, session)) for one in made])
    return [one.pk for one in made]


def _play(act: Act, block_id: int, session: Session, vector: rules.Vector, price: Decimal, n: int) -> Play:
    block = Block.objects.select_related("instrument").get(pk=block_id)  # As the play before left it.
    order = selectors.order_of(block, session)
    if why := rules.obstacle(vector, order):
        raise CannotPlay(f"{vector.name} cannot be played on {block.ref}: {why}.", field="names")
    scale = rules.Scale(rules.scale_of(vector, order), price / rules.PRICE, block.limit_price, block.side == "BUY")
    text = rules.script(vector, scale, f"M{act.at:%H%M%S%f}-{n}")
    routed = routing.route_by_script(
        act, block.pk, seen=block.version, broker_code=session.broker.code, qty=scale.amount(vector.qty),
        label=f"Matrix {vector.name}", fields=[(rules.SCRIPT_TAG, text)],
    )  # fmt: skip
    if not routed.routes:
        raise CannotPlay(f"{vector.name}: compliance did not let the order out.", field="block")
    return Play.objects.create(
        route_id=routed.routes[0], matrix=vector.name, scale=str(scale.qty), price=scale.price, limit_price=block.limit_price,
        heard_at=act.at, started_by_id=act.by, started_at=act.at,
    )  # fmt: skip


def _reference(block: Block) -> Decimal:
    """About what price a matrix is played: the middle of the market, and where there is a limit just within it."""
    if block.limit_price is not None:
        return block.limit_price * (Decimal("0.998") if block.side == "BUY" else Decimal("1.002"))
    mid = mids_of([block]).get(block.pk)
    if mid is None:
        raise CannotPlay(f"There is no price of {block.instrument.symbol}, about which a matrix would be played.", field="block")
    return mid


def _started(play: Play, session: Session) -> events.PlayStarted:
    return events.PlayStarted(play.matrix, play.route_id, session.broker_id, play.scale)


def advance_plays(at: datetime) -> int:
    """
    Will do the next of our own steps of each play whose turn has come, and say what came of those that are over. Two that do it at
    once do not meet: what one has in hand the other passes over.

    :returns: how many moved
    """
    moved = 0
    for pk in list(Play.objects.filter(status=P.PLAYING).order_by("pk").values_list("pk", flat=True)):
        moved += _advance(pk, at)
    return moved


@transaction.atomic
def _advance(pk: int, at: datetime) -> bool:
    play = Play.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=pk, status=P.PLAYING).first()
    if play is None:
        return False
    vector, booked = rules.BY_NAME[play.matrix], selectors.steps_booked(play)
    is_moved = len(booked) > play.heard
    if is_moved:
        play.heard, play.heard_at = len(booked), at
    act = Act(by=play.started_by_id, at=at, via="worker", reason=f"{play.ref} plays {vector.name}: {vector.title}.")
    asks = rules.asks(vector)
    if play.asked < len(asks):
        place, step = asks[play.asked]
        before = rules.told_before(vector, place)
        if before in booked or (before is None and selectors.is_sent(play)):
            try:
                with transaction.atomic():
                    _ask(act, play, step)
            except Refusal as refusal:
                _end(act, play, f"{step.name} could not be asked: {refusal.message}")
                return True
            play.asked, play.heard_at = play.asked + 1, at
            play.save()
            return True
    last = rules.told_before(vector, len(vector.steps))
    if play.asked == len(asks) and last in booked:
        _end(act, play, _differs(play, vector))
        return True
    if at - play.heard_at > QUIET:
        _end(act, play, f"Nothing more was heard for {QUIET.seconds} s, after {play.heard} of its steps.")
        return True
    if is_moved:
        play.save()
    return is_moved


def _ask(act: Act, play: Play, step: rules.Asks) -> None:
    route = Route.objects.select_related("block__instrument").get(pk=play.route_id)
    change = rules.change_of(step, selectors.scale_of(play), route.block.instrument.tick_size)
    seen = {route.pk: route.version}
    if change:
        routing.replace_routes(act, {route.pk: change}, seen=seen)
    else:
        routing.cancel_routes(act, [route.pk], seen=seen)


def _differs(play: Play, vector: rules.Vector) -> str:
    """What the order is that the matrix does not say; empty where it is as it says."""
    route, expected = Route.objects.get(pk=play.route_id), rules.expected(vector, selectors.scale_of(play))
    ours = rules.Expected(route.status, route.qty, route.cum_qty, route.leaves_qty, selectors.held(play))
    return "; ".join(
        f"{name.replace('_', ' ')} is {_said(is_)}, not {_said(should)}"
        for name, is_, should in zip(ours._fields, ours, expected, strict=True) if is_ != should
    )  # fmt: skip


def _said(value: object) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value).lower().replace("_", " ")


def _end(act: Act, play: Play, found: str) -> None:
    event: Event = events.PlayFailed(found[:400]) if found else events.PlayPassed()
    play.status = LIFE.after(play.status, type(event))
    play.found, play.ended_at, play.version = found[:400], act.at, play.version + 1
    play.save()
    record(act, [Fact(play.pk, play.version, event)])
    log.info("play_ended", play=play.ref, matrix=play.matrix, status=play.status, found=found)
