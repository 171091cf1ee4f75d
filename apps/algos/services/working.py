"""
What Celery beat has algorithms do: send what is due, wait, stand still, end.

Each is looked at in a transaction of its own, with its row held: a second beat passes it by. A child order, its number and its
route are written together, so that whoever is killed between has done nothing, and a number is sent once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import structlog
from django.conf import settings
from django.db import transaction

from apps.audit.selectors import automated_id
from apps.audit.services import record
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.blocks.states import B
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Conflict, Refusal
from apps.marketdata.models import Quote
from apps.marketdata.volume_selectors import volumes_between
from apps.routing import rules as routing_rules
from apps.routing import services as routing
from apps.routing.models import Halt
from apps.routing.services.locks import lock_blocks
from apps.users.models import User

from .. import events, rules, selectors
from ..models import Algo, Slice
from ..states import A
from .lives import happen, replan, withdraw
from .planning import Kind, ask_of, lot_of

log = structlog.get_logger(__name__)

TRANSIENT = (routing.RateLimit, blocks.MembersChanging)  # Asked again at the next beat.
MISSED, LATE = 3, timedelta(seconds=30)
AFTER_CLOSE = timedelta(minutes=15)  # Auctions are reported a while after the close.


class Going(NamedTuple):
    """A child order that is to go out."""

    n: int
    due_at: datetime
    planned: Decimal
    qty: Decimal
    tif: str


def work_algos(now: datetime) -> int:
    """
    Will have every algorithm do what is due at a moment. Two queries for those that have nothing to do.

    :returns: how many child orders went out
    """
    rows = list(Algo.objects.filter(status__in=(A.WORKING, A.PAUSED)).order_by("pk"))
    if not rows:
        return 0
    stands = selectors.standings(a.pk for a in rows)
    is_halted = Halt.objects.filter(status="ACTIVE").exists()
    sent = 0
    for algo in rows:
        if _has_to(algo, stands[algo.pk], now) or (is_halted and algo.status == A.WORKING):
            try:
                sent += work_one(algo.pk, now)
            except Exception:  # noqa: BLE001 One that fails must not keep the others from their time.
                log.exception("algo_failed", algo=algo.pk)
    return sent


def _has_to(algo: Algo, stands: rules.Standing, now: datetime) -> bool:
    if stands.filled >= algo.qty or now >= algo.ends_at:
        return True
    if algo.status == A.PAUSED:
        return False
    if stands.rejected:
        return True
    return bool(rules.due(_slices(algo), algo.done_n, now)) and not (algo.kind == Kind.ICEBERG and stands.live)


@transaction.atomic
def work_one(algo_id: int, now: datetime) -> int:
    """
    Will do what is due of one algorithm, unless another beat has it in hand.

    :returns: how many child orders went out: one or none
    """
    standing = routing.halts_in_force()  # Before anything is locked, as whoever routes does.
    rows = Algo.objects.select_for_update(of=("self",), no_key=True, skip_locked=True).select_related("broker", "works_for")
    algo = rows.filter(pk=algo_id, status__in=(A.WORKING, A.PAUSED)).first()
    if algo is None:
        return 0
    own = Act(by=automated_id("scheduler"), at=now, via="worker", reason=f"{algo.ref} by itself")
    block = lock_blocks(User.objects.get(pk=own.by), [algo.block_id])[algo.block_id]
    stands = selectors.standings([algo.pk])[algo.pk]
    if _is_over(own, algo, block, stands, now) or algo.status == A.PAUSED:
        return 0
    if stands.rejected:
        return _pause(own, algo, "The broker rejected an order of it; look at what it says before you let it go on.")
    act = Act(by=algo.works_for_id, at=now, via="worker", reason=f"By {algo.ref}, {algo.get_kind_display()}")
    try:
        routing.refuse_halted(act, standing, [(block, algo.broker_id, label_of(algo))])
    except Refusal as refusal:
        return _pause(own, algo, refusal.message)
    going = _next(own, algo, block, stands, now)
    return 0 if going is None else _send(own, act, algo, block, going)


def label_of(algo: Algo) -> str:
    """How its orders are called among strategies."""
    return f"Own {algo.kind}"


def _slices(algo: Algo) -> list[tuple[int, rules.Slice]]:
    return [
        (n, rules.Slice(datetime.fromisoformat(at), None if qty is None else Decimal(qty), tif)) for n, at, qty, tif in algo.plan
    ]


def _is_over(own: Act, algo: Algo, block: Block, stands: rules.Standing, now: datetime) -> bool:
    """Ends it where all is filled, its time is over or its block is, once no broker works any of it."""
    if stands.filled >= algo.qty:
        return _finish(own, algo, stands, "")
    if block.status not in (B.OPEN, B.WORKING):
        return not stands.live and _finish(own, algo, stands, f"{block.ref} is {block.status.lower()}.")
    if now < algo.ends_at:
        return False
    if not stands.live:
        left = routing_rules.plain(algo.qty - stands.filled)
        return _finish(own, algo, stands, f"Its time is over with {left} not filled.")
    patience = AFTER_CLOSE if algo.kind == Kind.CLOSE else timedelta(0)
    if algo.withdrawn_at is None and now >= algo.ends_at + patience:
        withdraw(own, algo)
        algo.withdrawn_at, algo.text = now, "Its time is over; brokers were asked to cancel what is open."
        algo.save(update_fields=["withdrawn_at", "text"])
    return True


def _finish(own: Act, algo: Algo, stands: rules.Standing, text: str) -> bool:
    algo.ended_at, algo.text = own.at, text
    happen(own, algo, events.AlgoFinished(f"{stands.filled:f}", text))
    return True


def _pause(own: Act, algo: Algo, why: str) -> int:
    algo.text, algo.still_since = why[:400], own.at
    happen(own, algo, events.AlgoPaused(algo.text))
    return 0


def _wait(own: Act, algo: Algo, why: str, told: str = "") -> None:
    """
    Keeps once for what it waits, and since when.

    :param told: what was known as it began to wait; that this moves is nothing new, or each beat would make it another version
    """
    if not algo.text.startswith(why[:400]) or not algo.still_since:
        algo.text, algo.still_since = f"{why}{told}"[:400], algo.still_since or own.at
        happen(own, algo, events.AlgoWaited(algo.text))


def _next(own: Act, algo: Algo, block: Block, stands: rules.Standing, now: datetime) -> Going | None:
    """What is to go out now; where nothing is, what is due counts as dealt with, or it waits and says for what."""
    plan = _slices(algo)
    numbers = rules.due(plan, algo.done_n, now)
    if algo.kind != Kind.ICEBERG and len(numbers) > MISSED and now - dict(plan)[numbers[0]].at > LATE:
        missed = f"{len(numbers)} slices were missed; the rest is spread over the time that is left."
        try:
            replan(algo, block, now, ask_of(algo))
        except Refusal as refusal:
            _pause(own, algo, refusal.message)
            return None
        happen(own, algo, events.AlgoReplanned(missed))
        plan = _slices(algo)
        numbers = rules.due(plan, algo.done_n, now)
    if not numbers:
        return None
    if algo.kind == Kind.ICEBERG:
        numbers = numbers[:1]
        if stands.live:
            return None
        if stands.cancelled:
            _pause(own, algo, "An order of it came back not filled.")
            return None
    target = _target(own, algo, block, plan, numbers, stands)
    if target is None:
        return None
    n, slices = numbers[-1], dict(plan)
    qty = rules.to_send(target, stands.committed, algo.qty, block.unplaced_qty, lot_of(block))
    if not qty:
        algo.done_n, algo.text = n, "" if block.unplaced_qty else f"Nothing of {block.ref} is left to place."
        algo.still_since = None
        algo.save(update_fields=["done_n", "text", "still_since"])
        return None
    planned = sum((slices[k].qty or Decimal(0) for k in numbers), Decimal(0))
    return Going(n, slices[n].at, planned, qty, slices[n].tif)


def _target(
    own: Act, algo: Algo, block: Block, plan: Sequence[tuple[int, rules.Slice]], numbers: Sequence[int], stands: rules.Standing
) -> Decimal | None:
    """What is to be filled or at work by now; None where that is not known."""
    if algo.kind == Kind.ICEBERG:
        return stands.committed + dict(plan)[numbers[0]].qty
    if algo.kind != Kind.POV:
        return algo.base_qty + sum((one.qty for n, one in plan if algo.base_n < n <= numbers[-1]), Decimal(0))
    thing = block.instrument
    quote = Quote.objects.filter(pk=thing.pk).first()
    oldest = own.at - timedelta(seconds=settings.ALGO_QUOTE_SECONDS)
    if quote is None or quote.at < oldest or not quote.volume:
        last = "none is on file" if quote is None else f"the last of {quote.at:%H:%M:%S} UTC says {routing_rules.plain(quote.volume)}"
        _wait(own, algo, f"The market's volume in {thing.symbol} is not known", f" ({last}), so nothing is sent.")
        return None
    wanted = (thing.pk, algo.base_at, own.at)
    volume = volumes_between([wanted])[wanted]
    return algo.base_qty + rules.quota(volume, Decimal(algo.params["participation_pct"]), lot_of(block))


def _send(own: Act, act: Act, algo: Algo, block: Block, going: Going) -> int:
    trace = {"algo": {"id": algo.pk, "ref": algo.ref, "kind": algo.kind, "n": going.n}}
    child = routing.Child(label_of(algo), algo.limit_price, going.tif, trace)
    try:
        with transaction.atomic():
            routed = routing.route_child(
                act, block.pk, seen=block.version, broker_code=algo.broker.code, qty=going.qty, child=child
            )
    except TRANSIENT as refusal:
        _wait(own, algo, refusal.message)
        return 0
    except Refusal as refusal:
        return _pause(own, algo, refusal.message)
    if routed.stopped:
        stopped: Conflict = routing.stopped_at_route(routed.stopped)
        return _pause(own, algo, stopped.message)
    route = routed.routes[0]
    row = Slice.objects.create(
        algo=algo, n=going.n, due_at=going.due_at, planned_qty=going.planned, qty=going.qty, route_id=route, sent_at=own.at
    )
    algo.done_n, algo.text, algo.still_since = going.n, "", None
    algo.save(update_fields=["done_n", "text", "still_since"])
    record(own, [Fact(row.pk, 1, events.SliceSent(algo.pk, going.n, route, f"{going.qty:f}", f"{going.planned:f}"))])
    return 1
