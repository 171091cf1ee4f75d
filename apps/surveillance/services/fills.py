"""
How portfolios stand once fills are booked to them: what a trade of ours broke is an incident at once, not at the end of the day.

A fill is never undone for it. What prices or flows broke, and no fill made worse, is left to the day's report; so is what cannot
be told.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Q

from apps.audit.services import record
from apps.compliance import selectors as compliance
from apps.compliance.engine.columns import Snapshot
from apps.compliance.engine.incidents import ACTIVE, Key, cure_by, portfolio_of
from apps.compliance.engine.judgement import RuleVersion
from apps.compliance.engine.rules import look_at_deals
from apps.compliance.engine.standing import Standing, stand
from apps.compliance.selectors.runs import rules_hash
from apps.compliance.states import Stage
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.tables import one_at_a_time, update_many
from apps.users.services import require

from .. import events, selectors
from ..models import Incident
from ..states import INCIDENT_LIFE, In
from .breaches import Why, go_on, numbers_of, open_incidents
from .days import keep_findings, keep_run


class Filled(NamedTuple):
    """What a fill brought a portfolio: units, below zero where they were sold, and the order it was of."""

    portfolio_id: int
    instrument_id: int
    qty: Decimal
    order_id: int


Said = tuple[RuleVersion, Standing]


@transaction.atomic
def ask_after_fills(act: Act, filled: Sequence[Filled]) -> int:
    """
    Will ask the rules that are asked at fills how the portfolios stand that got these, and open an incident for each breach
    that one of them made or made worse, as an active one. One that is open goes on, and is active from then on.

    One query where no rule is asked at fills; else a fixed number. Said twice, it opens nothing twice.

    :returns: how many incidents it opened or made active
    """
    require(act, "surveillance.report")
    rules = compliance.active_rules(act.at.date(), Stage.FILL)
    if not rules or not filled:
        return 0
    portfolios, instruments = {one.portfolio_id for one in filled}, {one.instrument_id for one in filled}
    s = compliance.snapshot_as_held(sorted(portfolios), act.at, instruments, deals=look_at_deals(rules), rules=rules)
    caused = _caused(s, stand(s, rules), filled)
    if not caused:
        return 0
    with connection.cursor() as cursor:
        one_at_a_time(cursor, "surveillance.day")  # The day's report opens and ends them, too.
    rule_ids = selectors.rules_of([rule.id for rule, _, _ in caused])
    found = {Key(rule_ids[rule.id], portfolio_of(s, one), one.group): (rule, one, orders) for rule, one, orders in caused}
    rows = Incident.objects.select_for_update(no_key=True).filter(
        Q(portfolio__in=portfolios) | Q(portfolio=None), status=In.OPEN, rule__in={key.rule for key in found}
    )
    standing = {key: row for row in rows.order_by("pk") if (key := Key(row.rule_id, row.portfolio_id, row.group)) in found}
    day = act.at.date()
    go_on(day, {row.pk: found[key][1] for key, row in standing.items()})
    turned = {key: row for key, row in standing.items() if row.cause != ACTIVE}
    new = {key: one for key, one in found.items() if key not in standing}
    facts = _turn(day, {row: found[key] for key, row in turned.items()})
    codes = {rule_ids[rule.id]: rule.code for rule, _, _ in caused}
    ids, opened = open_incidents(
        day, {key: one for key, (_, one, _) in new.items()}, codes, {key: Why(ACTIVE, orders) for key, (_, _, orders) in new.items()}
    )
    record(act, [*opened, *facts])
    if new or turned:
        said = [(rule, one) for rule, one, _ in found.values()]
        incidents = {key: row.pk for key, row in standing.items()} | dict(zip(new, ids, strict=True))
        run = keep_run(act, None, s, rules, said)
        keep_findings(run, s, said, incidents)
        told = events.StandingKept(run.portfolios, run.breaches, run.inputs_hash, rules_hash(run.rule_versions))
        record(act, [Fact(run.pk, 1, told)])
    return len(new) + len(turned)


def _caused(s: Snapshot, said: Sequence[Said], filled: Sequence[Filled]) -> list[tuple[RuleVersion, Standing, list[int]]]:
    """The breaches that these fills made or made worse, each with the orders. Of all portfolios together every fill counts."""
    net: dict[tuple[int | None, int], Decimal] = {}
    orders: dict[tuple[int | None, int], set[int]] = {}
    for fill in filled:
        for key in ((fill.portfolio_id, fill.instrument_id), (None, fill.instrument_id)):
            net[key] = net.get(key, Decimal(0)) + fill.qty
            orders.setdefault(key, set()).add(fill.order_id)
    found = []
    for rule, one in said:
        if one.outcome != "FAIL":
            continue
        portfolio = portfolio_of(s, one)
        keys = [(portfolio, s.instruments[place].id) for place in one.places]
        wrong = [key for key in keys if (net.get(key, 0) < 0 if one.is_least else net.get(key, 0) > 0)]
        if wrong:
            found.append((rule, one, sorted(set().union(*(orders[key] for key in wrong)))))
    return found


def _turn(day: date, turned: Mapping[Incident, tuple[RuleVersion, Standing, list[int]]]) -> list[Fact]:
    """Makes incidents active that were not, due the sooner of both days. The facts to record."""
    facts, due = [], []
    for row, (_, one, orders) in turned.items():
        INCIDENT_LIFE.after(row.status, events.IncidentTurnedActive)
        due.append(min(row.cure_by, cure_by(day, ACTIVE)))
        value, limit, _ = numbers_of(one)
        facts.append(Fact(row.pk, row.version + 1, events.IncidentTurnedActive(orders, str(value), str(limit), due[-1].isoformat())))
    with connection.cursor() as cursor:
        columns = {"cause": ("text", [ACTIVE] * len(due)), "cure_by": ("date", due)}
        update_many(cursor, "surveillance_incident", [row.pk for row in turned], columns, bump=True)
    return facts
