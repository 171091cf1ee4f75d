"""What people do with groups: compose, send, pause, end them; and place again what a broker did not take."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from django.db import IntegrityError, transaction

from apps.audit.services import record
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.blocks.states import B
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Conflict, Invalid, NotFound, Stale
from apps.orders import selectors as orders
from apps.reference.models import Broker
from apps.routing import services as routing
from apps.users.models import User
from apps.users.services import require

from .. import events, rules, selectors
from ..models import Leg, LinkedGroup
from ..states import LIFE
from . import following
from .packages import package_terms
from .ratios import BUYS

MOST_LEGS, MOST_OF_PROGRAM = 10, 2000


class StaleGroup(Stale):
    """A group changed after the person looked at it."""


class GroupedAlready(Conflict):
    """A block is a leg of another group that has not ended."""


class UnfitLeg(Conflict):
    """A block cannot be worked together with others."""


@transaction.atomic
def compose_group(
    act: Act, kind: str, block_ids: Sequence[int], *, seen: Mapping[int, int], how: str = rules.How.REDUCE,
    brokers: Mapping[int, str] | None = None, note: str = "", tolerance_pct: Decimal | None = None,
    tolerance_amount: Decimal | None = None, ratio_limit: Decimal | None = None, packages: Decimal | None = None,
    net_limit: Decimal | None = None,
) -> int:  # fmt: skip
    """
    Will have blocks worked together from now on. Nothing is sent by it; until the group is sent or dropped nobody else
    routes them either.

    :param kind: ``OCO``, ``OTO``, ``BRACKET``, ``PAIR``, ``MULTILEG``, or ``PROGRAM``, which is sent in waves (``send_wave``)
    :param tolerance_pct: of a pair: how far its leader, the first, may be ahead of the other, in percent of each
    :param tolerance_amount: of a pair, instead: how far, in USD at the leader's price now
    :param ratio_limit: of a pair: the least price of what is sold, in prices of what is bought, at which the leader works
    :param packages: of a package: how many, each with as much of every leg; the most that can be where None
    :param net_limit: of a package: the most that is paid for one, below zero the least that is received
    :param block_ids: in their order: of one-triggers-other and brackets the first is what triggers the rest
    :param how: of legs beside each other, what a fill of one does to the others: ``REDUCE`` or ``CANCEL``
    :param brokers: block id to the code of its broker; those left out go as the routing rules say
    :returns: the group's id
    :raises Invalid: for another kind, too few or too many blocks, or an unknown broker
    :raises NotFound: where a block is missing or not on the person's desks; :raises StaleBlock: where one changed
    :raises UnfitLeg: where one is over, placed in part, by amount, or on another desk than the first
    :raises OwnedByAnother: where a colleague works one; :raises GroupedAlready: where one is in another group
    """
    user = require(act, "routing.route")
    roles = _roles(kind, how, block_ids)
    found = _fit(user, block_ids, seen)
    codes = _codes(brokers or {}, found)
    pair = _pair(kind, [found[pk] for pk in block_ids], tolerance_pct, tolerance_amount, ratio_limit)
    package, ratios = package_terms(kind, [found[pk] for pk in block_ids], codes, packages, net_limit)
    group = LinkedGroup.objects.create(
        kind=kind, how=how, desk_id=found[block_ids[0]].desk_id, note=note.strip()[:200], composed_by_id=act.by, composed_at=act.at,
        **pair, **package,
    )  # fmt: skip
    try:
        with transaction.atomic():
            Leg.objects.bulk_create(
                Leg(
                    group=group, nth=n, block_id=pk, role=role, qty=found[pk].qty, broker_code=codes.get(pk, ""), ratio=ratios.get(pk)
                )
                for n, (pk, role) in enumerate(zip(block_ids, roles, strict=True), 1)
            )
    except IntegrityError:
        other = next(iter(selectors.live_legs_of_blocks(block_ids).values()), None)
        raise GroupedAlready(
            f"B-{other.block_id:04d} is a leg of {other.group.ref} already. End that group first." if other else
            "One of these blocks is a leg of another group already. Reload the list.",
        ) from None  # fmt: skip
    legs = [[pk, role, f"{found[pk].qty.normalize():f}"] for pk, role in zip(block_ids, roles, strict=True)]
    record(act, [Fact(group.pk, 1, events.GroupComposed(kind, how, legs))])
    return group.pk


def _roles(kind: str, how: str, block_ids: Sequence[int]) -> list[str]:
    if kind not in set(rules.Kind):
        raise Invalid("Choose how the blocks hang together: one cancels the other, one triggers the other, a bracket, a pair, a package"
            " of legs, or a program.", field="kind")
    if how not in set(rules.How):
        raise Invalid("Choose what a fill does to the others: it reduces them, or cancels them.", field="how")
    if len(set(block_ids)) < len(block_ids):
        raise Invalid("A block is named twice; each is a leg once.", field="blocks")
    most = MOST_OF_PROGRAM if kind == rules.Kind.PROGRAM else MOST_LEGS
    if len(block_ids) > most:
        raise Invalid(f"Choose at most {most:,} blocks.", field="blocks")
    try:
        return rules.roles_of(kind, len(block_ids))
    except ValueError as problem:
        raise Invalid(str(problem), field="blocks") from None


def _pair(
    kind: str, legs: Sequence[Block], tolerance_pct: Decimal | None, tolerance_amount: Decimal | None, ratio_limit: Decimal | None
) -> dict[str, Decimal | None]:
    """What a pair is kept by; nothing of another kind."""
    if kind != rules.Kind.PAIR:
        return {}
    if tolerance_pct is not None and tolerance_amount is not None:
        raise Invalid("Say how far the leader may be ahead once: in percent or in USD.", field="tolerance_amount")
    if tolerance_amount is not None and not 0 < tolerance_amount == round(tolerance_amount, 4) < 10**12:
        raise Invalid("What the leader may be ahead by in USD is above zero.", field="tolerance_amount")
    if tolerance_amount is None and (tolerance_pct is None or not 0 < tolerance_pct <= 100):
        raise Invalid("Say by how many percent the leader may be ahead: above 0, at most 100; or by how many USD.", field="tolerance_pct")
    if ratio_limit is not None and ratio_limit <= 0:
        raise Invalid("The ratio is a price over a price, above zero; leave it empty for any.", field="ratio_limit")
    if sum(leg.side in BUYS for leg in legs) != 1:
        raise Invalid("Of a pair one is bought and the other is sold.", field="blocks")
    return {"tolerance_pct": tolerance_pct, "tolerance_amount": tolerance_amount, "ratio_limit": ratio_limit}


def _fit(user: User, block_ids: Sequence[int], seen: Mapping[int, int]) -> dict[int, Block]:
    """The blocks, locked, as they were seen and fit to be legs."""
    visible = {block.pk for block in selectors.blocks_to_link(user, block_ids)}
    rows = Block.objects.filter(pk__in=visible).select_related("instrument").order_by("pk")
    found = {block.pk: block for block in rows.select_for_update(of=("self",), no_key=True)}
    if len(found) < len(block_ids):
        raise NotFound("One of these blocks does not exist or is not on your desk. Reload the list.")
    stale = {pk: (b.ref, seen.get(pk), b.version) for pk, b in found.items() if seen.get(pk) != b.version}
    if stale:
        raise blocks.StaleBlock(
            f"{next(iter(stale.values()))[0]} changed since you looked. Reload and decide again.", stale=orders.missed("block", stale)
        )
    blocks.refuse_owned_by_others(user, found.values())
    for block in found.values():
        why = _unfit(block, found[block_ids[0]])
        if why:
            raise UnfitLeg(f"{block.ref} {why}", block=block.pk)
    return found


def _unfit(block: Block, first: Block) -> str:
    if block.status not in (B.OPEN, B.WORKING):
        return f"is {block.status.lower()}, so nothing of it can be placed."
    if block.placed_qty or block.cancelled_qty:
        return "is placed in part already. Group blocks before any of them is routed."
    if "cash_qty" in block.terms or block.instrument.is_fund:
        return "is by amount or in a fund, which deals once at its valuation point; it cannot be worked with others."
    if block.desk_id != first.desk_id:
        return f"is on another desk than {first.ref}. A group is worked by one desk."
    return ""


def _codes(asked: Mapping[int, str], found: Mapping[int, Block]) -> dict[int, str]:
    codes = {pk: code for pk, code in asked.items() if code and pk in found}
    known = set(Broker.objects.filter(code__in=codes.values(), kind=Broker.Kind.BROKER, is_active=True).values_list("code", flat=True))
    lost = sorted(set(codes.values()) - known)
    if lost:
        raise Invalid(f"There is no broker “{lost[0]}”.", field="brokers")
    return codes


def send_group(act: Act, group_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will place what the group's rule lets at brokers now, all or nothing, and keep its legs to the rule from then on, in the
    actor's name.

    :raises NotFound, StaleGroup, IllegalMove: where it is hidden, changed, or sent already
    :raises UnfitLeg: where a block became another since; and as ``routing.route_blocks``
    :raises StoppedAtRoute: where compliance does not let an order out; then nothing went and the group waits
    """
    try:
        with transaction.atomic():
            routing.halts_in_force()
            group = locked_group(act, group_id, seen)
            LIFE.after(group.status, events.GroupSent)
            if group.kind == rules.Kind.PROGRAM:
                raise Conflict(f"{group.ref} is a program: send it wave by wave.")
            rows = following.locked(group)
            refuse_changed(group, rows)
            for row in rows:
                row.leg.allowed_qty = row.leg.qty if row.leg.role == rules.ONE else row.leg.allowed_qty
            group.sent_by_id, group.sent_at = act.by, act.at
            following.happen(act, group, events.GroupSent())
            Leg.objects.bulk_update([row.leg for row in rows], ["allowed_qty"])
            mine = act if act.reason else act.because(f"{group.ref}: sent together.")
            following.move(mine, group, following.locked(group), strict=True)
    except following.Stopped as stop:
        hold(act, stop)


def refuse_changed(group: LinkedGroup, rows: Sequence[selectors.LegNow]) -> None:
    """:raises UnfitLeg: where a block is no longer what it was when the group was composed"""
    for row in rows:
        if row.block.qty != row.leg.qty or row.block.placed_qty or row.block.status not in (B.OPEN, B.WORKING):
            raise UnfitLeg(f"{row.block.ref} is no longer what it was when {group.ref} was composed. Drop it, compose it anew.")


def hold(act: Act, stop: following.Stopped) -> None:
    """What compliance stopped is held, though nothing was sent. :raises StoppedAtRoute: always"""
    versions = dict(Block.objects.filter(pk__in=stop.block_ids).values_list("pk", "version"))
    routing.route_blocks(act.because(act.reason or "Sent together with others."), list(versions), seen=versions)
    raise routing.stopped_at_route(stop.findings)


@transaction.atomic
def pause_group(act: Act, group_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will place nothing more of the group until it is resumed; what its rule makes less is still asked for.

    :raises NotFound, StaleGroup, IllegalMove: where it is hidden, changed, or not at work
    """
    following.happen(act, locked_group(act, group_id, seen), events.GroupPaused())


@transaction.atomic
def resume_group(act: Act, group_id: int, *, seen: Mapping[int, int]) -> None:
    """Will go on placing what the rule says. :raises NotFound, StaleGroup, IllegalMove: as for pausing"""
    routing.halts_in_force()
    group = locked_group(act, group_id, seen)
    following.happen(act, group, events.GroupResumed())
    following.move(act.because(act.reason or f"{group.ref}: resumed."), group, following.locked(group))


@transaction.atomic
def end_group(act: Act, group_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will ask the brokers to cancel what all legs have left; the group has ended once they did. Fills that cross stay filled.

    :raises NotFound, StaleGroup, IllegalMove: where it is hidden, changed, never sent or over
    """
    group = locked_group(act, group_id, seen)
    following.happen(act, group, events.GroupGivenUp())
    following.move(act.because(act.reason or f"{group.ref}: ended."), group, following.locked(group))


@transaction.atomic
def drop_group(act: Act, group_id: int, *, seen: Mapping[int, int]) -> None:
    """Will take apart a group that was not sent. :raises NotFound, StaleGroup, IllegalMove: as for pausing"""
    group = locked_group(act, group_id, seen)
    LIFE.after(group.status, events.GroupDropped)
    following.end(act, group, events.GroupDropped())


@transaction.atomic
def place_again(act: Act, group_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will have placed again what brokers rejected, let expire or cancelled unasked, and forget the requests they refused.

    :raises Conflict: where nothing is lacking; :raises NotFound, StaleGroup: where it is hidden or changed
    """
    routing.halts_in_force()
    group = locked_group(act, group_id, seen)
    LIFE.after(group.status, events.GroupPaused)  # Only of a group at work.
    rows = following.locked(group)
    lacking = [row for row in rows if row.leg.problem or any(state.lost for state in row.states)]
    if not lacking:
        raise Conflict(f"Nothing of {group.ref} is lacking at its brokers; reload to see where it stands.")
    for row in lacking:
        row.leg.given_back = sorted({*row.leg.given_back, *(state.id for state in row.states if state.lost)})
        row.leg.refusals = 0
    Leg.objects.bulk_update([row.leg for row in lacking], ["given_back", "refusals"])
    following.move(act.because(act.reason or f"{group.ref}: placed again."), group, following.locked(group))


def locked_group(act: Act, group_id: int, seen: Mapping[int, int]) -> LinkedGroup:
    """The group, locked, as the person saw it. :raises NotFound, StaleGroup:"""
    user = require(act, "routing.route")
    selectors.get_group_seen_by(user, group_id)
    group = LinkedGroup.objects.select_for_update(no_key=True).get(pk=group_id)
    saw = seen.get(group.pk)
    if saw != group.version:
        raise StaleGroup(
            f"{group.ref} changed since you looked ({group.status.lower()} by now). Reload and decide again.",
            stale=orders.missed("linked_group", {group.pk: (group.ref, saw, group.version)}),
        )
    return group
