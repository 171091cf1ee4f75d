"""Routing blocks, and asking brokers to cancel or replace what they work."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import transaction

from apps.audit.services import record
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.blocks.selectors import mids_of
from apps.blocks.states import B
from apps.compliance.services import Finding
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Conflict, IllegalMove, Invalid
from apps.reference.rules import is_multiple
from apps.users.services import require

from .. import events, rules
from ..models import Route, RouteRequest
from ..rules.lists import ListRef
from ..rules.packages import PackageRef
from ..states import LIFE
from .cancelling import ask_cancels
from .controls import refuse_beyond_limits, refuse_plans_beyond_limits
from .costs import keep_decisions
from .counterparties import bars_of, refuse_barred, without_barred
from .gate import ask_before_sending, halts_in_force, lenders_of, let_through, refuse_halted
from .inquiries import open_inquiries
from .locks import lock_blocks, lock_routes, refuse_stale, terms_of
from .messages import Outgoing, queue_messages, reachable_brokers
from .packages import as_legs, legs_at, refuse_legs_alone, replacing
from .placing import place_orders
from .planning import (
    ALGO,
    INQUIRY,
    Child,
    Override,
    Plan,
    as_children,
    plan_inquiries,
    plan_routes,
    refuse_missed,
    refuse_untaken,
)
from .smart import split_smart
from .throttles import count_strategies
from .writing import orig_of, write_requests


class NothingToPlace(Conflict):
    """All of a block is placed already."""


class Overplaced(Conflict):
    """More was asked for than is left to place."""


class RequestPending(Conflict):
    """The broker has not answered the last request yet."""


class NotAnOrder(Conflict):
    """A dealer's hit cannot be cancelled or replaced."""


class Routed(NamedTuple):
    """
    What became of the blocks: ids of the routes sent and of the inquiries opened.

    :param stopped: what keeps orders of theirs from being sent (``gate.ask_before_sending``): then nothing was, and the orders
        are held for compliance. ``stopped_at_route`` says it as a refusal, after the commit
    :param told: what rules say of orders without keeping them
    """

    routes: list[int]
    inquiries: list[int]
    stopped: Sequence[Finding] = ()
    told: Sequence[Finding] = ()


def route_blocks(
    act: Act,
    block_ids: Sequence[int],
    *,
    seen: Mapping[int, int],
    broker_code: str | None = None,
    strategy: str | None = None,
    params: Mapping[str, Any] | None = None,
    qty: Decimal | Mapping[int, Decimal] | None = None,
    out_of_turn: bool = False,
    together: ListRef | PackageRef | None = None,
) -> Routed:
    """
    Will place what is unplaced of the blocks: with brokers' algorithms or with dealers by inquiry, as the firm's rules
    say, or as the trader does with a reason. A block still open is frozen first. Where a rule that is asked at the route does
    not let an order out, nothing is sent: the order leaves its block and is held, and ``stopped`` says why.

    :param seen: the version of each block the trader was looking at
    :param broker_code: the broker or dealer to use instead of the rule's
    :param qty: how much of one block to place, or of each by its id; all of it where None
    :param out_of_turn: release also what would have to wait for others of its idea; a supervisor's word, with a reason
    :param together: the list that the orders are of, or the package whose legs they are
    :raises OutOfTurn: where a block trades after others that wait; :raises DirectedElsewhere: for another broker than
        its clients'
    :raises StaleBlock: where a block changed meanwhile; :raises NothingToPlace: where all of one is placed
    :raises OwnedByAnother: where a colleague works one
    :raises RoutingHalted: where the kill switch is pressed for one, its desk, broker or strategy, the actor or the firm
    :raises NoLocate: where one sells short and an order of it has no good locate for all of it
    :raises NotChecked: where an order of one is not what compliance let through
    :raises BarredBroker: where a portfolio of one does not trade with its broker, naming it and what could be done
    :raises RateLimit: where a session or strategy would send more than its throttle lets out
    :raises BeyondLimit: where a part is beyond a trading limit, naming its code, x and max
    :raises Overplaced: where ``qty`` is more than is left; :raises OverrideNeedsReason, NoRoutingRule, NoBroker, NotTaken:
    """
    if rules.orders.OWN_FIELDS in (params or {}):
        raise Invalid("A strategy of the broker's own is asked for by its form.", field="params")
    return route_with_fields(
        act, block_ids, seen=seen, broker_code=broker_code, strategy=strategy, params=params, qty=qty, out_of_turn=out_of_turn,
        together=together,
    )  # fmt: skip


@transaction.atomic
def route_with_fields(
    act: Act, block_ids: Sequence[int], *, seen: Mapping[int, int], broker_code: str | None, strategy: str | None,
    params: Mapping[str, Any] | None, qty: Decimal | Mapping[int, Decimal] | None, out_of_turn: bool, child: Child | None = None,
    together: ListRef | PackageRef | None = None,
) -> Routed:  # fmt: skip
    """As ``route_blocks``; among the parameters may be tags of a strategy of the broker's own, which its form worked out."""
    user = require(act, "routing.route")
    standing = halts_in_force()
    found = lock_blocks(user, block_ids)
    refuse_stale(blocks.StaleBlock, found, seen)
    blocks.refuse_owned_by_others(user, found.values())
    lenders = lenders_of(act, found)
    quantities = _quantities(found, qty)
    bars = bars_of(act, found.values())
    wanted = as_children(plan_routes(act, quantities, found, Override(broker_code, strategy, params), bars), child)
    wanted = as_legs(wanted) if isinstance(together, PackageRef) else wanted
    plans = let_through(act, standing, wanted)
    plans = split_smart(act, without_barred(bars, plans, reachable_brokers()))
    refuse_untaken(plans)
    refuse_plans_beyond_limits(act, plans)
    refuse_missed(act.at, found.values())
    # What a fund is worth at the valuation point is no cost against what it was worth at the last.
    mids = mids_of(b for b in found.values() if not b.instrument.is_fund)
    towards: dict[int, set[int]] = {}
    for plan in plans:
        towards.setdefault(plan.block.pk, set()).update(plan.broker_ids)
    said = ask_before_sending(act, found, towards)
    if said.stopped:
        return Routed([], [], said.stopped)
    plans = _in_turn(plans, _freeze(act, found, mids, out_of_turn))
    blocks.mark_placed(act, quantities)
    return Routed(
        routes=place_orders(act, [p for p in plans if p.action == ALGO], mids, lenders, together),
        inquiries=open_inquiries(act, [p for p in plans if p.action == INQUIRY], mids),
        told=said.told,
    )


@transaction.atomic
def send_inquiries(
    act: Act, block_ids: Sequence[int], *, seen: Mapping[int, int], dealer_codes: Sequence[str] | None = None,
    qty: Decimal | None = None, seconds: int | None = None, award: str | None = None, out_of_turn: bool = False,
) -> Routed:  # fmt: skip
    """
    Will ask dealers for quotes on what is unplaced of the blocks, all at once, whatever the routing rules would do with them;
    of several blocks as one list.

    :param dealer_codes: whom to ask; the rule's where None. Fewer than three ask for a reason
    :param seconds: how long to collect; the rule's, or 30, where None
    :param award: ``auto`` takes the best price at the end, ``person`` leaves it to the trader; the rule's where None
    :raises BeyondLimit: where a part is beyond a trading limit
    :raises FewDealers: for fewer than three dealers without a reason; and as ``route_blocks``
    """
    user = require(act, "routing.route")
    standing = halts_in_force()
    found = lock_blocks(user, block_ids)
    refuse_stale(blocks.StaleBlock, found, seen)
    blocks.refuse_owned_by_others(user, found.values())
    lenders_of(act, found)
    quantities = _quantities(found, qty)
    bars = bars_of(act, found.values())
    plans = let_through(act, standing, plan_inquiries(act, quantities, found, dealer_codes, seconds, award, bars))
    plans = without_barred(bars, plans, reachable_brokers())
    refuse_plans_beyond_limits(act, plans)
    mids = mids_of(found.values())
    said = ask_before_sending(act, found, {p.block.pk: p.broker_ids for p in plans})
    if said.stopped:
        return Routed([], [], said.stopped)
    plans = _in_turn(plans, _freeze(act, found, mids, out_of_turn))
    blocks.mark_placed(act, quantities)
    return Routed([], open_inquiries(act, plans, mids, as_list=True), told=said.told)


def _freeze(
    act: Act, found: Mapping[int, Block], mids: Mapping[int, Decimal], out_of_turn: bool
) -> Mapping[int, blocks.Taken]:
    opened = [b for b in found.values() if b.status == B.OPEN]
    if not opened:
        return {}
    keep_decisions(act, opened)
    return blocks.freeze_blocks(
        act,
        [b.pk for b in opened],
        seen={b.pk: b.version for b in opened},
        arrival={b.pk: mids.get(b.pk) for b in opened},
        out_of_turn=out_of_turn,
    )


def _in_turn(plans: Sequence[Plan], turns: Mapping[int, blocks.Taken]) -> Sequence[Plan]:
    """What is released together goes out in the order of turns."""
    return sorted(plans, key=lambda p: turns[p.block.pk].place if p.block.pk in turns else 0) if turns else plans


def _quantities(found: Mapping[int, Block], qty: Decimal | Mapping[int, Decimal] | None) -> dict[int, Decimal]:
    for block in found.values():
        if block.status not in (B.OPEN, B.WORKING):
            raise IllegalMove(
                f"{block.ref} is {block.status.lower()} and cannot be routed.", subject="block", status=block.status
            )
        if block.unplaced_qty <= 0:
            raise NothingToPlace(
                f"All of {block.ref} is placed with brokers already. Somebody may have routed it; reload.",
                block=block.pk,
            )
    if qty is None:
        return {pk: block.unplaced_qty for pk, block in found.items()}
    if not isinstance(qty, Mapping) and len(found) != 1:
        raise Invalid("A quantity can be given for one block at a time.", field="qty")
    return {pk: _quantity(block, qty[pk] if isinstance(qty, Mapping) else qty) for pk, block in found.items()}


def _quantity(block: Block, qty: Decimal) -> Decimal:
    if qty <= 0 or not is_multiple(qty, block.instrument.increment):
        raise Invalid(
            f"The quantity must be a multiple of {rules.plain(block.instrument.increment)} above zero.", field="qty"
        )
    if qty > block.unplaced_qty:
        raise Overplaced(
            f"Only {rules.plain(block.unplaced_qty)} of {block.ref} is left to place.", left=str(block.unplaced_qty)
        )
    if "cash_qty" in block.terms and qty != block.unplaced_qty:
        raise Invalid(f"{block.ref} is by amount, which is dealt as a whole. Leave the quantity empty.", field="qty")
    return qty


@transaction.atomic
def cancel_routes(act: Act, route_ids: Sequence[int], *, seen: Mapping[int, int]) -> None:
    """
    Will ask the brokers to cancel what they have not filled. The routes stay as they are until the brokers answer.

    :raises StaleRoute, IllegalMove: where a route changed or is over; :raises RequestPending: where it was asked before
    :raises NotAnOrder: where a route is a dealer's hit; :raises LegOfPackage: where legs of one package are not all named
    """
    user = require(act, "routing.route")
    routes, found = lock_routes(user, route_ids, seen)
    _refuse_hits(routes)
    refuse_legs_alone(routes)
    _refuse_asked_to_cancel(routes, _waiting(routes))
    ask_cancels(act, routes, found)


@transaction.atomic
def replace_routes(
    act: Act, changes: Mapping[int, Mapping[str, Decimal | None]], *, seen: Mapping[int, int], package: PackageRef | None = None
) -> Sequence[Finding]:
    """
    Will ask the brokers for another quantity or limit. An increase counts as placed from now on, a decrease once the
    broker accepts it. Where one is increased, the rules that are asked at the route are.

    Where a replace is not yet answered, the next one changes what that asked for, and names it as its original: the last that
    was not refused (FIX 4.4 vol. 4 app. D, D.2). A broker that takes one at a time refuses it. Of a package one waits at a time.

    :param changes: route id to ``qty`` (total, filled part included) and ``limit_price`` (None: market)
    :param package: they are its legs at the broker, all of them, and it is to be this from now on
    :returns: what keeps an increase from being asked for; then nothing is, and compliance looks at the orders
    :raises StaleRoute, IllegalMove, RequestPending, NotAnOrder: as for cancels; also where a change of the package waits
    :raises NotChecked: where an increase is of a block with an order that is not what compliance let through
    :raises Overplaced: where an increase is more than the block has unplaced
    :raises Invalid: where a quantity is not above what is filled, or a limit is outside the block's
    :raises RoutingHalted: where the kill switch is pressed for one
    :raises BarredBroker: where a portfolio no longer trades with the broker; the rest can be cancelled
    :raises BeyondLimit: where the whole of a route would be beyond a trading limit
    """
    user = require(act, "routing.route")
    standing = halts_in_force()
    routes, found = lock_routes(user, list(changes), seen)
    blocks.refuse_owned_by_others(user, found.values())
    refuse_halted(act, standing, [(found[r.block_id], r.broker_id, r.strategy) for r in routes.values()])
    lenders = lenders_of(act, found)
    _refuse_hits(routes)
    refuse_legs_alone(routes, whole=package is not None)
    waiting = _waiting(routes)
    _refuse_asked_to_cancel(routes, waiting)
    if package is not None and waiting:
        raise RequestPending(f"A change of {package.link} waits for the broker's answer; ask for the next one after it.")
    terms, more = {}, {}
    for pk, route in routes.items():
        LIFE.after(route.status, events.RouteReplaceRequested)
        block = found[route.block_id]
        asked = waiting.get(pk, [])
        terms[pk] = _new_terms(route, block, changes[pk], asked[-1] if asked else None, package is not None)
        reserved = max([route.qty, *(one.qty for one in asked)])
        increase = max(terms[pk][0] - reserved, Decimal(0))
        more[block.pk] = more.get(block.pk, Decimal(0)) + increase
        if more[block.pk] > block.unplaced_qty:
            raise Overplaced(
                f"Only {rules.plain(block.unplaced_qty)} of {block.ref} is left to place.", left=str(block.unplaced_qty)
            )
    refuse_barred(bars_of(act, found.values()), [(found[routes[pk].block_id], routes[pk].broker_id) for pk in terms])
    refuse_beyond_limits(act, [(found[routes[pk].block_id], *new) for pk, new in terms.items()])
    towards = {route.block_id: {one.broker_id for one in routes.values() if one.block_id == route.block_id} for route in routes.values()}
    said = ask_before_sending(act, {pk: found[pk] for pk, qty in more.items() if qty}, towards)
    if said.stopped:
        return said.stopped
    count_strategies(act, [(r.strategy, found[r.block_id]) for r in routes.values()], is_new=False)
    legs = {pk: leg.nth for pk, leg in legs_at(list(routes)).items()} if package else None
    names = write_requests(act, routes, "G", terms, legs=legs)
    if package:
        queue_messages(act, [replacing(act, routes, found, names, package, lenders)])
    else:
        queue_messages(act, [_replacing(act, r, found[r.block_id], names[pk], terms[pk], lenders) for pk, r in routes.items()])
    record(act, [_replaced(routes[pk], names[pk], *new) for pk, new in terms.items()])
    if any(more.values()):
        blocks.mark_placed(act, {pk: qty for pk, qty in more.items() if qty})
    return ()


def _replacing(
    act: Act, route: Route, block: Block, name: str, new: tuple[Decimal, Decimal | None], lenders: Mapping[int, str]
) -> Outgoing:
    """The OrderCancelReplaceRequest of a route."""
    algo = rules.strategy_fields(route.strategy, route.params)
    text = rules.orders.replace(name, orig_of(route), route.order_id, terms_of(block, lenders), *new, algo, act.at)
    return Outgoing(route.broker_id, "G", name, text)


def _replaced(route: Route, name: str, qty: Decimal, limit: Decimal | None) -> Fact:
    said = None if limit is None else rules.plain(limit)
    asked = events.RouteReplaceRequested(cl_ord_id=name, qty=rules.plain(qty), limit_price=said)
    return Fact(route.pk, route.version + 1, asked)


def _new_terms(
    route: Route, block: Block, change: Mapping[str, Decimal | None], asked: RouteRequest | None, is_leg: bool
) -> tuple[Decimal, Decimal | None]:
    """:param asked: the replace that waits, whose terms hold unless they are changed"""
    stands = (asked or route).qty, (asked or route).limit_price
    qty = change.get("qty", stands[0])
    limit = change.get("limit_price", stands[1])
    if qty is None or qty <= route.cum_qty or not is_multiple(qty, block.instrument.increment):
        raise Invalid(
            f"The new quantity must be above the {rules.plain(route.cum_qty)} filled and a multiple of"
            f" {rules.plain(block.instrument.increment)}; to stop the rest, cancel the route.",
            field="qty",
        )
    if block.limit_price is not None and limit is None:
        raise Invalid(f"{block.ref} has a limit of {rules.plain(block.limit_price)}; give one.", field="limit_price")
    if limit is not None and (limit <= 0 or rules.outside_limit(block.side, limit, block.limit_price)):
        raise Invalid(f"The limit must be above zero and within that of {block.ref}.", field="limit_price")
    if (qty, limit) == stands and not is_leg:
        raise Invalid(f"Nothing about {route.ref} would change.", field="qty")
    return qty, limit


def _refuse_hits(routes: Mapping[int, Route]) -> None:
    hits = [r.ref for r in routes.values() if r.kind == INQUIRY]
    if hits:
        raise NotAnOrder(f"{hits[0]} is a dealer's price we took; it cannot be cancelled or replaced. Call the dealer.")


def _waiting(routes: Mapping[int, Route]) -> dict[int, list[RouteRequest]]:
    """Of each route the cancels and replaces that the broker has not answered, in their order."""
    waiting: dict[int, list[RouteRequest]] = {}
    for row in RouteRequest.objects.filter(route__in=list(routes), answer="WAITING", msg_type__in=("F", "G")).order_by("pk"):
        waiting.setdefault(row.route_id, []).append(row)
    return waiting


def _refuse_asked_to_cancel(routes: Mapping[int, Route], waiting: Mapping[int, list[RouteRequest]]) -> None:
    asked = [pk for pk, rows in waiting.items() if any(row.msg_type == "F" for row in rows)]
    if asked:
        raise RequestPending(f"{routes[asked[0]].ref} was asked to cancel already; wait for the broker's answer.")
