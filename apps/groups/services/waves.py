"""Sending a program wave by wave."""

from collections.abc import Mapping
from decimal import Decimal

from django.db import transaction

from apps.core.acts import Act
from apps.core.refusals import Conflict, Invalid
from apps.routing import services as routing

from .. import events, rules, selectors
from ..models import LinkedGroup, Wave
from ..states import LIFE, Gr
from . import following
from .composing import hold, locked_group, refuse_changed


class NotAProgram(Conflict):
    """Only a program goes out in waves."""


class NothingInWave(Conflict):
    """A wave is smaller than a lot of every block."""


def send_wave(act: Act, group_id: int, pct: Decimal, *, seen: Mapping[int, int]) -> int:
    """
    Will send so many percent of every block of a program, in whole lots, all of them or nothing; with the last wave all that is
    left. What a wave cannot send of a block because it is less than a lot comes with the next.

    :returns: which wave it is
    :raises Invalid: where the percentage is not above 0, has more than 4 decimals, or is more than is left
    :raises NothingInWave: where it is less than a lot of every block
    :raises NotAProgram, NotFound, StaleGroup, IllegalMove: where it is another kind, hidden, changed, paused or over
    :raises UnfitLeg: before the first, where a block became another since; and as ``routing.route_blocks``
    """
    try:
        with transaction.atomic():
            routing.halts_in_force()
            group = locked_group(act, group_id, seen)
            return _send(act, group, pct)
    except following.Stopped as stop:
        hold(act, stop)
        raise AssertionError("what is held is always said") from stop


def _send(act: Act, group: LinkedGroup, pct: Decimal) -> int:
    if group.kind != rules.Kind.PROGRAM:
        raise NotAProgram(f"{group.ref} is no program. Send it as a whole.")
    before = selectors.sent_pct(group)
    if group.status != Gr.PLANNED:
        LIFE.after(group.status, events.WaveSent)
    if not 0 < pct <= 100 - before or pct != pct.quantize(Decimal("0.0001")):
        raise Invalid(f"Give a percentage above 0 and up to the {plain(100 - before)} that are left, to four decimals.", field="pct")
    rows = following.locked(group)
    if group.status == Gr.PLANNED:
        refuse_changed(group, rows)
        group.sent_by_id, group.sent_at = act.by, act.at
        following.happen(act, group, events.GroupSent())
    nth = group.waves.count() + 1
    Wave.objects.create(group=group, nth=nth, pct=pct, up_to_pct=before + pct, sent_by_id=act.by, sent_at=act.at)
    legs = sum(rules.up_to(r.now.qty, r.now.round_lot, before + pct) > rules.up_to(r.now.qty, r.now.round_lot, before) for r in rows)
    if not legs:
        raise NothingInWave(f"{plain(pct)}% is less than a lot of every block of {group.ref}. Send a larger wave.")
    following.happen(act, group, events.WaveSent(nth, plain(pct), plain(before + pct), legs))
    mine = act if act.reason else act.because(f"{group.ref}: wave {nth}, {plain(pct)}%.")
    following.move(mine, group, rows, strict=True)
    return nth


def plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
