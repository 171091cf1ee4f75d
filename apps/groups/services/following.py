"""
Following what the routes of a group do: one at a time for each group, in order, nothing twice and nothing missed.

Whoever follows a group holds its row, then its blocks, then its routes, so no fill is booked on one while it is thought about. It
handles the facts of each route after the last that was handled, notes how far that is, works out by the group's rule what each leg
may have at brokers, and asks routing for the difference; all in one transaction, which a kill undoes whole. A lost nudge is made
good by the sweep, which compares how far each group heard with how far its routes are.

What is asked of brokers goes out in the name of who sent the group and by their rights, through every gate of routing; what a gate
refuses stays on the leg for a person to see, and is tried again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import structlog
from django.db import transaction

from apps.audit.services import record
from apps.blocks.models import Block
from apps.core.acts import Act
from apps.core.events import Event, Fact, listens
from apps.core.refusals import Conflict, Refusal
from apps.routing import services as routing
from apps.routing.events import RouteReplaceRequested
from apps.routing.models import Package, Route, RouteRequest
from apps.routing.states import DEAD
from apps.users.services import can

from .. import events, rules, selectors
from ..models import Leg, LinkedGroup
from ..selectors import LegNow
from ..states import FOLLOWED, LIFE, Gr
from .listing import route_legs
from .ratios import tolerance_pct, why_shut

log = structlog.get_logger(__name__)


class InGroup(Conflict):
    """The block is worked together with others, which decide how much of it may be at brokers."""


class Stopped(Exception):
    """Compliance does not let an order out: what was to go out beside it is undone."""

    def __init__(self, block_ids: Sequence[int], findings):
        self.block_ids, self.findings = block_ids, findings


@listens("groups.follow_routes")
def follow_routes(act: Act, facts: Sequence[Fact]) -> None:
    """Will have the groups of these routes do what their rules say. One query where there are none."""
    for group_id in selectors.groups_of_routes([fact.subject_id for fact in facts]):
        follow(act, group_id)


def follow_behind(act: Act) -> int:
    """Will follow the groups that are behind their routes, or could not do what their rules say; each by itself. How many."""
    ids = selectors.groups_behind()
    for group_id in ids:
        follow(act, group_id)
    return len(ids)


@transaction.atomic
def follow(act: Act, group_id: int) -> None:
    """Will handle what the routes of one group did since it was last followed."""
    routing.halts_in_force()  # Before anything is locked, as whoever routes does.
    group = LinkedGroup.objects.select_for_update(no_key=True).get(pk=group_id)
    if group.status in FOLLOWED:
        by = group.sent_by_id if _may_act(group) else act.by
        move(Act(by=by, at=act.at, via="worker", reason=f"{group.ref} follows its legs.", cause=act.cause), group, locked(group))


def _may_act(group: LinkedGroup) -> bool:
    """Whether who sent it may still route. Where not, the worker makes less of what is at brokers, and nothing more of it."""
    return group.sent_by.is_active and can(group.sent_by, "routing.route")


def locked(group: LinkedGroup) -> list[LegNow]:
    """The group's legs with their blocks and routes, all locked; the group is locked by the caller."""
    legs = list(group.legs.order_by("nth"))
    ids = [leg.block_id for leg in legs]
    blocks = Block.objects.filter(pk__in=ids).select_related("instrument").order_by("pk").select_for_update(of=("self",), no_key=True)
    found = {block.pk: block for block in blocks}
    routes = list(Route.objects.filter(block__in=ids).select_related("broker").order_by("pk").select_for_update(of=("self",), no_key=True))
    for leg in legs:
        leg.block = found[leg.block_id]
    return selectors.legs_now(group, legs, routes)


def move(act: Act, group: LinkedGroup, rows: Sequence[LegNow], *, strict: bool = False) -> None:
    """
    Will handle what was not, and ask brokers for what the rule then says.

    :param strict: a person waits for it: what is refused undoes everything and is said to them
    """
    rows = _hear(act, group, rows)
    want = _targets(group, rows, act.at)
    facts = []
    for row in rows:
        target = min(want[row.leg.pk], row.leg.qty)
        if target != row.leg.allowed_qty:
            facts.append(_fact(row.leg, events.LegMoved(
                group.pk, row.block.pk, _plain(row.leg.allowed_qty), _plain(target), _plain(row.now.filled)
            )))  # fmt: skip
            row.leg.allowed_qty = target
    _save([row.leg for row in rows])
    problems = _ask(act, group, rows, want, strict)
    for row in rows:
        facts += _stuck(group, row, problems.get(row.leg.pk, "") or _waits(group, rows, row, act.at))
    _save([row.leg for row in rows])
    group.save(update_fields=["heard", "handled"])
    record(act, facts)
    _end_if_over(act, group, rows, want)


def _hear(act: Act, group: LinkedGroup, rows: Sequence[LegNow]) -> list[LegNow]:
    """Handles the facts of the routes in their order: who filled first, and what brokers refused."""
    routes, is_refused = {route.pk: row.leg for row in rows for route in row.routes}, False
    for fact in selectors.unheard(group, [route for row in rows for route in row.routes]):
        leg = routes[fact.route_id]
        if fact.payload.get("exec_type") == "F" or fact.event == "route.by_hand":
            leg.first_filled = leg.first_filled or fact.id
        if fact.event == "route.request_refused":
            leg.refusals += 1
            is_refused = True
        elif fact.payload.get("exec_type") in ("4", "5"):
            leg.refusals = 0
        group.heard[str(fact.route_id)] = fact.nth
        group.handled += 1
    for row in rows:
        if not row.now.filled:
            row.leg.first_filled = None  # Its fills were taken back: another may be the first.
    rows = selectors.legs_now(group, [row.leg for row in rows], [route for row in rows for route in row.routes])
    if is_refused and group.kind == rules.Kind.MULTILEG:
        _put_back(act, group, rows)
    return rows


def _put_back(act: Act, group: LinkedGroup, rows: Sequence[LegNow]) -> None:
    """Has a package be what its broker accepted, once nothing else is asked: what was refused must not go out later by itself."""
    order = Package.objects.filter(link=group.ref).order_by("-pk").first()
    if order is None or order.wanted_name:
        return
    mine = set(order.legs.values_list("route", flat=True))
    before = {
        sum((now.filled for route, now in zip(row.routes, row.states, strict=True) if route.pk not in mine), rules.ZERO) / row.leg.ratio
        for row in rows
    }
    accepted = (before.pop() + order.qty, order.net_limit)
    if before or accepted == (group.packages, group.net_limit):
        return
    group.packages, group.net_limit = accepted
    limit = None if order.net_limit is None else rules.plain(order.net_limit)
    happen(act, group, events.PackagesPutBack(rules.plain(group.packages), limit))


def _targets(group: LinkedGroup, rows: Sequence[LegNow], at: datetime) -> dict[int, Decimal]:
    if group.status == Gr.ENDING:
        return {row.leg.pk: row.now.filled for row in rows}
    if group.kind == rules.Kind.MULTILEG:
        return {row.leg.pk: rules.package_target(row.now, row.states, row.leg.ratio, group.packages) for row in rows}
    if group.kind == rules.Kind.PAIR:
        return rules.pair_targets(
            rows[0].now, rows[1].now, tolerance_pct(group, rows, at), is_open=not why_shut(group, rows, at)
        )  # fmt: skip
    up_to = selectors.sent_pct(group) if group.kind == rules.Kind.PROGRAM else Decimal(0)
    return rules.targets(group.kind, group.how, [row.now for row in rows], up_to)


def _waits(group: LinkedGroup, rows: Sequence[LegNow], row: LegNow, at: datetime) -> str:
    """Why the leader of a pair has nothing at brokers, where it is the market."""
    is_leading = row.leg.role == rules.LEADER and group.status == Gr.WORKING and row.now.filled < row.leg.qty
    return why_shut(group, rows, at) if is_leading else ""


def _ask(act: Act, group: LinkedGroup, rows: Sequence[LegNow], want: Mapping[int, Decimal], strict: bool) -> dict[int, str]:
    """Cancels, then replaces, then new routes. :returns: leg id to what refused it"""
    problems: dict[int, str] = {}
    found: list[tuple[LegNow, rules.Asks]] = []
    is_program = group.kind == rules.Kind.PROGRAM
    may_grow = group.status == Gr.WORKING and (act.via != "worker" or act.by == group.sent_by_id)
    for row in rows:
        if row.leg.refusals >= rules.REFUSALS_BEFORE_A_PERSON:
            problems[row.leg.pk] = f"Its broker refused {row.leg.refusals} requests in turn. Call them, then have it placed again."
            continue
        asks = rules.asks(want[row.leg.pk], row.now.lot, row.states, may_grow=may_grow, apart=is_program)
        if not asks.is_empty:
            found.append((row, asks))
    problems |= _cancel(act, [(row, asks.cancel) for row, asks in found if asks.cancel], strict)
    problems |= _replace(act, [(row, asks.replace) for row, asks in found if asks.replace], strict)
    return problems | _place(act, group, [(row, asks.place) for row, asks in found if asks.place], strict)


def _cancel(act: Act, found: Sequence[tuple[LegNow, Sequence[int]]], strict: bool) -> dict[int, str]:
    """All by one call; where that is refused, each leg's by itself, so that none waits for another's."""
    if not found:
        return {}
    seen = {route.pk: route.version for row, ids in found for route in row.routes if route.pk in ids}
    why = _try(strict, lambda: routing.cancel_routes(act, list(seen), seen=seen))
    if why and len(found) > 1:
        return {pk: said for one in found for pk, said in _cancel(act, [one], strict).items()}
    if why:
        return {found[0][0].leg.pk: why}
    for row, ids in found:
        row.leg.given_back = sorted({*row.leg.given_back, *ids})
    return {}


def _replace(act: Act, found: Sequence[tuple[LegNow, Mapping[int, Decimal]]], strict: bool) -> dict[int, str]:
    """As cancels."""
    if not found:
        return {}
    changes = {pk: {"qty": qty} for _, asked in found for pk, qty in asked.items()}
    seen = {route.pk: route.version for row, _ in found for route in row.routes if route.pk in changes}
    why = _try(strict, lambda: routing.replace_routes(act, changes, seen=seen))
    if why and len(found) > 1:
        return {pk: said for one in found for pk, said in _replace(act, [one], strict).items()}
    return {found[0][0].leg.pk: why} if why else {}


def _place(act: Act, group: LinkedGroup, places: Sequence[tuple[LegNow, Decimal]], strict: bool) -> dict[int, str]:
    """New routes, those for one broker by one call. Where compliance stops one, nothing beside it goes out either."""
    by_broker: dict[str, list[tuple[LegNow, Decimal]]] = {}
    for row, qty in places:
        by_broker.setdefault(row.leg.broker_code, []).append((row, qty))
    problems: dict[int, str] = {}
    for code, rows in by_broker.items():
        ids = {row.block.pk: qty for row, qty in rows}
        versions = dict(Block.objects.filter(pk__in=ids).values_list("pk", "version"))
        why = _try(
            strict,
            lambda code=code, ids=ids, versions=versions: route_legs(act, group, ids, versions, code),
        )
        problems |= {row.leg.pk: why for row, _ in rows if why}
    return problems


def _try(strict: bool, ask) -> str:
    """Asks in a savepoint. :returns: what refused it, in words. :raises Refusal: to a person who waits"""
    try:
        with transaction.atomic():
            said = ask()
    except Refusal as refusal:
        if strict:
            raise
        return refusal.message
    stopped = getattr(said, "stopped", said) or ()
    if stopped and strict:
        raise Stopped([finding["block_id"] for finding in stopped], stopped)
    return routing.stopped_at_route(stopped).message if stopped else ""


def _stuck(group: LinkedGroup, row: LegNow, why: str) -> list[Fact]:
    """Keeps what is in a leg's way; what it lost at a broker is, until a person has it placed again."""
    lost = [route for route, state in zip(row.routes, row.states, strict=True) if state.lost]
    if not why and lost and group.status != Gr.ENDING:
        one = lost[-1]
        why = f"{one.ref} is {one.status.lower().replace('_', ' ')} with {_plain(one.qty - one.cum_qty)} unfilled"
        why += f": {one.text}." if one.text else "."
    why = why[:300]
    if why == row.leg.problem:
        return []
    row.leg.problem = why
    told = events.LegStuck(group.pk, row.block.pk, why) if why else events.LegFreed(group.pk, row.block.pk)
    return [_fact(row.leg, told)]


def _end_if_over(act: Act, group: LinkedGroup, rows: Sequence[LegNow], want: Mapping[int, Decimal]) -> None:
    """Ends a group of which nothing is at a broker and nothing is to be placed."""
    if Route.objects.filter(block__in=[row.block.pk for row in rows]).exclude(status__in=DEAD).exists():
        return
    if group.status == Gr.ENDING:
        end(act, group, events.GroupCancelled())
    elif group.kind == rules.Kind.PROGRAM and selectors.sent_pct(group) < 100:
        return  # Another wave may come.
    elif group.kind == rules.Kind.PAIR and any(row.now.filled < row.leg.qty for row in rows):
        return  # Its leader waits for its ratio, or for the other.
    elif all(row.now.filled >= want[row.leg.pk] for row in rows):
        end(act, group, events.GroupDone())


def end(act: Act, group: LinkedGroup, event: Event) -> None:
    group.ended_at = act.at
    group.legs.update(is_live=False)
    happen(act, group, event)


def happen(act: Act, group: LinkedGroup, event: Event) -> None:
    """The only door to a group's status."""
    group.status = LIFE.after(group.status, type(event))
    group.version += 1
    group.save()
    record(act, [Fact(group.pk, group.version, event)])


def _fact(leg: Leg, event: Event) -> Fact:
    leg.version += 1
    return Fact(leg.pk, leg.version, event)


def _save(legs: Sequence[Leg]) -> None:
    Leg.objects.bulk_update(legs, ["allowed_qty", "first_filled", "given_back", "refusals", "problem", "version"])


def keep_to_groups(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will let nobody place more of a leg than its group lets be at brokers: whoever asks, the group included. Asking for less is
    anybody's. One query where no block is in a group.

    :raises InGroup: naming the block and its group
    """
    if facts[0].event.subject == "inquiry":
        touched = {fact.event.block_id for fact in facts}
    else:
        routes = Route.objects.filter(pk__in=[fact.subject_id for fact in facts]).only("pk", "block_id", "qty")
        asked = {fact.subject_id: Decimal(fact.event.qty) for fact in facts if isinstance(fact.event, RouteReplaceRequested)}
        touched = {route.block_id for route in routes if asked.get(route.pk, route.qty + 1) > route.qty}
    for block_id, leg in selectors.live_legs_of_blocks(touched).items():
        if facts[0].event.subject == "inquiry" or _placed(block_id) > leg.allowed_qty:
            raise InGroup(
                f"B-{block_id:04d} is a leg of {leg.group.ref}, which lets {_plain(leg.allowed_qty)} of it be at brokers. Send,"
                " pause or end the group instead.",
                block=block_id, group=leg.group_id,
            )  # fmt: skip


def _placed(block_id: int) -> Decimal:
    """What is filled of a block, and at brokers or asked of them."""
    waiting = RouteRequest.objects.filter(route__block=block_id, answer="WAITING", msg_type="G").order_by("pk")
    asked = dict(waiting.values_list("route", "qty"))
    rows = Route.objects.filter(block=block_id)
    return sum((r.cum_qty if r.status in DEAD else max(r.qty, asked.get(r.pk, r.qty)) for r in rows), Decimal(0))


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
