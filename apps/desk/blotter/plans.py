"""Where selected blocks would go, told before they are routed: the routing services' own plan, not carried out."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from apps.blocks import selectors as blocks
from apps.blocks.models import Block, Member
from apps.blocks.states import B
from apps.core.acts import Act
from apps.core.refusals import Refusal
from apps.marketdata import selectors as marketdata
from apps.marketdata.cost_selectors import Trade, costs_of
from apps.marketdata.costs import in_one
from apps.reference.models import Broker
from apps.routing.models import RoutingRule
from apps.routing.services.counterparties import bars_of, without_barred
from apps.routing.services.messages import reachable_brokers
from apps.routing.services.planning import Override, plan_routes
from apps.routing.services.smart import split_smart

from .selectors import with_money, worth


class Destination(NamedTuple):
    """Blocks that one rule sends the same way."""

    rule: str
    way: str
    brokers: str
    blocks: int
    usd: Decimal


class Preview(NamedTuple):
    """
    What would be routed: the blocks with something left to place at the versions seen, their money in USD, how many
    brokers and dealers hear of it, and where each part goes; or why it cannot go by the rules.
    """

    seen: Mapping[int, int]
    others: int
    buy: Decimal
    sell: Decimal
    portfolios: int
    brokers: int
    destinations: list[Destination]
    problem: str
    only: Block | None
    turns: list[tuple[str, blocks.Due]]
    smart: Mapping[str, Any] | None = None  # Of one block that the smart router splits: its split.
    cost: Mapping[str, Any] | None = None  # Of all of it, in USD (``costs.in_one``).

    @property
    def is_late(self) -> bool:
        return any(due.waits_for for _, due in self.turns)


def preview(act: Act, user, seen: Mapping[int, int], override: Override) -> Preview:
    """
    Plans the blocks that can be routed. Twenty-three queries whatever their number.

    :param seen: block id to the version seen; those that cannot be routed count as ``others``
    """
    rows = with_money(blocks.blocks_seen_by(user).filter(pk__in=seen, status__in=[B.OPEN, B.WORKING]))
    found = {b.pk: b for b in rows.select_related("instrument__venue").order_by("pk") if b.unplaced_qty > 0}
    quantities = {pk: b.unplaced_qty for pk, b in found.items()}
    worth = {pk: (b.usd or Decimal(0)) * b.unplaced_qty / b.qty for pk, b in found.items()}
    destinations, brokers, problem, cost, smart = [], 0, "", None, None
    if found:
        try:
            bars = bars_of(act, found.values())
            plans = plan_routes(act.because(act.reason or "preview"), quantities, found, override, bars)
            plans = split_smart(act, without_barred(bars, plans, reachable_brokers()))
            destinations, brokers = _grouped(plans, worth)
            cost = _cost(act, plans)
            smart = plans[0].trace.get("smart") if len(found) == 1 else None
        except Refusal as refusal:
            problem = refusal.message
    homes = Member.objects.filter(block__in=found).values("order__portfolio").distinct().count() if found else 0
    return Preview(
        {pk: seen[pk] for pk in found},
        len(seen) - len(found),
        sum((worth[pk] for pk, b in found.items() if b.side == "BUY"), Decimal(0)),
        sum((worth[pk] for pk, b in found.items() if b.side != "BUY"), Decimal(0)),
        homes,
        brokers,
        destinations,
        problem,
        next(iter(found.values())) if len(found) == 1 else None,
        [(found[pk].ref, due) for pk, due in blocks.turns_of([pk for pk, b in found.items() if b.status == B.OPEN]).items()],
        smart,
        cost,
    )


def _cost(act: Act, plans) -> Mapping[str, Any]:
    """What the plans are expected to cost together. Six queries."""
    trades = [Trade(p.block.instrument, p.block.side, p.qty, p.block.trade_date, p.broker_ids[0]) for p in plans]
    rates = marketdata.fx_rates("USD")
    return in_one((cost, rates.get(cost.currency, (None,))[0]) for cost in costs_of(trades, act.at))


def _grouped(plans, worth: Mapping[int, Decimal]) -> tuple[list[Destination], int]:
    names = dict(Broker.objects.filter(pk__in={pk for p in plans for pk in p.broker_ids}).values_list("pk", "name"))
    groups: dict[tuple, list] = defaultdict(list)
    for plan in plans:
        groups[(_rule(plan.trace), plan.action, plan.strategy)].append(plan)
    parted = Counter(plan.block.pk for plan in plans)
    destinations = []
    for (rule, action, strategy), members in groups.items():
        heard = sorted({names[pk] for plan in members for pk in plan.broker_ids})
        asks = action == RoutingRule.Action.INQUIRY
        destinations.append(
            Destination(
                rule,
                "Inquiry" if asks else strategy or "Order",
                (f"{len(heard)} dealers: " if asks else "in turn: " if len(heard) > 1 else "") + ", ".join(heard),
                len({plan.block.pk for plan in members}),
                sum((_share(plan, worth, parted) for plan in members), Decimal(0)),
            )
        )
    return sorted(destinations, key=lambda d: (-d.usd, d.rule)), len(names)


def _share(plan, worth: Mapping[int, Decimal], parted: Mapping[int, int]) -> Decimal:
    """What a plan is of its block's money: all of it, but where the block goes in several parts."""
    block = plan.block
    return worth[block.pk] * plan.qty / block.unplaced_qty if parted[block.pk] > 1 else worth[block.pk]


def _rule(trace: Mapping[str, Any]) -> str:
    if "directed" in trace:
        return "Directed by its clients"
    if "meant_for" in trace:
        return "Split off for it by the desk"
    if "override" in trace:
        return f"Yours instead of “{trace['rule']}”" if trace.get("rule") else "Yours; no rule covers it"
    return trace.get("rule") or ""


class Picked(NamedTuple):
    """What the blocks somebody ticked come to: the money that is still to be worked."""

    blocks: int
    usd: Decimal
    portfolios: int


def picked(user, ids: Collection[int]) -> Picked:
    """Four queries, however many."""
    found = list(blocks.blocks_seen_by(user).filter(pk__in=ids).select_related("instrument"))
    return Picked(len(found), *worth([(block, block.leaves_qty) for block in found]))
