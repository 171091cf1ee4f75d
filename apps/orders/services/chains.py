"""Which orders need approval and by whom, and who stands in for whom."""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group
from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact, differing
from apps.core.refusals import Invalid, NotFound, Stale
from apps.core.tables import one_at_a_time
from apps.users.models import User
from apps.users.services import can, known_permissions, require

from .. import selectors
from ..events import ChainRetired, ChainSaved, DeputyEnded, DeputyNamed
from ..models import ApprovalRule, Deputy
from ..rules import plain
from ..states import CHAIN_LIFE, DEPUTY_LIFE

TERMS = (
    "name",
    "priority",
    "asset_class",
    "portfolio_id",
    "min_usd",
    "severity",
    "steps",
    "minutes",
    "stands_when_less",
)
MOST_STEPS = 9
DEFAULT_RULES = {
    "very_large": {
        "name": "Very large single orders",
        "min_usd": Decimal(25_000_000),
        "steps": [{"name": "A colleague who may approve", "permission": "orders.approve"}],
        "minutes": 30,
        "stands_when_less": True,
    }
}


class StaleChain(Stale):
    """The approval rule changed after the person looked."""


@transaction.atomic
def save_approval_rule(act: Act, code: str, terms: Mapping[str, Any], *, seen: int | None = None) -> int:
    """
    Will write an approval rule, new (``seen`` None) or changed, which counts for orders that compliance lets through
    from now on; approvals that wait go on under the steps they were opened with.

    :param terms: fields of ``ApprovalRule`` by name (``TERMS``); what is left out stays, or takes its default
    :raises NotAllowed: if the actor does not write approval rules
    :raises Invalid: for a step that names no group and no permission, or a number out of range
    :raises StaleChain: if it changed since, or the code is taken
    """
    require(act, "orders.write_approvals")
    return _save(act, code, terms, seen)


@transaction.atomic
def install_default_approval_rules(act: Act) -> int:
    """Will write the firm's first approval rules where it has none, when a firm is set up; how many were written."""
    if ApprovalRule.objects.exists():
        return 0
    for code, terms in DEFAULT_RULES.items():
        _save(act, code, terms, None)
    return len(DEFAULT_RULES)


def _save(act: Act, code: str, terms: Mapping[str, Any], seen: int | None) -> int:
    code = code.strip().lower()
    if not code or not code.replace("_", "").isalnum() or len(code) > 40:
        raise Invalid("The code is 1 to 40 letters, digits and underscores.", field="code")
    unknown = sorted(set(terms) - set(TERMS))
    if unknown:
        raise Invalid(f"An approval rule has no “{unknown[0]}”.", field=unknown[0])
    with connection.cursor() as cursor:
        one_at_a_time(cursor, "orders.approval_rules")  # Two who write a new one of the same code.
    rule = ApprovalRule.objects.select_for_update(no_key=True).filter(code=code).first()
    if (rule.version if rule else None) != seen:
        raise _stale(code, rule, seen)
    before = _told(rule) if rule else None
    rule = rule or ApprovalRule(code=code, version=0, name=code)
    for name, value in terms.items():
        setattr(rule, name, value)
    _refuse_unfit(rule)
    rule.version += 1
    rule.status = CHAIN_LIFE.after(rule.status, ChainSaved) if rule.pk else CHAIN_LIFE.born[ChainSaved]
    rule.save()
    told = _told(rule)
    changed = differing(before, told) if before else ()
    record(act, [Fact(rule.pk, rule.version, ChainSaved(code, told, *changed))])
    return rule.pk


def _told(rule: ApprovalRule) -> dict[str, Any]:
    return {name: plain(v) if isinstance(v := getattr(rule, name), Decimal) else v for name in TERMS}


def _stale(code: str, rule: ApprovalRule | None, seen: int | None) -> StaleChain:
    """The refusal, with what was changed since; of a new rule whose code is taken, nothing was seen."""
    stale = {rule.pk: (code, seen, rule.version)} if rule and seen is not None else {}
    return StaleChain(
        "The rule is not as you saw it, or its code is taken. Reload and look again.",
        code=code, stale=selectors.missed("chain", stale),
    )  # fmt: skip


def _refuse_unfit(rule: ApprovalRule) -> None:
    if not rule.name or len(rule.name) > 120:
        raise Invalid("Give the rule a name of at most 120 characters.", field="name")
    if rule.min_usd is not None and rule.min_usd < 0:
        raise Invalid("The least amount cannot be below zero.", field="min_usd")
    if rule.severity not in ("", "SOFT", "HARD"):
        raise Invalid("The severity is SOFT, HARD or empty.", field="severity")
    if rule.minutes is not None and not 1 <= rule.minutes <= 100_000:
        raise Invalid("The time limit is 1 to 100,000 minutes.", field="minutes")
    if not isinstance(rule.steps, list) or not 1 <= len(rule.steps) <= MOST_STEPS:
        raise Invalid(f"Name 1 to {MOST_STEPS} steps.", field="steps")
    groups = set(Group.objects.values_list("name", flat=True))
    for step in rule.steps:
        if not isinstance(step, dict) or not step.get("name") or not (step.get("group") or step.get("permission")):
            raise Invalid("Each step has a name, and a group or a permission.", field="steps")
        if step.get("group") and step["group"] not in groups:
            raise Invalid(f"There is no group “{step['group']}”: a role, or team:….", field="steps")
        if step.get("permission") and step["permission"] not in known_permissions():
            raise Invalid(f"No role can do “{step['permission']}”.", field="steps")


@transaction.atomic
def retire_approval_rule(act: Act, code: str, *, seen: int) -> None:
    """Will let orders through without this rule from now on. :raises NotAllowed, NotFound, StaleChain, IllegalMove:"""
    require(act, "orders.write_approvals")
    rule = ApprovalRule.objects.select_for_update(no_key=True).filter(code=code).first()
    if rule is None:
        raise NotFound(f"There is no approval rule “{code}”.")
    if rule.version != seen:
        raise _stale(code, rule, seen)
    rule.status = CHAIN_LIFE.after(rule.status, ChainRetired)
    rule.version += 1
    rule.save(update_fields=["status", "version"])
    record(act, [Fact(rule.pk, rule.version, ChainRetired())])


@transaction.atomic
def name_deputy(act: Act, deputy_id: int, starts_at: datetime, ends_at: datetime) -> int:
    """
    Will let somebody agree in the actor's place between two times. The deputy stays who they are: the record says for
    whom they agreed, and what the actor or the deputy entered neither can agree to.

    :raises NotAllowed: if the actor approves nothing
    :raises Invalid: for somebody who approves nothing, oneself, or a time that is over
    """
    require(act, "orders.approve")
    deputy = User.objects.filter(pk=deputy_id, is_active=True).first()
    if deputy is None or deputy.pk == act.by or not can(deputy, "orders.approve"):
        raise Invalid("Name somebody else who may approve orders.", field="deputy")
    if ends_at <= starts_at or ends_at <= act.at:
        raise Invalid("The time has to end after it begins, and in the future.", field="ends_at")
    row = Deputy.objects.create(
        person_id=act.by, deputy=deputy, starts_at=starts_at, ends_at=ends_at, status=DEPUTY_LIFE.born[DeputyNamed]
    )
    told = DeputyNamed(act.by, deputy.pk, starts_at.isoformat(), ends_at.isoformat())
    record(act, [Fact(row.pk, 1, told)])
    return row.pk


@transaction.atomic
def end_deputies(act: Act, ids: Collection[int]) -> None:
    """Will end the actor's own deputies before their time. :raises NotFound: for one of somebody else"""
    require(act, "orders.approve")
    rows = list(Deputy.objects.select_for_update(no_key=True).filter(pk__in=ids, person_id=act.by).order_by("pk"))
    if len(rows) < len(set(ids)):
        raise NotFound("There is no such deputy of yours.")
    for row in rows:
        row.status = DEPUTY_LIFE.after(row.status, DeputyEnded)
        row.version += 1
    Deputy.objects.bulk_update(rows, ["status", "version"])
    record(act, [Fact(row.pk, row.version, DeputyEnded()) for row in rows])
