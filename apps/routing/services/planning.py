"""Where each block is to go: by the firm's rules, or by a trader who says why."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Count

from apps.blocks.models import Block
from apps.core.acts import Act
from apps.core.refusals import Conflict, Invalid, NotFound
from apps.marketdata import selectors as marketdata
from apps.reference import selectors as reference
from apps.reference.models import Broker
from apps.reference.rules import taken_by

from .. import rules
from ..models import Route, RoutingRule
from ..selectors import agreed_own, default_brokers
from .counterparties import Bars
from .messages import sessions_of
from .seeing import hear_conditions

ALGO, INQUIRY, DRY_RUN = RoutingRule.Action.ALGO, RoutingRule.Action.INQUIRY, RoutingRule.Mode.DRY_RUN


class NoRoutingRule(Conflict):
    """No rule says where a block goes."""


class LeftToTrader(NoRoutingRule):
    """A rule says that a person decides where a block goes."""


class NoBroker(Conflict):
    """The rule names nobody who can be reached."""


class OverrideNeedsReason(Invalid):
    """Departing from the rules asks for a reason."""


class DirectedElsewhere(Conflict):
    """The clients of a block told us with whom to trade it."""


class Child(NamedTuple):
    """
    How an order of an algorithm of our own differs from its block's: the broker is told no strategy.

    :param label: the algorithm, as halts, throttles and pages call it
    :param limit_price: within the block's; None for the block's own
    :param tif: time in force; empty for the block's own
    """

    label: str
    limit_price: Decimal | None = None
    tif: str = ""
    trace: Mapping[str, Any] = {}


class Plan(NamedTuple):
    """Where a quantity of a block goes: one broker by an algorithm, or several dealers by inquiry."""

    block: Block
    qty: Decimal
    action: str
    broker_ids: Sequence[int]
    strategy: str
    params: dict[str, Any]
    trace: dict[str, Any]
    child: Child | None = None

    @property
    def limit_price(self) -> Decimal | None:
        own = self.child.limit_price if self.child else None
        return self.block.limit_price if own is None else own

    @property
    def tif(self) -> str:
        return (self.child.tif if self.child else "") or self.block.tif


def as_children(plans: "Sequence[Plan]", child: Child | None) -> "Sequence[Plan]":
    """The plans as orders of an algorithm of our own, where there is one."""
    if child is None:
        return plans
    return [p._replace(strategy=child.label, params={}, trace={**p.trace, **child.trace}, child=child) for p in plans]


class Override(NamedTuple):
    """What a trader wants instead of the rule; None leaves it to the rule."""

    broker_code: str | None = None
    strategy: str | None = None
    params: Mapping[str, Any] | None = None

    @property
    def is_asked(self) -> bool:
        return any(wish is not None for wish in self)


def plan_routes(
    act: Act, quantities: Mapping[int, Decimal], blocks: Mapping[int, Block], override: Override, bars: Bars
) -> list[Plan]:
    """
    Six queries whatever the number of blocks, and what ``choose_rules`` adds. The broker that the
    firm's default rules gave all orders of a block comes before the rule's, where the rule is for algorithms. Of a rule's
    brokers those are passed over that a portfolio of the block bars. The rule's choice is kept in the trace also where it
    is overridden.

    :raises OverrideNeedsReason: where the act has no reason
    :raises NoRoutingRule: naming the blocks without a rule
    :raises NoBroker: where a rule's brokers have no enabled session
    :raises DirectedElsewhere: where the trader's broker is not the one to whom a block is directed
    """
    if override.is_asked and not act.reason.strip():
        raise OverrideNeedsReason("Say why you route otherwise than by rule; the reason is kept.", field="reason")
    chosen = choose_rules(rules_in_force(act.at.date()), quantities, blocks, act.at)
    directed = [one for one in chosen if _bound_to(one[0], override)]
    if not directed:
        return _free(act, quantities, chosen, override, bars)
    plans = _directed(act, quantities, directed, override)
    free = [one for one in chosen if not _bound_to(one[0], override)]
    if free:
        plans += _free(act, {block.pk: quantities[block.pk] for block, *_ in free}, free, override, bars)
    return sorted(plans, key=lambda plan: plan.block.pk)


def rules_in_force(day: date, *, dry: bool = False) -> list[RoutingRule]:
    """The rules that hold on a day, in their order, those of a dry run apart. Two queries."""
    table = RoutingRule.objects.filter(is_active=True).select_related("own_field").prefetch_related("brokers").order_by("rank")
    table = table.filter(mode=DRY_RUN) if dry else table.exclude(mode=DRY_RUN)
    return [rule for rule in table if rules.conditions.is_in_force(day, rule.starts_on, rule.ends_on)]


def choose_rules(
    table: Sequence[RoutingRule], quantities: Mapping[int, Decimal], blocks: Mapping[int, Block], at: datetime
) -> list[tuple[Block, RoutingRule | None, dict[str, Any]]]:
    """
    Each block, by its id, with the rule of these that matches first and its trace. One query, one more where a rule asks for a
    field of the firm's own, ten more where one has a condition.
    """
    candidates = [
        rules.Candidate(
            r.pk, r.rank, r.name, r.asset_class, r.country, r.min_volume_pct, r.max_volume_pct,
            *((r.own_field.code, r.own_field.label, r.own_value) if r.own_field else ("", "", "")), r.condition, r.number,
        )
        for r in table
    ]  # fmt: skip
    own = agreed_own(quantities, {c.own_field for c in candidates if c.own_field})
    by_id = {r.pk: r for r in table}
    volumes = marketdata.average_volumes(b.instrument_id for b in blocks.values())
    heard = hear_conditions(table, quantities, blocks, at)
    chosen = []
    for pk in sorted(quantities):
        block = blocks[pk]
        volume = volumes.get(block.instrument_id, (None,))[0]
        wanted = rules.Wanted(
            asset_class=block.instrument.asset_class,
            country=block.instrument.country,
            volume_pct=quantities[pk] / volume * 100 if volume else None,
            own=own.get(pk, {}),
        )
        rule, trace = rules.choose(candidates, wanted, heard.get(pk, {}))
        chosen.append((block, by_id[rule.id] if rule else None, trace))
    return chosen


def _bound_to(block: Block, override: Override) -> int | None:
    """To whom its clients direct a block, or for whom the desk split it off, unless the trader says otherwise now."""
    return block.directed_to_id or (block.meant_for_id if override.broker_code is None else None)


def _free(act: Act, quantities, chosen, override: Override, bars: Bars) -> list[Plan]:
    if override.broker_code is not None:
        return _overridden(act, quantities, chosen, override)
    return _by_rule(act, quantities, chosen, override, bars)


def _directed(act: Act, quantities, chosen, override: Override) -> list[Plan]:
    """
    Where its clients direct each block, or the desk meant it to go, by the rule's strategy where the rule is for brokers
    too. Three queries.
    """
    brokers = Broker.objects.in_bulk({_bound_to(block, override) for block, *_ in chosen})
    for block, *_ in chosen:
        if block.directed_to_id:
            refuse_elsewhere(block, brokers[block.directed_to_id], override.broker_code)
    reachable = sessions_of(brokers)
    plans = []
    for block, rule, trace in chosen:
        broker = brokers[_bound_to(block, override)]
        if broker.pk not in reachable or not broker.is_active:
            how = ("is directed to", "have the direction ended under Reference data and un-block it")
            if not block.directed_to_id:
                how = ("was split off for", "choose another broker")
            raise NoBroker(
                f"{block.ref} {how[0]} {broker.name}, which has no enabled session in {settings.ENVIRONMENT}; have one"
                f" enabled, or {how[1]}.",
                broker=broker.code, block=block.pk,
            )  # fmt: skip
        action = INQUIRY if broker.kind == Broker.Kind.DEALER else ALGO
        same = rule is not None and rule.action == action
        strategy = override.strategy or (rule.strategy if same else "")
        params = override.params if override.params is not None else rule.params if same else {}
        trace = trace | {"directed" if block.directed_to_id else "meant_for": {"broker": broker.code}}
        if override.is_asked:
            trace = trace | {"override": {"strategy": override.strategy, "reason": act.reason, "by": act.by}}
        plans.append(_plan(block, quantities[block.pk], action, [broker.pk], strategy, dict(params), trace))
    return plans


def refuse_elsewhere(block: Block, directed_to: Broker, code: str | None) -> None:
    """:raises DirectedElsewhere: where a directed block would go to anybody else"""
    if code not in (None, directed_to.code):
        raise DirectedElsewhere(
            f"The clients of {block.ref} direct it to {directed_to.name}, so it cannot go to {code}. Route it by rule; if"
            " the direction has ended, un-block it, and its orders are gathered with the free ones.",
            block=block.pk, directed_to=directed_to.code,
        )  # fmt: skip


def _by_rule(act, quantities, chosen, override: Override, bars: Bars) -> list[Plan]:
    kept = [(block, rule) for block, rule, _ in chosen if rule is not None and rule.action == RoutingRule.Action.TRADER]
    if kept:
        block, rule = kept[0]
        raise LeftToTrader(
            f"The rule “{rule.name}” leaves {block.ref} to you. Choose a broker, with a reason.", rule=rule.pk, block=block.pk
        )
    lost = [block.ref for block, rule, _ in chosen if rule is None]
    if lost:
        raise NoRoutingRule(
            f"No routing rule covers {', '.join(lost[:5])}. Choose a broker yourself, or add a rule.", blocks=lost
        )
    wishes = default_brokers(quantities)
    reachable = sessions_of(
        {b.pk for _, rule, _ in chosen for b in rule.brokers.all()} | {wish.broker_id for wish in wishes.values()}
    )
    earlier = dict(Route.objects.filter(block_id__in=list(quantities)).values_list("block_id").annotate(n=Count("pk")))
    plans, turns = [], {}
    for block, rule, trace in chosen:
        brokers = [b.pk for b in sorted(rule.brokers.all(), key=lambda b: b.code) if b.is_active and b.pk in reachable]
        if not brokers:
            raise NoBroker(
                f"No broker of the rule “{rule.name}” has an enabled session in {settings.ENVIRONMENT}.", rule=rule.name
            )
        if barred := [pk for pk in brokers if bars.of(block, pk)]:
            trace = trace | {"barred": barred}
            brokers = bars.free(block, brokers) or brokers
        # In turn within this act, from a start that moves on with the blocks and with a block's earlier routes.
        turns[rule.pk] = turns.get(rule.pk, block.pk - 1) + 1
        strategy = override.strategy or rule.strategy
        count = 1 if rule.action == ALGO else int(rule.params.get("dealers") or len(brokers))
        if rule.action == ALGO and strategy == rules.SMART:
            count = len(brokers)  # Each reaches venues of its own.
        brokers = rules.in_turn(brokers, turns[rule.pk] + earlier.get(block.pk, 0), count)
        wish = wishes.get(block.pk)
        if wish and rule.action == ALGO:
            trace = trace | {"order_default": {"broker": wish.broker, "strategy": wish.strategy, "rule": wish.rule}}
            if wish.broker_id in reachable:
                brokers, strategy = [wish.broker_id], override.strategy or wish.strategy or rule.strategy
            else:
                trace["order_default"]["passed_over"] = f"{wish.broker} has no enabled session"
        params = dict(rule.params) if override.params is None else dict(override.params)
        if override.is_asked:
            trace = trace | {"override": {"strategy": override.strategy, "reason": act.reason, "by": act.by}}
        plans.append(
            _plan(block, quantities[block.pk], rule.action, brokers, strategy, params, trace)
        )
    return plans


def _plan(block: Block, qty, action: str, broker_ids, strategy: str, params: dict, trace: dict) -> Plan:
    """With the strategy and its parameters where the block's own terms leave room for one."""
    if action == ALGO and not rules.orders.is_worked_by_strategy(block.order_type, block.tif, block.terms):
        strategy, params, broker_ids = "", {}, broker_ids[:1]
    return Plan(block, qty, action, broker_ids, strategy, params, trace)


class MissedCutOff(Conflict):
    """A fund's valuation point can no longer be had."""


def refuse_missed(at: datetime, blocks: Iterable[Block]) -> None:
    """
    :raises MissedCutOff: where the cut-off of a fund's block has passed since its orders were gathered
    """
    funds = [b for b in blocks if b.instrument.cutoff_at]
    dealings = reference.dealings({(b.instrument.venue_id, b.instrument.cutoff_at) for b in funds}, at) if funds else {}
    for block in funds:
        if dealings[block.instrument.venue_id, block.instrument.cutoff_at].date > block.trade_date:
            raise MissedCutOff(
                f"{block.ref} missed the cut-off of {block.trade_date}, {block.instrument.cutoff_at:%H:%M} at its venue."
                " Un-block it: its orders then go to the next valuation point, marked late.",
                block=block.ref,
            )


class NotTaken(Invalid):
    """A broker does not take orders of this kind."""


def refuse_untaken(plans: Sequence[Plan]) -> None:
    """
    One query. :raises NotTaken: where the broker of a plan does not take its block's order type with its time in force
    """
    routed = [p for p in plans if p.action == ALGO]
    table = reference.combinations_taken({p.block.instrument.asset_class for p in routed})
    for plan in routed:
        block, broker = plan.block, plan.broker_ids[0]
        own = [row for row in table if row.broker_id == broker]
        taken = taken_by(own, block.instrument.asset_class, None, broker) if own else []
        if own and (block.order_type, plan.tif) not in {(row.order_type, row.tif) for row in taken}:
            said = "; ".join(f"{row.order_type} {row.tif}" for row in taken)
            raise NotTaken(
                f"{block.ref} is a {block.order_type} order with {plan.tif}, which this broker does not take; it takes"
                f" {said}.{_chosen_by(plan)} Choose another broker.",
                field="broker_code", block=block.ref,
            )  # fmt: skip


def _chosen_by(plan: Plan) -> str:
    said = plan.trace.get("order_default")
    return f" The firm's order default “{said['rule']}” chose it." if said and "passed_over" not in said else ""


class FewDealers(Invalid):
    """Fewer than three dealers are asked without saying why."""


LEAST_DEALERS = 3


def plan_inquiries(
    act: Act, quantities: Mapping[int, Decimal], blocks: Mapping[int, Block], dealer_codes: Sequence[str] | None,
    seconds: int | None, award: str | None, bars: Bars,
) -> list[Plan]:  # fmt: skip
    """
    Inquiries whatever the rules would do with the blocks: to the dealers named, or to those of the rule for inquiries.

    :raises NotFound: where a code is no dealer; :raises NoBroker: where one has no enabled session
    """
    if dealer_codes is None:
        plans = plan_routes(act, quantities, blocks, Override(), bars)
        others = [p.block.ref for p in plans if p.action != INQUIRY]
        if others:
            raise NoRoutingRule(f"No inquiry rule covers {others[0]}. Choose the dealers yourself.", blocks=others)
    else:
        dealers = dict(
            Broker.objects.filter(code__in=dealer_codes, kind=Broker.Kind.DEALER, is_active=True).values_list(
                "code", "pk"
            )
        )
        unknown = sorted(set(dealer_codes) - dealers.keys())
        if unknown:
            raise NotFound(f"There is no dealer “{unknown[0]}”.", field="dealer_codes")
        reachable = sessions_of(dealers.values())
        away = sorted(code for code, pk in dealers.items() if pk not in reachable)
        if away:
            raise NoBroker(f"{away[0]} has no enabled session in {settings.ENVIRONMENT}.", broker=away[0])
        for block in blocks.values():
            if block.directed_to_id and list(dealers.values()) != [block.directed_to_id]:
                refuse_elsewhere(block, Broker.objects.get(pk=block.directed_to_id), ", ".join(sorted(dealers)))
        trace = {"override": {"dealers": sorted(dealers), "reason": act.reason, "by": act.by}}
        ids = [dealers[code] for code in sorted(dealers)]
        plans = [Plan(blocks[pk], quantities[pk], INQUIRY, ids, "", {}, trace) for pk in sorted(quantities)]
    given = {"seconds": seconds, "award": award}
    return [p._replace(params=p.params | {k: v for k, v in given.items() if v is not None}) for p in plans]


def _overridden(act, quantities, chosen, override: Override) -> list[Plan]:
    broker = Broker.objects.filter(code=override.broker_code, is_active=True).exclude(kind__in=Broker.NOT_ROUTED).first()
    if broker is None:
        raise NotFound(f"There is no broker or dealer “{override.broker_code}”.", field="broker_code")
    if broker.pk not in sessions_of([broker.pk]):
        raise NoBroker(f"{broker.name} has no enabled session in {settings.ENVIRONMENT}.", broker=broker.code)
    action = INQUIRY if broker.kind == Broker.Kind.DEALER else ALGO
    plans = []
    for block, rule, trace in chosen:
        same = rule is not None and rule.action == action
        strategy = override.strategy or (rule.strategy if same else "VWAP" if action == ALGO else "")
        params = override.params if override.params is not None else rule.params if same else {}
        trace = trace | {"override": {"broker": broker.code, "reason": act.reason, "by": act.by}}
        plans.append(_plan(block, quantities[block.pk], action, [broker.pk], strategy, dict(params), trace))
    return plans
