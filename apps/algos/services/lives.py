"""The life of an algorithm by people: planned, started, changed, paused, let go on, stopped."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from apps.audit.services import record
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.core.acts import Act
from apps.core.events import Event, Fact, differing
from apps.core.refusals import Conflict, Invalid, NotFound, Stale
from apps.reference.models import Broker
from apps.routing import services as routing
from apps.routing.services.locks import lock_blocks, refuse_stale
from apps.users.models import User
from apps.users.services import require

from .. import events, rules, selectors
from ..models import Algo
from ..states import LIFE, A
from .planning import Ask, BadAlgo, Sketch, ask_of, sketch_algo


class StaleAlgo(Stale):
    """An algorithm changed after the trader looked at it."""


class SpokenFor(Conflict):
    """Other algorithms are to send what is left of the block."""


def happen(act: Act, algo: Algo, event: Event) -> None:
    """The only door to an algorithm's status after it was planned; writes the whole row."""
    algo.status = LIFE.after(algo.status, type(event))
    algo.version += 1
    algo.save()
    record(act, [Fact(algo.pk, algo.version, event)])


def kept_plan(slices, first: int) -> list[list]:
    """Slices as they are kept, numbered from one on."""
    return [
        [n, one.at.isoformat(), None if one.qty is None else f"{one.qty:f}", one.tif] for n, one in enumerate(slices, first)
    ]


def replan(algo: Algo, block: Block, at: datetime, ask: Ask) -> None:
    """
    Will plan what is neither filled nor at work anew, from a moment on; the caller writes the row. Slices that were dealt with stay.

    :raises BadAlgo, NotKnown: where it cannot be
    """
    stands = selectors.standings([algo.pk])[algo.pk]
    most = stands.committed + max(block.unplaced_qty - selectors.spoken_for(block.pk, algo.pk), Decimal(0))
    sketch = sketch_algo(ask, block, at, least=stands.committed, most=most)
    past = [one for one in algo.plan if one[0] <= algo.done_n]
    algo.plan = [*past, *kept_plan(sketch.slices, algo.done_n + 1)]
    algo.base_n, algo.base_qty, algo.base_at = algo.done_n, stands.committed, max(at, algo.starts_at)
    _take(algo, sketch, algo.started_at is not None and algo.starts_at <= at)


def _take(algo: Algo, sketch: Sketch, has_begun: bool) -> None:
    ask = sketch.ask
    algo.qty, algo.limit_price, algo.interval_seconds, algo.params = ask.qty, ask.limit_price, ask.interval_seconds, ask.params()
    algo.ends_at, algo.basis = ask.ends_at, sketch.basis[:300]
    if not has_begun:
        algo.starts_at = algo.base_at = ask.starts_at


@transaction.atomic
def plan_algo(act: Act, block_id: int, ask: Ask, *, seen: int) -> int:
    """
    Will keep a plan of how to work a quantity of a block; nothing is sent until it is started.

    :param seen: the block's version the trader was looking at
    :returns: the algorithm's id
    :raises BadAlgo, NotKnown: where it cannot be planned; :raises SpokenFor: where other algorithms are to send what is left
    :raises StaleBlock, OwnedByAnother, NotFound:
    """
    user = require(act, "routing.route")
    block = lock_blocks(user, [block_id])[block_id]
    refuse_stale(blocks.StaleBlock, {block.pk: block}, {block.pk: seen})
    blocks.refuse_owned_by_others(user, [block])
    broker = Broker.objects.filter(code=ask.broker_code, is_active=True, kind=Broker.Kind.BROKER).first()
    if broker is None:
        raise BadAlgo(f"There is no broker “{ask.broker_code}”.", field="broker_code")
    if block.directed_to_id not in (None, broker.pk):
        raise BadAlgo(f"The clients of {block.ref} direct it to {block.directed_to.name}.", field="broker_code")
    spoken = selectors.spoken_for(block.pk)
    left = block.unplaced_qty - spoken
    if left <= 0:
        why = f"Other algorithms are to send all that is left of {block.ref}." if spoken else f"All of {block.ref} is placed."
        raise SpokenFor(why, block=block.pk)
    sketch = sketch_algo(ask._replace(qty=left) if ask.qty is None else ask, block, act.at, most=left)
    said = sketch.ask
    algo = Algo.objects.create(
        block=block, broker=broker, kind=ask.kind, qty=said.qty, limit_price=said.limit_price, starts_at=said.starts_at,
        ends_at=said.ends_at, interval_seconds=said.interval_seconds, params=said.params(), plan=kept_plan(sketch.slices, 1),
        basis=sketch.basis[:300], base_at=said.starts_at, works_for_id=act.by, planned_at=act.at,
    )  # fmt: skip
    told = events.AlgoPlanned(block.pk, broker.pk, algo.kind, f"{algo.qty:f}", said.as_said())
    record(act, [Fact(algo.pk, 1, told)])
    return algo.pk


@transaction.atomic
def start_algo(act: Act, algo_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will let a plan go, in the name of whoever starts it. What of its time has passed is planned anew.

    :raises StaleAlgo, IllegalMove, NotFound, OwnedByAnother, BadAlgo, NotKnown: nothing is started
    """
    _, algo, block = _lock(act, algo_id, seen)
    LIFE.after(algo.status, events.AlgoStarted)
    ask = ask_of(algo)
    if algo.starts_at < act.at:
        replan(algo, block, act.at, ask)
    _in_the_name_of(act, algo)
    algo.started_at = act.at
    happen(act, algo, events.AlgoStarted(len(algo.plan)))


@transaction.atomic
def pause_algo(act: Act, algo_id: int, *, seen: Mapping[int, int]) -> None:
    """Will send nothing more until somebody lets it go on; what is at brokers stays. :raises StaleAlgo, IllegalMove, NotFound:"""
    _, algo, _ = _lock(act, algo_id, seen)
    LIFE.after(algo.status, events.AlgoPaused)
    algo.text = f"Paused by a person: {act.reason}"[:400] if act.reason else "Paused by a person."
    algo.still_since = None
    happen(act, algo, events.AlgoPaused())


@transaction.atomic
def resume_algo(act: Act, algo_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will let it go on, in the name of whoever says so, with the rest planned anew over the time that is left.

    :raises StaleAlgo, IllegalMove, NotFound, OwnedByAnother, BadAlgo, NotKnown: it stays as it is
    """
    _, algo, block = _lock(act, algo_id, seen)
    LIFE.after(algo.status, events.AlgoResumed)
    replan(algo, block, act.at, ask_of(algo))
    _in_the_name_of(act, algo)
    happen(act, algo, events.AlgoResumed())


@transaction.atomic
def change_algo(act: Act, algo_id: int, ask: Ask, *, seen: Mapping[int, int]) -> None:
    """
    Will work the rest on other terms. Algorithm, block and broker stay; orders at brokers go on, but for those with a limit that
    the new one forbids, which are asked to be cancelled.

    :raises Invalid: where nothing would change; :raises StaleAlgo, IllegalMove, NotFound, OwnedByAnother, BadAlgo, NotKnown:
    """
    _, algo, block = _lock(act, algo_id, seen)
    LIFE.after(algo.status, events.AlgoChanged)
    old = ask_of(algo)
    ask = ask._replace(kind=old.kind, broker_code=old.broker_code)
    had_begun = algo.started_at is not None and algo.starts_at <= act.at
    before, limit = old.as_said(), algo.limit_price
    replan(algo, block, act.at, ask._replace(starts_at=algo.starts_at) if had_begun else ask)
    before, after = differing(before, ask_of(algo).as_said())
    if not after:
        raise Invalid("Nothing about it would change.", field="qty")
    if algo.status != A.PLANNED:
        _in_the_name_of(act, algo, keep_text=algo.status == A.PAUSED)
    happen(act, algo, events.AlgoChanged(before, after))
    if rules.is_tighter(block.side, algo.limit_price, limit):
        withdraw(act, algo, lambda r: r.limit_price is None or rules.outside(block.side, r.limit_price, algo.limit_price))


@transaction.atomic
def stop_algo(act: Act, algo_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will end it, with the reason the act gives, and ask brokers to cancel what they have not filled of it.

    :raises Invalid: without a reason; :raises StaleAlgo, IllegalMove, NotFound:
    """
    _, algo, _ = _lock(act, algo_id, seen)
    LIFE.after(algo.status, events.AlgoStopped)
    if not act.reason.strip():
        raise Invalid("Say why; the reason is kept on the record.", field="reason")
    cancels = withdraw(act, algo)
    algo.ended_at, algo.text = act.at, f"Stopped: {act.reason}"[:400]
    happen(act, algo, events.AlgoStopped(cancels))


def withdraw(act: Act, algo: Algo, which=lambda route: True) -> int:
    """Will ask to cancel its orders at brokers, of whose block the caller has the lock. Returns how many."""
    routes = [r for r in selectors.live_routes(algo) if which(r)]
    if routes:
        routing.cancel_routes(act, [r.pk for r in routes], seen={r.pk: r.version for r in routes})
    return len(routes)


def _in_the_name_of(act: Act, algo: Algo, *, keep_text: bool = False) -> None:
    algo.works_for_id, algo.looked_at = act.by, act.at
    if not keep_text:
        algo.text, algo.still_since = "", None


def _lock(act: Act, algo_id: int, seen: Mapping[int, int]) -> tuple[User, Algo, Block]:
    """
    The algorithm and then its block, as a person may who works it.

    :raises NotFound, StaleAlgo, OwnedByAnother:
    """
    user = require(act, "routing.route")
    rows = Algo.objects.select_for_update(of=("self",), no_key=True).select_related("broker")
    algo = rows.filter(pk=algo_id, pk__in=selectors.algos_seen_by(user).values("pk")).first()
    if algo is None:
        raise NotFound("There is no such algorithm, or it is not on a desk of yours.")
    refuse_stale(StaleAlgo, {algo.pk: algo}, seen)
    block = lock_blocks(user, [algo.block_id])[algo.block_id]
    blocks.refuse_owned_by_others(user, [block])
    return user, algo, block
