"""
New blocks to where the firm's rules send them, without a person; and what rules in a dry run would have done.

A rule in a dry run is asked of every new block and only says so. Else the first rule that matches decides: where it acts by itself
the block is routed as a trader would route it by rule, past every check that stands in a trader's way, and within the rule's cap of
the day. What a rule cannot tell, what is over its cap and what is refused is left to the trader, with the reason.

A block is decided about once a version: told twice, or again by a worker that was killed, nothing is done twice, for the
decision and what it did are one transaction.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import transaction

from apps.audit.services import record
from apps.blocks import services as blocks
from apps.blocks.models import Block
from apps.blocks.states import B
from apps.core.acts import Act
from apps.core.events import Fact, listens
from apps.core.refusals import Refusal
from apps.users.models import User

from .. import rule_events as events
from ..models import RoutingDecision, RoutingRule, RuleDay
from .counterparties import Bars, bars_of
from .gate import halts_in_force
from .locks import lock_blocks
from .messages import sessions_of
from .planning import choose_rules, rules_in_force
from .routes import Routed, route_blocks
from .seeing import usd_of

Mode, Outcome = RoutingRule.Mode, RoutingDecision.Outcome


class Decided(NamedTuple):
    """What is decided about a block by a rule."""

    block: Block
    rule: RoutingRule
    outcome: str
    qty: Decimal
    usd: Decimal | None
    trace: Mapping[str, Any]
    text: str = ""


@listens("routing.route_by_rules")
@transaction.atomic
def route_by_rules(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will have rules that act by themselves, or would, decide about blocks that opened or changed. One query where there are none.

    Only blocks that nobody works are looked at: what a trader picked up is theirs.
    """
    if not RoutingRule.objects.filter(is_active=True, mode__in=[Mode.DRY_RUN, Mode.ACTIVE]).exists():
        return
    halts_in_force()  # Before anything is locked, as whoever routes does; they stay as they are until this ends.
    wanted = Block.objects.filter(pk__in={fact.subject_id for fact in facts}, status=B.OPEN, owner=None)
    found = lock_blocks(User.objects.get(pk=act.by), list(wanted.values_list("pk", flat=True)))
    decided = set(RoutingDecision.objects.filter(block__in=found).values_list("block_id", "block_version"))
    new = {
        pk: b
        for pk, b in found.items()
        if b.status == B.OPEN and b.owner_id is None and b.unplaced_qty > 0 and (pk, b.version) not in decided
    }
    if not new:
        return
    quantities = {pk: b.unplaced_qty for pk, b in new.items()}
    usd, day = usd_of(new, quantities, act.at), act.at.date()
    dry = rules_in_force(day, dry=True)
    made = [
        Decided(block, rule, Outcome.WOULD_ROUTE if rule.action != "TRADER" else Outcome.LEFT, quantities[block.pk],
                usd.get(block.pk), trace, _would(rule))
        for block, rule, trace in (choose_rules(dry, quantities, new, act.at) if dry else [])
        if rule is not None
    ]  # fmt: skip
    going = []
    for block, rule, trace in choose_rules(rules_in_force(day), quantities, new, act.at):
        if rule is None or rule.mode != Mode.ACTIVE:
            continue
        one = Decided(block, rule, Outcome.LEFT, quantities[block.pk], usd.get(block.pk), trace)
        if rule.action == RoutingRule.Action.TRADER:
            made.append(one._replace(text=f"“{rule.name}” leaves it to the trader."))
        elif trace.get("unknown"):
            lost = ", ".join(trace["unknown"])
            made.append(one._replace(text=f"Whether it goes by {lost} cannot be told, so a person decides."[:400]))
        else:
            going.append(one)
    going, split = _divided(act, going)
    _keep(act, [*made, *split, *_sent(act, going)])


def _divided(act: Act, going: Sequence[Decided]) -> tuple[list[Decided], list[Decided]]:
    """
    Where no broker of a rule may have all of a block, as some of its portfolios do not trade with each, the orders of those that
    bar the one who may have most of it become a block of their own; both parts are then decided about as any block that changed.

    :returns: those that go on, and those that were divided
    """
    if not going:
        return [], []
    bars = bars_of(act, [one.block for one in going])
    reachable = sessions_of({b.pk for one in going for b in one.rule.brokers.all()})
    whole, made = [], []
    for one in going:
        apart = _barring(bars, one, reachable)
        if not apart or one.block.directed_to_id or one.block.meant_for_id:
            whole.append(one)
            continue
        try:
            child = blocks.split_block(act, one.block.pk, apart, seen={one.block.pk: one.block.version})
        except Refusal as refusal:
            made.append(one._replace(outcome=Outcome.REFUSED, text=refusal.message[:400]))
        else:
            why = f"{len(apart)} of its orders may not trade with {one.rule.name}'s broker: they are block B-{child:04d} now."
            made.append(one._replace(outcome=Outcome.SPLIT, text=why[:400]))
    return whole, made


def _barring(bars: Bars, one: Decided, reachable: Mapping[int, int]) -> list[int]:
    """The fewest orders that stand in the way of a broker of the rule; none where somebody may have all, or nobody any."""
    homes = bars.homes.get(one.block.pk, {})
    found = []
    for broker in sorted(one.rule.brokers.all(), key=lambda b: b.code):
        if broker.is_active and broker.pk in reachable:
            barred = bars.of(one.block, broker.pk)
            found.append(sorted(order for order, home in homes.items() if home in barred))
    fewest = min(found, key=len, default=[])
    return fewest if len(fewest) < len(homes) else []


def _would(rule: RoutingRule) -> str:
    if rule.action == RoutingRule.Action.TRADER:
        return "It would have been left to the trader."
    codes = ", ".join(sorted(b.code for b in rule.brokers.all()))
    how = "asked by inquiry" if rule.action == RoutingRule.Action.INQUIRY else rule.strategy or "an order"
    return f"Would have gone to {codes}: {how}."[:400]


def _sent(act: Act, going: Sequence[Decided]) -> list[Decided]:
    """Routes what has room under its rule's cap: all of it at once, or where that is refused each by itself."""
    roomy, made = _with_room(act, going)
    while roomy:
        try:
            with transaction.atomic():
                routed = _route(act, roomy)
        except Refusal as refusal:
            if len(roomy) > 1:
                return made + [done for one in roomy for done in _alone(act, one)]
            return made + [_refused(act, roomy[0], refusal.message)]
        if not routed.stopped:
            return made + [one._replace(outcome=Outcome.ROUTED) for one in roomy]
        # Nothing went. What was stopped left its block, which is decided about anew; the others are asked again.
        stopped = {finding["block_id"]: finding for finding in reversed(routed.stopped)}
        made += [_refused(act, one, _stopped(stopped[one.block.pk])) for one in roomy if one.block.pk in stopped]
        roomy = [one for one in roomy if one.block.pk not in stopped]
    return made


def _alone(act: Act, one: Decided) -> list[Decided]:
    try:
        with transaction.atomic():
            routed = _route(act, [one])
    except Refusal as refusal:
        return [_refused(act, one, refusal.message)]
    return [_refused(act, one, _stopped(routed.stopped[0])) if routed.stopped else one._replace(outcome=Outcome.ROUTED)]


def _route(act: Act, going: Sequence[Decided]) -> Routed:
    return route_blocks(act, [one.block.pk for one in going], seen={one.block.pk: one.block.version for one in going})


def _stopped(finding: Mapping[str, Any]) -> str:
    return f"{finding['ref']} does not pass “{finding['name']}” at the route."


def _refused(act: Act, one: Decided, why: str) -> Decided:
    """It gives back the room that it took."""
    row = RuleDay.objects.get(rule=one.rule, day=act.at.date())
    row.used_usd -= one.usd
    row.save(update_fields=["used_usd"])
    return one._replace(outcome=Outcome.REFUSED, text=why[:400])


def _with_room(act: Act, going: Sequence[Decided]) -> tuple[list[Decided], list[Decided]]:
    """
    Takes room under each rule's cap of the day, whose row whoever takes of it holds until commit, so that two never take the
    last of it. Rules in the order of their ids, blocks in theirs; a cap that is reached exactly is not passed.

    :returns: those that have room, and those that have none
    """
    roomy, made = [], []
    by_rule: dict[int, list[Decided]] = {}
    for one in going:
        by_rule.setdefault(one.rule.pk, []).append(one)
    for pk in sorted(by_rule):
        rule, day = by_rule[pk][0].rule, act.at.date()
        RuleDay.objects.bulk_create([RuleDay(rule=rule, day=day, cap_usd=rule.daily_cap_usd)], ignore_conflicts=True)
        row = RuleDay.objects.select_for_update(no_key=True).get(rule=rule, day=day)
        row.cap_usd = max(rule.daily_cap_usd, row.used_usd)
        for one in by_rule[pk]:
            usd = None if one.usd is None else one.usd.quantize(Decimal("0.0001"))
            if usd is None:
                why = "What it is worth is not known, so whether it is within the cap cannot be told."
                made.append(one._replace(outcome=Outcome.LEFT, text=why))
            elif row.used_usd + usd > rule.daily_cap_usd:
                why = f"${usd:,.0f} beside the ${row.used_usd:,.0f} routed today is above the cap of ${rule.daily_cap_usd:,.0f}."
                made.append(one._replace(outcome=Outcome.CAPPED, usd=usd, text=why))
            else:
                row.used_usd += usd
                roomy.append(one._replace(usd=usd))
        row.save(update_fields=["cap_usd", "used_usd"])
    return roomy, made


def _keep(act: Act, made: Sequence[Decided]) -> None:
    if not made:
        return
    rows = RoutingDecision.objects.bulk_create(
        RoutingDecision(
            block=one.block, block_version=one.block.version, rule=one.rule, number=one.rule.number, outcome=one.outcome, at=act.at,
            qty=one.qty, usd=None if one.usd is None else one.usd.quantize(Decimal("0.0001")), text=one.text, trace=dict(one.trace),
        )
        for one in made
    )  # fmt: skip
    record(
        act,
        [
            Fact(
                row.pk, 1,
                events.DecisionMade(
                    row.block_id, row.outcome, one.rule.name, one.rule.pk, one.rule.number, None if row.usd is None else f"{row.usd:f}"
                ),
            )
            for row, one in zip(rows, made, strict=True)
        ],
    )  # fmt: skip
