"""In which order the blocks of one idea are released, and what was released when in what place."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from django.db import connection
from django.db.models import QuerySet

from apps.core.refusals import NotFound
from apps.users.selectors import desks_of
from apps.users.services import can

from .. import rules
from ..models import Rotation, RotationUse, Seat


class Idea(NamedTuple):
    """What takes turns: the same thing, on the same side, on one day, at one desk."""

    desk_id: int
    instrument_id: int
    side: str
    trade_date: date


class Due(NamedTuple):
    """When a block is released. ``waits_for`` are the references of those before it; ``rotation`` is "" without one."""

    place: int
    places: int
    waits_for: tuple[str, ...]
    rotation: str


_IDEAS = """
SELECT s.desk_id, s.instrument_id, s.side, s.trade_date, s.id, s.directed_to_id, s.directed_when, s.frozen_at IS NOT NULL
FROM blocks_block s WHERE s.status <> 'CANCELLED' AND (s.desk_id, s.instrument_id, s.side, s.trade_date) IN (
  SELECT d.desk_id, d.instrument_id, d.side, d.trade_date FROM blocks_block d JOIN blocks_block f
    ON f.desk_id = d.desk_id AND f.instrument_id = d.instrument_id AND f.side = d.side AND f.trade_date = d.trade_date
  WHERE f.id = ANY(%s) AND d.directed_when <> '' AND d.status <> 'CANCELLED')
ORDER BY 1, 2, 3, 4, 5
"""


def ideas_of(block_ids: Collection[int]) -> dict[Idea, list[rules.Party]]:
    """The ideas of these blocks in which somebody directs, each with all of its blocks. One query; mostly empty."""
    with connection.cursor() as cursor:
        cursor.execute(_IDEAS, [list(block_ids)])
        found: dict[Idea, list[rules.Party]] = {}
        for *idea, block, broker, when, is_released in cursor.fetchall():
            found.setdefault(Idea(*idea), []).append(rules.Party(block, broker, when, is_released))
    return found


def active_rotations(desk_ids: Collection[int]) -> QuerySet[Rotation]:
    return Rotation.objects.filter(desk__in=desk_ids, status="ACTIVE").order_by("pk")


def parties_of(rotations: Collection[Rotation]) -> dict[int, list[int | None]]:
    """Rotation id to its parties by seat: broker ids, None for the free orders. One query."""
    found: dict[int, list[int | None]] = {}
    seats = Seat.objects.filter(rotation__in=rotations).order_by("rotation", "number")
    for rotation, broker in seats.values_list("rotation", "broker"):
        found.setdefault(rotation, []).append(broker)
    return found


def uses_of(rotations: Mapping[int, Rotation], ideas: Collection[Idea]) -> dict[Idea, int]:
    """Of ideas that traded by their desk's rotation already: the seat that is first for them. One query."""
    rows = RotationUse.objects.filter(
        rotation__in=rotations.values(), trade_date__in={i.trade_date for i in ideas},
        instrument__in={i.instrument_id for i in ideas},
    )  # fmt: skip
    desks = {rotation.pk: desk for desk, rotation in rotations.items()}
    return {Idea(desks[u.rotation_id], u.instrument_id, u.side, u.trade_date): u.first_seat for u in rows}


def seats_for(
    parties: Sequence[int | None], first: int, blocks: Sequence[rules.Party], *, is_in_use: bool
) -> list[int | None]:
    """The parties from the first seat on; where an idea uses no rotation yet, after those that were released already."""
    order = [*parties[first:], *parties[:first]]
    if is_in_use:
        return order
    served = {b.broker_id for b in blocks if b.is_released and b.when in ("", "TURN")}
    return [p for p in order if p in served] + [p for p in order if p not in served]


def turns_of(block_ids: Collection[int]) -> dict[int, Due]:
    """Block id to its place in the order of release, as it stands; absent where nobody takes turns. Four queries at most."""
    ideas = ideas_of(block_ids)
    if not ideas:
        return {}
    rotations = {r.desk_id: r for r in active_rotations({idea.desk_id for idea in ideas})}
    parties = parties_of(rotations.values()) if rotations else {}
    uses = uses_of(rotations, ideas) if rotations else {}
    found = {}
    for idea, blocks in ideas.items():
        rotation = rotations.get(idea.desk_id)
        seats: list[int | None] = [None]
        if rotation:
            first = uses.get(idea, rotation.position)
            seats = seats_for(parties[rotation.pk], first, blocks, is_in_use=idea in uses)
        for pk, turn in rules.turns(blocks, seats, block_ids).items():
            waits = tuple(f"B-{other:04d}" for other in turn.waits_for)
            found[pk] = Due(turn.place, turn.places, waits, rotation.name if rotation else "")
    return {pk: found[pk] for pk in block_ids if pk in found}


# --- for who looks at rotations -------------------------------------------------------------------------------------


def rotations_seen_by(user) -> QuerySet[Rotation]:
    """Those of the desks the person sits at; all for who sees the whole firm or keeps rotations. Active ones first."""
    rows = Rotation.objects.select_related("desk").prefetch_related("seats__broker").order_by("status", "-pk")
    if can(user, "portfolios.see_all") or can(user, "blocks.write_rotations"):
        return rows
    return rows.filter(desk__in=desks_of(user).values("pk"))


def get_rotation_seen_by(user, rotation_id: int) -> Rotation:
    """:raises NotFound: where there is none for this person"""
    row = rotations_seen_by(user).filter(pk=rotation_id).first()
    if row is None:
        raise NotFound("There is no such rotation, or it is not of a desk of yours.")
    return row


class Released(NamedTuple):
    """
    One line of the evidence, from the record: a block of an idea, whose it is, and when it was released in what place.
    ``first`` is who was to be first for the idea; ``party`` is who this block is for.
    """

    trade_date: date
    symbol: str
    side: str
    first: str
    block: str
    party: str
    place: int
    places: int
    at: datetime
    by: str
    out_of_turn: str


_EVIDENCE = """
SELECT u.trade_date, i.symbol, u.side, coalesce(fb.name, 'Free orders'), 'B-' || lpad(b.id::text, greatest(4, length(b.id::text)), '0'),
  coalesce(pb.name, 'Free orders'), (e.payload->>'place')::int, (e.payload->>'places')::int, a.at,
  coalesce(nullif(trim(p.first_name || ' ' || p.last_name), ''), p.username), e.payload->>'out_of_turn'
FROM blocks_rotationuse u
JOIN blocks_rotation r ON r.id = u.rotation_id
JOIN reference_instrument i ON i.id = u.instrument_id
JOIN blocks_seat s ON s.rotation_id = u.rotation_id AND s.number = u.first_seat
LEFT JOIN reference_broker fb ON fb.id = s.broker_id
JOIN blocks_block b ON b.instrument_id = u.instrument_id AND b.side = u.side AND b.trade_date = u.trade_date
  AND b.desk_id = r.desk_id
LEFT JOIN reference_broker pb ON pb.id = b.directed_to_id
JOIN audit_entry e ON e.subject = 'block' AND e.subject_id = b.id AND e.event = 'block.frozen'
  AND (e.payload->>'rotation_id')::bigint = u.rotation_id
JOIN audit_act a ON a.id = e.act_id JOIN users_user p ON p.id = a.by_id
WHERE u.rotation_id = %s AND u.trade_date >= coalesce(%s, '-infinity'::date) AND u.trade_date <= coalesce(%s, 'infinity'::date)
ORDER BY u.trade_date DESC, u.id DESC, e.act_id, (e.payload ->> 'place')::int, e.id LIMIT %s
"""


def evidence(
    rotation: Rotation, *, since: date | None = None, until: date | None = None, most: int = 1000
) -> list[Released]:
    """
    What was released by the rotation, the last idea first and in the order of release within it: from the record of the
    blocks, not from where the rotation stands. One query.
    """
    with connection.cursor() as cursor:
        cursor.execute(_EVIDENCE, [rotation.pk, since, until, most])
        return [Released(*row) for row in cursor.fetchall()]
