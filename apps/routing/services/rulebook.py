"""
How routing rules change: one person writes a text and proposes it, another approves it, and only then is it the rule. Whatever acts
by itself can be stopped by one.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact, differing
from apps.core.refusals import Conflict, IllegalMove, Invalid, NotAllowed, NotFound, Stale
from apps.core.tables import one_at_a_time
from apps.orders.models import OwnField
from apps.orders.rules import OwnField as OwnTerms
from apps.orders.rules import as_asked, value_asked
from apps.reference.models import AssetClass, Broker
from apps.users.models import User
from apps.users.services import require

from .. import rule_events as events
from .. import rules
from ..models import RoutingRule, RuleChange
from ..rules.conditions import BadFilter, read_condition
from ..states import RULE_CHANGE_LIFE
from .locks import refuse_stale
from .seeing import own_kinds

Action, Mode = RoutingRule.Action, RoutingRule.Mode
LARGEST_CAP = Decimal(10) ** 13


class StaleRoutingRule(Stale):
    """The rule has another text by now than the one this was written from."""


class StaleRuleChange(Stale):
    """The change was decided on or taken back after the person looked."""


class OwnRuleChange(NotAllowed):
    """Nobody approves or refuses what they wrote; they take it back."""


class OthersRuleChange(NotAllowed):
    """A change is its author's to take back; others refuse it."""


class ChangeWaits(Conflict):
    """Another change of the rule waits to be approved or refused."""


class RankTaken(Conflict):
    """Another rule has this rank by now."""


class RuleText(NamedTuple):
    """
    A routing rule in full. The lowest rank that matches decides; empty or None asks nothing.

    :param condition: on what blocks, market and portfolios it acts (``rules.conditions``)
    :param brokers: codes; taken in turn, an inquiry asks all, or as many as ``params`` say
    :param mode: ASKED: a trader routes by it; DRY_RUN: it only says what it would do; ACTIVE: it routes new blocks by itself
    :param daily_cap_usd: what it may route by itself in a day (UTC)
    :param ends_on: the last day
    """

    rank: int
    name: str
    action: str
    condition: str = ""
    asset_class: str = ""
    country: str = ""
    min_volume_pct: Decimal | None = None
    max_volume_pct: Decimal | None = None
    own_field: str = ""
    own_value: str = ""
    brokers: Sequence[str] = ()
    strategy: str = ""
    params: Mapping[str, Any] = {}
    mode: str = Mode.ASKED
    daily_cap_usd: Decimal | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    is_active: bool = True

    def as_said(self) -> dict[str, Any]:
        """As it is kept: numbers and days as text."""
        return {
            name: sorted(value) if name == "brokers" else dict(value) if name == "params" else _text(value)
            for name, value in self._asdict().items()
        }


def text_of(rule: RoutingRule) -> RuleText:
    """The text of a rule as it is now."""
    plain = {name: getattr(rule, name) for name in RuleText._fields if name not in ("own_field", "brokers")}
    return RuleText(
        own_field=rule.own_field.code if rule.own_field else "", brokers=sorted(b.code for b in rule.brokers.all()), **plain
    )


def text_said(said: Mapping[str, Any]) -> RuleText:
    """The text as it was kept."""
    more = {name: Decimal(said[name]) if said.get(name) else None for name in ("min_volume_pct", "max_volume_pct", "daily_cap_usd")}
    more |= {name: date.fromisoformat(said[name]) if said.get(name) else None for name in ("starts_on", "ends_on")}
    return RuleText(**(dict(said) | more))


@transaction.atomic
def propose_rule(act: Act, text: RuleText, *, rule_id: int | None = None, seen: int = 0) -> int:
    """
    Will ask that a rule says this, or that there is a new one; nothing changes until another person approves it.

    :param seen: the version of the rule that it was written from
    :returns: the change's id
    :raises Invalid: naming the field at fault; of a condition its ``line`` and ``column``
    :raises StaleRoutingRule: where the rule has another text by now; :raises ChangeWaits: where another change of it waits
    """
    require(act, "routing.write_rules")
    if not act.reason.strip():
        raise Invalid("Say why; the reason is kept on the record.", field="reason")
    rule = None if rule_id is None else _lock_rule(rule_id)
    if rule is not None:
        _refuse_moved(rule, seen)
        if RuleChange.objects.filter(rule=rule, status="PROPOSED").exists():
            raise ChangeWaits(f"Another change of “{rule.name}” waits. Have it approved or refused first.", rule=rule.pk)
    _refuse_unfit(act, text, rule)
    said = text.as_said()
    before, after = differing(text_of(rule).as_said(), said) if rule else ({}, said)
    if not after:
        raise Invalid("Nothing about the rule would change.", field="name")
    change = RuleChange.objects.create(
        rule=rule, seen=rule.number if rule else 0, said=said, before=before, reason=act.reason.strip()[:400],
        proposed_by_id=act.by, proposed_at=act.at,
    )  # fmt: skip
    told = events.RuleChangeProposed(text.name, rule.pk if rule else None, before, after)
    record(act, [Fact(change.pk, 1, told)])
    return change.pk


@transaction.atomic
def approve_rule(act: Act, change_id: int, *, seen: Mapping[int, int]) -> int:
    """
    Will make the change the rule's next version, in force at once, or from its first day on. Another person's word than who wrote it.

    :returns: the rule's id
    :raises OwnRuleChange: for its author; :raises StaleRoutingRule: where the rule moved on
    :raises RankTaken: where another rule has its rank; :raises Invalid: where what it names is no longer there
    :raises StaleRuleChange, IllegalMove, NotFound:
    """
    require(act, "routing.approve_rules")
    change = _lock_change(change_id, seen)
    RULE_CHANGE_LIFE.after(change.status, events.RuleChangeApproved)
    if act.by == change.proposed_by_id:
        raise OwnRuleChange("You wrote this, so another person approves it.", change=change.pk)
    rule = None if change.rule_id is None else _lock_rule(change.rule_id)
    if rule is not None:
        _refuse_moved(rule, change.seen)
    text = text_said(change.said)
    _refuse_unfit(act, text, rule, is_new=False)
    rule = _apply(act, text, rule)
    change.rule, change.number = rule, rule.number
    _decide(act, change, events.RuleChangeApproved(rule.pk, rule.number))
    return rule.pk


@transaction.atomic
def refuse_rule(act: Act, change_id: int, *, seen: Mapping[int, int]) -> None:
    """
    Will end a change that somebody else wrote, with a reason.

    :raises OwnRuleChange: for its author; :raises Invalid: without a reason; :raises StaleRuleChange, IllegalMove, NotFound:
    """
    require(act, "routing.approve_rules")
    change = _lock_change(change_id, seen)
    if act.by == change.proposed_by_id:
        raise OwnRuleChange("You wrote this: take it back instead.", change=change.pk)
    if not act.reason.strip():
        raise Invalid("Say why it is refused; its author reads it.", field="reason")
    _decide(act, change, events.RuleChangeRefused(act.reason.strip()[:400]))


@transaction.atomic
def drop_rule(act: Act, change_id: int, *, seen: Mapping[int, int]) -> None:
    """Will take back what one proposed. :raises OthersRuleChange: for others; :raises StaleRuleChange, IllegalMove, NotFound:"""
    require(act, "routing.write_rules")
    change = _lock_change(change_id, seen)
    if act.by != change.proposed_by_id:
        raise OthersRuleChange("Only its author takes it back; refuse it instead.", change=change.pk)
    _decide(act, change, events.RuleChangeDropped())


@transaction.atomic
def stop_rule(act: Act, rule_id: int, *, seen: int) -> int:
    """
    Will have a rule that routes by itself only say what it would do, at once: a new version by one person, who says why.

    :returns: the id of the change; :raises IllegalMove: where it does not act by itself; :raises Invalid: without a reason
    :raises StaleRoutingRule, NotFound:
    """
    require(act, "routing.write_rules")
    rule = _lock_rule(rule_id)
    _refuse_moved(rule, seen)
    if rule.mode != Mode.ACTIVE:
        raise IllegalMove(f"“{rule.name}” does not act by itself.", subject="rule", status=rule.mode)
    if not act.reason.strip():
        raise Invalid("Say why; the reason is kept on the record.", field="reason")
    text = text_of(rule)._replace(mode=Mode.DRY_RUN)
    before, after = differing(text_of(rule).as_said(), text.as_said())
    rule = _apply(act, text, rule)
    change = RuleChange.objects.create(
        rule=rule, seen=seen, said=text.as_said(), before=before, reason=act.reason.strip()[:400], proposed_by_id=act.by,
        proposed_at=act.at, decided_by_id=act.by, decided_at=act.at, number=rule.number, is_stop=True,
        status=RULE_CHANGE_LIFE.born[events.RuleChangeStopped],
    )  # fmt: skip
    record(act, [Fact(change.pk, 1, events.RuleChangeStopped(rule.pk, rule.number, rule.name, before, after))])
    return change.pk


def _apply(act: Act, text: RuleText, rule: RoutingRule | None) -> RoutingRule:
    """Writes a text over a rule, or as a new one, as its next version."""
    row = rule or RoutingRule(number=0)
    for name in RuleText._fields:
        if name not in ("own_field", "brokers"):
            setattr(row, name, getattr(text, name))
    row.own_field = OwnField.objects.get(code=text.own_field) if text.own_field else None
    row.number += 1
    row._history_user, row._change_reason = User.objects.get(pk=act.by), act.reason.strip()[:100]
    row.save()
    row.brokers.set(Broker.objects.filter(code__in=text.brokers))
    return row


def _decide(act: Act, change: RuleChange, event: Event) -> None:
    """The only door to a change's status after it was proposed."""
    change.status = RULE_CHANGE_LIFE.after(change.status, type(event))
    change.decided_by_id, change.decided_at, change.answer = act.by, act.at, act.reason.strip()[:400]
    change.version += 1
    change.save(update_fields=["status", "version", "decided_by", "decided_at", "answer", "rule", "number"])
    record(act, [Fact(change.pk, change.version, event)])


def _lock_rule(rule_id: int) -> RoutingRule:
    rows = RoutingRule.objects.select_for_update(of=("self",), no_key=True).select_related("own_field")
    rule = rows.filter(pk=rule_id).first()
    if rule is None:
        raise NotFound("There is no such routing rule.")
    return rule


def _lock_change(change_id: int, seen: Mapping[int, int]) -> RuleChange:
    """After the rule, and one person at a time: a rank is nobody's row."""
    with connection.cursor() as cursor:
        one_at_a_time(cursor, "routing.rulebook")
    change = RuleChange.objects.select_for_update(of=("self",), no_key=True).filter(pk=change_id).first()
    if change is None:
        raise NotFound("There is no such change.")
    refuse_stale(StaleRuleChange, {change.pk: change}, seen, "rule_change")
    return change


def _refuse_moved(rule: RoutingRule, seen: int) -> None:
    if rule.number == seen:
        return
    since = RuleChange.objects.filter(rule=rule, number__gt=seen).select_related("decided_by").order_by("number")
    changes = [
        {"event": "rule.changed", "by": str(one.decided_by), "at": one.decided_at.isoformat(),
         "what": {"before": one.before, "after": {name: one.said.get(name) for name in one.before}}}
        for one in since
    ]  # fmt: skip
    raise StaleRoutingRule(
        f"“{rule.name}” has another text by now. Reload, and write it again from that.",
        rules=[{"id": rule.pk, "ref": rule.name, "seen": seen, "is": rule.number, "changes": changes}],
    )


def _refuse_unfit(act: Act, text: RuleText, rule: RoutingRule | None, *, is_new: bool = True) -> None:
    """:raises Invalid: beside the first field at fault; :raises RankTaken:"""
    if not text.name.strip() or len(text.name) > 80:
        raise Invalid("Give it a name of at most 80 characters.", field="name")
    if not 1 <= text.rank < 2**31:
        raise Invalid("A rank is a whole number from 1 on; the lowest that matches decides.", field="rank")
    other = RoutingRule.objects.filter(rank=text.rank).exclude(pk=rule.pk if rule else None).first()
    if other:
        raise RankTaken(f"“{other.name}” has rank {text.rank}. Give another.", field="rank")
    _refuse_condition(text)
    _refuse_destination(text)
    if text.mode not in Mode.values:
        raise Invalid(f"There is no mode “{text.mode}”.", field="mode")
    cap = text.daily_cap_usd
    if cap is not None and (not cap.is_finite() or not 0 < cap < LARGEST_CAP or -cap.as_tuple().exponent > 4):
        raise Invalid(f"A cap is above zero and below {LARGEST_CAP:,}, with at most four decimals.", field="daily_cap_usd")
    if text.mode == Mode.ACTIVE and text.action != Action.TRADER and cap is None:
        raise Invalid("A rule that routes by itself has a daily cap.", field="daily_cap_usd")
    if is_new and text.starts_on and text.starts_on < act.at.date() and (rule is None or rule.starts_on != text.starts_on):
        raise Invalid("It cannot have held before today.", field="starts_on")
    if text.ends_on and text.ends_on < (text.starts_on or date.min):
        raise Invalid("It ends before it starts.", field="ends_on")


def _refuse_condition(text: RuleText) -> None:
    if text.condition.strip():
        try:
            read_condition(text.condition, own_kinds())
        except BadFilter as bad:
            raise Invalid(str(bad), field="condition", line=bad.line, column=bad.column) from None
    if text.asset_class and text.asset_class not in AssetClass.values:
        raise Invalid(f"There is no asset class “{text.asset_class}”.", field="asset_class")
    for name in ("min_volume_pct", "max_volume_pct"):
        pct = getattr(text, name)
        if pct is not None and (not pct.is_finite() or not 0 <= pct < 10**5 or -pct.as_tuple().exponent > 4):
            raise Invalid("A percentage is between 0 and 100,000, with at most four decimals.", field=name)
    if bool(text.own_field) != bool(text.own_value):
        raise Invalid("Give both a field of the firm's own and its value, or neither.", field="own_value")
    if text.own_field:
        row = OwnField.objects.filter(code=text.own_field).first()
        if row is None:
            raise Invalid(f"There is no field “{text.own_field}”.", field="own_field")
        value, problem = value_asked(OwnTerms(row.code, row.label, row.kind, row.choices), text.own_value)
        if problem:
            raise Invalid(problem, field="own_value")
        if as_asked(value) != text.own_value:
            raise Invalid(f"Orders say it as “{as_asked(value)}”.", field="own_value")


def _refuse_destination(text: RuleText) -> None:
    if text.action not in Action.values:
        raise Invalid(f"There is no way “{text.action}”.", field="action")
    found = {b.code: b for b in Broker.objects.filter(code__in=text.brokers, is_active=True).exclude(kind__in=Broker.NOT_ROUTED)}
    if unknown := sorted(set(text.brokers) - found.keys()):
        raise Invalid(f"There is no broker or dealer “{unknown[0]}” to route to.", field="brokers")
    if text.action == Action.TRADER:
        if text.brokers or text.strategy or text.params:
            raise Invalid("What is left to the trader names no broker and no strategy.", field="brokers")
        return
    asks = text.action == Action.INQUIRY
    if not text.brokers:
        raise Invalid("Name at least one broker, or leave it to the trader.", field="brokers")
    for code, one in found.items():
        if (one.kind == Broker.Kind.DEALER) != asks:
            raise Invalid(f"{code} is {'no' if asks else 'a'} dealer{'' if asks else ', who is asked by inquiry'}.", field="brokers")
    if asks:
        if text.strategy or set(text.params) - {"seconds", "award", "dealers"}:
            raise Invalid("An inquiry has no strategy; its parameters are seconds, award and dealers.", field="params")
    elif text.strategy == rules.SMART and text.params:
        raise Invalid("The smart router takes no parameters.", field="params")
    elif not text.strategy and text.params:
        raise Invalid("Parameters belong to a strategy; choose one.", field="strategy")
    else:
        rules.strategy_fields(text.strategy, text.params)


def _text(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value.isoformat() if isinstance(value, date) else value if value is None else str(value) if isinstance(value, str) else value
