"""
The time machine: screenings of the past judged again.

By what was stored with them, each must reach the verdicts it reached; by the rules of today, a report says what they would
have held or let through. What was stored is believed only where its hashes say it is what it was.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

import orjson
from django.db import connection
from django.db.models import QuerySet

from ..engine import figures
from ..engine.columns import Snapshot
from ..engine.evidence import inputs_hash
from ..engine.funds import has_funds
from ..engine.judgement import OUTCOMES, PASS, UNKNOWN, RuleVersion
from ..engine.rules import (
    ask_benchmarks,
    ask_firm_worth,
    firm_groups,
    look_at_deals,
    look_firm_wide,
    look_through_funds,
    own_asked,
)
from ..engine.screening import Screening, screen
from ..engine.storing import NotStored, digest, expanded, unpacked
from ..models import Run
from ..states import Moment, Stage
from .asked import active_rules
from .runs import rule_versions, rules_hash

AT_ONCE = 50
"""Runs whose bytes are read together."""
MOST_REPLAYED = 20_000
"""Verdicts that one request judges again; the command judges all."""
MOST_LISTED = 500
# Screenings of a time, by their own time or that of the record, that are not what the record says; those from before the
# record said anything of screenings are taken as they are.
UNLIKE_THE_RECORD = """
WITH told AS (SELECT e.id, e.subject_id, e.payload FROM audit_entry e JOIN audit_act a ON a.id = e.act_id
  WHERE e.event = 'screening.kept' AND a.at >= %(start)s AND a.at < %(end)s),
kept AS (SELECT r.id, r.inputs_hash, r.rules_hash, r.at >= %(start)s AND r.at < %(end)s AS then FROM compliance_run r
  WHERE (r.at >= %(start)s AND r.at < %(end)s) OR r.id IN (SELECT subject_id FROM told))
SELECT coalesce(r.id, e.subject_id), r.id IS NULL, e.id IS NULL OR NOT r.then
FROM kept r FULL JOIN told e ON e.subject_id = r.id
WHERE r.id IS NULL OR NOT r.then OR e.payload ->> 'inputs_hash' <> r.inputs_hash OR e.payload ->> 'rules_hash' <> r.rules_hash
  OR (e.id IS NULL AND r.id >= (SELECT min(subject_id) FROM audit_entry WHERE event = 'screening.kept'))
ORDER BY 1
"""
SAME = ("rule", "version", "outcome", "now", "after", "limit", "room", "max_qty")
BEFORE_THE_DESK = (Moment.SUBMIT, Moment.CARRY, Moment.TRIGGER)


class Difference(NamedTuple):
    """Of one order of a run: what was said and what is said now. ``rule`` empty: of the order as a whole."""

    run_id: int
    order_id: int
    rule: str
    was: str
    is_now: str


class Fault(NamedTuple):
    """A run that is not what was stored: which part, and why."""

    run_id: int
    why: str


@dataclass
class Report:
    """
    :param judged: verdicts, one an order and screening; :param left_out: runs that were more than asked for
    :param unasked: rules of today that old inputs have nothing for, each with how many runs
    """

    runs: int = 0
    judged: int = 0
    left_out: int = 0
    differences: list[Difference] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    unasked: dict[str, int] = field(default_factory=dict)

    @property
    def is_same(self) -> bool:
        return not self.differences and not self.faults

    @property
    def held(self) -> list[Difference]:
        """What passed then and would be held."""
        return [d for d in self.differences if d.was == OUTCOMES[PASS]]

    @property
    def let_through(self) -> list[Difference]:
        """What did not pass then and would."""
        return [d for d in self.differences if d.is_now == OUTCOMES[PASS]]


def runs_of(day: date) -> QuerySet[Run]:
    """The screenings of a day by UTC, in order."""
    start = datetime.combine(day, time(), UTC)
    return Run.objects.filter(at__gte=start, at__lt=start + timedelta(days=1)).order_by("pk")


def rules_before_the_desk(on: date) -> list[RuleVersion]:
    """The rules that orders are asked on a day before they go to the desk. One query."""
    return active_rules(on, Stage.SUBMIT, Stage.AMEND)


def runs_on(day: date) -> QuerySet[Run]:
    """The last screenings of a day, newest first, without their bytes. One query."""
    return runs_of(day).defer("inputs").order_by("-pk")[:MOST_LISTED]


def replay_day(day: date, *, most_orders: int | None = None) -> Report:
    """
    Judges every run of a day again by its own inputs and rule versions. The same verdicts are no difference, of each rule
    too; of what passed the numbers are compared to a millionth. Inputs and rules must be those that the record, which is
    sealed, says they were (``audit.seals.verify`` says whether it still says so).

    :param most_orders: stops before more are judged; what is left out is counted
    """
    report = Report(faults=_against_record(day))
    for run, s in _readable(runs_of(day), report, most_orders):
        versions = rule_versions(run.rule_versions)
        if rules_hash(run.rule_versions) != run.rules_hash or len(versions) < len(run.rule_versions):
            report.faults.append(Fault(run.pk, "A rule is no longer what it was: its version does not match the hash of the run."))
            continue
        found = screen(s, [versions[pk] for pk in run.rule_versions])
        report.differences += _against_checks(run, s, found, report) + _against_figures(run, s, found, report)
    return report


def _against_record(day: date) -> list[Fault]:
    """Runs whose hashes are not those on the record, that it does not know, or that are gone. One query."""
    start = datetime.combine(day, time(), UTC)
    with connection.cursor() as cursor:
        cursor.execute(UNLIKE_THE_RECORD, {"start": start, "end": start + timedelta(days=1)})
        rows = cursor.fetchall()
    return [
        Fault(pk, "It is gone: the record says that it was kept." if gone
              else "The record does not know it at its time: it was put in later, or moved." if unknown
              else "It is not what the record says: its inputs or rules have another hash.")
        for pk, gone, unknown in rows
    ]  # fmt: skip


def replay_rules(
    rules: Sequence[RuleVersion], since: date, until: date, *, most_orders: int | None = None
) -> Report:
    """
    What these rules would have said of the orders that went to the desk from one day to another, both included, beside
    what was said. A rule that looks at what the inputs of a run do not have is not asked there, and counted.
    """
    report = Report()
    start = datetime.combine(since, time(), UTC)
    end = datetime.combine(until, time(), UTC) + timedelta(days=1)
    runs = Run.objects.filter(at__gte=start, at__lt=end, moment__in=BEFORE_THE_DESK).order_by("pk")
    for run, s in _readable(runs, report, most_orders):
        asked = [rule for rule in rules if _may_be_asked(s, rule)]
        for rule in rules:
            if rule not in asked:
                report.unasked[rule.code] = report.unasked.get(rule.code, 0) + 1
        found = screen(s, asked)
        then = {row["order_id"]: row for row in _checks_of(run)}
        for row, order_id in enumerate(s.orders.id.tolist()):
            was, is_now = then[order_id]["outcome"], OUTCOMES[found.outcome[row]]
            if (was == OUTCOMES[PASS]) != (is_now == OUTCOMES[PASS]):
                leading = int(found.leading[row])
                code = asked[leading].code if leading >= 0 else _leading_of(then[order_id]["results"])
                report.differences.append(Difference(run.pk, order_id, code, was, is_now))
    return report


def _may_be_asked(s: Snapshot, rule: RuleVersion) -> bool:
    """Whether the inputs of a run have all that a rule looks at."""
    return (
        (s.firm_held is not None or not look_firm_wide([rule]))
        and (s.deals is not None or not look_at_deals([rule]))
        and own_asked([rule]) <= s.own.keys()
        and bool(s.benchmarks or not ask_benchmarks([rule]))
        and bool(s.constituents or not look_through_funds([rule]) or not has_funds(s))
        and firm_groups([rule]) <= set(s.firm.groups if s.firm else ())
        and (not ask_firm_worth([rule]) or s.firm.worth is not None)
    )


def _leading_of(results: Sequence[Mapping[str, Any]]) -> str:
    return results[0]["rule"] if results else ""


def _readable(runs: QuerySet[Run], report: Report, most: int | None) -> Iterator[tuple[Run, Snapshot]]:
    """The runs with what they looked at, those at fault told."""
    for run in runs.iterator(chunk_size=AT_ONCE):
        if most is not None and report.judged + run.orders > most:
            report.left_out += 1
            continue
        report.runs += 1
        report.judged += run.orders
        try:
            content = expanded(bytes(run.inputs))
            if digest(content) != run.inputs_hash:
                raise NotStored("Its inputs are no longer what they were: they do not match the hash of the run.")
            yield run, unpacked(content)
        except NotStored as fault:
            report.faults.append(Fault(run.pk, str(fault)))


def _checks_of(run: Run) -> list[dict[str, Any]]:
    names = ("order_id", "outcome", "max_passing_qty", "binding_rule", "results", "inputs_hash", "order_hash")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(names)} FROM compliance_check WHERE run_id = %s ORDER BY order_id", [run.pk])
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    for row in rows:
        row["results"] = orjson.loads(row["results"])
    return rows


def _against_checks(run: Run, s: Snapshot, found: Screening, report: Report) -> list[Difference]:
    """Each order's check beside what is said now: outcome, largest quantity, what binds, and every rule not passed."""
    differences, rows = [], {pk: n for n, pk in enumerate(s.orders.id.tolist())}
    checks, results = _checks_of(run), found.results(s)
    if {check["order_id"] for check in checks} != set(rows):
        report.faults.append(Fault(run.pk, "Its checks are not of the orders it judged."))
        return []
    for check in checks:
        pk = check["order_id"]
        row = rows[pk]
        if check["inputs_hash"] != inputs_hash(pk, check["order_hash"], run.inputs_hash, run.rules_hash):
            report.faults.append(Fault(run.pk, f"The hash of the check of order O-{pk:06d} is not of its inputs."))
        largest = None if found.max_qty[row] == UNKNOWN else int(found.max_qty[row])
        was_largest = None if check["max_passing_qty"] is None else int(check["max_passing_qty"] * 10_000)
        binding = found.rules[found.binding[row]].code if found.binding[row] >= 0 else ""
        for what, was, is_now in (
            ("", check["outcome"], OUTCOMES[found.outcome[row]]),
            ("", f"largest {was_largest}", f"largest {largest}"),
            ("", f"binds {check['binding_rule']}", f"binds {binding}"),
        ):
            if was != is_now:
                differences.append(Difference(run.pk, pk, what, was, is_now))
        then, now = _by_rule(check["results"]), _by_rule(orjson.loads(results[row]))
        differences += [
            Difference(run.pk, pk, code, str(then.get(code, "")), str(now.get(code, "")))
            for code in sorted(then | now)
            if then.get(code) != now.get(code)
        ]
    return differences


def _by_rule(results: Sequence[Mapping[str, Any]]) -> dict[str, tuple]:
    return {result["rule"]: tuple(result.get(name) for name in SAME) for result in results}


def _against_figures(run: Run, s: Snapshot, found: Screening, report: Report) -> list[Difference]:
    """Each rule's numbers of what passed, beside those on file."""
    differences: list[Difference] = []
    place = {pk: n for n, pk in enumerate(s.orders.id.tolist())}
    for part in run.parts.order_by("first_order"):
        try:
            then = figures.read(expanded(bytes(part.figures)))
            rows = slice(place[int(then.order[0])], place[int(then.order[-1])] + 1)
            moved = figures.differing(then, figures.read(found.figures(s, rows)))
        except (NotStored, LookupError, ValueError):
            report.faults.append(Fault(run.pk, "Its figures are no longer what they were and cannot be read."))
            continue
        differences += [Difference(run.pk, *one) for one in moved]
    return differences
