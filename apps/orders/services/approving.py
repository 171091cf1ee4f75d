"""
Who has to agree before the desk sees an order, and what they say.

Compliance says whether an order may be; the people of an approval rule say whether it should be. An approval is opened
as compliance lets the order through, and the order is cleared by its last step.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact, listens
from apps.core.refusals import Invalid, in_words
from apps.core.tables import next_ids
from apps.users.selectors import names_of
from apps.users.services import require

from .. import events, rules, selectors
from ..models import Approval, ApprovalDecision
from ..states import APPROVAL_LIFE, ApprovalStatus
from .letting import let_through
from .moves import happen, locked

LONGEST_COMMENT = 2000


class ApprovalOutcome(NamedTuple):
    """What became of one approval of many: ``code`` and ``message`` say why nothing did."""

    approval_id: int
    order_id: int | None
    done: bool
    code: str
    message: str
    status: str = ""
    since: Sequence[Mapping] = ()  # What happened to it since the person looked, where it is not as they saw it.


def open_approvals(act: Act, needed: Sequence[selectors.Needed]) -> set[int]:
    """
    Will open an approval of each order that needs one; an approval given before stands where its rule says so and less
    is asked now, or the same. The caller holds the orders.

    :returns: the orders that now wait
    """
    if not needed:
        return set()
    waiting, facts, opened = [], [], []
    for one in needed:
        changed = _changed(one)
        before, after = ({c.term: c.before for c in changed}, {c.term: c.after for c in changed})
        why = _why_not(one, changed)
        if one.given_id is not None and not why:
            told = events.ApprovalStands(one.order_id, before, after)
            facts.append(Fact(one.given_id, one.given_version + 1, told))
        else:
            waiting.append(one)
            names = [step["name"] for step in one.steps]
            opened.append(events.ApprovalOpened(one.order_id, one.rule_id, names, why, before, after))
    with connection.cursor() as cursor:
        if facts:
            cursor.execute(
                "UPDATE orders_approval SET version = version + 1 WHERE id = ANY(%s)", [[f.subject_id for f in facts]]
            )
        ids = next_ids(cursor, "orders_approval", len(waiting))
    Approval.objects.bulk_create(
        Approval(
            pk=pk, order_id=one.order_id, rule_id=one.rule_id, rule_version=one.rule_version, steps=one.steps,
            qty=one.qty, limit_price=one.limit_price, terms=one.terms, amount_usd=one.amount_usd, overridden=one.overridden,
            opened_at=act.at, due_at=_due(act.at, one.minutes),
        )
        for pk, one in zip(ids, waiting, strict=True)
    )  # fmt: skip
    facts += [Fact(pk, 1, told) for pk, told in zip(ids, opened, strict=True)]
    record(act, facts)
    return {one.order_id for one in waiting}


def _changed(one: selectors.Needed) -> list[rules.Compared]:
    """What is asked otherwise now than was agreed to, where something was."""
    if one.given_id is None:
        return []
    before = {"qty": one.given_qty, "limit_price": one.given_limit, **one.given_terms}
    return rules.compared(before, {"qty": one.qty, "limit_price": one.limit_price, **one.terms}, one.side)


def _why_not(one: selectors.Needed, changed: Sequence[rules.Compared]) -> str:
    """Why an approval given before does not stand; empty where it does, or there is none."""
    if one.given_id is None:
        return ""
    if one.given_rule_id != one.rule_id:
        return "Another rule asks for approval now than the one it was agreed under."
    if more := [c.term for c in changed if c.asks_more]:
        return f"It asks for more than was agreed: {', '.join(name.replace('_', ' ') for name in more)}."
    if changed and not one.stands_when_less:
        return "Its rule asks again whatever is changed."
    return ""  # Less is asked, or it was checked anew and nothing of it changed.


def _due(at: datetime, minutes: int | None) -> datetime | None:
    return at + timedelta(minutes=minutes) if minutes else None


@transaction.atomic
def approve(act: Act, approval_ids: Collection[int], *, seen: Mapping[int, int]) -> list[ApprovalOutcome]:
    """
    Will agree to the step that each approval waits for and clear the orders whose last step that was. Of several at
    once, those of which an officer overrode a rule are held back: they are looked at one by one. Each approval is
    answered for by itself.

    :param seen: the version of each approval that the person was looking at
    :raises NotAllowed: if the actor approves nothing at all
    """
    able, told = _asked(act, approval_ids, seen, held_back=len(set(approval_ids)) > 1)
    done = [row for row, _ in able if row.step + 1 == len(row.steps)]
    _decide(act, able, agreed=True)
    rows = locked([row.order_id for row in done]) if done else []
    let_through(act, rows, selectors.waiting_legs([row.id for row in rows]), {})
    for row, _ in able:
        told[row.pk] = ApprovalOutcome(
            row.pk, row.order_id, True, "", "Cleared." if row in done else f"Waits for {row.now['name']}.", row.status
        )
    return [told[pk] for pk in sorted(told)]


@transaction.atomic
def refuse_approvals(act: Act, approval_ids: Collection[int], *, seen: Mapping[int, int]) -> list[ApprovalOutcome]:
    """
    Will send the orders back to their authors as drafts, for the reason the act gives.

    :raises Invalid: without a reason
    :raises NotAllowed: as when approving
    """
    if not act.reason.strip():
        raise Invalid("Give a reason: the author reads it, and it is kept on the record.", field="reason")
    able, told = _asked(act, approval_ids, seen, held_back=False)
    _decide(act, able, agreed=False)
    rows = locked([row.order_id for row, _ in able]) if able else []
    happen(act, rows, events.OrderSentBack())
    for row, _ in able:
        told[row.pk] = ApprovalOutcome(row.pk, row.order_id, True, "", "Sent back.", row.status)
    return [told[pk] for pk in sorted(told)]


Able = tuple[Approval, int | None]


def _asked(
    act: Act, approval_ids: Collection[int], seen: Mapping[int, int], *, held_back: bool
) -> tuple[list[Able], dict[int, ApprovalOutcome]]:
    """Who may, lock (orders first), is it so: those that can be decided with whom for, and why the others cannot."""
    user = require(act, "orders.approve")
    if len(act.reason) > LONGEST_COMMENT:
        raise Invalid(f"The comment is longer than {LONGEST_COMMENT:,} characters. Shorten it.", field="reason")
    if not approval_ids:
        raise Invalid("No approval was chosen. Select at least one.", field="approvals")
    visible = dict(selectors.approvals_seen_by(user).filter(pk__in=approval_ids).values_list("pk", "order_id"))
    told = {
        pk: ApprovalOutcome(
            pk, None, False, "not_found", "There is no such approval, or its order is not one of yours."
        )
        for pk in approval_ids
        if pk not in visible
    }
    if visible:
        locked(set(visible.values()))
    rows = list(Approval.objects.filter(pk__in=visible).select_for_update(no_key=True).order_by("pk"))
    makers = selectors.hands_on([row.order_id for row in rows])
    deciders: dict[int, set[int]] = {}
    for pk, person in ApprovalDecision.objects.filter(approval__in=visible).values_list("approval_id", "by_id"):
        deciders.setdefault(pk, set()).add(person)
    may = selectors.Rights(user, act.at)
    able = []
    for row in rows:
        hands = makers.get(row.order_id, set())
        allowed, behalf = may.to(row.now, hands)
        code, message = "", ""
        if row.status != ApprovalStatus.WAITING or seen.get(row.pk) != row.version:
            code, message = "stale_approval", _since(row)
        elif user.pk in hands:
            code, message = "own_order", "You entered or amended this order, so somebody else has to agree to it."
        elif user.pk in deciders.get(row.pk, ()):
            code, message = "decided_already", "You agreed to an earlier step; another person has to agree to this one."
        elif not allowed:
            code, message = "not_allowed", f"It waits for {row.now['name']}, and you are not one of them."
        elif held_back and row.overridden:
            code, message = "held_back", "An officer overrode a rule on it: look at it and decide on it by itself."
        if code:
            told[row.pk] = ApprovalOutcome(row.pk, row.order_id, False, code, message, row.status)
        else:
            able.append((row, behalf))
    return able, told | _with_changes([one for one in told.values() if one.code == "stale_approval"], seen)


def _with_changes(stale: Sequence[ApprovalOutcome], seen: Mapping[int, int]) -> dict[int, ApprovalOutcome]:
    """The same answers with what somebody else did since, and who, for the reader as well."""
    since = selectors.changes_since("approval", {one.approval_id: seen.get(one.approval_id, 0) for one in stale}) if stale else {}
    found = {}
    for one in stale:
        changes = since.get(one.approval_id, [])
        last = f" Last: {in_words(changes[-1])}." if changes else ""
        found[one.approval_id] = one._replace(message=one.message + last, since=changes)
    return found


def _since(row: Approval) -> str:
    if row.status != ApprovalStatus.WAITING:
        return f"It was {row.status.lower()} meanwhile. Reload the queue."
    return f"It is not as you saw it: it waits for {row.now['name']} now. Look at it again."


def _decide(act: Act, able: Sequence[Able], *, agreed: bool) -> None:
    """Writes the decisions and what becomes of the approvals, and records both."""
    if not able:
        return
    names = names_of({behalf for _, behalf in able if behalf})
    ApprovalDecision.objects.bulk_create(
        ApprovalDecision(
            approval=row, step=row.step, agreed=agreed, by_id=act.by, behalf_of_id=behalf, comment=act.reason.strip(),
            at=act.at,
        )
        for row, behalf in able
    )  # fmt: skip
    facts = []
    for row, behalf in able:
        step = row.now["name"]
        kind: type[Event] = events.ApprovalRefused
        if agreed:
            row.step += 1
            kind = events.ApprovalGranted if row.step == len(row.steps) else events.StepApproved
        row.status = APPROVAL_LIFE.after(row.status, kind)
        row.version += 1
        row.decided_at = act.at if row.status != ApprovalStatus.WAITING else None
        facts.append(Fact(row.pk, row.version, kind(row.order_id, step, names.get(behalf, ""))))
    Approval.objects.bulk_update([row for row, _ in able], ["step", "status", "version", "decided_at"])
    record(act, facts)


@listens("orders.withdraw_approvals")
@transaction.atomic
def withdraw_approvals(act: Act, facts: Sequence[Fact]) -> None:
    """Will end the approvals of orders that were amended or cancelled while they waited. The caller holds the orders."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_approval SET status = %s, version = version + 1, decided_at = %s"
            " WHERE order_id = ANY(%s) AND status = %s RETURNING id, version, order_id",
            [
                APPROVAL_LIFE.after(ApprovalStatus.WAITING, events.ApprovalWithdrawn),
                act.at,
                [fact.subject_id for fact in facts],
                ApprovalStatus.WAITING,
            ],
        )
        rows = cursor.fetchall()
    if rows:
        record(act, [Fact(pk, version, events.ApprovalWithdrawn(order)) for pk, version, order in rows])


@transaction.atomic
def escalate_approvals(act: Act) -> int:
    """Will record of each approval whose time is up that nobody agreed in time, once; how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_approval SET escalated_at = %s, version = version + 1 WHERE id IN (SELECT id FROM orders_approval"
            " WHERE status = %s AND escalated_at IS NULL AND due_at <= %s ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)"
            " RETURNING id, version, order_id, steps -> step ->> 'name', due_at",
            [act.at, ApprovalStatus.WAITING, act.at],
        )
        rows = cursor.fetchall()
    if rows:
        record(
            act,
            [Fact(pk, n, events.ApprovalEscalated(order, step, due.isoformat())) for pk, n, order, step, due in rows],
        )
    return len(rows)
