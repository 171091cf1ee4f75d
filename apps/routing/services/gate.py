"""
What every route passes: no halt may stand in its way, each of its orders is as compliance let it through, and no rule that is
asked at the route is against one.

Whoever routes holds an advisory lock, shared, from before the halts are read until commit; whoever sets or lifts one
holds it alone. So a route committed before the switch is seen by it, and one asked for after it is refused.
"""

from collections.abc import Collection, Mapping, Sequence

from django.db import connection

from apps.blocks import services as blocks
from apps.blocks.models import Block, Member
from apps.compliance import services as compliance
from apps.compliance.selectors.sanctions import called_like
from apps.core.acts import Act
from apps.core.refusals import Conflict
from apps.orders import selectors as order_selectors
from apps.orders import services as orders
from apps.orders.models import Side
from apps.orders.states import S
from apps.reference.models import Broker

from .. import rules, selectors
from ..models import Halt
from .planning import INQUIRY, Plan

NAMED, MOST_FINDINGS = 5, 50
LOCK = "hashtext('routing.halts')"


# What compliance restricted for the whole firm stands in the way like a halt of that broker, and so does a broker that is called
# like one on a sanctions list until an officer said that it is another. Its number is less than zero: it is no halt's. What is
# restricted for some orders alone binds their blocks (``counterparties``).
RESTRICTED = (
    "SELECT -id, 'BROKER', 'ALL', NULL, NULL, broker_id, '' FROM compliance_restriction WHERE broker_id IS NOT NULL"
    " AND portfolio_id IS NULL AND desk_id IS NULL AND direction = 'ALL'"
    " AND status = 'ACTIVE' AND effective_from <= current_date AND (effective_to IS NULL OR effective_to >= current_date)"
    " UNION ALL SELECT -id, 'BROKER', 'ALL', NULL, NULL, broker_id, '' FROM compliance_namematch"
    " WHERE broker_id IS NOT NULL AND status = 'WAITING' AND how <> 'NEAR'"
)


class RoutingHalted(Conflict):
    """The kill switch is pressed for this person, desk, strategy, broker or the firm."""


class StoppedAtRoute(Conflict):
    """A rule that is asked at the route does not let an order out. It is held, so this refusal is told after the commit."""


class BrokerRestricted(Conflict):
    """Compliance restricted the broker for the whole firm: nothing is routed to it."""


def halts_in_force() -> list[rules.Halted]:
    """
    The halts in force, which stay so until this transaction ends, and the brokers that compliance restricted for all.
    Call it before anything is locked. One round trip; the second statement sees what was committed while the first waited.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT pg_advisory_xact_lock_shared({LOCK});"
            f" SELECT {', '.join(rules.Halted._fields)} FROM routing_halt WHERE status = 'ACTIVE'"
            f" UNION ALL {RESTRICTED}"
        )
        cursor.nextset()
        return [rules.Halted(*row) for row in cursor.fetchall()]


def let_through(act: Act, standing: Sequence[rules.Halted], plans: Sequence[Plan]) -> Sequence[Plan]:
    """
    The plans as far as no halt stands in their way. Of an inquiry, halted dealers are left out while others remain.

    :raises RoutingHalted, BrokerRestricted: where one does, naming it
    """
    if not standing:
        return plans
    open_plans, cautious = [], {}
    for plan in plans:
        found = {
            dealer: rules.stopping(standing, rules.Wish(act.by, plan.block.desk_id, dealer, plan.strategy))
            for dealer in plan.broker_ids
        }
        kept = [dealer for dealer, halt in found.items() if halt is None or halt.mode == Halt.Mode.REDUCE]
        if not kept or (plan.action != INQUIRY and plan.strategy != rules.SMART and len(kept) < len(found)):
            raise _halted(next(halt for halt in found.values() if halt), plan.block)
        left_out = {"halted": sorted(set(found) - set(kept))} if len(kept) < len(found) else {}
        open_plans.append(plan._replace(broker_ids=kept, trace=plan.trace | left_out))
        if halt := next((found[dealer] for dealer in kept if found[dealer]), None):
            cautious[plan.block.pk] = (halt, plan.block)
    refuse_increases(cautious)
    return open_plans


def refuse_halted(act: Act, standing: Sequence[rules.Halted], wishes: Sequence[tuple[Block, int, str]]) -> None:
    """
    :param wishes: block, broker and strategy of each part that would be placed or enlarged
    :raises RoutingHalted, BrokerRestricted: where a halt stands in the way of one
    """
    cautious = {}
    for block, broker_id, strategy in wishes:
        halt = rules.stopping(standing, rules.Wish(act.by, block.desk_id, broker_id, strategy))
        if halt and halt.mode == Halt.Mode.ALL:
            raise _halted(halt, block)
        if halt:
            cautious[block.pk] = (halt, block)
    refuse_increases(cautious)


def ask_before_sending(act: Act, found: Mapping[int, Block], towards: Mapping[int, Collection[int]]) -> compliance.Answered:
    """
    Will ask the rules that are asked at the route of every order of the blocks, which the caller holds. Three queries where
    there are none; whatever the number of blocks and orders, always as many.

    :param towards: of each block the ids of the brokers that it would be sent to, or whose price is taken
    :returns: what keeps orders from being sent, each with its ``block``, and what is said of the others: if anything is
        stopped, nothing of these blocks is to be sent
    :raises NotChecked: where an order of the blocks is not what compliance let through
    :raises MembersChanging: where one is being changed at this moment
    """
    if not found:
        return compliance.Answered([], [])
    members = blocks.hold_members(found)
    compliance.refuse_unchecked(members)
    wanted = {
        pk: compliance.ToSend(one.version, one.status == S.WORKING, towards.get(one.block_id, ())) for pk, one in members.items()
    }
    said = compliance.ask_before_sending(act, wanted)
    for one in (*said.stopped, *said.told):
        pk = members[one["order_id"]].block_id
        one |= {"block_id": pk, "block": found[pk].ref, "is_at_work": wanted[one["order_id"]].is_at_work}
    return said


def stopped_at_route(findings: Sequence[compliance.Finding], *, is_award: bool = False) -> StoppedAtRoute:
    """
    The refusal to whoever would have sent orders that rules do not let out.

    :param is_award: whether a dealer's price would have been taken for them; the inquiry goes on then
    """
    first = findings[0]
    held = {one["order_id"]: one for one in findings}
    others = [one["ref"] for one in held.values() if one["order_id"] != first["order_id"]]
    also = f" So {'does' if len(others) == 1 else 'do'} {', '.join(others[:NAMED])}{' and more' if len(others) > NAMED else ''}."
    idle, at_work = (sum(one["is_at_work"] == is_so for one in held.values()) for is_so in (False, True))
    then = []
    if idle:
        then.append(f"{'It' if idle == 1 else 'They'} left {'its block' if idle == 1 else 'their blocks'} for compliance to look at.")
    if at_work:
        then.append("What is at a broker goes on there, and compliance looks at it.")
    if is_award:
        did, next_step = "No price was taken.", "Take one once it is let through and while it is good, or pass with a reason."
    else:
        did, next_step = "Nothing was sent.", "Reload, and send the rest without it."
    return StoppedAtRoute(
        f"{first['ref']} of {first['block']} does not pass “{first['name']}”. {first['text']}{also if others else ''}"
        f" {did} {' '.join(then)} {next_step}",
        orders=findings[:MOST_FINDINGS],
    )


def lenders_of(act: Act, found: Mapping[int, Block]) -> dict[int, str]:
    """
    Of each block that sells short, who lends it. Blocks of other sides cost nothing.

    :raises NoLocate: where an order of one has no good locate for all of it
    :raises InPenaltyBox: where a sale of its instrument failed to be delivered, and not all of an order is borrowed
    """
    lenders = {}
    for pk, block in found.items():
        if block.side == Side.SELL_SHORT:
            members = list(Member.objects.filter(block=pk).values_list("order", flat=True))
            orders.refuse_unlocated(act, members)
            compliance.refuse_boxed(act, members)
            lenders[pk] = ", ".join(order_selectors.lenders_of(members, act.at))
    return lenders


def is_open_to(act: Act, standing: Sequence[rules.Halted], block: Block, dealer_id: int) -> bool:
    """Whether no halt forbids taking this dealer's price."""
    try:
        refuse_halted(act, standing, [(block, dealer_id, "")])
    except (RoutingHalted, BrokerRestricted):
        return False
    return True


def refuse_increases(cautious: Mapping[int, tuple[rules.Halted, Block]]) -> None:
    """:raises RoutingHalted: for a block under a reduce-only halt that would open or enlarge a position"""
    reducing = selectors.reducing_blocks(cautious) if cautious else set()
    for pk, (halt, block) in cautious.items():
        if pk not in reducing:
            raise _halted(halt, block)


def _halted(halt: rules.Halted, block: Block) -> Conflict:
    if halt.id < 0:
        broker = Broker.objects.get(pk=halt.broker_id)
        why = f"Compliance restricted {broker}"
        if called := called_like(halt.broker_id):
            why = f"{broker} is called like {called} on the sanctions list, and compliance has yet to say whether it is"
        return BrokerRestricted(
            f"{why}: nothing is routed to it. Nothing was sent. Choose another broker for {block.ref}.",
            broker=broker.code, block=block.pk,
        )  # fmt: skip
    row = Halt.objects.select_related("user", "desk", "broker", "set_by").get(pk=halt.id)
    why = f": “{row.reason}”" if row.reason else ""
    only = f" but for what reduces a position, and {block.ref} does not" if row.mode == Halt.Mode.REDUCE else ""
    return RoutingHalted(
        f"Routing is stopped for {row.of}{only}, since {row.set_at:%H:%M:%S} UTC by {row.set_by}{why}. Nothing was sent."
        f" Another person than {row.set_by} may lift it under Kill switch.",
        halt=row.pk, scope=row.scope, mode=row.mode, block=block.pk,
    )  # fmt: skip
