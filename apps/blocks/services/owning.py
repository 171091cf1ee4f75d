"""
Whose block it is: picked up from the pool, handed to a colleague, given back, taken from somebody who is away, or passed
to another desk, as London passes its day on to New York.

Its routes go on working, whoever owns it. A block in the pool is anybody's of its desk; one that has an owner is routed
and finished by them, or by a supervisor.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence

from django.db import transaction

from apps.core.acts import Act
from apps.core.refusals import Invalid, NotAllowed
from apps.users.models import Desk, User
from apps.users.selectors import desks_of
from apps.users.services import can, require

from .. import events
from ..models import Block
from ..states import B
from .owners import refuse_others
from .working import Locked, happen, lock_asked


@transaction.atomic
def pick_up_blocks(act: Act, block_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will make blocks of the pool the actor's own; those that are theirs already stay so.

    :raises OwnedByAnother: where a colleague was first; none is then picked up
    :raises NotFound, StaleBlock, IllegalMove: as when finishing
    """
    rows = lock_asked(act, block_ids, seen, events.BlockAssigned)
    refuse_others(act.by, rows)
    _assign(act, [row for row in rows if row.owner_id is None], act.by, "PICKED_UP")


@transaction.atomic
def hand_over_blocks(act: Act, block_ids: Collection[int], *, to: str, seen: Mapping[int, int]) -> None:
    """
    Will give blocks to a colleague at their desk, or back to the pool: one's own and the pool's, or anybody's for a
    supervisor.

    :param to: username; nothing for the pool
    :raises OwnedByAnother: where one is a colleague's and the actor does not supervise
    :raises Invalid: where the person does not work at the desk of one
    :raises NotFound, StaleBlock, IllegalMove: as when finishing
    """
    rows = lock_asked(act, block_ids, seen, events.BlockAssigned)
    user = User.objects.get(pk=act.by)
    if not can(user, "blocks.supervise"):
        refuse_others(act.by, rows)
    owner = _trader(to, {row.desk_id for row in rows}) if to else None
    changing = [row for row in rows if row.owner_id != (owner.pk if owner else None)]
    _assign(act, changing, owner.pk if owner else None, "HANDED_OVER" if owner else "POOLED")


@transaction.atomic
def pass_blocks(act: Act, block_ids: Collection[int], *, desk: str, to: str = "", seen: Mapping[int, int]) -> None:
    """
    Will give blocks to another desk, to its pool or to a trader who sits there. A supervisor's act, with its reason, for
    turns, halts and queues are each desk's own. A block that is open takes no more orders of the desk that it left: those
    open a block of their own there.

    :param desk: code; :param to: username, nothing for the pool
    :raises NotAllowed: for who does not supervise
    :raises Invalid: without a reason; where there is no such desk, nobody trades there, or the person does not
    :raises NotFound, StaleBlock, IllegalMove: as when finishing
    """
    rows = lock_asked(act, block_ids, seen, events.BlockAssigned)
    if not can(User.objects.get(pk=act.by), "blocks.supervise"):
        raise NotAllowed("Only a supervisor passes blocks to another desk. Ask one, or hand them to a colleague of yours.")
    if not act.reason.strip():
        raise Invalid("Say why you pass them on; the reason is kept.", field="reason")
    there = Desk.objects.filter(code=desk).first()
    if there is None:
        raise Invalid(f"There is no desk “{desk}”.", field="desk")
    if not to and not any(can(person, "blocks.work") for person in there.people.filter(is_active=True, is_automated=False)):
        raise Invalid(f"Nobody trades at {there}, so nobody would see them.", field="desk")
    owner = _trader(to, {there.pk}) if to else None
    _assign(act, [row for row in rows if row.desk_id != there.pk], owner.pk if owner else None, "PASSED", there)


@transaction.atomic
def take_over_queue(act: Act, of: str, *, to: str = "") -> int:
    """
    Will give every block that a colleague owns on the supervisor's desks, open or working, to another trader or to the
    pool, with the reason: because they are away.

    :returns: how many; :raises NotAllowed: for who does not supervise; :raises Invalid: without a reason or such a person
    """
    user = require(act, "blocks.supervise")
    if not act.reason.strip():
        raise Invalid("Say why you take over the queue; the reason is kept.", field="reason")
    absent = User.objects.filter(username=of).first()
    if absent is None:
        raise Invalid(f"There is nobody named “{of}”.", field="of")
    theirs = Block.objects.filter(owner=absent, status__in=[B.OPEN, B.WORKING], desk__in=desks_of(user).values("pk"))
    versions = dict(theirs.select_for_update(no_key=True).order_by("pk").values_list("pk", "version"))
    if not versions:
        return 0
    rows = lock_asked(act, versions, versions, events.BlockAssigned)
    owner = _trader(to, {row.desk_id for row in rows}) if to else None
    _assign(act, rows, owner.pk if owner else None, "TAKEN_OVER")
    return len(rows)


def _trader(username: str, desk_ids: Collection[int]) -> User:
    """Who is to own blocks of these desks. :raises Invalid: where they do not work there"""
    person = User.objects.filter(username=username, is_active=True, is_automated=False).first()
    if person is None or not can(person, "blocks.work"):
        raise Invalid(f"“{username}” is no trader.", field="to")
    away = set(desk_ids) - set(desks_of(person).values_list("pk", flat=True))
    if away:
        raise Invalid(f"{person} does not sit at the desk of every block; choose a colleague who does.", field="to")
    return person


def _assign(act: Act, rows: Sequence[Locked], owner_id: int | None, how: str, desk: Desk | None = None) -> None:
    names = {
        user.pk: str(user) for user in User.objects.filter(pk__in={owner_id, *(r.owner_id for r in rows)} - {None})
    }
    desks = Desk.objects.in_bulk({row.desk_id for row in rows}) if desk else {}
    told = {
        row.id: events.BlockAssigned(
            owner_id=owner_id, owner=names.get(owner_id, ""), before_id=row.owner_id,
            before=names.get(row.owner_id, ""), how=how, desk=desk.code if desk else "",
            desk_before=desks[row.desk_id].code if desk else "",
        )
        for row in rows
    }  # fmt: skip
    columns = {"owner_id": ("bigint", [owner_id] * len(rows))}
    if desk:
        keys = [hashlib.sha256(f"passed {row.id} to {desk.pk}, {row.version}".encode()).hexdigest() for row in rows]
        columns |= {"desk_id": ("bigint", [desk.pk] * len(rows)), "merge_key": ("text", keys)}
    happen(act, rows, told, columns)
