"""
Answering for orders that were submitted: all of them at once, in the transaction that submits them.

Two managers must not both take the last of a shared thing. So the orders' portfolios are locked in key order until the
answer is committed, and, where a rule looks at the whole firm, its limit on each instrument. Both come after the orders'
own locks, which the caller holds, and nothing is locked after them.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

import numpy as np
import polars as pl
from django.db import connection, transaction

from apps.audit.services import keep_act, record
from apps.core.acts import Act
from apps.core.events import Fact, listens
from apps.core.tables import copy_frame, next_ids
from apps.orders import services as orders
from apps.orders.events import OrderCarried, OrderRecalled, OrderRechecked, OrderSubmitted, OrderTriggered

from ..engine.columns import QTY, Snapshot
from ..engine.evidence import inputs_hash
from ..engine.judgement import OUTCOMES, PASS, UNKNOWN, RuleVersion
from ..engine.rules import ask_counterparties, look_at_deals, look_firm_wide
from ..engine.screening import Screening, screen
from ..events import ReviewOpened, ScreeningKept
from ..selectors.asked import active_rules
from ..selectors.plans import dealers
from ..selectors.snapshot import Asked, snapshot_of
from ..states import REVIEW_LIFE, Moment, Stage
from .overriding import still_allowed
from .reservations import take_turns
from .runs import keep_run

MOMENTS = {
    OrderSubmitted: Moment.SUBMIT, OrderCarried: Moment.CARRY, OrderTriggered: Moment.TRIGGER, OrderRechecked: Moment.RECHECK,
    OrderRecalled: Moment.RECHECK,
}  # fmt: skip


@listens("compliance.review_orders")
@transaction.atomic
def review_orders(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will judge submitted orders together by every rule in force, keep a check of each, let through what passes and hold
    the rest in a review of its own for an officer. Of orders carried from an earlier day, what officers let stand then
    goes through where the rules find no more against it now.

    The number of statements does not grow with the number of orders.

    :param facts: one ``OrderSubmitted``, ``OrderCarried`` or ``OrderTriggered`` an order; the caller holds the orders' rows
    """
    asked, found, checks = judge(act, facts)
    passed = found.outcome == PASS
    ids = asked.snapshot.orders.id
    carried = [fact.subject_id for fact in facts if isinstance(fact.event, OrderCarried)]
    accepted = still_allowed(act, pairs(ids, checks, ~passed & np.isin(ids, carried))) if carried else {}
    passed |= np.isin(ids, list(accepted))
    held = pairs(ids, checks, ~passed)
    if held:
        orders.mark_held(act, held)
        open_reviews(act, asked.snapshot, found, checks, np.flatnonzero(~passed))
    if passed.any():
        orders.mark_cleared(act, pairs(ids, checks, passed), accepted)


def judge(act: Act, facts: Sequence[Fact]) -> tuple[Asked, Screening, np.ndarray]:
    """What all rules in force say of the orders together, kept as checks; their ids in the snapshot's order."""
    versions = {fact.subject_id: fact.nth for fact in facts}
    moment = MOMENTS.get(type(facts[0].event), Moment.CROSS) if facts else Moment.SUBMIT
    return judge_by(act, active_rules(act.at.date(), Stage.SUBMIT, Stage.AMEND), moment, versions)


def judge_by(
    act: Act, rules: Sequence[RuleVersion], moment: Moment, versions: Mapping[int, int], *, at_work: bool = False,
    towards: Mapping[int, Collection[int]] = MappingProxyType({}),
) -> tuple[Asked, Screening, np.ndarray]:  # fmt: skip
    """
    What these rules say of the orders together, kept as checks; their ids in the snapshot's order.

    :param versions: order id to its version; the caller holds the orders
    :param at_work: whether of other orders only those count that are at a broker
    :param towards: order id to the ids of the brokers that it is about to be sent to
    """
    take_turns(list(versions), rules)
    asked = snapshot_of(
        list(versions), act.at, firm_wide=look_firm_wide(rules), deals=look_at_deals(rules), at_work=at_work, rules=rules
    )
    if any(rule.amended_only for rule in rules):
        asked.snapshot.orders.checked = _checked_before(asked.snapshot.orders.id)
    if towards and ask_counterparties(rules):
        known = dealers({pk for of in towards.values() for pk in of})
        ids = asked.snapshot.orders.id.tolist()
        asked.snapshot.dealings = {n: [known[one] for one in sorted(towards[pk])] for n, pk in enumerate(ids) if towards.get(pk)}
    found = screen(asked.snapshot, rules)
    return asked, found, _keep_checks(act, moment, asked, found, versions)


def _checked_before(ids: np.ndarray) -> np.ndarray:
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT order_id FROM compliance_check WHERE order_id = ANY(%s)", [ids.tolist()])
        return np.isin(ids, [pk for (pk,) in cursor.fetchall()])


def pairs(ids: np.ndarray, checks: np.ndarray, which: np.ndarray) -> dict[int, int]:
    return dict(zip(ids[which].tolist(), checks[which].tolist(), strict=True))


def _keep_checks(
    act: Act, moment: Moment, asked: Asked, found: Screening, versions: Mapping[int, int]
) -> np.ndarray:
    """Writes the run and one check an order; the checks' ids, in the snapshot's order."""
    s = asked.snapshot
    act_id = keep_act(act)
    run = keep_run(act, act_id, moment, s, found)
    record(act, [Fact(run.id, 1, ScreeningKept(len(s.orders), run.inputs_hash, run.rules_hash))])
    ids = s.orders.id.tolist()
    codes = np.array([rule.code for rule in found.rules] + [""], object)  # Place -1 is none.
    with connection.cursor() as cursor:
        checks = next_ids(cursor, "compliance_check", len(ids))
        copy_frame(
            cursor,
            "compliance_check",
            pl.DataFrame(
                {
                    "id": checks,
                    "order_id": ids,
                    "order_version": [versions[pk] for pk in ids],
                    "outcome": pl.Series(np.array(OUTCOMES, object)[found.outcome], dtype=pl.String),
                    "results": found.results(s),
                    "inputs_hash": [
                        inputs_hash(pk, one, run.inputs_hash, run.rules_hash) for pk, one in zip(ids, asked.hashes, strict=True)
                    ],
                    "checked_qty": asked.quantities,
                    "order_hash": asked.hashes,
                    "max_passing_qty": _quantities(found.max_qty),
                    "binding_rule": pl.Series(codes[found.binding], dtype=pl.String),
                }
            ).with_columns(
                rules_asked=pl.lit(len(found.rules)), at=pl.lit(act.at.isoformat()), act_id=pl.lit(act_id),
                run_id=pl.lit(run.id),
            ),
        )
    return np.array(checks, np.int64)


def _quantities(whole: np.ndarray) -> pl.Series:
    """Ten-thousandths as the text of a number, null where unknown."""
    told = [None if q == UNKNOWN else f"{q // QTY}.{q % QTY:04d}" for q in whole.tolist()]
    return pl.Series(told, dtype=pl.String)


def open_reviews(act: Act, s: Snapshot, found: Screening, checks: np.ndarray, rows: np.ndarray) -> None:
    leading = [found.rules[place] for place in found.leading[rows]]
    money = [None if np.isnan(v) else str(Decimal(repr(float(v))).quantize(Decimal("0.01"))) for v in found.value[rows]]
    orders_ids, check_ids = s.orders.id[rows].tolist(), checks[rows].tolist()
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "compliance_review", len(rows))
        copy_frame(
            cursor,
            "compliance_review",
            pl.DataFrame(
                {
                    "id": ids,
                    "order_id": orders_ids,
                    "verdict_id": check_ids,
                    "severity": [found.severity(row) for row in rows],
                    "leading_rule": [rule.code for rule in leading],
                    "amount_usd": pl.Series(money, dtype=pl.String),
                }
            ).with_columns(
                opened_at=pl.lit(act.at.isoformat()), reason=pl.lit(""),
                status=pl.lit(str(REVIEW_LIFE.born[ReviewOpened])), version=pl.lit(1),
            ),
        )  # fmt: skip
    counts = zip(ids, orders_ids, check_ids, found.failed[rows].tolist(), found.unsure[rows].tolist(), strict=True)
    record(act, [Fact(pk, 1, ReviewOpened(order, check, failed, unsure)) for pk, order, check, failed, unsure in counts])


