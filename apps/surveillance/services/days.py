"""Reporting a day, and signing the report."""

from collections.abc import Mapping, Sequence
from datetime import date

import orjson
from django.db import connection, transaction

from apps.audit.services import keep_act, record
from apps.compliance import selectors as compliance
from apps.compliance.engine.columns import Snapshot
from apps.compliance.engine.incidents import Key, cause_of, portfolio_of, reconciled, worst
from apps.compliance.engine.judgement import RuleVersion
from apps.compliance.engine.rules import look_at_deals
from apps.compliance.engine.standing import FIRM, Standing, asked_of, out_of_scope, stand
from apps.compliance.engine.storing import digest, packed, squeezed
from apps.compliance.selectors.runs import rules_hash
from apps.compliance.states import Stage
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Conflict, Invalid, NotFound, Stale
from apps.core.tables import copy_in, one_at_a_time, update_many
from apps.orders import selectors as orders
from apps.portfolios.models import Portfolio
from apps.users.services import require

from .. import events, selectors
from ..models import Day, Incident, Run
from ..states import DAY_LIFE, INCIDENT_LIFE, In
from .breaches import Why, go_on, numbers_of, open_incidents
from .filings import start_clocks


class StaleDay(Stale):
    """The report was made anew, or signed, after the person looked at it."""


class Unowned(Conflict):
    """A breach nobody answers for: the day cannot be signed yet."""


# --- the report -----------------------------------------------------------------------------------------------------


@transaction.atomic
def report_day(act: Act, day: date | None = None) -> int:
    """
    Will ask every rule in force of every open portfolio as it stands, keep what was found with all it was found by, and
    open, go on with and end incidents. Asked again for the same day the newer report stands, and must be signed anew.

    :param day: whose report it is; the act's own day where it is not given
    :returns: the id of the day
    :raises Invalid: where a later day is reported already: positions of the past are gone
    """
    require(act, "surveillance.report")
    day = day or act.at.date()
    with connection.cursor() as cursor:
        one_at_a_time(cursor, "surveillance.day")
    if Day.objects.filter(date__gt=day).exists():
        raise Invalid(f"A later day than {day} is reported already; its own report can be judged again.", field="date")
    homes = list(Portfolio.objects.filter(is_open=True).order_by("pk").values_list("pk", flat=True))
    rules = compliance.active_rules(day, Stage.EOD)
    s = compliance.snapshot_as_held(homes, act.at, deals=look_at_deals(rules), rules=rules)
    said = stand(s, rules)
    row = Day.objects.select_for_update(no_key=True).filter(date=day).first()
    again = row is not None
    row = row or Day.objects.create(date=day)
    run = keep_run(act, row, s, rules, said)
    incidents = _incidents(act, day, run, s, rules, said)
    keep_findings(run, s, said, incidents)
    if again:
        row.status = DAY_LIFE.after(row.status, events.DayReportedAgain)
        row.version += 1
    row.run, row.signed_by, row.signed_at, row.note = run, None, None, ""
    row.save()
    start_clocks(act, day)
    kind = events.DayReportedAgain if again else events.DayReported
    told = kind(run.pk, run.portfolios, run.breaches, run.unsure, run.inputs_hash, rules_hash(run.rule_versions))
    record(act, [Fact(row.pk, row.version, told)])
    return row.pk


def keep_run(
    act: Act, day: Day | None, s: Snapshot, rules: Sequence[RuleVersion], said: Sequence[tuple[RuleVersion, Standing]]
) -> Run:
    """Will keep what was asked, of what and when. :param day: None where it was after fills"""
    inputs = packed(s)
    outcomes = [one.outcome for _, one in said]
    return Run.objects.create(
        day=day, at=act.at, act_id=keep_act(act), rule_versions=[rule.id for rule in rules], inputs=squeezed(inputs),
        inputs_hash=digest(inputs), portfolios=len(s.portfolios), asked=len(said), breaches=outcomes.count("FAIL"),
        unsure=outcomes.count("INDETERMINATE"), warnings=sum(one.warned for _, one in said),
    )  # fmt: skip


def _incidents(
    act: Act, day: date, run: Run, s: Snapshot, rules: Sequence[RuleVersion], said: Sequence[tuple[RuleVersion, Standing]]
) -> dict[Key, int]:
    """Opens, goes on with and ends; what is open now, by what it is. A fixed number of statements."""
    rule_ids = selectors.rules_of([rule.id for rule in rules])
    found = {Key(rule_ids[rule.id], portfolio_of(s, one), one.group): one for rule, one in said}
    asked = {(rule_ids[rule.id], None if place == FIRM else s.portfolios[place].id) for rule, place in asked_of(s, rules)}
    codes = {rule_ids[rule.id]: rule.code for rule, _ in said}
    rows = {row.pk: row for row in Incident.objects.select_for_update(no_key=True).filter(status=In.OPEN).order_by("pk")}
    standing = {Key(row.rule_id, row.portfolio_id, row.group): pk for pk, row in rows.items()}
    outside = {(rule_ids[rule.id], s.portfolios[place].id): rule.name for rule, place in out_of_scope(s, rules)}
    now = reconciled(standing, found, asked, outside)
    before = selectors.held_before(run)
    ids, facts = open_incidents(day, now.opened, codes, {key: Why(cause_of(s, one, before)) for key, one in now.opened.items()})
    go_on(day, now.again)
    ends: dict[int, Event] = {pk: events.IncidentCured(run.pk) for pk in now.cured}
    homes = {home.id: home.code for home in s.portfolios}
    for pk in now.left:
        name, code = outside[rows[pk].rule_id, rows[pk].portfolio_id], homes[rows[pk].portfolio_id]
        ends[pk] = events.IncidentLeftScope(run.pk, f"“{name}” is not asked of {code} any more: it left the rule's scope.")
    with connection.cursor() as cursor:
        statuses = [str(INCIDENT_LIFE.after(In.OPEN, type(event))) for event in ends.values()]
        update_many(
            cursor, "surveillance_incident", list(ends),
            {"status": ("text", statuses), "ended_on": ("date", [day] * len(ends))}, bump=True,
        )  # fmt: skip
    record(act, [*facts, *(Fact(pk, rows[pk].version + 1, event) for pk, event in ends.items())])
    return standing | dict(zip(now.opened, ids, strict=True))


def keep_findings(run: Run, s: Snapshot, said: Sequence[tuple[RuleVersion, Standing]], incidents: Mapping[Key, int]) -> None:
    """Will keep what was not simply passed, each breach with its incident."""
    rule_ids = selectors.rules_of([rule.id for rule, _ in said])
    kept = {id(one) for one in worst([one for _, one in said])}
    rows = []
    for rule, one in said:
        if id(one) not in kept:
            continue
        portfolio = portfolio_of(s, one)
        outcome = "WARNING" if one.outcome == "PASS" else one.outcome
        incident = incidents[Key(rule_ids[rule.id], portfolio, one.group)] if outcome == "FAIL" else None
        data = orjson.dumps(list(one.data)).decode()
        rows.append((run.pk, rule.id, portfolio, one.group, outcome, *numbers_of(one), one.unit, one.text[:400], data, incident))
    with connection.cursor() as cursor:
        copy_in(
            cursor, "surveillance_finding",
            ("run_id", "rule_version_id", "portfolio_id", "group", "outcome", "value", "limit", "over_amount", "unit", "text", "data",
             "incident_id"),
            rows,
        )  # fmt: skip


# --- sign-off -------------------------------------------------------------------------------------------------------


@transaction.atomic
def sign_day(act: Act, day_id: int, *, seen: Mapping[int, int], note: str = "") -> None:
    """
    Will put the officer's name to a day's report.

    :raises StaleDay: where it was made anew or signed since; :raises IllegalMove: where it is signed
    :raises Unowned: where a breach in it has nobody who answers for it
    """
    require(act, "surveillance.sign")
    row = Day.objects.select_for_update(no_key=True).filter(pk=day_id).first()
    if row is None:
        raise NotFound("There is no report of that day.")
    if seen.get(row.pk) != row.version:
        missed = orders.missed("day", {row.pk: (str(row.date), seen.get(row.pk), row.version)})
        raise StaleDay(f"The report of {row.date} is not the one you saw. Reload it, look and sign again.", stale=missed)
    after = DAY_LIFE.after(row.status, events.DaySigned)
    alone = row.run.findings.filter(outcome="FAIL", incident__owner=None, incident__status=In.OPEN).count()
    if alone:
        raise Unowned(f"{alone} {'breach has' if alone == 1 else 'breaches have'} no owner yet. Give each one, then sign.", unowned=alone)
    row.status, row.signed_by_id, row.signed_at, row.note = after, act.by, act.at, note.strip()[:1000]
    row.version += 1
    row.save()
    record(act, [Fact(row.pk, row.version, events.DaySigned(row.run_id))])
