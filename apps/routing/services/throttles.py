"""
Message throttles: at the door through which every message to a broker leaves, and at the gateway that sends it.

Acts of one session or strategy take turns on its throttle's row, so that together they are never over it. A cancel counts
but is never refused or kept: out is always open.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Max, Sum
from django.db.models.functions import Coalesce

from apps.audit.selectors import automated_id
from apps.audit.services import record
from apps.blocks.models import Block
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Conflict

from .. import events
from ..models import Halt, Throttle, ThrottleUse
from ..rules import throttles as rules
from ..rules.throttles import COUNTED


class RateLimit(Conflict):
    """More messages than a throttle lets out, or a strategy applied too often; ``reasons`` are for machines."""


@transaction.atomic
def count_messages(act: Act, sent: Iterable[tuple[int, str]]) -> None:
    """
    Will count messages that are wanted out, where their session is throttled.

    :param sent: (session id, message type)
    :raises RateLimit: where one session's are over its limit; nothing is then sent
    """
    wanted: dict[int, list[str]] = {}
    for session, kind in sent:
        if kind in COUNTED:
            wanted.setdefault(session, []).append(kind)
    if not wanted:
        return
    rows = Throttle.objects.filter(session__in=wanted, is_active=True).select_related("session").order_by("pk")
    for throttle in rows.select_for_update(of=("self",), no_key=True):
        kinds = wanted[throttle.session_id]
        if rules.is_refused(kinds):
            _refuse_over(act, throttle, len(kinds), paced=throttle.over == Throttle.Over.QUEUE)
        ThrottleUse.objects.create(throttle=throttle, at=act.at, messages=len(kinds))


@transaction.atomic
def count_strategies(act: Act, applied: Sequence[tuple[str, Block]], *, messages: int = 1, is_new: bool = True) -> None:
    """
    Will count what strategies are asked to do, and stop one that has now been applied to an instrument and side as often
    as it may: it is halted until a person lifts that, as any halt.

    :param applied: strategy and block of each message
    :param is_new: whether they apply the strategy anew, rather than change what it works
    :raises RateLimit: where a strategy's messages are over its limit, or it would be applied oftener; nothing is then sent
    """
    wanted: dict[str, list[Block]] = {}
    for strategy, block in applied:
        if strategy:
            wanted.setdefault(strategy, []).append(block)
    if not wanted:
        return
    rows = Throttle.objects.filter(strategy__in=wanted, is_active=True).order_by("pk")
    for throttle in rows.select_for_update(no_key=True):
        of = wanted[throttle.strategy]
        if Halt.objects.filter(scope=Halt.Scope.STRATEGY, strategy=throttle.strategy, status="ACTIVE", mode=Halt.Mode.ALL).exists():
            raise RateLimit(  # Stopped by an act that came before this one while it waited.
                f"{throttle.strategy} was stopped just now. Nothing was sent. See Kill switch.", strategy=throttle.strategy
            )
        _refuse_over(act, throttle, len(of) * messages)
        times: dict[tuple[int, str], int] = {}
        for block in of:
            times[block.instrument_id, block.side] = times.get((block.instrument_id, block.side), 0) + 1
        if is_new and throttle.most_repeats is not None:
            _count_repeats(act, throttle, times, {(b.instrument_id, b.side): b.instrument.symbol for b in of})
        ThrottleUse.objects.bulk_create(
            ThrottleUse(
                throttle=throttle, at=act.at, messages=n * messages, instrument_id=thing, side=side, applied=n if is_new else 0
            )
            for (thing, side), n in times.items()
        )


def _refuse_over(act: Act, throttle: Throttle, more: int, *, paced: bool = False) -> None:
    for cap in rules.caps(act.at, None if paced else throttle.per_second, throttle.per_day):
        if said := cap.over(_used(throttle, cap.since, includes=cap.includes), more):
            raise RateLimit(
                f"{said}, of {throttle.of}. Nothing was sent. Send it again later, or less of it at a time.",
                reasons=[{"code": cap.name, "said": said, "of": throttle.of}],
            )


def _used(throttle: Throttle, since: datetime, *, includes: bool) -> int:
    rows = ThrottleUse.objects.filter(throttle=throttle)
    rows = rows.filter(at__gte=since) if includes else rows.filter(at__gt=since)
    return rows.aggregate(n=Coalesce(Sum("messages"), 0))["n"]


def _count_repeats(act: Act, throttle: Throttle, times: Mapping[tuple[int, str], int], names: Mapping) -> None:
    lifted = Halt.objects.filter(scope=Halt.Scope.STRATEGY, strategy=throttle.strategy).aggregate(at=Max("lifted_at"))["at"]
    since = rules.repeats_since(act.at, throttle.repeat_seconds, lifted)
    before = {
        (thing, side): n
        for thing, side, n in ThrottleUse.objects.filter(throttle=throttle, at__gt=since, applied__gt=0)
        .values_list("instrument_id", "side").annotate(n=Sum("applied"))
    }  # fmt: skip
    most, within = throttle.most_repeats, f"within {throttle.repeat_seconds} s"
    applied = {key: before.get(key, 0) + n for key, n in times.items()}
    for key, x in applied.items():
        if rules.is_over(x, most):
            said = rules.said(rules.REPEATED, x, most)
            raise RateLimit(
                f"{said}: {throttle.strategy} on {names[key]} {within}. Nothing was sent.",
                reasons=[{"code": rules.REPEATED, "said": said, "of": throttle.of}],
            )
    if last := next((key for key, x in applied.items() if rules.stops(x, most)), None):
        _stop(act, throttle, f"{rules.said(rules.REPEATED, most, most)}: {throttle.strategy} on {names[last]} {within}.")


def _stop(act: Act, throttle: Throttle, why: str) -> None:
    by = automated_id("gateway")
    halt = Halt.objects.create(
        scope=Halt.Scope.STRATEGY, mode=Halt.Mode.ALL, strategy=throttle.strategy, reason=why[:400], set_by_id=by, set_at=act.at
    )
    told = events.HaltSet(
        scope=halt.scope, mode=halt.mode, of=halt.of, routes=0, withdrawn=0, cancels=0, inquiries=0
    )  # What works goes on: it is applied no more.
    record(Act(by=by, at=act.at, via=act.via, reason=why), [Fact(halt.pk, 1, told)])


def paces(session_ids: Sequence[int]) -> dict[int, int]:
    """Of paced sessions how many messages a second the gateway may hand over."""
    rows = Throttle.objects.filter(session__in=session_ids, is_active=True, over=Throttle.Over.QUEUE, per_second__isnull=False)
    return dict(rows.values_list("session_id", "per_second"))
