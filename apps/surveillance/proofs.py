"""Days' reports, and what was asked after fills, held against the record: each run must still be what it says it was."""

from django.db import connection

from apps.compliance.selectors.proofs import AT_ONCE, Rules, faults_of, why_unlike

from .models import Run

# What each run was by the record: of a day's report by its fact, of one after fills by its own. Those from before the record
# had their hashes are taken as they are.
TOLD = """
SELECT (e.payload ->> 'run_id')::bigint, e.payload ->> 'inputs_hash', e.payload ->> 'rules_hash', e.subject_id, a.at
FROM audit_entry e JOIN audit_act a ON a.id = e.act_id
WHERE e.event IN ('day.reported', 'day.reported_again') AND e.payload ->> 'inputs_hash' <> ''
UNION ALL SELECT e.subject_id, e.payload ->> 'inputs_hash', e.payload ->> 'rules_hash', NULL, a.at
FROM audit_entry e JOIN audit_act a ON a.id = e.act_id WHERE e.event = 'standing.kept'
"""
DAYS = "SELECT id, date FROM surveillance_day"


def reports_unlike_the_record() -> tuple[int, list[str]]:
    """How many runs of reports are kept, and what is wrong with each that is not what it was."""
    with connection.cursor() as cursor:
        cursor.execute(TOLD)
        told = {pk: rest for pk, *rest in cursor.fetchall()}
        cursor.execute(DAYS)
        days = dict(cursor.fetchall())
    first, count, found, said = min(told, default=0), 0, [], Rules()
    stored = Run.objects.order_by("pk").values_list("pk", "day", "at", "inputs", "inputs_hash", "rule_versions")
    for pk, day, at, inputs, inputs_hash, versions in stored.iterator(chunk_size=AT_ONCE):
        count += 1
        name = _name(pk, days.get(day))
        was = told.pop(pk, None)
        rules = said.hash_of(versions)
        if was is None:
            if first and pk > first:
                found.append(f"{name} {why_unlike(False, True, False)}")
            was = (inputs_hash, rules, day, at)
        then_hash, then_rules, then_day, then_at = was
        if then_hash != inputs_hash:
            found.append(f"{name} {why_unlike(False, False, False)}")
        elif then_at != at or then_day != day:
            found.append(f"{name} {why_unlike(False, False, True)}")
        found += [f"{name} {why}" for why in faults_of(inputs, inputs_hash, rules, then_rules)]
    found += [f"{_name(pk, days.get(was[2]))} {why_unlike(True, False, False)}" for pk, was in sorted(told.items())]
    return count, found


def _name(run: int, day: object) -> str:
    return f"the report of {day} (run {run})" if day else f"run {run} after fills"
