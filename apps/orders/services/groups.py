"""Orders linked as legs, and what follows for the others when one of them ends."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db import transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact, listens
from apps.core.refusals import Conflict, Invalid
from apps.users.services import require

from .. import events, rules, selectors
from ..models import Leg, Order, OrderGroup
from ..states import GROUP_LIFE, LIFE, S
from .approving import ApprovalOutcome, approve
from .moves import StaleOrder, asked, cancel_orders, happen, locked, submit_orders


class BadLegs(Invalid):
    """The orders chosen cannot be a group of this kind."""


class NotYetLinked(Conflict):
    """Only drafts that belong to no group can be linked."""


class NothingToDo(Conflict):
    """No order of the group stands where it could be done."""


class LegIn(NamedTuple):
    order_id: int
    role: str = "LEG"
    ratio: Decimal = Decimal(1)


@transaction.atomic
def link_orders(act: Act, kind: str, name: str, legs: Sequence[LegIn], *, seen: Mapping[int, int]) -> int:
    """
    Will link drafts as the legs of a group whose kind says what follows when one of them ends; its id.

    :raises NotFound, NotAllowed, StaleOrder: as when submitting
    :raises NotYetLinked: if one is no draft or belongs to a group already
    :raises BadLegs: if the kind takes no such legs
    """
    if kind not in rules.KINDS:
        raise BadLegs(f"There is no kind of group “{kind[:20]}”.", field="kind")
    if not name.strip() or len(name) > 120:
        raise BadLegs("Give the group a name of at most 120 characters.", field="name")
    ids = [leg.order_id for leg in legs]
    if len(ids) != len(set(ids)):
        raise BadLegs("An order is in the group twice.", field="legs")
    if any(leg.ratio <= 0 for leg in legs):
        raise BadLegs("A ratio is above zero.", field="legs")
    rows = asked(act, "orders.create", ids, seen)
    terms = Order.objects.in_bulk(ids)
    taken = [pk for pk in ids if terms[pk].group_id or terms[pk].status != S.DRAFT]
    if taken:
        raise NotYetLinked(
            f"O-{taken[0]:06d} is no draft, or belongs to a group already. Link drafts that stand alone.", orders=taken[:20]
        )
    of = [
        rules.LegTerms(leg.role, leg.ratio, o.portfolio_id, o.instrument_id, o.side, o.qty)
        for leg in legs
        for o in [terms[leg.order_id]]
    ]
    if why := rules.unfit(kind, of):
        raise BadLegs(why, field="legs")
    group = OrderGroup.objects.create(
        name=name.strip(), kind=kind, created_by_id=act.by, created_at=act.at, status=GROUP_LIFE.born[events.GroupCreated]
    )
    Leg.objects.bulk_create(Leg(order_id=leg.order_id, group=group, role=leg.role, ratio=leg.ratio) for leg in legs)
    record(act, [Fact(group.pk, 1, events.GroupCreated(group.name, kind))])
    told = {leg.order_id: events.OrderLinked(group.pk, leg.role, rules.plain(leg.ratio)) for leg in legs}
    happen(act, rows, told, columns={"group_id": ("bigint", [group.pk] * len(rows))})
    return group.pk


@listens("orders.follow_groups")
@transaction.atomic
def follow_groups(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will do what the kinds of their groups say when orders end: a leg that filled cancels those it excludes; a parent
    that filled triggers what waits for it, which is checked anew, and one that ended without a fill cancels it. What
    the desk works already is left to the desk. Told twice, it does nothing the second time.
    """
    ended = [fact.subject_id for fact in facts]
    found = selectors.kin(ended)
    if not found:
        return
    standing = {row.id: row for row in locked({one.order_id for one in found})}
    cancels, triggers = set(), {}
    for one in found:
        exits = rules.KINDS[one.kind].exits
        waits = one.of_role == "PARENT" and one.role in rules.WAITING_ROLES
        if (one.of_filled and one.role in exits and one.of_role in exits) or (waits and not one.of_filled):
            cancels.add(one.order_id)
        elif waits:
            triggers[one.order_id] = events.OrderTriggered(one.of_id)
    gone = [row for row in standing.values() if row.id in cancels and LIFE.allows(row.status, events.OrderCancelled)]
    happen(act, gone, events.OrderCancelled(), sets="cancelled_qty = qty - filled_qty")
    ready = [row for row in standing.values() if row.id in triggers and row.id not in cancels and row.status == S.PARKED]
    happen(act, ready, {row.id: triggers[row.id] for row in ready})


@transaction.atomic
def submit_group(act: Act, group_id: int, *, seen: Mapping[int, int]) -> list[int]:
    """
    Will send all drafts of a group to compliance, all or none; their ids.

    :param seen: the version of each of its drafts that the person was looking at
    :raises StaleOrder: if one changed, or joined, since
    :raises NothingToDo: if none is a draft
    """
    ids = _standing_in(act, "orders.submit", group_id, [S.DRAFT], seen)
    submit_orders(act, ids, seen=seen)
    return ids


@transaction.atomic
def cancel_group(act: Act, group_id: int, *, seen: Mapping[int, int]) -> list[int]:
    """Will cancel all orders of a group that the desk does not yet work, all or none; their ids. Refuses as submitting does."""
    ids = _standing_in(act, "orders.cancel", group_id, [s for s in S if LIFE.allows(s, events.OrderCancelled)], seen)
    cancel_orders(act, ids, seen=seen)
    return ids


@transaction.atomic
def approve_group(act: Act, group_id: int, *, seen: Mapping[int, int]) -> list[ApprovalOutcome]:
    """Will agree to what waits for approval in a group, each answered for by itself, as ``approve`` does."""
    user = require(act, "orders.approve")
    group = selectors.get_group_seen_by(user, group_id)
    ids = list(selectors.waiting_approvals(user).filter(order__group=group).values_list("pk", flat=True))
    if not ids:
        raise NothingToDo("Nothing of this group waits for approval.")
    return approve(act, ids, seen=seen)


def _standing_in(
    act: Act, permission: str, group_id: int, statuses: Sequence[str], seen: Mapping[int, int]
) -> list[int]:
    user = require(act, permission)
    group = selectors.get_group_seen_by(user, group_id)
    ids = [order.pk for order in selectors.members(user, group) if order.status in statuses]
    if not ids:
        raise NothingToDo("No order of this group stands where that can be done. Reload to see where they stand.")
    if unseen := sorted(set(ids) - set(seen)):
        raise StaleOrder(
            f"O-{unseen[0]:06d} belongs to the group too and was not on your page. Reload, look and try again.",
            orders=[{"id": pk, "ref": f"O-{pk:06d}", "seen": 0, "version": 0, "changes": []} for pk in unseen[:20]], stale=len(unseen),
        )  # fmt: skip
    return ids
