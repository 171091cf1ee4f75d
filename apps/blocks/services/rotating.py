"""
Who trades in turn: released blocks take their turns by the desk's rotation, whose position moves once for each idea.

Whoever releases blocks of an idea in which somebody directs holds the rotation's row until commit, so of two at once the
second finds what the first has released, and the position moves once.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from django.db import transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Conflict, Invalid, NotAllowed, Stale
from apps.orders import selectors as order_selectors
from apps.reference.models import Broker
from apps.users.models import Desk, User
from apps.users.services import can, require

from .. import events, rules, selectors
from ..models import Rotation, RotationUse, Seat
from ..selectors.rotating import Idea, active_rotations, ideas_of, parties_of, seats_for, uses_of
from ..states import ROTATION_LIFE

FREE = "FREE"


class OutOfTurn(Conflict):
    """Others trade the same idea before this one."""


class StaleRotation(Stale):
    """The rotation moved after the person looked."""


class Taken(NamedTuple):
    """The place in which a block is released, by which rotation, and why it did not wait where it did not."""

    place: int
    places: int
    rotation_id: int | None
    out_of_turn: str


def take_turns(act: Act, block_ids: Collection[int], *, out_of_turn: bool = False) -> dict[int, Taken]:
    """
    Will release locked blocks in their turn: those directed before the free ones, then the free ones and those in turn as
    the rotation has them, then those after. The first release of an idea for which several parties wait uses the rotation
    once. One query where nobody directs.

    :param out_of_turn: release also what would have to wait; a supervisor's word, with the act's reason
    :returns: block id to its place; absent where nobody takes turns
    :raises OutOfTurn: where one has to wait; :raises NotAllowed, Invalid: where ``out_of_turn`` is not theirs to say
    """
    asked = {idea.desk_id for idea in ideas_of(block_ids)}
    if not asked:
        return {}
    rotations = {r.desk_id: r for r in active_rotations(asked).select_for_update()}
    ideas = ideas_of(block_ids)  # Read again: who held the rotation may have released others of them.
    parties = parties_of(rotations.values())
    uses = uses_of(rotations, ideas)
    _use(act, rotations, parties, ideas, uses)
    turns, by = {}, {}
    for idea, blocks in ideas.items():
        rotation, seats = rotations.get(idea.desk_id), [None]
        if rotation:
            first = uses.get(idea, rotation.position)
            seats = seats_for(parties[rotation.pk], first, blocks, is_in_use=idea in uses)
        for pk, turn in rules.turns(blocks, seats, block_ids).items():
            turns[pk], by[pk] = turn, rotation.pk if rotation and idea in uses else None
    late = {pk: turns[pk] for pk in sorted(block_ids) if pk in turns and turns[pk].waits_for}
    if late:
        _refuse_late(act, late, out_of_turn)
    return {
        pk: Taken(turns[pk].place, turns[pk].places, by[pk], act.reason.strip() if pk in late else "")
        for pk in block_ids
        if pk in turns
    }


def _use(
    act: Act, rotations: Mapping[int, Rotation], parties: Mapping[int, Sequence], ideas: Mapping[Idea, Sequence[rules.Party]],
    uses: dict[Idea, int],
) -> None:  # fmt: skip
    """Will use the rotation once for each idea for which several parties wait and that has not used it; told in ``uses``."""
    told: dict[int, list[Event]] = {}
    for idea, blocks in ideas.items():
        rotation = rotations.get(idea.desk_id)
        waiting = {b.broker_id for b in blocks if not b.is_released and b.when in ("", "TURN")}
        if rotation is None or idea in uses or len(waiting & {*parties[rotation.pk]}) < 2:
            continue
        before = rotation.position
        made = RotationUse.objects.create(
            rotation=rotation, instrument_id=idea.instrument_id, side=idea.side, trade_date=idea.trade_date,
            first_seat=before, at=act.at,
        )  # fmt: skip
        uses[idea] = before
        rotation.position = (before + 1) % len(parties[rotation.pk])
        told.setdefault(idea.desk_id, []).append(
            events.RotationAdvanced(
                made.pk, idea.instrument_id, idea.side, idea.trade_date.isoformat(), before, rotation.position
            )
        )
    for desk, facts in told.items():
        _happen(act, rotations[desk], facts)


def _refuse_late(act: Act, late: Mapping[int, rules.Turn], out_of_turn: bool) -> None:
    pk, turn = next(iter(late.items()))
    name, others = f"B-{pk:04d}", ", ".join(f"B-{other:04d}" for other in turn.waits_for[:3])
    if not out_of_turn:
        raise OutOfTurn(
            f"{name} trades in place {turn.place} of {turn.places}, after {others}. Route that first, or both together; a"
            " supervisor may release it out of turn with a reason.",
            block=pk, place=turn.place, places=turn.places, after=list(turn.waits_for[:20]),
        )  # fmt: skip
    if not can(User.objects.get(pk=act.by), "blocks.supervise"):
        raise NotAllowed(
            f"{name} waits for {others}; only a trading supervisor may release it out of turn.", permission="blocks.supervise"
        )
    if not act.reason.strip():
        raise Invalid("Say why it is released out of turn; the reason is kept.", field="reason")


# --- by administrators ----------------------------------------------------------------------------------------------


@transaction.atomic
def make_rotation(act: Act, name: str, desk_code: str, parties: Sequence[str]) -> int:
    """
    Will have the parties of a desk trade the same idea in turn, the first of them first.

    :param parties: codes of brokers to whom clients direct, and FREE for the free orders, once each
    :returns: its id; :raises Invalid: where the desk, a party or the name is none, or FREE or any broker is missing
    :raises Conflict: where the desk has a rotation; end that first
    """
    require(act, "blocks.write_rotations")
    if not name.strip():
        raise Invalid("Give the rotation a name.", field="name")
    desk = Desk.objects.select_for_update().filter(code=desk_code).first()
    if desk is None:
        raise Invalid(f"There is no desk “{desk_code}”.", field="desk")
    codes = [code.strip().upper() for code in parties if code.strip()]
    brokers = {b.code: b for b in Broker.objects.filter(code__in=codes, is_active=True).exclude(kind__in=Broker.NOT_ROUTED)}
    unknown = [code for code in codes if code != FREE and code not in brokers]
    if unknown:
        raise Invalid(f"There is no broker or dealer “{unknown[0]}”; write FREE for the free orders.", field="parties")
    if FREE not in codes or len(codes) < 2 or len(codes) != len(set(codes)):
        raise Invalid("Name FREE and at least one broker, each once, in their order.", field="parties")
    if standing := active_rotations([desk.pk]).first():
        raise Conflict(f"{desk} trades by “{standing}” already; end that first.", rotation=standing.pk)
    rotation = Rotation.objects.create(name=name.strip()[:80], desk=desk)
    Seat.objects.bulk_create(
        [Seat(rotation=rotation, number=n, broker=brokers.get(code)) for n, code in enumerate(codes)]
    )
    record(act, [Fact(rotation.pk, 1, events.RotationMade(rotation.name, codes))])
    return rotation.pk


@transaction.atomic
def reset_rotation(act: Act, rotation_id: int, *, position: int, seen: Mapping[int, int]) -> None:
    """
    Will have another seat be first at the next use, with the reason.

    :raises Invalid: without a reason, or for a seat there is none of, or that is first already
    :raises NotFound, StaleRotation, IllegalMove:
    """
    rotation = _asked(act, rotation_id, seen)
    if not act.reason.strip():
        raise Invalid("Say why the position is set; the reason is kept.", field="reason")
    if not 0 <= position < rotation.seats.count() or position == rotation.position:
        raise Invalid("Choose another of its parties to be first.", field="position")
    before, rotation.position = rotation.position, position
    _happen(act, rotation, [events.RotationReset(before, position)])


@transaction.atomic
def end_rotation(act: Act, rotation_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will have the desk trade without it from now on; what traded by it stays on the record.

    :raises Invalid: without a reason; :raises NotFound, StaleRotation, IllegalMove:
    """
    rotation = _asked(act, rotation_id, seen)
    if not act.reason.strip():
        raise Invalid("Say why the rotation ends; the reason is kept.", field="reason")
    _happen(act, rotation, [events.RotationEnded(rotation.position)])


def _asked(act: Act, rotation_id: int, seen: Mapping[int, int]) -> Rotation:
    user = require(act, "blocks.write_rotations")
    selectors.get_rotation_seen_by(user, rotation_id)
    rotation = Rotation.objects.select_for_update().get(pk=rotation_id)
    if seen.get(rotation_id) != rotation.version:
        since = order_selectors.changes_since("rotation", {rotation_id: int(seen.get(rotation_id) or 0)})
        raise StaleRotation(
            f"“{rotation}” moved since you looked: it is at version {rotation.version}, you saw {seen.get(rotation_id)}."
            " Reload and decide again.",
            stale=[{"id": rotation_id, "ref": rotation.ref, "seen": seen.get(rotation_id), "is": rotation.version,
                    "changes": since.get(rotation_id, [])}],
        )
    return rotation


def _happen(act: Act, rotation: Rotation, told: Sequence[Event]) -> None:
    """The only door to a rotation's status and position."""
    facts = []
    for event in told:
        rotation.status = ROTATION_LIFE.after(rotation.status, type(event))
        rotation.version += 1
        facts.append(Fact(rotation.pk, rotation.version, event))
    rotation.save(update_fields=["status", "position", "version"])
    record(act, facts)
